//! What the user named as sources.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use super::lines::{Lines, Packing};
use super::listed::is_manifest;
use super::listing::Listing;
use super::table::is_table;
use super::{SourceError, objects, tree};
use crate::store::is_s3;
use crate::{ColumnMap, Range, Store};

/// One source that the user named, found where it should be. Paths are absolute, or URIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    Folder(String),
    File {
        folder: String,
        key: Vec<u8>,
    },
    Lines {
        path: String,
        packing: Packing,
    },
    Manifest(String),
    Table {
        folder: String,
        key: String,
        map: ColumnMap,
    },
    /// A folder that holds tables and no Python file.
    Tables {
        root: String,
        map: ColumnMap,
    },
}

impl Location {
    /// Looks what lies at an absolute path or a URI.
    pub(crate) fn find(path: &str, map: &ColumnMap) -> Result<Location, SourceError> {
        let is_folder = match is_s3(path) {
            true => !is_object(path)?,
            false => is_directory(path)?,
        };
        if is_folder {
            return Location::of_folder(path, map);
        }
        Location::of_file(path, map).ok_or_else(|| SourceError::Unsupported { path: path.to_owned() })
    }

    fn of_folder(path: &str, map: &ColumnMap) -> Result<Location, SourceError> {
        let root = path.to_owned();
        let has_programs = tree::keys(path, Bound::Unbounded)?.next().transpose()?.is_some();
        if !has_programs {
            for key in Store::open(path)?.list("")? {
                if is_table(&key?) {
                    return Ok(Location::Tables { root, map: map.clone() });
                }
            }
        }
        Ok(Location::Folder(root))
    }

    /// What a file's name says that it is.
    fn of_file(path: &str, map: &ColumnMap) -> Option<Location> {
        let (folder, name) = objects::split(path);
        let folder = folder.to_owned();
        if let Some(packing) = Packing::of(path) {
            Some(Location::Lines { path: path.to_owned(), packing })
        } else if tree::is_source(name.as_bytes()) {
            Some(Location::File { folder, key: name.into() })
        } else if is_table(name) {
            Some(Location::Table { folder, key: name.to_owned(), map: map.clone() })
        } else if is_manifest(name) {
            Some(Location::Manifest(path.to_owned()))
        } else {
            None
        }
    }

    /// The sources here, in order, from the first on.
    pub(crate) fn list(&self) -> Result<Listing, SourceError> {
        match self {
            Location::Folder(root) => Listing::of_tree(root, Bound::Unbounded),
            Location::File { folder, key } => Ok(Listing::of_file(folder, key.clone())),
            Location::Lines { path, .. } | Location::Manifest(path) => {
                Ok(Listing::of_lines(path, Lines::open(path, 0, 1, 0)?))
            }
            Location::Table { folder, key, map } => Listing::of_table(folder, key, map, 0),
            Location::Tables { root, map } => Listing::of_tables(root, map, Bound::Unbounded),
        }
    }

    /// Whether a planned range lies here.
    pub(crate) fn holds(&self, range: &Range) -> bool {
        match (self, range) {
            (Location::Folder(here), Range::Tree { root, .. })
            | (Location::Tables { root: here, .. }, Range::Rows { root, .. }) => here == root,
            (Location::File { folder, key }, Range::Tree { root, last, .. }) => folder == root && key == last,
            (Location::Table { folder, key: here, .. }, Range::Rows { root, key, .. }) => {
                folder == root && here == key
            }
            (Location::Lines { path: here, .. }, Range::Lines { path, .. })
            | (Location::Manifest(here), Range::Listed { path, .. }) => here == path,
            _ => false,
        }
    }

    /// The sources here after a planned range that lies here.
    pub(crate) fn list_after(&self, range: &Range) -> Result<Listing, SourceError> {
        match (self, range) {
            (Location::Folder(root), Range::Tree { last, .. }) => {
                Listing::of_tree(root, Bound::Excluded(last.clone()))
            }
            (
                Location::Lines { path, .. } | Location::Manifest(path),
                Range::Lines { from_byte, to_byte, first_line, .. }
                | Range::Listed { from_byte, to_byte, first_line, .. },
            ) => {
                // Lines are counted again from the range's start: nothing else tells the number of the next.
                let lines = Lines::open(path, *from_byte, *first_line, 0)?.after(*to_byte)?;
                Ok(Listing::of_lines(path, lines))
            }
            (Location::Table { folder, key, map }, Range::Rows { to_row, .. }) => {
                Listing::of_table(folder, key, map, *to_row)
            }
            (Location::Tables { root, map }, Range::Rows { key, to_row, .. }) => {
                let rest = Listing::of_tables(root, map, Bound::Excluded(key))?;
                Ok(Listing::of_table(root, key, map, *to_row)?.then(rest))
            }
            _ => Ok(Listing::empty()),
        }
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self, Location::Lines { packing, .. } if *packing != Packing::Plain)
    }

    pub(super) fn is_tabular(&self) -> bool {
        matches!(self, Location::Table { .. } | Location::Tables { .. })
    }

    /// What to say where nothing is listed here.
    pub(super) fn empty_error(&self) -> SourceError {
        let (path, what) = match self {
            Location::Folder(path) => (path, ".py or .parquet files"),
            Location::File { folder, .. } => (folder, ".py files"),
            Location::Lines { path, .. } => (path, "rows"),
            Location::Manifest(path) => (path, "lines"),
            Location::Table { folder: path, .. } | Location::Tables { root: path, .. } => (path, "rows"),
        };
        SourceError::Empty { path: path.clone(), what }
    }

    /// What the names of its sources begin with, or are.
    fn name(&self) -> String {
        match self {
            Location::File { folder, key } => tree::source_path(folder, key),
            Location::Table { folder, key, .. } => tree::source_path(folder, key.as_bytes()),
            Location::Folder(path)
            | Location::Tables { root: path, .. }
            | Location::Lines { path, .. }
            | Location::Manifest(path) => base_name(path).to_owned(),
        }
    }
}

fn is_directory(path: &str) -> Result<bool, SourceError> {
    let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            SourceError::NotFound { path: path.to_owned() }
        }
        _ => SourceError::Read { path: path.to_owned(), cause },
    })?;
    Ok(metadata.is_dir())
}

/// Whether a URI names an object of a kind that is known. Whatever else is a prefix.
fn is_object(uri: &str) -> Result<bool, SourceError> {
    if Location::of_file(uri, &ColumnMap::default()).is_none() {
        return Ok(false);
    }
    let (folder, name) = objects::split(uri);
    // A bucket's own name may end like a file's.
    if folder == "s3:/" {
        return Ok(false);
    }
    Ok(Store::open(folder)?.exists(name)?)
}

/// The sources of a job as absolute paths, with names that cannot collide.
pub(crate) fn resolve(sources: &[String]) -> Result<Vec<String>, SourceError> {
    if sources.is_empty() {
        return Err(SourceError::None);
    }
    let mut named: Vec<(String, String)> = Vec::with_capacity(sources.len());
    for source in sources {
        let path = absolute(source)?;
        let name = Location::find(&path, &ColumnMap::default())?.name();
        if let Some((first, _)) = named.iter().find(|(_, other)| one_holds_the_other(&name, other)) {
            return Err(SourceError::SameName { first: first.clone(), second: path });
        }
        named.push((path, name));
    }
    Ok(named.into_iter().map(|(path, _)| path).collect())
}

/// The last component of an absolute path; empty for the root.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether the two are equal or one is a folder that the other lies in.
fn one_holds_the_other(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || short.is_empty() || rest.starts_with('/'))
}

/// The path from the root, so that any process can open it, whatever folder it works in. A URI is one already.
fn absolute(source: &str) -> Result<String, SourceError> {
    if is_s3(source) {
        return Ok(source.trim_end_matches('/').to_owned());
    }
    let failed = |cause| SourceError::Read { path: source.to_owned(), cause };
    let not_utf8 = |path: OsString| SourceError::Unsupported { path: path.to_string_lossy().into_owned() };
    let path = std::path::absolute(source).map_err(|cause| match cause.kind() {
        io::ErrorKind::InvalidInput => SourceError::NotFound { path: source.to_owned() },
        _ => failed(cause),
    })?;
    // Only the file system knows what `..` leads to, because of links.
    let path = match path.components().any(|part| part == std::path::Component::ParentDir) {
        true => canonical(&path, source)?,
        false => path,
    };
    let path: PathBuf = path.components().collect();
    path.into_os_string().into_string().map_err(not_utf8)
}

fn canonical(path: &Path, source: &str) -> Result<PathBuf, SourceError> {
    path.canonicalize().map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => SourceError::NotFound { path: source.to_owned() },
        _ => SourceError::Read { path: source.to_owned(), cause },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("one/src")).unwrap();
        fs::create_dir_all(root.path().join("two/src")).unwrap();
        fs::write(root.path().join("one/src/a.py"), "").unwrap();
        fs::write(root.path().join("one/notes.md"), "").unwrap();
        root
    }

    fn check(sources: &[&str], expect: &str) {
        let root = planted();
        let place = root.path().to_str().unwrap();
        let sources: Vec<String> = sources.iter().map(|source| format!("{place}/{source}")).collect();
        let said = match resolve(&sources) {
            Ok(paths) => paths.join(" "),
            Err(error) => error.to_string(),
        };
        assert!(said.replace(&format!("{place}/"), "").contains(expect), "{said}");
    }

    #[test]
    fn paths_become_plain() {
        check(&["one/src/", "two/./src/../../one"], "one/src one");
    }

    #[test]
    fn sources_whose_names_would_collide_are_refused() {
        check(&["one/src", "two/src"], "one/src and two/src would share names");
        check(&["one/src", "one/src/a.py"], "one/src and one/src/a.py would share names");
    }

    #[test]
    fn what_is_no_source_is_told() {
        check(&["three"], "there is no three: name a folder");
        check(&["one/notes.md"], "one/notes.md is not a folder or prefix of");
    }

    #[test]
    fn no_source_is_an_error() {
        assert!(matches!(resolve(&[]), Err(SourceError::None)));
    }
}
