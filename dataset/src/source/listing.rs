//! The names of sources in order, without what they hold.

use std::ops::Bound;
use std::sync::Arc;

use super::lines::{Line, Lines};
use super::table::{Table, is_table};
use super::{SourceError, cases, table, tree};
use crate::{ColumnMap, Columns, Range, Store};

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
    /// A row, from 0.
    Row {
        table: Arc<TablePlace>,
        row: u64,
    },
}

/// Where a table lies, and how it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TablePlace {
    pub(crate) key: String,
    pub(crate) columns: Columns,
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
        let keys = tree::keys(root, from)?;
        let root = root.to_owned();
        Ok(Listing(Box::new(keys.map(move |key| {
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

    /// The rows of one table, from a row on.
    pub(super) fn of_table(
        root: &str,
        key: &str,
        map: &ColumnMap,
        from: u64,
    ) -> Result<Listing, SourceError> {
        let opened = Table::open(root, key)?;
        let table = Arc::new(TablePlace { key: key.to_owned(), columns: opened.columns(map)? });
        let (root, key) = (root.to_owned(), key.to_owned());
        Ok(Listing(Box::new((from..opened.rows()).map(move |row| {
            let path = table::source_path(&root, &key, row);
            Ok(Listed { path, place: Place::Row { table: table.clone(), row } })
        }))))
    }

    /// The rows of all tables below a folder, from a table on.
    pub(super) fn of_tables(root: &str, map: &ColumnMap, from: Bound<&str>) -> Result<Listing, SourceError> {
        let keys = Store::open(root)?.list_from("", from)?;
        let (root, map) = (root.to_owned(), map.clone());
        let tables = keys.filter(|key| key.as_ref().map_or(true, |key| is_table(key)));
        let listings = tables.map(move |key| Listing::of_table(&root, &key?, &map, 0));
        Ok(Listing(Box::new(listings.flat_map(|listing| match listing {
            Ok(listing) => listing,
            Err(error) => Listing(Box::new(std::iter::once(Err(error)))),
        }))))
    }

    pub(super) fn then(self, rest: Listing) -> Listing {
        Listing(Box::new(self.chain(rest)))
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
            (
                Range::Lines { from_byte, to_byte, .. } | Range::Listed { from_byte, to_byte, .. },
                Place::Line { from, .. },
            ) => (from < from_byte, from >= to_byte),
            (Range::Rows { key, from_row, to_row, .. }, Place::Row { table, row }) => {
                let place = (&table.key, row);
                (place < (key, from_row), place >= (key, to_row))
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
