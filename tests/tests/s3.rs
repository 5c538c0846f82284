//! Sources and datasets in S3, with the real binaries.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use dataset::{Dataset, S3Keys, S3Settings, Store, verify};
use s3_server::{ACCESS_KEY_ID, Fault, S3Server, SECRET_ACCESS_KEY};
use serde_json::Value;
use tempfile::TempDir;
use tests::binaries;
use tests::system::text;

struct Bucket {
    server: S3Server,
    _folder: TempDir,
}

impl Bucket {
    fn new() -> Bucket {
        let folder = TempDir::new().unwrap();
        let server = S3Server::start(folder.path()).unwrap();
        server.create_bucket("bucket");
        Bucket { server, _folder: folder }
    }

    fn store(&self, place: &str) -> Store {
        let keys = S3Keys {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        };
        let settings = S3Settings { endpoint: Some(self.server.endpoint()), keys: Some(keys) };
        Store::open_s3(place, &settings).unwrap()
    }

    fn et_coord(&self, arguments: &[&str]) -> Output {
        et_coord(&self.server.endpoint(), SECRET_ACCESS_KEY, arguments)
    }
}

fn et_coord(endpoint: &str, secret: &str, arguments: &[&str]) -> Output {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    Command::new(binaries::et_coord())
        .args(arguments)
        .args(["--s3-endpoint", endpoint])
        .env_remove("RUST_LOG")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .output()
        .expect("et-coord starts")
}

fn plant(bucket: &Bucket) {
    let corpus = bucket.store("s3://bucket/corpus");
    for number in 0..40 {
        let failure = if number % 10 == 9 { "raise ValueError(total)\n" } else { "" };
        let program = format!("total = 0\nfor n in range({number}):\n    total += n\n{failure}");
        corpus.put(&format!("{}/program_{number:02}.py", number % 3), program.as_bytes()).unwrap();
    }
    corpus.put("tells_its_environment.py", b"import os\nprint(dict(os.environ))\n").unwrap();
    let rows = "{\"code\": \"def f(x): return x + 1\", \"input\": \"41\", \"licence\": \"MIT\"}\n".repeat(7);
    bucket.store("s3://bucket").put("rows.jsonl", rows.as_bytes()).unwrap();
}

#[test]
fn a_job_from_s3_to_s3_survives_a_service_that_fails() {
    let bucket = Bucket::new();
    plant(&bucket);
    let faults = bucket.server.faults();
    faults.next(10, &["PUT", "/out/_et/attempts/"], Fault::SlowDown);
    faults.next(5, &["PUT", "/out/data/"], Fault::InternalError);
    faults.next(5, &["GET", "/corpus/"], Fault::Reset);
    faults.next(5, &["GET", "/corpus/"], Fault::Truncated(10));
    faults.next(3, &["PUT", "/out/data/"], Fault::LostAnswer);
    let sources = ["s3://bucket/corpus", "s3://bucket/rows.jsonl"];
    let run =
        ["run", sources[0], sources[1], "-o", "s3://bucket/out", "--shard-sources", "5", "--workers", "2"];
    let finished = bucket.et_coord(&run);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    assert!(text(&finished.stdout).contains("48 rows from 48 programs"), "{}", text(&finished.stdout));

    let verified = bucket.et_coord(&["verify", "s3://bucket/out", "--against", sources[1], sources[0]]);
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
    let listed = bucket.et_coord(&["inspect", "s3://bucket/out", "--json"]);
    assert_eq!(text(&listed.stdout).lines().count(), 48);
    let row = bucket.et_coord(&["inspect", "s3://bucket/out", "corpus/tells_its_environment.py", "--json"]);
    let row: Value = serde_json::from_slice(&row.stdout).unwrap();
    let printed = row["stdout"].as_str().unwrap();
    assert!(printed.starts_with('{') && !printed.contains("AWS") && !printed.contains(SECRET_ACCESS_KEY));

    let again = bucket.et_coord(&run);
    assert!(text(&again.stderr).contains("is complete already"), "{}", text(&again.stderr));
    assert!(bucket.server.unfinished_uploads().is_empty());
    assert_eq!(bucket.store("s3://bucket/out").list("_et/attempts/").unwrap().count(), 0);
}

#[test]
fn the_tables_of_a_dataset_are_sources_too() {
    let bucket = Bucket::new();
    plant(&bucket);
    let first =
        bucket.et_coord(&["run", "s3://bucket/corpus", "-o", "s3://bucket/out", "--shard-sources", "9"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let source = "s3://bucket/out/data";
    let again = ["run", source, "-o", "s3://bucket/again", "--map", "id=source_path", "--shard-sources", "4"];
    let second = bucket.et_coord(&again);
    assert!(second.status.success(), "{}", text(&second.stderr));
    assert!(text(&second.stdout).contains("41 rows from 41 programs"), "{}", text(&second.stdout));
    let verified = bucket.et_coord(&["verify", "s3://bucket/again", "--against", source]);
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
    let row = bucket.et_coord(&["inspect", "s3://bucket/again", "data/part-000000.parquet:3", "--json"]);
    let row: Value = serde_json::from_slice(&row.stdout).unwrap();
    assert_eq!(row["source_id"], "corpus/0/program_06.py");
    let came_with: Value = serde_json::from_str(row["source_meta"].as_str().unwrap()).unwrap();
    assert_eq!(came_with["outcome"], "returned");
}

#[test]
fn a_local_folder_becomes_a_dataset_in_s3() {
    let bucket = Bucket::new();
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/ordinary");
    let finished = bucket.et_coord(&["run", programs.to_str().unwrap(), "-o", "s3://bucket/deep/out"]);
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    let dataset = Dataset::open(bucket.store("s3://bucket/deep/out")).unwrap();
    let report = verify(&dataset).unwrap();
    assert!(report.is_clean() && report.sealed, "{report:?}");
}

#[test]
fn bad_requests_get_one_sentence_soon() {
    let bucket = Bucket::new();
    plant(&bucket);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}");
    let here = bucket.server.endpoint();
    let run = |source, output| ["run", source, "-o", output];
    let corpus = "s3://bucket/corpus";
    for (endpoint, secret, arguments, says) in [
        (&nobody, SECRET_ACCESS_KEY, run(corpus, "s3://bucket/out"), "cannot be reached: Connection refused"),
        (&here, "wrong", run(corpus, "s3://bucket/out"), "refuses the credentials (SignatureDoesNotMatch)"),
        (&here, SECRET_ACCESS_KEY, run(corpus, "s3://absent/out"), "there is no bucket absent"),
        (&here, SECRET_ACCESS_KEY, run("s3://absent/x", "s3://bucket/out"), "there is no bucket absent"),
        (&here, SECRET_ACCESS_KEY, run("s3://bucket/x", "s3://bucket/out"), "holds no .py or .parquet files"),
        (&here, SECRET_ACCESS_KEY, run(corpus, "s3://bucket"), "neither empty nor a dataset"),
        (&here, SECRET_ACCESS_KEY, run(corpus, "gs://bucket/out"), "give a folder or s3://bucket/prefix"),
        (&"nowhere".to_owned(), SECRET_ACCESS_KEY, run(corpus, "s3://bucket/out"), "is no address of an S3"),
    ] {
        let started = Instant::now();
        let finished = et_coord(endpoint, secret, &arguments);
        let said = text(&finished.stderr);
        assert!(!finished.status.success(), "{says}: accepted");
        assert!(said.contains(says), "{says}: said {said:?}");
        assert_eq!(said.trim_end().lines().count(), 1, "said {said:?}");
        assert!(!said.contains(SECRET_ACCESS_KEY) && !said.contains("wrong"), "said {said:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{says}: after {:?}", started.elapsed());
        assert_eq!(bucket.store("s3://bucket/out").list("").unwrap().count(), 0, "{says}");
    }
}
