//! Tests that lie beside a source, where people put them.

use super::location::base_name;
use super::objects::read_whole;
use super::{SourceError, decode_source};
use crate::Range;

/// How many folders up a folder `tests` may lie: beside the source, beside its package, beside the package above.
const FOLDERS_UP: usize = 3;

/// A larger file is no test that somebody wrote by hand.
const MOST_BYTES: u64 = 256 << 10;

/// The texts of tests of the source at `path`, which is one of the range's. Only sources of a folder have any.
pub fn tests_beside(range: &Range, path: &str) -> Result<Vec<String>, SourceError> {
    let Range::Tree { root, .. } = range else { return Ok(Vec::new()) };
    let name = base_name(root);
    let key = if name.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(name).and_then(|key| key.strip_prefix('/'))
    };
    // What a path escapes is not a name any more.
    let Some(key) = key.filter(|key| !key.contains('\\')) else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    for place in places(key) {
        if let Ok(bytes) = read_whole(&format!("{root}/{place}"), MOST_BYTES)?
            && let Ok(text) = decode_source(&bytes)
        {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Where tests of the source at `key` would lie; nowhere if it is one itself.
fn places(key: &str) -> Vec<String> {
    let (folder, file) = key.rsplit_once('/').unwrap_or(("", key));
    let Some(module) = file.strip_suffix(".py").filter(|module| !is_test(module)) else { return Vec::new() };
    let within =
        |folder: &str, file: String| if folder.is_empty() { file } else { format!("{folder}/{file}") };
    let mut places =
        vec![within(folder, format!("test_{module}.py")), within(folder, format!("{module}_test.py"))];
    // One test for all modules of a package.
    let package = base_name(folder);
    for folder in std::iter::successors(Some(folder), above).take(FOLDERS_UP) {
        places.push(within(folder, format!("tests/test_{module}.py")));
        if !package.is_empty() {
            places.push(within(folder, format!("tests/test_{package}.py")));
        }
    }
    places
}

/// The folder that a folder lies in; none above the root.
fn above<'a>(folder: &&'a str) -> Option<&'a str> {
    (!folder.is_empty()).then(|| folder.rsplit_once('/').map_or("", |(above, _)| above))
}

fn is_test(module: &str) -> bool {
    module.starts_with("test_") || module.ends_with("_test") || module == "conftest"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_lie_beside_a_module_and_in_folders_up_to_two_above() {
        assert_eq!(places("a.py"), ["test_a.py", "a_test.py", "tests/test_a.py"]);
        assert_eq!(
            places("w/x/y/a.py"),
            [
                "w/x/y/test_a.py",
                "w/x/y/a_test.py",
                "w/x/y/tests/test_a.py",
                "w/x/y/tests/test_y.py",
                "w/x/tests/test_a.py",
                "w/x/tests/test_y.py",
                "w/tests/test_a.py",
                "w/tests/test_y.py"
            ]
        );
        assert!(places("x/test_a.py").is_empty());
    }
}
