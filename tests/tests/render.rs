//! Training text from a dataset of traces, with the real binary.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::process;
use tests::system::{et_coord, files, rows, start_et_coord, text, until};

/// Programs of different lengths and ends, each with several inputs. Every fourth source is nearly the one before.
fn cases() -> String {
    let mut cases = String::new();
    let mut case =
        |code: &str, input: &str| cases.push_str(&format!("{}\n", json!({"code": code, "input": input})));
    for number in 0..12 {
        let sum = format!(
            "def add(total, n):\n    return total + n * {number}\n\n\
             def f(xs):\n    total = {number}\n    for x in xs:\n        total = add(total, x)\n    return total\n"
        );
        case(&sum, "[1, 2, 3]");
        case(&sum, "[]");
        case(&format!("# the same, number {number}\n{sum}"), "[1, 2, 3]");
        let down = format!("def f(n):\n    if n <= {number}:\n        return n\n    return f(n - 1)\n");
        case(&down, &format!("{}", number + 9));
        case(&format!("def f(x):\n    return {{'k{number}': x}}[x]\n"), "'absent'");
    }
    case("def f(:\n", "1");
    cases
}

/// The dataset of traces that all tests render.
fn traces() -> &'static Path {
    static TRACES: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, traces) = TRACES.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let (source, traces) = (folder.path().join("cases.jsonl"), folder.path().join("traces"));
        fs::write(&source, cases()).unwrap();
        let run: [OsString; 6] = [
            "run".into(),
            source.into(),
            "-o".into(),
            traces.clone().into(),
            "--shard-sources".into(),
            "4".into(),
        ];
        let finished = et_coord(run);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        (folder, traces)
    });
    traces
}

fn arguments(style: &str, output: &Path, options: &[&str]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["render".into(), traces().into()];
    arguments.extend(["--style".into(), style.into(), "--output".into(), output.into(), "--json".into()]);
    arguments.extend(options.iter().map(OsString::from));
    arguments
}

fn try_render(style: &str, output: &Path, options: &[&str]) -> Output {
    et_coord(arguments(style, output, options))
}

/// Renders; gives the report.
fn render(style: &str, output: &Path, options: &[&str]) -> Value {
    let finished = try_render(style, output, options);
    assert!(finished.status.success(), "{options:?}: {}", text(&finished.stderr));
    serde_json::from_slice(&finished.stdout).unwrap()
}

/// The examples of a split that was written as JSON lines, in the order of the files.
fn examples(output: &Path, split: &str) -> Vec<Value> {
    let mut examples = Vec::new();
    for (name, bytes) in files(&output.join("data")) {
        if name.starts_with(split) {
            let lines = text(&zstd::decode_all(bytes.as_slice()).unwrap());
            examples.extend(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    examples
}

fn strings<'a>(examples: &'a [Value], key: &str) -> Vec<&'a str> {
    examples.iter().map(|example| example[key].as_str().unwrap()).collect()
}

const JSONL: [&str; 2] = ["--format", "jsonl"];

#[test]
fn a_request_gives_the_same_bytes_on_any_number_of_threads() {
    let folder = TempDir::new().unwrap();
    let options = ["--shuffle", "--validation", "0.3", "--similar-traces", "2", "--seed", "5", "--jobs"];
    let make = |name: &str, jobs| {
        let output = folder.path().join(name);
        render("direct", &output, &[&options[..], &[jobs]].concat());
        files(&output)
    };
    let one = make("one", "1");
    assert_eq!(one, make("four", "4"));
    assert!(one.keys().any(|name| name.starts_with("data/validation-")), "{:?}", one.keys());
    assert!(
        !one.keys().any(|name| name.contains("survey") || name.contains("scattered")),
        "{:?}",
        one.keys()
    );
}

#[test]
fn machines_share_the_work_and_make_one_set() {
    let folder = TempDir::new().unwrap();
    let options = ["--shuffle", "--similar-sources", "1"];
    let (alone, together) = (folder.path().join("alone"), folder.path().join("together"));
    let report = render("direct", &alone, &options);
    let machines = ["0/3", "1/3", "2/3"].map(|share| {
        let options = [&options[..], &["--share", share]].concat();
        start_et_coord(arguments("direct", &together, &options))
    });
    for machine in machines {
        let finished = machine.wait_with_output().unwrap();
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        assert_eq!(serde_json::from_slice::<Value>(&finished.stdout).unwrap(), report);
    }
    assert_eq!(files(&together), files(&alone));
}

#[test]
fn whoever_is_interrupted_goes_on_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let straight = folder.path().join("straight");
    render("scratchpad", &straight, &["--shuffle"]);
    for (name, stop) in [("killed", process::kill as fn(u32) -> bool), ("interrupted", process::interrupt)] {
        let output = folder.path().join(name);
        let mut running = start_et_coord(arguments("scratchpad", &output, &["--shuffle", "--jobs", "1"]));
        until("it has done something", || output.join("_et/scattered").exists());
        stop(running.id());
        running.wait().unwrap();
        let report = render("scratchpad", &output, &["--shuffle"]);
        assert_eq!(files(&output), files(&straight), "{name}");
        // Once more there is nothing to do.
        assert_eq!(render("scratchpad", &output, &["--shuffle"]), report);
    }
}

#[test]
fn every_execution_is_told_or_counted() {
    let folder = TempDir::new().unwrap();
    let report = render("direct", folder.path(), &JSONL);
    let tally = &report["tally"];
    let left_out: u64 =
        tally["left_out"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let traced = rows(traces());
    assert_eq!(tally["executions"].as_u64().unwrap(), traced.len() as u64);
    assert_eq!(tally["rendered"].as_u64().unwrap() + left_out, traced.len() as u64);
    let examples = examples(folder.path(), "train");
    assert_eq!(examples.len() as u64, tally["examples"].as_u64().unwrap());
    let ids: BTreeSet<&str> = strings(&examples, "id").into_iter().collect();
    assert_eq!(ids.len(), examples.len());
    for example in &examples {
        let row = &traced[example["source_path"].as_str().unwrap()];
        assert_eq!(row["trace_id"], example["trace_id"]);
        let begins = format!("{}/direct/", example["trace_id"].as_str().unwrap());
        assert!(example["id"].as_str().unwrap().starts_with(&begins), "{example}");
    }
    let card = fs::read_to_string(folder.path().join("README.md")).unwrap();
    assert!(card.contains("  - split: train\n    path: data/train-*.jsonl.zst\n"), "{card}");
}

#[test]
fn shuffling_keeps_every_example_once_in_an_order_that_the_seed_decides() {
    let folder = TempDir::new().unwrap();
    let ids = |name: &str, options: &[&str]| -> Vec<String> {
        let output = folder.path().join(name);
        render("direct", &output, &[&JSONL, options].concat());
        strings(&examples(&output, "train"), "id").into_iter().map(str::to_owned).collect()
    };
    let straight = ids("straight", &[]);
    let (one, two) = (ids("one", &["--shuffle"]), ids("two", &["--shuffle", "--seed", "1"]));
    assert!(straight != one && one != two);
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(one), sorted(straight.clone()));
    assert_eq!(sorted(two), sorted(straight));
}

#[test]
fn validation_gets_sources_of_its_own() {
    let folder = TempDir::new().unwrap();
    render("direct", folder.path(), &[&JSONL[..], &["--validation", "0.4"]].concat());
    let code = |split| -> BTreeSet<String> {
        // The comment is all that the near-duplicates differ by.
        let traced = rows(traces());
        let examples = examples(folder.path(), split);
        let paths = strings(&examples, "source_path");
        let lines: Vec<String> = cases().lines().map(str::to_owned).collect();
        paths
            .iter()
            .map(|path| {
                assert!(traced.contains_key(*path));
                let line: usize = path.rsplit_once(':').unwrap().1.parse().unwrap();
                let case: Value = serde_json::from_str(&lines[line - 1]).unwrap();
                let code = case["code"].as_str().unwrap();
                code.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
            })
            .collect()
    };
    let (train, validation) = (code("train"), code("validation"));
    assert!(!train.is_empty() && !validation.is_empty());
    assert!(train.is_disjoint(&validation), "{:?}", train.intersection(&validation).next());
}

#[test]
fn what_is_examined_is_left_out() {
    let folder = TempDir::new().unwrap();
    let benchmark = folder.path().join("benchmark.jsonl");
    let first = cases().lines().next().unwrap().to_owned();
    fs::write(&benchmark, format!("{first}\n")).unwrap();
    let output = folder.path().join("out");
    let report = render("direct", &output, &["--benchmark", benchmark.to_str().unwrap()]);
    let left_out = &report["tally"]["left_out"];
    // The program is there with two inputs, and with a comment; others differ from it in a number.
    assert_eq!(left_out["in_benchmark"], 2, "{left_out}");
    assert!(left_out["overlaps_benchmark"].as_u64().unwrap() >= 1, "{left_out}");
    assert_eq!(left_out["never_ran"], 1, "{left_out}");
}

#[test]
fn no_example_is_longer_than_its_limit() {
    const MOST: usize = 700;
    let folder = TempDir::new().unwrap();
    let limit = MOST.to_string();
    let make = |name: &str, options: &[&str]| {
        let output = folder.path().join(name);
        let report = render("scratchpad", &output, &[&JSONL[..], &["--as", "text"], options].concat());
        (report["tally"].clone(), examples(&output, "train"))
    };
    let (all, whole) = make("whole", &[]);
    for overlong in ["drop", "shrink"] {
        let (tally, examples) = make(overlong, &["--max-chars", &limit, "--overlong", overlong]);
        assert!(strings(&examples, "text").iter().all(|text| text.chars().count() <= MOST), "{overlong}");
        assert!(!examples.is_empty() && examples.len() < whole.len(), "{overlong}: {tally}");
        assert_eq!(tally["executions"], all["executions"]);
        assert_eq!(tally["left_out"]["too_long"], tally["too_long"], "{overlong}: {tally}");
    }
}

#[test]
fn windows_together_are_the_text() {
    let folder = TempDir::new().unwrap();
    let texts = |name: &str, options: &[&str]| {
        let output = folder.path().join(name);
        let report = render("annotated", &output, &[&JSONL, options].concat());
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let examples = examples(&output, "train");
        for example in &examples {
            *texts.entry(example["trace_id"].to_string()).or_default() += example["text"].as_str().unwrap();
        }
        (report["tally"].clone(), examples, texts)
    };
    let (_, _, whole) = texts("whole", &[]);
    let (tally, pieces, joined) = texts("windows", &["--max-chars", "300", "--overlong", "window"]);
    assert!(strings(&pieces, "text").iter().all(|text| text.chars().count() <= 300));
    assert_eq!(joined, whole);
    assert!(tally["windows"].as_u64().unwrap() > 10 && tally["too_long"] == 0, "{tally}");
}

#[test]
fn tokens_are_counted_by_the_tokenizer_that_is_named() {
    let folder = TempDir::new().unwrap();
    let tokenizer = folder.path().join("tokenizer.json");
    let words = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"},
    });
    fs::write(&tokenizer, words.to_string()).unwrap();
    let output = folder.path().join("out");
    let most = ["--max-tokens", "25", "--tokenizer", tokenizer.to_str().unwrap()];
    let report = render("direct", &output, &[&JSONL[..], &most].concat());
    let examples = examples(&output, "train");
    let count = |example: &Value, key: &str| example[key].as_str().unwrap().split_whitespace().count();
    assert!(examples.iter().all(|example| count(example, "prompt") + count(example, "completion") <= 25));
    assert!(!examples.is_empty() && report["tally"]["too_long"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn mistakes_get_one_sentence() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("full")).unwrap();
    fs::write(place("full/precious"), "").unwrap();
    render("direct", &place("taken"), &[]);
    for (style, output, options, says) in [
        ("nosuch", "new", &[][..], "there is no style `nosuch`; there are: "),
        ("direct", "new", &["--set", "nosuch=1"], "has no setting `nosuch`"),
        ("direct", "new", &["--set", "nosuch"], "is no setting: write key=value"),
        ("direct", "new", &["--benchmark", "/no/such.jsonl"], "such.jsonl"),
        ("direct", "full", &[], "is neither empty nor a set of training text"),
        ("direct", "taken", &["--seed", "1"], "was begun with another seed: choose another output"),
    ] {
        let finished = try_render(style, &place(output), options);
        let said = text(&finished.stderr);
        assert!(!finished.status.success() && said.contains(says), "{says}: said {said:?}");
        assert_eq!(said.trim_end().lines().count(), 1, "said {said:?}");
        assert!(!place("new").exists(), "{says}");
    }
}

#[test]
fn a_dataset_that_is_not_finished_is_not_rendered() {
    let folder = TempDir::new().unwrap();
    let unfinished = folder.path().join("unfinished");
    for name in ["_et", "data"] {
        for (file, bytes) in files(&traces().join(name)) {
            let path = unfinished.join(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    fs::remove_file(unfinished.join("_et/manifest.json")).unwrap();
    let output = folder.path().join("out");
    let arguments: [OsString; 6] = [
        "render".into(),
        unfinished.into(),
        "--style".into(),
        "direct".into(),
        "-o".into(),
        output.clone().into(),
    ];
    let finished = et_coord(arguments);
    assert!(!finished.status.success());
    assert!(text(&finished.stderr).contains("is not finished: run its job to its end first"));
    assert!(!output.exists());
}
