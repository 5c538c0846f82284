//! Which release speaks: every call and every reply says it, and other releases are refused.

use tonic::metadata::{AsciiMetadataValue, MetadataMap};

/// The release of this program. All programs of the workspace share it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Under this name, in the metadata of calls and replies.
pub(crate) const NAME: &str = "et-version";

/// Longer ones are not repeated in messages.
const LONGEST_SHOWN: usize = 32;

/// Coordinator and caller are of different releases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the coordinator is {coordinator} and its caller is {caller}: run the same release on both sides")]
pub struct OtherVersion {
    coordinator: String,
    caller: String,
}

/// Fails if the caller that sent this metadata is of another release than this coordinator.
pub(crate) fn check_caller(metadata: &MetadataMap) -> Result<(), OtherVersion> {
    let theirs = told(metadata);
    let other = || OtherVersion { coordinator: show(Some(VERSION)), caller: show(theirs) };
    if theirs == Some(VERSION) { Ok(()) } else { Err(other()) }
}

/// Fails if the coordinator that answered with this metadata is of another release than this caller.
pub(crate) fn check_coordinator(metadata: &MetadataMap) -> Result<(), OtherVersion> {
    let theirs = told(metadata);
    let other = || OtherVersion { coordinator: show(theirs), caller: show(Some(VERSION)) };
    if theirs == Some(VERSION) { Ok(()) } else { Err(other()) }
}

/// Says the version of this program.
pub(crate) fn tell(metadata: &mut MetadataMap) {
    metadata.insert(NAME, AsciiMetadataValue::from_static(VERSION));
}

fn told(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(NAME)?.to_str().ok()
}

fn show(version: Option<&str>) -> String {
    match version {
        Some(version) if version.len() <= LONGEST_SHOWN => format!("et {version}"),
        _ => "of an unknown version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(version: &'static str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(NAME, AsciiMetadataValue::from_static(version));
        metadata
    }

    #[test]
    fn only_the_own_version_passes() {
        let mut own = MetadataMap::new();
        tell(&mut own);
        assert_eq!((check_caller(&own), check_coordinator(&own)), (Ok(()), Ok(())));
        for other in ["0.0.0", "", "1"] {
            assert!(check_caller(&says(other)).is_err() && check_coordinator(&says(other)).is_err());
        }
    }

    #[test]
    fn both_sides_are_named_whoever_refuses() {
        let refusal = check_caller(&says("0.0.9")).unwrap_err().to_string();
        let named = format!("the coordinator is et {VERSION} and its caller is et 0.0.9:");
        assert!(refusal.starts_with(&named), "{refusal}");
        let refusal = check_coordinator(&MetadataMap::new()).unwrap_err().to_string();
        let named = format!("the coordinator is of an unknown version and its caller is et {VERSION}:");
        assert!(refusal.starts_with(&named), "{refusal}");
    }
}
