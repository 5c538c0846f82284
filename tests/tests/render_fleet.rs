//! Training text made by a fleet: the same bytes as by one machine, whoever is killed meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::binaries;
use tests::system::{et_coord, files, text, until};

/// Sources of the traces; a part holds three of them.
const SOURCES: usize = 120;

/// The dataset of traces that all tests render.
fn traces() -> &'static Path {
    static TRACES: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, traces) = TRACES.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let traces = folder.path().join("traces");
        trace(folder.path(), SOURCES, &traces);
        (folder, traces)
    });
    traces
}

/// Traces so many programs, each of which runs for a while. Every fourth is nearly the one before.
fn trace(folder: &Path, sources: usize, traces: &Path) {
    let cases: String = (0..sources)
        .map(|number| {
            let constant = number / 4 * 4 + number % 4 / 2;
            let code = format!(
                "# number {number}\ndef f(n):\n    total = {constant}\n    seen = []\n    for i in range(n):\n        \
                 seen.append(i * {constant})\n        total += len(seen)\n    return total\n"
            );
            format!("{}\n", json!({"code": code, "input": "90"}))
        })
        .collect();
    let file = folder.join("cases.jsonl");
    fs::write(&file, cases).unwrap();
    let arguments = ["run", path(&file), "--output", path(traces), "--shard-sources", "3"];
    let finished = et_coord(arguments);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
}

/// A process of the fleet, ended when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Most often it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a coordinator, at this address if one is given. Gives the address that workers call.
fn coordinator(listen: Option<&str>) -> (Process, String) {
    let listen = listen.map_or("127.0.0.1:0", |address| address.trim_start_matches("http://"));
    let mut command = Command::new(binaries::et_coord());
    command.args(["serve", "--listen", listen]).env_remove("RUST_LOG");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("et-coord: serving at ").expect("it says where it serves");
    (Process(child), address.to_owned())
}

fn worker(coordinator: &str) -> Process {
    let mut command = Command::new(binaries::et_worker());
    command.args(["--coordinator", coordinator, "--slots", "1"]).env_remove("RUST_LOG");
    Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Asks the coordinator for a rendering of `traces`.
fn submit(traces: &Path, output: &Path, options: &[&str], coordinator: &str) -> Output {
    let named = ["render", path(traces), "--output", path(output), "--coordinator", coordinator, "--json"];
    et_coord([&named[..], options].concat())
}

fn job(submitted: &Output) -> String {
    assert!(submitted.status.success(), "{}", text(&submitted.stderr));
    let status: Value = serde_json::from_slice(&submitted.stdout).unwrap();
    assert_eq!(status["kind"], "render");
    status["job"].as_str().unwrap().to_owned()
}

fn ask(command: &str, job: &str, coordinator: &str) -> Output {
    et_coord([command, job, "--json", "--coordinator", coordinator])
}

/// The job at its end.
fn watched(job: &str, coordinator: &str) -> Value {
    let watched = ask("watch", job, coordinator);
    assert!(watched.status.success(), "{}", text(&watched.stderr));
    serde_json::from_slice(&watched.stdout).unwrap()
}

/// What one machine makes of the same request.
fn alone(folder: &Path, options: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let output = folder.join("alone");
    let named = ["render", path(traces()), "--output", path(&output)];
    let finished = et_coord([&named[..], options].concat());
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    files(&output)
}

/// Fails with the names, for the bytes of two sets say little to people.
fn assert_same(set: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(set.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let differing: Vec<_> = set.keys().filter(|name| set[*name] != other[*name]).collect();
    assert!(differing.is_empty(), "these differ: {differing:?}");
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything that a rendering can go through.
const ALL_STAGES: [&str; 9] =
    ["--style", "scratchpad", "--shuffle", "--similar-traces", "2", "--validation", "0.3", "--seed", "5"];

#[test]
fn a_fleet_makes_what_one_machine_makes_whoever_is_killed() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("fleet");
    let alone = alone(folder.path(), &ALL_STAGES);
    let (first, address) = coordinator(None);
    let submitted = job(&submit(traces(), &output, &ALL_STAGES, &address));
    let workers = [worker(&address), worker(&address)];
    until("some parts are looked at", || output.join("_et/survey").exists());
    let [lost, _kept] = workers;
    drop(lost);
    until("some parts are rendered", || output.join("_et/scattered").exists());
    // What it knew of jobs and leases is gone with it.
    drop(first);
    let (_second, address) = coordinator(Some(&address));
    let _more = worker(&address);
    assert_eq!(job(&submit(traces(), &output, &ALL_STAGES, &address)), submitted);
    let ended = watched(&submitted[..6], &address);
    assert_eq!((&ended["state"], &ended["shards_set_aside"]), (&Value::from("complete"), &Value::from(0)));
    assert_same(&files(&output), &alone);
    // Once more there is nothing to do.
    let again = submit(traces(), &output, &ALL_STAGES, &address);
    assert_eq!(serde_json::from_slice::<Value>(&again.stdout).unwrap()["state"], "complete");
}

#[test]
fn a_rendering_can_be_stopped_and_resumed_and_shows_what_it_does() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("fleet");
    let options = ["--style", "compact"];
    let (_coordinator, address) = coordinator(None);
    let submitted = job(&submit(traces(), &output, &options, &address));
    for (command, state) in [("pause", "paused"), ("cancel", "cancelled"), ("resume", "running")] {
        let answered = ask(command, &submitted, &address);
        let status: Value = serde_json::from_slice(&answered.stdout).unwrap();
        assert_eq!(status["state"], state, "{}", text(&answered.stderr));
    }
    let _worker = worker(&address);
    let ended = watched(&submitted, &address);
    let sources = SOURCES as u64;
    let counted = ["sources_planned", "sources_done", "rows"].map(|name| ended[name].as_u64().unwrap());
    assert_eq!(counted, [sources; 3]);
    assert_eq!(ended["outcomes"], json!({"rendered": sources}));
    assert_same(&files(&output), &alone(folder.path(), &options));
    let shown = text(&et_coord(["show", &submitted, "--coordinator", &address]).stdout);
    assert!(shown.contains("written 120 examples"), "{shown}");
}

#[test]
fn what_no_fleet_can_render_is_told_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    let (_coordinator, address) = coordinator(None);
    let absent = folder.path().join("absent");
    for (traces, style, says) in [
        (traces(), "nosuch", "there is no style `nosuch`; there are: "),
        (absent.as_path(), "direct", "there is no dataset in "),
    ] {
        let refused = submit(traces, &folder.path().join("out"), &["--style", style], &address);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(says), "{says}: said {said:?}");
        assert_eq!(said.trim_end().lines().count(), 1, "said {said:?}");
    }
}

#[test]
fn a_step_that_nobody_can_do_fails_the_job() {
    let folder = TempDir::new().unwrap();
    let traces = folder.path().join("traces");
    trace(folder.path(), 3, &traces);
    let benchmark = folder.path().join("benchmark.py");
    fs::write(&benchmark, "x = 1\n").unwrap();
    let (_coordinator, address) = coordinator(None);
    let options = ["--style", "direct", "--benchmark", path(&benchmark)];
    let submitted = job(&submit(&traces, &folder.path().join("out"), &options, &address));
    // The coordinator has read it; whoever comes now cannot.
    fs::remove_file(&benchmark).unwrap();
    let _worker = worker(&address);
    let ended = ask("watch", &submitted, &address);
    let said = text(&ended.stderr);
    assert!(!ended.status.success(), "it was rendered without its benchmark");
    assert!(
        said.contains("a step of the rendering failed too often, because ") && said.contains("benchmark.py"),
        "{said}"
    );
}
