//! What a whole job says of which objects are one.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tests::system::{et_coord, row, text};

const PROGRAMS: &str = concat!(
    r#"{"code": "a = [1]\nb = a\nc = [1]\nb.append(2)\n"}"#,
    "\n",
    r#"{"code": "def f(x):\n    return [x, x]\n", "input": "[1]"}"#,
    "\n",
);

#[test]
fn objects_are_told_apart_where_a_job_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("programs.jsonl");
    fs::write(&code, PROGRAMS).unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    run(&code, &with, &["--identities", "--repeat", "2"]);
    run(&code, &without, &["--repeat", "2"]);

    let script = row(&with, "programs.jsonl:1");
    assert_eq!(told(&script, "a"), ["#1[1]", "[1]=2"]);
    assert_eq!(told(&script, "b"), ["#1[1]", "[1]=2"]);
    assert_eq!(told(&script, "c"), ["#2[1]"]);
    assert_eq!(script["deterministic"], true);
    assert_eq!(told(&row(&without, "programs.jsonl:1"), "c"), ["[1]"]);

    let call = row(&with, "programs.jsonl:2");
    assert_eq!(told(&call, "x"), ["#1[1]"]);
    let returned = call["events"].as_array().unwrap().iter().find(|event| event["kind"] == "return");
    assert_eq!(returned.unwrap()["text"], "#2[#1[1], #1[1]]");
    // What is predicted does not depend on how it was traced.
    assert_eq!(call["output"], "[[1], [1]]");
    assert_ne!(call["trace_id"], row(&without, "programs.jsonl:2")["trace_id"]);

    assert_eq!(job(&with)["identities"], true);
    assert_eq!(job(&without).get("identities"), None);
    let card = |dataset: &Path| fs::read_to_string(dataset.join("README.md")).unwrap();
    assert!(card(&with).contains("#3[1, 2]") && !card(&without).contains("#3[1, 2]"));

    let rerun = et_coord(["run".as_ref(), code.as_os_str(), "--output".as_ref(), with.as_os_str()]);
    assert!(text(&rerun.stderr).contains("identities"), "{}", text(&rerun.stderr));
}

fn run(code: &Path, dataset: &Path, options: &[&str]) {
    let arguments = ["run".as_ref(), code.as_os_str(), "--output".as_ref(), dataset.as_os_str()];
    let output = et_coord(arguments.into_iter().chain(options.iter().map(AsRef::as_ref)));
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// What is told of a variable, each time; of an element with its path.
fn told(row: &Value, name: &str) -> Vec<String> {
    let changes =
        row["events"].as_array().unwrap().iter().flat_map(|event| event["changes"].as_array().unwrap());
    let of_variable = changes.filter(|change| change["name"] == name);
    let shown = of_variable.map(|change| {
        let text = change["text"].as_str().unwrap_or_default();
        change["element"].as_str().map_or(text.to_owned(), |element| format!("{element}={text}"))
    });
    shown.collect()
}

fn job(dataset: &Path) -> Value {
    serde_json::from_slice(&fs::read(dataset.join("_et/job.json")).unwrap()).unwrap()
}
