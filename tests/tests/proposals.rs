//! Inputs that a language model proposes: a whole job against an endpoint on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use dataset::{Dataset, InputOrigin, Store};
use tempfile::TempDir;
use tests::binaries;
use tests::system::text;
use tests::tracers::interpreters;

const KEY: &str = "a-key-that-nobody-may-see";

const SOURCE: &str = r#"
import os

KNOWN = dict(os.environ)

def opens(word):
    if word == "sesame":
        return "open"
    return KNOWN.get("ET_PROPOSALS_KEY_FILE", "closed")
"#;

#[test]
fn what_a_model_proposes_is_executed_and_its_key_stays_with_the_worker() {
    let place = Place::new();
    let (url, asked) =
        endpoint("Of course:\n```python\nopens('sesame')\nopens(open('/etc/passwd').read())\n```");
    let options = ["--mode", "functions", "--proposals-model", "small", "--log", "debug"];
    let finished = place.run("first", &options, Some(&url));
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    let rows = place.rows("first");
    let proposed: Vec<_> = rows.iter().filter(|row| row.origin == "proposed").collect();
    assert_eq!(proposed.len(), 1, "{rows:?}");
    assert_eq!((proposed[0].input.as_str(), proposed[0].output.as_str()), ("'sesame'", "'open'"));
    assert!(rows.iter().all(|row| !row.output.contains("key")), "{rows:?}");

    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "a file is one question");
    assert!(asked[0].to_lowercase().contains(&format!("authorization: bearer {KEY}")), "{}", asked[0]);
    assert!(asked[0].contains("- opens") && asked[0].contains("sesame"), "{}", asked[0]);
    // Neither the log nor the dataset holds the key.
    assert!(!text(&finished.stderr).contains(KEY));
    for file in files(&place.dataset("first")) {
        assert!(!contains(&fs::read(&file).unwrap(), KEY.as_bytes()), "{}", file.display());
    }
}

#[test]
fn an_answer_is_kept_with_the_dataset_so_that_a_rerun_gives_the_same() {
    let place = Place::new();
    let (url, asked) = endpoint("opens('sesame')");
    let options = ["--mode", "functions", "--proposals-model", "small"];
    let finished = place.run("kept", &options, Some(&url));
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    let before = place.rows("kept");
    let part = place.dataset("kept").join("data/part-000000.parquet");
    fs::remove_file(part).unwrap();
    fs::remove_file(place.dataset("kept").join("_et/manifest.json")).unwrap();
    // The endpoint is not even known any more.
    let again = place.run("kept", &options, None);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(place.rows("kept"), before);
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn a_job_that_asks_for_no_proposals_asks_nobody() {
    let place = Place::new();
    let (url, asked) = endpoint("opens('sesame')");
    let finished = place.run("none", &["--mode", "functions"], Some(&url));
    assert!(finished.status.success(), "{}", text(&finished.stderr));
    assert!(place.rows("none").iter().all(|row| row.origin != "proposed"));
    assert!(asked.lock().unwrap().is_empty());
}

/// An endpoint that always answers this, and what it was asked.
fn endpoint(answer: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let completion = serde_json::json!({"choices": [{"message": {"role": "assistant", "content": answer}}]});
    let told = asked.clone();
    // It ends with the process that runs the test.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            told.lock().unwrap().push(request(&stream));
            let body = completion.to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (url, asked)
}

fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        if let Some(number) = head[start..].to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[derive(Debug, PartialEq, Eq)]
struct Found {
    input: String,
    output: String,
    origin: &'static str,
}

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(TempDir::new().unwrap());
        fs::create_dir(place.0.path().join("sources")).unwrap();
        fs::write(place.0.path().join("sources/opens.py"), SOURCE).unwrap();
        fs::write(place.0.path().join("key"), format!("{KEY}\n")).unwrap();
        place
    }

    fn dataset(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, dataset: &str, options: &[&str], url: Option<&str>) -> Output {
        let mut command = Command::new(binaries::et_coord());
        command.arg("run").arg(self.0.path().join("sources")).arg("--output").arg(self.dataset(dataset));
        command.arg("--python").arg(&interpreters().last().unwrap().path).args(options);
        if let Some(url) = url {
            command.env("ET_PROPOSALS_URL", url).env("ET_PROPOSALS_KEY_FILE", self.0.path().join("key"));
        }
        command.output().unwrap()
    }

    fn rows(&self, dataset: &str) -> Vec<Found> {
        let opened = Dataset::open(Store::local(&self.dataset(dataset))).unwrap();
        let mut found = Vec::new();
        for shard in opened.published().unwrap() {
            for stored in opened.part(shard.unwrap()).unwrap().rows_from(0).unwrap() {
                let stored = stored.unwrap();
                let row = stored.row().unwrap();
                found.push(Found {
                    input: row.input.clone().unwrap_or_default(),
                    output: row.output.clone().unwrap_or_default(),
                    origin: InputOrigin::name(row.input_origin),
                });
            }
        }
        found
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
