//! What every benchmark does with its figures.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binaries;

/// Writes a flat object of metric and number to `target/bench/NAME.json`, so that two versions can be compared.
pub fn write(name: &str, metrics: &serde_json::Map<String, serde_json::Value>) -> io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(metrics)? + "\n")
}

pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// A whole job over the folder `code` with `et-coord run`, quietly.
pub fn run_job(python: &Path, code: &Path, dataset: &Path) -> Result<(), String> {
    let status = Command::new(binaries::et_coord())
        .arg("run")
        .arg(code)
        .arg("--output")
        .arg(dataset)
        .arg("--python")
        .arg(python)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("et-coord run ended with {status}")),
        Err(error) => Err(format!("et-coord cannot be started: {error}")),
    }
}
