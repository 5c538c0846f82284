//! The whole system as a user meets it: real binaries, real interpreters, hostile programs, real kills.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use tests::process::{children_of, interrupt, kill};
use tests::system::{et_coord, parts, row, rows, start_et_coord, text, until, verify};
use tests::tracers::interpreters;

#[test]
fn every_program_ends_as_its_folder_says() {
    let programs = repository("tests/programs");
    let cases = programs.join("cases.jsonl");
    let expected: BTreeMap<String, String> =
        serde_json::from_str(&fs::read_to_string(programs.join("expected.json")).unwrap()).unwrap();
    for python in interpreters() {
        let folder = TempDir::new().unwrap();
        let dataset = folder.path().join("dataset");
        let limits = ["--timeout", "3s", "--memory", "256MiB", "--shard-sources", "6", "--python"];
        let finished = run(&[&programs, &cases], &dataset, &limits.map(OsString::from), Some(&python.path));
        assert!(finished.status.success(), "{}", text(&finished.stderr));

        let rows = rows(&dataset);
        let ended: BTreeMap<String, String> = rows
            .iter()
            .map(|(path, row)| {
                let name = path.strip_prefix("programs/").unwrap_or(path);
                (name.to_owned(), row["outcome"].as_str().unwrap().to_owned())
            })
            .collect();
        assert_eq!(ended, expected, "with Python {}", python.minor);
        verify(&dataset, &[&programs, &cases]);

        let secrets = row(&dataset, "hostile/reads_secrets.py");
        assert!(!secrets["stdout"].as_str().unwrap().contains("bytes of"), "{}", secrets["stdout"]);
        let crashed = row(&dataset, "hostile/crashes.py");
        assert_eq!(lines_run(&crashed), [1, 3, 4], "what ran before a crash is kept");
        let fooled = row(&dataset, "hostile/fools_the_tracer.py");
        assert_eq!(fooled["stdout"], "nobody looked\n");
    }
}

#[test]
fn same_input_gives_the_same_traces() {
    let folder = TempDir::new().unwrap();
    let programs = repository("tests/programs/ordinary");
    let [first, second] = ["first", "second"].map(|name| {
        let dataset = folder.path().join(name);
        let finished = run(&[&programs], &dataset, &[], None);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        rows(&dataset).into_keys().map(|path| without_cost(row(&dataset, &path))).collect::<Vec<_>>()
    });
    assert_eq!(first, second);
}

#[test]
fn lone_surrogates_come_through_as_they_are_escaped() {
    let folder = TempDir::new().unwrap();
    let code = folder.path().join("half.py");
    let source = "half = '\\udc80x'\nn = {half: 1}\nraise ValueError(half)\n";
    fs::write(&code, source).unwrap();
    let dataset = folder.path().join("dataset");
    let finished = run(&[&code], &dataset, &[], None);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    let row = row(&dataset, "half.py");
    let events = row["events"].as_array().unwrap();
    let changes: Vec<&Value> = events.iter().flat_map(|event| event["changes"].as_array().unwrap()).collect();
    let told = |name: &str| changes.iter().find(|change| change["name"] == name).unwrap()["text"].clone();
    assert_eq!((told("half"), told("n")), ("'\\udc80x'".into(), "{'\\udc80x': 1}".into()));
    assert_eq!(row["exception_message"], "\\udc80x");
}

#[test]
fn killed_workers_cost_nothing_but_time() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 300);
    let dataset = folder.path().join("dataset");
    let mut coordinator = start_et_coord(arguments(&[&code], &dataset, &["--shard-sources", "10"]));
    for published in [1, 5, 10] {
        until("some parts are published", || parts(&dataset).len() >= published);
        if let Some(&worker) = children_of(coordinator.id()).first() {
            kill(worker);
        }
    }
    assert!(coordinator.wait().unwrap().success());
    assert_eq!(rows(&dataset).len(), 300);
    verify(&dataset, &[&code]);
}

#[test]
fn job_goes_on_after_everything_was_killed_and_repeats_nothing() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 300);
    let dataset = folder.path().join("dataset");
    let mut coordinator = start_et_coord(arguments(&[&code], &dataset, &["--shard-sources", "10"]));
    until("some parts are published", || parts(&dataset).len() >= 5);
    let workers = children_of(coordinator.id());
    kill(coordinator.id());
    coordinator.wait().unwrap();
    for &worker in &workers {
        kill(worker);
    }
    until("the workers are gone", || workers.iter().all(|id| !Path::new(&format!("/proc/{id}")).exists()));
    let before = parts(&dataset);
    assert!(before.len() < 30, "the job was over before it was killed");

    let finished = run(&[&code], &dataset, &["--shard-sources", "10"].map(OsString::from), None);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    let after = parts(&dataset);
    for (part, identity) in &before {
        assert_eq!(after.get(part), Some(identity), "{} was written again", part.display());
    }
    assert_eq!(rows(&dataset).len(), 300);
    verify(&dataset, &[&code]);
}

#[test]
fn interrupted_run_drains_and_says_how_to_go_on() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 300);
    let dataset = folder.path().join("dataset");
    let coordinator = start_et_coord(arguments(&[&code], &dataset, &["--shard-sources", "10"]));
    until("some parts are published", || parts(&dataset).len() >= 3);
    interrupt(coordinator.id());
    let finished = coordinator.wait_with_output().unwrap();
    assert_eq!(finished.status.code(), Some(130), "{}", text(&finished.stderr));
    assert!(text(&finished.stderr).contains("same command"), "{}", text(&finished.stderr));
    let before = parts(&dataset);
    assert!(before.len() < 30, "the job was over before it was interrupted");

    let finished = run(&[&code], &dataset, &["--shard-sources", "10"].map(OsString::from), None);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    assert!(before.iter().all(|(part, identity)| parts(&dataset).get(part) == Some(identity)));
    verify(&dataset, &[&code]);
}

#[test]
fn a_folder_has_one_run_at_a_time_and_nothing_is_left_locked_by_one_that_was_killed() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 300);
    let dataset = folder.path().join("dataset");
    let mut first = start_et_coord(arguments(&[&code], &dataset, &["--shard-sources", "10"]));
    until("a part is published", || !parts(&dataset).is_empty());
    let second = run(&[&code], &dataset, &["--shard-sources", "10"].map(OsString::from), None);
    assert_eq!(second.status.code(), Some(1), "{}", text(&second.stdout));
    let said = text(&second.stderr);
    assert!(said.contains("another `et-coord run` is at work there") && said.lines().count() == 1, "{said}");
    assert!(kill(first.id()));
    first.wait().unwrap();
    let third = run(&[&code], &dataset, &["--shard-sources", "10"].map(OsString::from), None);
    assert!(third.status.success(), "{}", text(&third.stderr));
    verify(&dataset, &[&code]);
}

#[test]
fn verify_tells_a_missing_part_and_a_new_source() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 20);
    let dataset = folder.path().join("dataset");
    let finished = run(&[&code], &dataset, &["--shard-sources", "5"].map(OsString::from), None);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    verify(&dataset, &[&code]);

    fs::write(code.join("zz_new.py"), "print('late')\n").unwrap();
    let against = |dataset: &Path| {
        et_coord(["verify".as_ref(), dataset.as_os_str(), "--against".as_ref(), code.as_os_str()])
    };
    let told = against(&dataset);
    assert!(!told.status.success());
    assert!(text(&told.stdout).contains("zz_new.py"), "{}", text(&told.stdout));

    fs::remove_file(code.join("zz_new.py")).unwrap();
    let part = parts(&dataset).into_keys().next().unwrap();
    fs::remove_file(&part).unwrap();
    let told = against(&dataset);
    assert!(!told.status.success());
    assert!(
        text(&told.stdout).contains(part.file_name().unwrap().to_str().unwrap()),
        "{}",
        text(&told.stdout)
    );
}

#[test]
fn odd_sources_are_rows() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let code = folder.path().join("code");
    fs::create_dir(&code).unwrap();
    fs::write(code.join("plain.py"), "x = 1\n").unwrap();
    fs::write(code.join("large.py"), vec![b'#'; 50 << 20]).unwrap();
    fs::write(code.join(std::ffi::OsStr::from_bytes(b"caf\xe9.py")), "x = 2\n").unwrap();
    std::os::unix::fs::symlink(&code, code.join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", code.join("dangling.py")).unwrap();
    std::os::unix::fs::symlink("circle.py", code.join("circle.py")).unwrap();
    let dataset = folder.path().join("dataset");
    let finished = run(&[&code], &dataset, &[], None);
    assert!(finished.status.success(), "{}", text(&finished.stderr));

    let ended: BTreeMap<String, String> = rows(&dataset)
        .into_iter()
        .map(|(path, row)| {
            let name = path.rsplit('/').next().unwrap().to_owned();
            (name, row["outcome"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [
        ("plain.py", "returned"),
        ("large.py", "unreadable"),
        ("caf\\xe9.py", "returned"),
        ("dangling.py", "unreadable"),
        ("circle.py", "unreadable"),
    ];
    assert_eq!(ended, expected.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())).into());
    verify(&dataset, &[&code]);
}

#[test]
fn compressed_rows_are_read_as_plain_ones() {
    let folder = TempDir::new().unwrap();
    let plain = repository("tests/programs/cases.jsonl");
    for packer in ["gzip", "zstd"] {
        let suffix = if packer == "gzip" { "gz" } else { "zst" };
        let packed = folder.path().join(format!("cases.jsonl.{suffix}"));
        fs::copy(&plain, folder.path().join("cases.jsonl")).unwrap();
        let mut bytes = Vec::new();
        let text_of_it = fs::read(&plain).unwrap();
        match packer {
            "gzip" => {
                use std::io::Write;
                let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::default());
                encoder.write_all(&text_of_it).unwrap();
                encoder.finish().unwrap();
            }
            _ => bytes = zstd::encode_all(&text_of_it[..], 3).unwrap(),
        }
        fs::write(&packed, bytes).unwrap();
        let dataset = folder.path().join(suffix);
        let finished = run(&[&packed], &dataset, &["--shard-sources", "2"].map(OsString::from), None);
        assert!(finished.status.success(), "{}", text(&finished.stderr));
        let outcomes: Vec<_> = rows(&dataset).into_values().map(|row| row["outcome"].clone()).collect();
        assert_eq!(outcomes.len(), 9);
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "returned").count(), 4);
        verify(&dataset, &[&packed]);
    }
}

#[test]
fn bad_requests_get_one_sentence_and_leave_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let code = generated(folder.path(), 3);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let other = folder.path().join("other");
    assert!(run(&[&code], &other, &[], None).status.success());
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "do not touch").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();

    let absent = folder.path().join("absent");
    let fresh = folder.path().join("fresh");
    let listen = ["--listen".to_owned(), port];
    let python = ["--python".to_owned(), "/nonexistent/python3".to_owned()];
    let no_options: [String; 0] = [];
    let cases: [(&str, &Path, &Path, &[String], &str); 6] = [
        ("a source that does not exist", &absent, &fresh, &no_options, "there is no"),
        ("a source without programs", &empty, &fresh, &no_options, "no "),
        (
            "another job's dataset",
            &repository("tests/programs/ordinary"),
            &other,
            &no_options,
            "with other sources",
        ),
        ("a folder that is no dataset", &code, &foreign, &no_options, "neither empty nor a dataset"),
        ("a port in use", &code, &fresh, &listen, "in use"),
        ("no interpreter", &code, &fresh, &python, "/nonexistent/python3"),
    ];
    for (what, source, output, options, says) in cases {
        let before = listing(output);
        let options: Vec<OsString> = options.iter().map(OsString::from).collect();
        let finished = run(&[source], output, &options, None);
        let said = text(&finished.stderr);
        assert!(!finished.status.success(), "{what}: accepted");
        assert!(said.contains(says), "{what}: said {said:?}");
        assert_eq!(said.trim_end().lines().count(), 1, "{what}: said {said:?}");
        assert_eq!(listing(output), before, "{what}: left something behind");
    }
}

fn run(sources: &[&Path], dataset: &Path, options: &[OsString], python: Option<&Path>) -> Output {
    let mut arguments = arguments(sources, dataset, options);
    arguments.extend(python.map(OsString::from));
    et_coord(arguments)
}

fn arguments(sources: &[&Path], dataset: &Path, options: &[impl AsRef<std::ffi::OsStr>]) -> Vec<OsString> {
    let mut arguments = vec![OsString::from("run")];
    arguments.extend(sources.iter().map(OsString::from));
    arguments.push("--output".into());
    arguments.push(dataset.into());
    arguments.extend(options.iter().map(|option| option.as_ref().to_owned()));
    arguments
}

/// A folder of small programs, one in ten of which fails.
fn generated(folder: &Path, programs: usize) -> PathBuf {
    let code = folder.join("code");
    fs::create_dir(&code).unwrap();
    for number in 0..programs {
        let failure = if number % 10 == 9 { "raise ValueError(total)\n" } else { "" };
        let program = format!("total = 0\nfor n in range({}):\n    total += n\n{failure}", number % 30);
        fs::write(code.join(format!("program_{number:04}.py")), program).unwrap();
    }
    code
}

/// The lines that a script's module frame ran, in order.
fn lines_run(row: &Value) -> Vec<u64> {
    let events = row["events"].as_array().unwrap().iter();
    events.filter(|event| event["kind"] == "line").map(|event| event["line"].as_u64().unwrap()).collect()
}

/// What a rerun must give again: all but what it cost and which job it was.
fn without_cost(mut row: Value) -> Value {
    for varying in ["wall_us", "cpu_us", "peak_memory_bytes"] {
        assert!(row.as_object_mut().unwrap().remove(varying).is_some(), "a row has {varying}");
    }
    row
}

fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}
