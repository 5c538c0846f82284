//! Programs that other people wrote.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tests::random::Random;
use tests::tracers::{Program, interpreters, native};

use super::agreement::{compare_all, on_all_processors};

/// None where they are not present.
pub(crate) fn programs_of_every_style(max_events: u64) -> Vec<(String, Program)> {
    let folder = shared("research/tracer-prototype/progs");
    let files = folder.map_or_else(Vec::new, |folder| python_files(&folder));
    files.iter().map(|path| named(path, max_events)).collect()
}

#[test]
fn programs_of_every_style_agree() {
    let programs = programs_of_every_style(10_000);
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

/// Walks its frames down to the outermost one, and the reference has frames of its own beneath the program.
const SEES_THE_REFERENCE: &str = "boltons/excutils.py";

/// Takes 200 of the files below the folder that `ET_CORPORA` names.
#[test]
fn files_of_published_packages_agree() {
    let Some(folder) = env::var_os("ET_CORPORA") else {
        eprintln!("ET_CORPORA names no folder of Python files: this comparison is left out");
        return;
    };
    let mut files = python_files(Path::new(&folder));
    files.retain(|path| !path.ends_with(SEES_THE_REFERENCE));
    let mut random = Random::new(11);
    for interpreter in interpreters() {
        let taken =
            (0..200.min(files.len())).map(|_| files.swap_remove(random.below(files.len() as u64) as usize));
        let programs: Vec<_> = taken
            .map(|path| {
                let (name, program) = named(&path, 20_000);
                (name, Program { foreign: true, ..program })
            })
            .collect();
        let left_out = compare_all(interpreter, &programs);
        eprintln!("on 3.{}, {} files; left out: {left_out:#?}", interpreter.minor, programs.len());
        assert!(
            left_out.len() * 10 <= programs.len(),
            "too many are left out to say anything: {left_out:#?}"
        );
    }
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    test_setup_code: String,
    test_list: Vec<String>,
}

#[test]
fn solved_problems_agree_while_their_tests_run() {
    let Some(file) = shared("data/mbpp_dev.jsonl") else { return };
    let problems = rows::<Problem>(&file).into_iter().enumerate();
    let mut programs: Vec<_> = problems
        .map(|(row, Problem { code, test_setup_code, test_list })| {
            let mut program =
                Program::script(format!("{code}\n{test_setup_code}\n{}\n", test_list.join("\n")));
            program.bounds.max_events = 4_000;
            (format!("row {row}"), program)
        })
        .collect();
    for interpreter in interpreters() {
        let others = programs.split_off(programs.len().min(80));
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
        programs = others;
    }
}

#[derive(Deserialize)]
struct Case {
    id: String,
    code: String,
    input: String,
    output: String,
}

#[test]
fn calls_with_a_known_result_return_it() {
    let newest = interpreters().last();
    for interpreter in interpreters() {
        // The versions differ little in what a call returns: all calls on one of them are enough.
        let every = if Some(interpreter) == newest { 1 } else { 5 };
        let cases: Vec<_> = cases().into_iter().step_by(every).collect();
        on_all_processors(&cases, |Case { id, code, input, output }| {
            let (account, ended) = native::trace(interpreter, &Program::call(code.clone(), "f", input));
            let end = account.end.unwrap_or_else(|| panic!("{id}: {}", ended.report));
            assert_eq!((end.verdict.as_str(), &end.text), ("returned", output), "{id}");
        });
    }
}

#[test]
fn calls_with_a_known_result_agree() {
    let programs = calls();
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

/// An eighth of those with a known result.
pub(crate) fn calls() -> Vec<(String, Program)> {
    let eighth = cases().into_iter().step_by(8);
    eighth.map(|case| (case.id, Program::call(case.code, "f", &case.input))).collect()
}

fn cases() -> Vec<Case> {
    shared("data/cruxeval_dev.jsonl").map_or_else(Vec::new, |file| rows(&file))
}

fn rows<Row: DeserializeOwned>(file: &Path) -> Vec<Row> {
    let text = fs::read_to_string(file).expect("a readable file");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// Something that lies beside the repository where it is developed.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("{} does not exist: this comparison is left out", path.display());
    None
}

fn named(path: &Path, max_events: u64) -> (String, Program) {
    let mut program = Program::script(fs::read(path).expect("a readable file"));
    program.bounds.max_events = max_events;
    (path.display().to_string(), program)
}

/// The Python files below a folder, in order of their paths.
fn python_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(python_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
    files.sort();
    files
}
