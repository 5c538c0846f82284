//! The file that lists what each script of a job is given.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use dataset::Run;

/// The list travels with every shard.
const MAX_RUNS: usize = 256;
const MAX_BYTES: usize = 256 << 10;

/// Reads a file with one JSON object on each line.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Run>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if text.len() > MAX_BYTES {
        bail!("{} has more than {} KiB: list less for a job", path.display(), MAX_BYTES >> 10);
    }
    let mut runs = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let run = serde_json::from_str(line).with_context(|| {
            format!(
                "line {number} of {} is not like {{\"argv\": [\"-v\"], \"stdin\": \"text\"}}",
                path.display()
            )
        })?;
        runs.push(run);
    }
    match runs.len() {
        0 => bail!("{} lists nothing: write one JSON object on each line", path.display()),
        1..=MAX_RUNS => Ok(runs),
        _ => bail!("{} lists more than {MAX_RUNS} runs: list less for a job", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Vec<(Vec<String>, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        fs::write(&path, text).unwrap();
        let runs = read(&path).map_err(|error| format!("{error:#}"))?;
        Ok(runs.iter().map(|run| (run.argv().to_vec(), run.stdin().to_owned())).collect())
    }

    #[test]
    fn either_field_may_be_left_out() {
        let told = check("{\"argv\": [\"-v\"]}\n\n{\"stdin\": \"3\\n\"}\n{}\n").unwrap();
        let run = |argv: &[&str], stdin: &str| {
            (argv.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), stdin.to_owned())
        };
        assert_eq!(told, [run(&["-v"], ""), run(&[], "3\n"), run(&[], "")]);
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_line() {
        assert!(check("{}\n{\"input\": 3}\n").unwrap_err().starts_with("line 2 of "));
        assert!(check("\n").unwrap_err().contains("lists nothing"));
        assert!(check(&"{}\n".repeat(257)).unwrap_err().contains("more than 256 runs"));
    }
}
