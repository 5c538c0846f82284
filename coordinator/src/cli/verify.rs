//! `et-coord verify`: proves that every source is accounted for exactly once.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use dataset::{Dataset, VerifyReport, verify as verify_dataset};

use super::store_of;

/// Proves that every source of a dataset is accounted for exactly once.
///
/// Lists the sources anew and compares them with what the parts hold, reads every part and checks it against
/// the manifest. Prints what it found; exits with 1 if anything is missing, double, foreign or damaged.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  et-coord verify my-traces --against path/to/code rows.jsonl")]
pub(super) struct VerifyArgs {
    /// The dataset: a folder, or s3://bucket/prefix.
    dataset: PathBuf,
    /// The sources that it must account for: those that the job was given, all of them.
    #[arg(long, required = true, num_args = 1.., value_name = "SOURCE")]
    against: Vec<PathBuf>,
}

pub(super) fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::open(store_of(&args.dataset)?)?;
    same_sources(&dataset.job().sources, &args.against)?;
    let report = verify_dataset(&dataset)?;
    print(&report);
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A proof against half of the sources, or against others, would prove nothing.
fn same_sources(of_job: &[String], given: &[PathBuf]) -> anyhow::Result<()> {
    let canonical = |path: &Path| match path.to_str() {
        Some(uri) if uri.contains("://") => Ok(PathBuf::from(uri.trim_end_matches('/'))),
        _ => path.canonicalize().with_context(|| format!("{} does not exist", path.display())),
    };
    let mut of_job =
        of_job.iter().map(|source| canonical(Path::new(source))).collect::<Result<Vec<_>, _>>()?;
    for source in given {
        let path = canonical(source)?;
        let Some(index) = of_job.iter().position(|known| *known == path) else {
            bail!("{} is not a source of this dataset, or was given twice", source.display());
        };
        of_job.swap_remove(index);
    }
    match of_job.first() {
        Some(missing) => bail!("{} is a source of this dataset too; name all of them", missing.display()),
        None => Ok(()),
    }
}

fn print(report: &VerifyReport) {
    let VerifyReport { shards, parts, rows, sources_listed, sources_in_parts, .. } = report;
    println!("{sources_listed} sources listed, {sources_in_parts} in the dataset");
    println!("{shards} shards planned, {parts} published with {rows} rows");
    if !report.sealed {
        println!("the job is not finished");
    }
    for sentence in report.findings.sentences() {
        println!("{sentence}");
    }
    if report.is_clean() {
        println!("every source is accounted for exactly once");
    }
}
