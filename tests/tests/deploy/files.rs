//! Where the manifests are, and what kustomize makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

const KUSTOMIZATION: &str = "kustomization.yaml";

pub(crate) fn deploy() -> PathBuf {
    repository().join("deploy")
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of Kubernetes objects, patches included, with its text.
pub(crate) fn manifests() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in kustomizations() {
        let kustomization = Kustomization::read(&folder);
        let resources = kustomization.resources.iter().filter(|path| path.ends_with(".yaml"));
        let patches = kustomization.patches.iter().map(|patch| &patch.path);
        for name in resources.chain(patches) {
            let path = folder.join(name);
            found.push((path.clone(), read(&path)));
        }
    }
    found
}

/// What `kubectl kustomize` gives for a folder; `None`, with a word, where there is no kubectl.
///
/// # Panics
/// If it refuses.
pub(crate) fn render(folder: &Path) -> Option<String> {
    let output = match Command::new("kubectl").arg("kustomize").arg(folder).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: kubectl cannot be started ({error}), so overlays are not put together");
            return None;
        }
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl kustomize {}: {complaint}", folder.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// An overlay, put together in some way.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) overlay: PathBuf,
    /// Holds the copy that it lies in.
    _folder: TempDir,
}

/// The overlays as they are, and the production one with each component that none of them has.
pub(crate) fn variants() -> Vec<Variant> {
    const KEDA: &str = "../../components/keda";
    vec![
        variant("local", &[]),
        variant("production", &[]),
        variant("production", &[(KEDA, "../../components/hpa")]),
        variant("production", &[("../../components/user-namespaces", "../../components/gvisor")]),
    ]
}

/// A copy of an overlay that takes other components in place of some of its own.
fn variant(overlay: &str, others: &[(&str, &str)]) -> Variant {
    let folder = TempDir::new().unwrap();
    copy(&deploy().join("kubernetes"), folder.path());
    let copied = folder.path().join("overlays").join(overlay);
    let path = copied.join(KUSTOMIZATION);
    let mut text = read(&path);
    for (own, other) in others {
        assert!(text.contains(own), "{overlay} does not have {own}");
        text = text.replace(own, other);
    }
    fs::write(&path, text).unwrap();
    Variant { name: format!("{overlay} {others:?}"), overlay: copied, _folder: folder }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The part of a kustomization that is used here. Anything else is refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    kind: String,
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: Vec<Labels>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default, rename = "images")]
    _images: Vec<Image>,
    #[serde(default)]
    config_map_generator: Vec<Generator>,
    #[serde(default)]
    secret_generator: Vec<Generator>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    #[serde(rename = "pairs")]
    _pairs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Image {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "newName")]
    _new_name: Option<String>,
    #[serde(rename = "newTag")]
    _new_tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generator {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "literals")]
    _literals: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
}

impl Kustomization {
    fn read(folder: &Path) -> Kustomization {
        let path = folder.join(KUSTOMIZATION);
        serde_saphyr::from_str(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The files that it names, without those of its generators' keys.
    fn files(&self) -> impl Iterator<Item = &str> {
        let patches = self.patches.iter().map(|patch| patch.path.as_str());
        let generators = self.config_map_generator.iter().chain(&self.secret_generator);
        let generated =
            generators.flat_map(|generator| &generator.files).map(|file| match file.split_once('=') {
                Some((_, path)) => path,
                None => file.as_str(),
            });
        self.resources.iter().chain(&self.components).map(String::as_str).chain(patches).chain(generated)
    }
}

/// The folders that hold a kustomization.
fn kustomizations() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![deploy().join("kubernetes")];
    while let Some(folder) = folders.pop() {
        if folder.join(KUSTOMIZATION).is_file() {
            found.push(folder.clone());
        }
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
    }
    found
}

/// # Panics
/// If one names what is not there, or does not name what is.
pub(crate) fn check_kustomizations() {
    for folder in kustomizations() {
        let kustomization = Kustomization::read(&folder);
        let is_component = folder.parent().unwrap().ends_with("components");
        assert_eq!(kustomization.kind, if is_component { "Component" } else { "Kustomization" });
        let named: BTreeSet<&str> = kustomization.files().collect();
        for name in &named {
            assert!(folder.join(name).exists(), "{} names {name}", folder.display());
        }
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            assert!(
                name == KUSTOMIZATION || named.contains(name.as_str()),
                "{} leaves {name} out",
                folder.display()
            );
        }
    }
}
