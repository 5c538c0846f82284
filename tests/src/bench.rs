//! What every benchmark does with its figures.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Writes a flat object of metric and number to `target/bench/NAME.json`, so that two versions can be compared.
pub fn write(name: &str, metrics: &serde_json::Map<String, serde_json::Value>) -> io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(metrics)? + "\n")
}

pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}
