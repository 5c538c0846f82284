//! What is deployed: manifests, the compose file and the Dockerfile, held against Kubernetes' schemas, against each
//! other, and against what the programs really accept.
//!
//! There is no cluster to try them on, so each rule here is one that a cluster would enforce, or that would only
//! show at three in the morning. `mutations` shows that each can fail.

mod bundle;
mod compose;
mod dockerfile;
mod files;
mod mutations;
mod network;
mod pods;
mod programs;
mod references;
mod rootfs;
mod rules;
mod scaling;

use bundle::{Bundle, documents};
use files::{manifests, render};

#[test]
fn manifests_keep_strictly_to_their_schemas() {
    let manifests = manifests();
    assert!(manifests.len() > 15, "manifests were not found");
    for (path, text) in manifests {
        if let Err(complaint) = Bundle::read(&documents(&text)) {
            panic!("{}: {complaint}", path.display());
        }
    }
}

#[test]
fn overlays_and_every_component_keep_all_rules() {
    for files::Variant { name, overlay, .. } in &files::variants() {
        let Some(text) = render(overlay) else { return };
        let bundle =
            Bundle::read(&documents(&text)).unwrap_or_else(|complaint| panic!("{name}: {complaint}"));
        let broken = rules::broken(&bundle);
        assert!(broken.is_empty(), "{name}:\n{}", broken.join("\n"));
    }
}

#[test]
fn kustomizations_name_files_that_exist_and_leave_none_out() {
    files::check_kustomizations();
}
