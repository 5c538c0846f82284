//! The names of sources in order, without what they hold.

use std::ops::Bound;
use std::path::Path;

use super::lines::{Line, Lines};
use super::{SourceError, cases, tree};
use crate::Range;
use crate::walk::Walk;

/// Yields every source of one location once, in the order of a plan.
pub(crate) struct Listing(Box<dyn Iterator<Item = Result<Listed, SourceError>> + Send>);

/// A source, by its name and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) place: Place,
}

/// Where a source lies in the order of its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Key(Vec<u8>),
    /// Bytes after decompression, and the line's number from 1.
    Line {
        from: u64,
        to: u64,
        number: u64,
    },
}

impl Listing {
    pub(super) fn empty() -> Listing {
        Listing(Box::new(std::iter::empty()))
    }

    pub(super) fn of_file(folder: &str, key: Vec<u8>) -> Listing {
        Listing(Box::new(std::iter::once(Ok(Listed {
            path: tree::source_path(folder, &key),
            place: Place::Key(key),
        }))))
    }

    pub(super) fn of_tree(root: &str, from: Bound<Vec<u8>>) -> Result<Listing, SourceError> {
        let walk = Walk::new(Path::new(root), tree::is_source, from)?;
        let root = root.to_owned();
        Ok(Listing(Box::new(walk.map(move |key| {
            let key = key?;
            Ok(Listed { path: tree::source_path(&root, &key), place: Place::Key(key) })
        }))))
    }

    pub(super) fn of_lines(path: &str, lines: Lines) -> Listing {
        let path = path.to_owned();
        Listing(Box::new(lines.filter(|line| !line.as_ref().is_ok_and(|line| line.blank)).map(move |line| {
            let Line { from, to, number, .. } = line?;
            Ok(Listed { path: cases::source_path(&path, number), place: Place::Line { from, to, number } })
        })))
    }
}

impl Iterator for Listing {
    type Item = Result<Listed, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl Range {
    /// Whether a place of this range's location lies before it (`Less`), in it, or after it.
    pub(crate) fn locate(&self, place: &Place) -> std::cmp::Ordering {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let (before, after) = match (self, place) {
            (Range::Tree { first, last, .. }, Place::Key(key)) => (key < first, key > last),
            (Range::Lines { from_byte, to_byte, .. }, Place::Line { from, .. }) => {
                (from < from_byte, from >= to_byte)
            }
            _ => unreachable!("a location holds ranges and places of one kind"),
        };
        if before {
            Less
        } else if after {
            Greater
        } else {
            Equal
        }
    }
}
