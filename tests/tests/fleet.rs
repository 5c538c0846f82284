//! A fleet of real processes: two coordinators on one Redis, three workers, S3; and what happens to fleets.
//!
//! Left out, with a message, where there is no `redis-server`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dataset::{S3Keys, S3Settings, Store};
use s3_server::{ACCESS_KEY_ID, Fault, S3Server, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::binaries;
use tests::redis::RedisServer;
use tests::sentinels::WatchedRedis;
use tests::system::{et_coord, python_of_workers, text, until};

const OUTPUT: &str = "s3://bucket/traces";

/// Programs of the job. Each takes a moment, so that there is a time to disturb.
const PROGRAMS: usize = 150;

struct Fleet<Q = RedisServer> {
    redis: Q,
    s3: S3Server,
    folder: TempDir,
}

/// A process of the fleet, ended when it is dropped.
struct Process(Child);

impl Process {
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Most often it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A queue that coordinators can share.
trait Shared {
    /// As `et-coord serve --queue` takes it.
    fn url(&self) -> String;
}

impl Shared for RedisServer {
    fn url(&self) -> String {
        RedisServer::url(self)
    }
}

impl Shared for WatchedRedis {
    fn url(&self) -> String {
        WatchedRedis::url(self)
    }
}

impl Fleet {
    fn new() -> Option<Fleet> {
        Fleet::on(RedisServer::start(&[]))
    }
}

impl<Q: Shared> Fleet<Q> {
    fn on(redis: io::Result<Q>) -> Option<Fleet<Q>> {
        let redis = match redis {
            Ok(redis) => redis,
            Err(error) if std::env::var_os("ET_REQUIRE_REDIS").is_none() => {
                eprintln!("redis-server cannot be started ({error}): this test is left out");
                return None;
            }
            Err(error) => panic!("redis-server cannot be started: {error}"),
        };
        let folder = TempDir::new().unwrap();
        let s3 = S3Server::start(folder.path()).unwrap();
        s3.create_bucket("bucket");
        Some(Fleet { redis, s3, folder })
    }

    fn command(&self, program: std::path::PathBuf) -> Command {
        let mut command = Command::new(program);
        command
            .env_remove("RUST_LOG")
            .env("ET_S3_ENDPOINT", self.s3.endpoint())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        command
    }

    /// Starts a coordinator, at this address if one is given. Gives the address that workers call.
    fn coordinator(&self, listen: Option<&str>) -> (Process, String) {
        let listen = listen.map_or("127.0.0.1:0", |address| address.trim_start_matches("http://"));
        let mut command = self.command(binaries::et_coord());
        command.args(["serve", "--listen", listen, "--queue", &self.redis.url()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("et-coord: serving at ").expect("it says where it serves");
        (Process(child), address.to_owned())
    }

    fn worker(&self, coordinator: &str) -> Process {
        let mut command = self.command(binaries::et_worker());
        command.args(["--coordinator", coordinator, "--slots", "1"]);
        Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn et_coord(&self, arguments: &[&str]) -> Output {
        self.command(binaries::et_coord()).args(arguments).output().unwrap()
    }

    /// The same in a mount namespace of its own, in which this file says which addresses a name has.
    fn et_coord_that_knows(&self, hosts: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command("unshare".into());
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg(r#"mount --bind "$0" /etc/hosts && exec "$@""#).arg(hosts).arg(binaries::et_coord());
        command.args(arguments).output().unwrap()
    }

    fn asked(&self, arguments: &[&str]) -> Value {
        let output = self.et_coord(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Submits the job over these programs. Gives its id.
    fn submit(&self, programs: &str, coordinator: &str) -> String {
        let python = python_of_workers();
        let job = ["submit", programs, "-o", OUTPUT, "--shard-sources", "3", "--python", &python];
        let job = self.asked(&[&job[..], &["--json", "--coordinator", coordinator]].concat());
        job["job"].as_str().unwrap().to_owned()
    }

    fn shards_done(&self, job: &str, coordinator: &str) -> u64 {
        let shown = self.et_coord(&["show", job, "--json", "--coordinator", coordinator]);
        let shown: Option<Value> = serde_json::from_slice(&shown.stdout).ok();
        shown.and_then(|shown| shown["shards_done"].as_u64()).unwrap_or(0)
    }

    /// Waits for the end of the job. Every source must then be in its dataset, once.
    fn await_whole(&self, job: &str, coordinator: &str, programs: &str) {
        let watched = self.et_coord(&["watch", job, "--json", "--coordinator", coordinator]);
        assert!(watched.status.success(), "{}", text(&watched.stderr));
        let ended: Value = serde_json::from_slice(&watched.stdout).unwrap();
        assert_eq!((&ended["state"], ended["shards_done"].as_u64()), (&Value::from("complete"), Some(50)));
        let verified = self.et_coord(&["verify", OUTPUT, "--against", programs]);
        assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
        let said = text(&verified.stdout);
        assert!(said.contains("150 sources listed, 150 in the dataset"), "{said}");
    }

    /// Every object below a place, with the hash of its bytes.
    fn objects(&self, place: &str) -> BTreeMap<String, u64> {
        let keys = S3Keys {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        };
        let settings = S3Settings { endpoint: Some(self.s3.endpoint()), keys: Some(keys) };
        let store = Store::open_s3(place, &settings).unwrap();
        let keys = store.list("").unwrap().map(Result::unwrap);
        let hashed = |key: String| {
            let mut hash = DefaultHasher::new();
            store.get(&key).unwrap().hash(&mut hash);
            (key, hash.finish())
        };
        keys.map(hashed).collect()
    }

    fn plant(&self) -> String {
        let programs = self.folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        for number in 0..PROGRAMS {
            let program = format!("import time\ntime.sleep(0.05)\nprint(sum(range({number})))\n");
            std::fs::write(programs.join(format!("{number:03}.py")), program).unwrap();
        }
        programs.to_str().unwrap().to_owned()
    }
}

#[test]
fn nothing_is_lost_or_doubled_whoever_is_killed() {
    let Some(fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (mut one, first) = fleet.coordinator(None);
    let (mut two, second) = fleet.coordinator(None);
    let mut workers = [fleet.worker(&first), fleet.worker(&first), fleet.worker(&second)];

    let id = fleet.submit(&programs, &first);
    assert_eq!(fleet.submit(&programs, &second), id, "the same job is the same job, whoever is asked");

    let done = |coordinator: &str| fleet.shards_done(&id, coordinator);
    until("some shards are done", || done(&second) >= 4);
    let [a, b, c] = workers;
    a.kill();
    workers = [fleet.worker(&second), b, c];

    until("more shards are done", || done(&second) >= 8);
    one.kill();
    until("the other coordinator goes on", || done(&second) >= 10);
    one = fleet.coordinator(Some(&first)).0;

    let () = redis_flush(&fleet);
    until("the queue is begun again from the parts that exist", || done(&first) >= 16);
    two.kill();
    let [a, b, c] = workers;
    [a, b, c].into_iter().for_each(Process::kill);
    two = fleet.coordinator(Some(&second)).0;
    workers = [fleet.worker(&first), fleet.worker(&second), fleet.worker(&second)];

    until("new workers go on", || done(&second) >= 22);
    one.kill();
    two.kill();
    let (_one, first) = fleet.coordinator(Some(&first));
    let (_two, _) = fleet.coordinator(Some(&second));
    fleet.await_whole(&id[..6], &first, &programs);
    drop(workers);
}

fn redis_flush(fleet: &Fleet) {
    let mut connection = fleet.redis.connection().unwrap();
    redis::cmd("FLUSHALL").query::<()>(&mut connection).unwrap();
}

#[test]
fn text_is_the_same_bytes_whoever_is_killed_and_whatever_fails() {
    let Some(fleet) = Fleet::new() else { return };
    let rows = fleet.folder.path().join("rows.jsonl");
    let code =
        "def f(n):\n    seen = []\n    for i in range(n):\n        seen.append(i * n)\n    return seen\n";
    let row = |number: usize| format!("{}\n", json!({"code": code, "input": number.to_string()}));
    std::fs::write(&rows, (0..60).map(row).collect::<String>()).unwrap();
    let run = ["run", rows.to_str().unwrap(), "-o", "s3://bucket/traces", "--shard-sources", "2"];
    let ran = fleet.et_coord(&run);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let ask = |output: &str, more: &[&str]| {
        let render =
            ["render", "s3://bucket/traces", "--style", "scratchpad", "--shuffle", "--per-shape", "40"];
        fleet.asked(&[&render[..], &["--json", "-o", output], more].concat())
    };
    ask("s3://bucket/alone", &[]);

    let (one, first) = fleet.coordinator(None);
    let (_two, second) = fleet.coordinator(None);
    let [lost, _kept] = [fleet.worker(&first), fleet.worker(&second)];
    let faults = fleet.s3.faults();
    faults.next(3, &["PUT", "/text/"], Fault::SlowDown);
    faults.next(3, &["GET", "/traces/"], Fault::Reset);
    // A job of which only a lost queue and a lost coordinator knew would be lost with them.
    let submitted = ask("s3://bucket/text", &["--coordinator", &second]);
    let id = submitted["job"].as_str().unwrap();
    until("some parts are looked at", || fleet.shards_done(id, &first) >= 3);
    lost.kill();
    one.kill();
    redis_flush(&fleet);
    let _more = fleet.worker(&second);
    let ended = fleet.asked(&["watch", id, "--json", "--coordinator", &second]);
    assert_eq!((&ended["state"], &ended["kind"]), (&Value::from("complete"), &Value::from("render")));
    assert_eq!(fleet.objects("s3://bucket/text"), fleet.objects("s3://bucket/alone"));
}

#[test]
fn a_redis_that_comes_back_old_costs_time_and_nothing_else() {
    let Some(mut fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (_one, first) = fleet.coordinator(None);
    let (_two, second) = fleet.coordinator(None);
    let _workers = [fleet.worker(&first), fleet.worker(&second)];
    let id = fleet.submit(&programs, &first);
    until("some shards are done", || fleet.shards_done(&id, &first) >= 3);
    fleet.redis.save().unwrap();
    until("more shards are done", || fleet.shards_done(&id, &second) >= 12);
    fleet.redis.restart().unwrap();
    fleet.await_whole(&id, &second, &programs);
}

#[test]
fn a_master_that_is_lost_is_replaced_and_the_job_goes_on() {
    let Some(mut fleet) = Fleet::on(WatchedRedis::start()) else { return };
    let programs = fleet.plant();
    let (_one, first) = fleet.coordinator(None);
    let (_two, second) = fleet.coordinator(None);
    let _workers = [fleet.worker(&first), fleet.worker(&second)];
    let id = fleet.submit(&programs, &first);
    until("some shards are done", || fleet.shards_done(&id, &second) >= 3);
    fleet.redis.kill_master();
    fleet.await_whole(&id, &second, &programs);
}

#[test]
fn who_knows_several_coordinators_asks_one_that_lives() {
    let Some(fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (one, first) = fleet.coordinator(None);
    let (_two, second) = fleet.coordinator(None);
    let both = format!("{first},{second}");
    let _workers = [fleet.worker(&both), fleet.worker(&both)];
    let id = fleet.submit(&programs, &both);
    until("some shards are done", || fleet.shards_done(&id, &both) >= 3);
    one.kill();
    fleet.await_whole(&id, &both, &programs);
}

#[test]
fn a_name_with_several_addresses_stands_for_all_of_them() {
    let Some(fleet) = Fleet::new() else { return };
    let (one, first) = fleet.coordinator(None);
    let second = first.replace("127.0.0.1", "127.0.0.2");
    let (two, _) = fleet.coordinator(Some(&second));
    let hosts = fleet.folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 coordinators.test\n127.0.0.2 coordinators.test\n").unwrap();
    let check = || {
        let name = first.replace("127.0.0.1", "coordinators.test");
        let output = fleet.et_coord_that_knows(&hosts, &["jobs", "--json", "--coordinator", &name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    check();
    one.kill();
    check();
    let (_one, _) = fleet.coordinator(Some(&first));
    two.kill();
    check();
}

#[test]
fn a_job_waits_for_workers_of_its_interpreter() {
    let Some(fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (_coordinator, address) = fleet.coordinator(None);
    let _worker = fleet.worker(&address);
    let submit = |python: &str, output: &str| {
        let words =
            ["submit", &programs, "-o", output, "--python", python, "--json", "--coordinator", &address];
        fleet.asked(&words)["job"].as_str().unwrap().to_owned()
    };
    let other = submit("3.99", "s3://bucket/other");
    let message = || fleet.asked(&["show", &other, "--json", "--coordinator", &address])["message"].clone();
    until("it is known that no worker fits", || {
        message().as_str().is_some_and(|message| message.ends_with("none has python=3.99"))
    });
    let again = ["submit", &programs, "-o", "s3://bucket/other", "--coordinator", &address];
    let refused = fleet.et_coord(&again);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("with other interpreter: choose another folder"), "{refused:?}");
}

#[test]
fn a_store_that_fails_and_is_slow_costs_time_and_nothing_else() {
    let Some(fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (_coordinator, address) = fleet.coordinator(None);
    let _workers = [fleet.worker(&address), fleet.worker(&address)];
    let faults = fleet.s3.faults();
    faults.next(3, &["/traces/_et/plan/"], Fault::InternalError);
    let id = fleet.submit(&programs, &address);
    until("some shards are done", || fleet.shards_done(&id, &address) >= 3);
    faults.next(20, &["/traces/_et/attempts/"], Fault::SlowDown);
    faults.next(10, &["PUT", "/traces/data/"], Fault::Late(Duration::from_millis(700)));
    faults.next(10, &["PUT", "/traces/data/"], Fault::LostAnswer);
    faults.next(10, &["/traces/"], Fault::Reset);
    until("more shards are done", || fleet.shards_done(&id, &address) >= 20);
    faults.next(10, &["/traces/_et/manifest.json"], Fault::InternalError);
    faults.next(10, &["GET", "/traces/data/"], Fault::Truncated(10));
    fleet.await_whole(&id, &address, &programs);
}

#[test]
fn jobs_can_be_paused_cancelled_and_taken_up_again_from_the_command_line() {
    let Some(fleet) = Fleet::new() else { return };
    let programs = fleet.plant();
    let (_coordinator, address) = fleet.coordinator(None);
    let at = ["--coordinator", &address];
    let ask = |words: &[&str]| fleet.et_coord(&[words, &at[..]].concat());
    let said = |output: &Output| text(&output.stdout).trim_end().to_owned();

    let python = python_of_workers();
    let job = ["submit", &programs, "-o", "s3://bucket/traces", "--shard-sources", "5", "--python", &python];
    let submitted = ask(&job);
    assert!(submitted.status.success(), "{}", text(&submitted.stderr));
    let id = said(&submitted).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(said(&submitted), format!("job {id} is submitted"));
    until("it is known that nobody works", || {
        said(&ask(&["show", &id])).ends_with("no worker has reported to this coordinator lately")
    });
    assert_eq!(said(&ask(&["pause", &id])), format!("job {id} is paused"));
    let _worker = fleet.worker(&address);
    assert_eq!(said(&ask(&["cancel", &id])), format!("job {id} is cancelled"));
    assert_eq!(said(&ask(&["resume", &id])), format!("job {id} is running"));
    assert_eq!(said(&ask(&["failures", &id])), "no shard has failed");
    let watched = ask(&["watch", &id]);
    assert!(watched.status.success(), "{}", text(&watched.stderr));
    let listed = said(&ask(&["jobs"]));
    assert!(listed.contains("complete") && listed.contains("150 of 150 (100%)"), "{listed}");
    let refused = ask(&["cancel", &id]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), format!("error: job {id} is complete\n"));
}

#[test]
fn a_dry_run_shows_the_job_and_its_first_shards_and_asks_nobody() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("programs")).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join("programs").join(format!("{name}.py")), "").unwrap();
    }
    let config = format!("sources: [{}]\noutput: {}\nshard-sources: 3\n", path("programs"), path("traces"));
    std::fs::write(path("job.yaml"), config).unwrap();
    let nobody = ["--coordinator", "http://127.0.0.1:1"];
    let flags = ["--shard-sources", "2", "--timeout", "7s", "--priority", "5", "--dry-run"];
    let output = et_coord(["submit", "--config", &path("job.yaml")].iter().chain(&flags).chain(&nobody));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let job = &shown["job"];
    assert_eq!((&shown["output"], &shown["priority"]), (&Value::from(path("traces")), &Value::from(5)));
    assert_eq!((&job["shard_sources"], &job["limits"]["wall_ms"]), (&Value::from(2), &Value::from(7000)));
    let sources: Vec<_> =
        shown["first_shards"].as_array().unwrap().iter().map(|shard| &shard["sources"]).collect();
    assert_eq!(sources, [&Value::from(2), &Value::from(1)]);
    assert!(!folder.path().join("traces").exists(), "nothing is begun");
}

#[test]
fn a_coordinator_that_cannot_begin_says_why_in_one_sentence() {
    let Some(fleet) = Fleet::new() else { return };
    let (_coordinator, address) = fleet.coordinator(None);
    let taken = address.trim_start_matches("http://");
    let programs = fleet.plant();
    let contradiction = ["submit", &programs, "-o", OUTPUT, "--label", "python=3.12", "--python", "3.13"];
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("redis://:s3cret@{nobody}");
    for (arguments, says) in [
        (vec!["serve", "--listen", taken], "choose another address with --listen"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--queue", &nobody], "cannot be reached"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--queue", "mysql://here"], "is not an address of a queue"),
        (vec!["serve", "--listen", "0.0.0.0:0"], "--insecure"),
        (vec!["jobs", "--coordinator", "http://127.0.0.1:1"], "does not answer: Connection refused"),
        (vec!["jobs", "--coordinator", "nonsense"], "is no address of a coordinator"),
        (
            [&contradiction[..], &["--coordinator", &address]].concat(),
            "the label python=3.12 contradicts the job, which is for CPython 3.13",
        ),
        (vec!["show", "beef", "--coordinator", &address], "there is no job beef"),
    ] {
        let output = fleet.et_coord(&arguments);
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} was accepted");
        assert!(said.starts_with("error: ") && said.contains(says), "{arguments:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
