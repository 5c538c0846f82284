//! A rendering that the workers of a coordinator do.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use proto::v1;
use proto::v1::submit_request::Work;
use training::{LengthLimit, Options, Order};

use crate::cli::client::{Client, converse};
use crate::cli::console::Console;
use crate::cli::job_options::label;
use crate::cli::jobs::follow;
use crate::cli::run::absolute;
use crate::cli::status::{JobJson, print_json};
use crate::cli::submit::short;

#[derive(Debug, Args)]
#[command(next_help_heading = "On a fleet")]
pub(super) struct FleetOptions {
    /// Have the workers of the coordinator at this address render, as a job of theirs. All of them must be able to read
    /// the dataset, the tokenizer and the benchmarks. Unlike elsewhere, it is not taken from the environment.
    #[arg(long, value_name = "URL", conflicts_with_all = ["jobs", "share"])]
    pub(super) coordinator: Option<String>,

    /// Stay and show how the job goes, to its end.
    #[arg(long, requires = "coordinator")]
    watch: bool,

    /// Jobs of a higher priority go first.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        requires = "coordinator"
    )]
    priority: i32,

    /// What a worker must have to render, such as pool=large. May be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label, requires = "coordinator")]
    labels: Vec<(String, String)>,

    #[command(flatten)]
    security: plane::client::Options,
}

/// Hands the rendering to the coordinator.
pub(super) fn submit(
    fleet: &FleetOptions,
    coordinator: &str,
    dataset: &str,
    output: &str,
    options: Options,
    json: bool,
    console: Console,
) -> anyhow::Result<ExitCode> {
    let order = Order { traces: absolute(dataset)?, options: for_all(options)? };
    let labels: BTreeMap<String, String> = fleet.labels.iter().cloned().collect();
    let standing = v1::Standing { priority: fleet.priority, share: 1, labels: labels.into_iter().collect() };
    let request = v1::SubmitRequest {
        work: Some(Work::Render(serde_json::to_string(&order)?)),
        output: absolute(output)?,
        standing: Some(standing),
    };
    converse(async {
        let mut client = Client::of(&fleet.security, coordinator).await?;
        let answered = client.control.submit(request).await;
        let status = client.answer(answered)?;
        if fleet.watch {
            return follow(&mut client, status.job, json, console).await;
        }
        if json {
            print_json(&JobJson::from(status))?;
        } else {
            println!("job {} is submitted", status.job);
            console.say(&format!("next: et-coord watch {}", short(&status.job)?));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The options with files named so that any process finds them.
fn for_all(options: Options) -> anyhow::Result<Options> {
    let found = |file: &String| absolute(file);
    let benchmarks = options.benchmarks.iter().map(found).collect::<anyhow::Result<_>>()?;
    let limit = match options.limit {
        Some(limit) => {
            let tokenizer = limit.tokenizer.as_ref().map(found).transpose()?;
            Some(LengthLimit { tokenizer, ..limit })
        }
        None => None,
    };
    Ok(Options { benchmarks, limit, ..options })
}
