//! How a worker goes, and what must not leave it.

use std::io::Write;
use std::process::Stdio;

use proto::v1::{ReportReply, ReportRequest};
use rustix::process::Signal;
use tokio::process::Command;

use crate::coordinator::{Fleet, in_time};

/// Runs for longer than anybody here waits.
const ENDLESS: &str = "import time\nprint('began')\ntime.sleep(3600)\n";

/// A worker in the middle of a program.
async fn at_work(drain_within: &str) -> Fleet {
    let mut fleet = Fleet::start(|command, _| {
        command.args(["--drain-within", drain_within]);
    })
    .await;
    let assignment = fleet.assignment("job", &["print()\n", ENDLESS]);
    fleet.asked().await.answer(ReportReply { start: vec![assignment], ..ReportReply::default() });
    let at_second = |report: &ReportRequest| {
        let tally = report.running.first().and_then(|running| running.tally.as_ref());
        tally.is_some_and(|tally| tally.sources == 1)
    };
    fleet.asked_with(at_second).await.answer(ReportReply::default());
    fleet
}

/// Takes back what the worker gives back, the second time that it does.
async fn take_back(mut fleet: Fleet) {
    let is_given_back = |report: &ReportRequest| !report.released.is_empty();
    fleet.asked_with(is_given_back).await.answer(ReportReply::default());
    let asked = fleet.asked().await;
    let released = asked.report.released.clone();
    assert_eq!((released.len(), &asked.report.running[..], asked.report.free_slots), (1, &[][..], 0));
    asked.answer(ReportReply { acknowledged: released, ..ReportReply::default() });
    let output = fleet.gone().await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_terminated_worker_gives_back_what_does_not_end_in_time_and_leaves_nothing() {
    let fleet = at_work("0s").await;
    fleet.signal(Signal::TERM);
    take_back(fleet).await;
}

#[tokio::test]
async fn a_worker_terminated_twice_gives_back_what_runs_at_once() {
    let fleet = at_work("1h").await;
    fleet.signal(Signal::TERM);
    fleet.signal(Signal::INT);
    take_back(fleet).await;
}

#[tokio::test]
async fn a_terminated_worker_finishes_what_ends_in_time() {
    let mut fleet = Fleet::start(|_, _| {}).await;
    let assignment = fleet.assignment("job", &["import time\ntime.sleep(0.3)\nprint('done')\n"]);
    fleet.asked().await.answer(ReportReply { start: vec![assignment], ..ReportReply::default() });
    fleet.asked_with(|report| !report.running.is_empty()).await.answer(ReportReply::default());
    fleet.signal(Signal::TERM);
    let asked = fleet.asked_with(|report| !report.finished.is_empty()).await;
    let finished = asked.report.finished[0].clone();
    assert_eq!((asked.report.free_slots, &asked.report.released[..]), (0, &[][..]));
    assert_eq!(fleet.rows(&finished, |row| row.stdout.text.clone()), ["done\n"]);
    asked
        .answer(ReportReply { acknowledged: finished.lease.into_iter().collect(), ..ReportReply::default() });
    assert!(fleet.gone().await.status.success());
}

#[tokio::test]
async fn nothing_of_the_workers_environment_reaches_a_program() {
    let secrets =
        ["ET_LABELS", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "ANYTHING"];
    let mut fleet = Fleet::start(|command, folder| {
        let token = folder.join("token-file-of-the-worker");
        let mut file = std::fs::File::create(&token).unwrap();
        file.write_all(b"s3cret").unwrap();
        command.env("ET_TOKEN_FILE", token);
        for name in secrets {
            command.env(name, "s3cret=s3cret");
        }
    })
    .await;
    // Its own environment, as Python knows it and as the kernel does, and those of the processes that it can see.
    let look = "\
import glob, os
print(sorted(os.environ))
for path in ['/proc/self/environ', *glob.glob('/proc/[0-9]*/environ'), *glob.glob('/proc/[0-9]*/cmdline')]:
    try:
        with open(path, 'rb') as file:
            print(path, file.read())
    except OSError as error:
        print(path, error)
";
    let assignment = fleet.assignment("job", &[look]);
    let finished = fleet.run(assignment, |_| {}).await;
    let printed = fleet.rows(&finished, |row| row.stdout.text.clone()).remove(0);
    assert!(printed.starts_with("['HOME', "), "{printed}");
    for secret in ["s3cret", "token-file-of-the-worker", "ET_", "AWS_", "ANYTHING"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(fleet.dismiss().await.status.success());
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_one_sentence() {
    for (arguments, told) in [
        (vec!["--coordinator", "redis://x"], "'redis://x' is no address of a coordinator"),
        (vec!["--label", "python=2.7"], "the label python=2.7 contradicts python=3."),
        (vec!["--token-file", "/nowhere"], "the token file /nowhere could not be read"),
        (
            vec!["--ca", "/nowhere"],
            "--ca means something only where the coordinator's address begins with https://",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_et-worker"));
        command.env("ET_COORDINATOR", "http://127.0.0.1:1").args(arguments).stdin(Stdio::null());
        let output = in_time(command.output()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(said.starts_with(&format!("error: {told}")) && said.lines().count() == 1, "{said}");
    }
}
