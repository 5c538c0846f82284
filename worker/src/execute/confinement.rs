//! Which layers of confinement hold on this machine, and whether they are enough.

use std::path::Path;

use jail::{Probe, Profile};

use super::launch::probe_command;
use crate::python::last_line;

#[derive(Debug, thiserror::Error)]
pub enum ConfinementError {
    #[error("could not find out how programs can be confined here: {0}")]
    NotProbed(String),
    #[error(
        "this machine cannot confine programs ({0}); allow namespaces or Landlock, or give --allow-unconfined \
         if every program is your own"
    )]
    NotEnough(String),
}

/// Tries every layer. `launcher` is the `et-worker` program, `scratch` an empty folder.
pub fn probe(launcher: &Path, scratch: &Path) -> Result<Probe, ConfinementError> {
    let output = probe_command(launcher, scratch)
        .output()
        .map_err(|error| ConfinementError::NotProbed(format!("{}: {error}", launcher.display())))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    match lines.next().map(str::parse) {
        Some(Ok(profile)) if output.status.success() => {
            Ok(Probe { profile, missing: lines.map(str::to_owned).collect() })
        }
        _ => Err(ConfinementError::NotProbed(last_line(&output.stderr))),
    }
}

/// The layers to promise, if they are enough or the user does without.
pub fn admit(probe: &Probe, allow_unconfined: bool) -> Result<Profile, ConfinementError> {
    if probe.profile.is_enough() || allow_unconfined {
        Ok(probe.profile)
    } else {
        Err(ConfinementError::NotEnough(probe.missing.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_layers_are_refused_unless_allowed() {
        let probe = Probe {
            profile: Profile { namespaces: false, landlock: None, seccomp: true },
            missing: vec!["no Landlock: this kernel does not have it".to_owned()],
        };
        let refusal = admit(&probe, false).unwrap_err().to_string();
        assert!(refusal.contains("no Landlock: this kernel"), "{refusal}");
        assert!(refusal.contains("--allow-unconfined"), "{refusal}");
        assert_eq!(admit(&probe, true).unwrap(), probe.profile);
    }
}
