//! The repository's own rules: what ARCHITECTURE.md promises and a machine can check.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_queue_knows_no_clock_and_no_io() {
    for file in files("coordinator/src/queue/state", "rs") {
        let text = read(&file);
        for absent in
            ["tokio", "tonic", "Instant", "SystemTime", "std::fs", "std::net", "std::thread", "proto::"]
        {
            assert!(!text.contains(absent), "{} mentions {absent}", file.display());
        }
    }
}

#[test]
fn dataset_knows_no_wire_and_trace_needs_nobody() {
    let dataset = dependencies("dataset");
    for absent in ["proto", "tonic", "prost", "coordinator", "worker"] {
        assert!(!dataset.contains(&absent.to_owned()), "dataset depends on {absent}");
    }
    assert_eq!(dependencies("trace"), Vec::<String>::new());
}

#[test]
fn only_telemetry_knows_opentelemetry_and_it_knows_nothing_of_ours() {
    let ours = ["proto", "trace", "jail", "dataset", "coordinator", "worker"];
    let known = dependencies("telemetry");
    assert!(ours.iter().all(|absent| !known.contains(&(*absent).to_owned())), "{known:?}");
    for package in ours {
        let theirs = dependencies(package).into_iter().find(|name| name.contains("opentelemetry"));
        assert_eq!(theirs, None, "{package} depends on it");
    }
    // Whoever is confined or traced has nothing to tell anybody.
    for package in ["trace", "jail", "tracer", "dataset"] {
        assert!(!dependencies(package).contains(&"telemetry".to_owned()), "{package} depends on telemetry");
    }
}

#[test]
fn training_text_knows_neither_the_fleet_nor_people() {
    let training = dependencies("training");
    for absent in ["proto", "tonic", "coordinator", "worker", "clap", "indicatif", "tokio"] {
        assert!(!training.contains(&absent.to_owned()), "training depends on {absent}");
    }
}

#[test]
fn only_the_store_in_s3_knows_amazon_and_a_runtime() {
    for file in files("dataset/src", "rs") {
        let is_s3 = file.strip_prefix(root()).unwrap().starts_with("dataset/src/store/s3");
        let text = read(&file);
        for absent in ["tokio::", "aws_"] {
            assert!(is_s3 || !text.contains(absent), "{} mentions {absent}", file.display());
        }
    }
}

#[test]
fn a_style_is_a_function_of_an_execution_and_nothing_else() {
    for known in dependencies("render") {
        assert!(["serde_json", "thiserror", "trace"].contains(&known.as_str()), "render depends on {known}");
    }
    for file in files("render/src", "rs") {
        let text = read(&file);
        for absent in ["std::fs", "std::io", "std::env", "std::time", "Instant", "SystemTime", "thread::"] {
            assert!(!text.contains(absent), "{} mentions {absent}", file.display());
        }
    }
}

#[test]
fn the_walls_know_neither_jobs_nor_what_is_said() {
    let plane = dependencies("plane");
    for absent in ["proto", "prost", "dataset", "coordinator", "worker"] {
        assert!(!plane.contains(&absent.to_owned()), "plane depends on {absent}");
    }
}

#[test]
fn nobody_links_the_tracer() {
    for package in packages().iter().filter(|package| *package != "tracer") {
        assert!(!dependencies(package).contains(&"tracer".to_owned()), "{package} depends on the tracer");
    }
}

#[test]
fn unsafe_code_lives_where_the_architecture_says() {
    let allowed = [
        "tracer/src/",
        "jail/src/",
        "trace/src/arena.rs",
        "worker/src/execute/",
        "tests/src/tracers/native.rs",
    ];
    for package in packages() {
        for file in files(&format!("{package}/src"), "rs") {
            let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let is_allowed = allowed.iter().any(|place| name.starts_with(place));
            let has_unsafe = read(&file).lines().any(|line| is_unsafe(line.trim_start()));
            assert!(is_allowed || !has_unsafe, "{name} has unsafe code");
        }
    }
}

#[test]
fn generated_wire_types_stay_at_the_edges() {
    // The command line is one: `submit` and its like are callers of the coordinator.
    let edges = [
        "coordinator/src/grpc/",
        "coordinator/src/cli/",
        "coordinator/src/status.rs",
        "coordinator/src/cluster_tests.rs",
        "worker/src/wire.rs",
    ];
    for package in ["coordinator", "worker"] {
        for file in files(&format!("{package}/src"), "rs") {
            let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            let code = read(&file);
            let tests_begin = code.find("#[cfg(test)]").unwrap_or(code.len());
            let mentions =
                ["proto::v1", "proto::keda"].iter().any(|types| code[..tests_begin].contains(types));
            let is_edge = edges.iter().any(|edge| name.starts_with(edge));
            assert!(!mentions || is_edge, "{name} uses generated types");
        }
    }
}

#[test]
fn versions_of_dependencies_stand_once() {
    for package in packages() {
        let manifest = read(&root().join(&package).join("Cargo.toml"));
        for line in
            manifest.lines().skip_while(|line| !line.starts_with('[') || !line.contains("dependencies"))
        {
            let names_a_version = line.contains("version =") || line.contains("= \"");
            assert!(
                !names_a_version,
                "{package}/Cargo.toml: `{line}` belongs into the workspace's Cargo.toml"
            );
        }
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut documents: Vec<PathBuf> = files("docs", "md");
    documents.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)),
    );
    for document in documents {
        let text = read(&document);
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        {
            let path = target.split('#').next().unwrap();
            let elsewhere = path.is_empty() || path.contains("://");
            let there = document.parent().unwrap().join(path).exists();
            assert!(elsewhere || there, "{} links to {target}", document.display());
        }
    }
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    // The tests of the jail look for secrets in well-known places; that is their point.
    let places = ["/ro".to_owned() + "ot/", "/ho".to_owned() + "me/", "/wo".to_owned() + "rk/"];
    let folders = [
        "proto",
        "telemetry",
        "plane",
        "trace",
        "render",
        "jail",
        "tracer",
        "dataset",
        "training",
        "coordinator",
        "worker/src",
        "tests/src",
        "docs",
        "deploy",
    ];
    let kinds = ["rs", "py", "toml", "md", "proto", "yaml"];
    for file in folders.iter().flat_map(|folder| kinds.iter().flat_map(|kind| files(folder, kind))) {
        let text = read(&file);
        for place in &places {
            let named = text.lines().any(|line| line.contains(place));
            assert!(!named, "{} names a path below {place}", file.display());
        }
    }
}

/// Whether a line of Rust opens unsafe code; lints and comments that mention it do not.
fn is_unsafe(line: &str) -> bool {
    !line.starts_with("//")
        && ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().any(|form| line.contains(form))
}

/// The names under `[dependencies]` of a package.
/// The folders of the workspace's packages.
fn packages() -> Vec<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let members =
        manifest.lines().find_map(|line| line.strip_prefix("members = [")).expect("one line of members");
    let quoted = members.trim_end_matches(']').split(", ");
    quoted.map(|name| name.trim_matches('"').to_owned()).collect()
}

fn dependencies(package: &str) -> Vec<String> {
    let manifest = read(&root().join(package).join("Cargo.toml"));
    let section = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let entries = section.take_while(|line| !line.starts_with('[')).filter(|line| !line.trim().is_empty());
    entries.map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned()).collect()
}

/// All files below a folder of the repository whose names end in `.kind`.
fn files(folder: &str, kind: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == kind) {
                found.push(path);
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
