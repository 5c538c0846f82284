//! Which layers of confinement hold. A machine is asked once; what it said is promised from then on, and
//! written into every row.

use std::fmt;
use std::str::FromStr;

/// The layers that confine a program. What always applies (resource limits, no new privileges, a clean
/// environment) is not listed.
///
/// Its text form is what rows and logs show: `namespaces+landlock7+seccomp`, or `unconfined`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Profile {
    /// User, mount, process, network, IPC and UTS namespaces, all of them or none.
    pub namespaces: bool,
    /// Version of the Landlock interface that is used.
    pub landlock: Option<u32>,
    pub seccomp: bool,
}

impl Profile {
    /// Whether a stranger's program can be let in: its system calls are filtered, and one of the two layers
    /// that hide the machine's files holds.
    pub fn is_enough(&self) -> bool {
        self.seccomp && (self.namespaces || self.landlock.is_some())
    }
}

const UNCONFINED: &str = "unconfined";

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = [
            self.namespaces.then(|| "namespaces".to_owned()),
            self.landlock.map(|version| format!("landlock{version}")),
            self.seccomp.then(|| "seccomp".to_owned()),
        ];
        let layers: Vec<String> = layers.into_iter().flatten().collect();
        if layers.is_empty() { f.pad(UNCONFINED) } else { f.pad(&layers.join("+")) }
    }
}

impl FromStr for Profile {
    type Err = UnknownLayer;

    fn from_str(text: &str) -> Result<Profile, UnknownLayer> {
        let mut profile = Profile::default();
        if text == UNCONFINED {
            return Ok(profile);
        }
        for layer in text.split('+') {
            match layer {
                "namespaces" => profile.namespaces = true,
                "seccomp" => profile.seccomp = true,
                _ => {
                    let version = layer.strip_prefix("landlock").and_then(|version| version.parse().ok());
                    profile.landlock = Some(version.ok_or_else(|| UnknownLayer(layer.to_owned()))?);
                }
            }
        }
        Ok(profile)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no layer of confinement is called '{0}'")]
pub struct UnknownLayer(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_reads_back() {
        for namespaces in [false, true] {
            for landlock in [None, Some(1), Some(7)] {
                for seccomp in [false, true] {
                    let profile = Profile { namespaces, landlock, seccomp };
                    assert_eq!(profile.to_string().parse(), Ok(profile));
                }
            }
        }
        let all = Profile { namespaces: true, landlock: Some(7), seccomp: true };
        assert_eq!(all.to_string(), "namespaces+landlock7+seccomp");
        assert_eq!(Profile::default().to_string(), "unconfined");
    }

    #[test]
    fn unknown_layers_are_refused() {
        for text in ["", "namespaces+", "apparmor", "landlock", "landlockx"] {
            assert!(text.parse::<Profile>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn enough_is_a_filter_and_hidden_files() {
        let enough = |text: &str| text.parse::<Profile>().unwrap().is_enough();
        assert!(enough("landlock1+seccomp"));
        assert!(enough("namespaces+seccomp"));
        assert!(!enough("seccomp"));
        assert!(!enough("namespaces+landlock7"));
    }
}
