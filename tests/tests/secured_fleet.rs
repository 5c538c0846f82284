//! A coordinator, a worker and people who trust each other by certificates and tokens, and others whom they do not.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tests::redis::RedisServer;
use tests::system::{et_coord, python_of_workers, rows, text, until, verify};
use tests::{binaries, process};

const PEOPLE: &str = "the-people-s-secret";
const MACHINES: &str = "the-machines-secret";

#[test]
fn a_job_runs_over_mutual_tls_and_the_secrets_show_nowhere() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let log = scene.path("worker-log");
    let mut worker = scene.worker(&coordinator.url, MACHINES);
    let mut worker = worker.stdout(Stdio::null()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let dataset = scene.path("traces");
    let programs = scene.path("programs");
    let python = python_of_workers();
    let submit = ["submit", "--watch", "--python", &python, "-o"];
    let submitted = scene.ask(&coordinator.url, PEOPLE, submit, &[&dataset, &programs]);
    assert!(submitted.status.success(), "{}", text(&submitted.stderr));
    verify(&dataset, &[&programs]);

    let jobs = scene.ask(&coordinator.url, PEOPLE, ["jobs", "--json"], &[]);
    assert!(jobs.status.success(), "{}", text(&jobs.stderr));
    assert!(process::interrupt(worker.id()));
    let ended = worker.wait().unwrap();
    let (worker, coordinator) = (fs::read_to_string(&log).unwrap(), coordinator.end());
    assert!(ended.success(), "{ended}: {worker}");
    assert!(worker.contains("h2::") && coordinator.contains("h2::"), "both tell all that they can");
    for said in [worker, coordinator, text(&jobs.stdout), written(&dataset), printed(&dataset)] {
        assert!(!said.is_empty());
        for secret in [PEOPLE, MACHINES] {
            assert!(!said.contains(secret), "{secret} shows in {said}");
        }
    }
}

#[test]
fn everybody_does_what_the_token_is_for_and_nothing_else() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let url = &coordinator.url;
    let told = |output: Output, sentence: &str| {
        let said = text(&output.stderr);
        assert!(!output.status.success());
        assert!(said.starts_with("error: ") && said.contains(sentence), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    told(scene.ask(url, MACHINES, ["jobs"], &[]), "the token is good, but not for a submitter");
    told(scene.ask(url, "a-guess", ["jobs"], &[]), "the coordinator does not know this token");
    told(
        scene.worker(url, PEOPLE).env_remove("RUST_LOG").output().unwrap(),
        &format!("the coordinator at {url} refuses this worker: the token is good, but not for a worker"),
    );
    told(et_coord(["jobs", "--coordinator", &url.replace("https", "http")]), "does not answer");
    told(et_coord(["serve", "--listen", "0.0.0.0:0"]), "everybody who reaches 0.0.0.0 could submit jobs");
}

#[test]
fn certificates_are_replaced_without_a_restart() {
    let scene = Scene::new();
    let coordinator = scene.coordinator();
    let mut worker =
        scene.worker(&coordinator.url, MACHINES).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ask = || scene.ask(&coordinator.url, PEOPLE, ["jobs"], &[]);
    assert!(ask().status.success());
    scene.certify();
    until("the coordinator shows its new certificate", || ask().status.success());
    let (dataset, programs) = (scene.path("traces"), scene.path("programs"));
    let python = python_of_workers();
    let submit = ["submit", "--watch", "--python", &python, "-o"];
    let submitted = scene.ask(&coordinator.url, PEOPLE, submit, &[&dataset, &programs]);
    assert!(submitted.status.success(), "{}", text(&submitted.stderr));
    assert!(process::interrupt(worker.id()));
    assert!(worker.wait().unwrap().success());
    coordinator.end();
}

#[test]
fn a_queue_is_reached_over_tls_where_its_authority_is_trusted() {
    let scene = Scene::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let files = ["coordinator.pem", "coordinator.key", "ca.pem"].map(|name| scene.path(name));
    let [certificate, key, authority] = files.each_ref().map(|path| path.to_str().unwrap());
    let redis = RedisServer::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        authority,
        "--tls-auth-clients",
        "no",
    ]);
    let redis = match redis {
        Ok(redis) => redis,
        Err(error) if std::env::var_os("ET_REQUIRE_REDIS").is_none() => {
            eprintln!("redis-server cannot be started ({error}): this test is left out");
            return;
        }
        Err(error) => panic!("redis-server cannot be started: {error}"),
    };
    let queue = format!("rediss://127.0.0.1:{port}");
    let coordinator = scene.coordinator_with(&["--queue", &queue]);
    let jobs = scene.ask(&coordinator.url, PEOPLE, ["jobs"], &[]);
    assert!(jobs.status.success(), "{}", text(&jobs.stderr));
    coordinator.end();

    scene.certify();
    let refused = Command::new(binaries::et_coord())
        .args(["serve", "--listen", "127.0.0.1:0", "--queue", &queue])
        .env("SSL_CERT_FILE", scene.path("ca.pem"))
        .output()
        .unwrap();
    let said = text(&refused.stderr);
    assert!(!refused.status.success());
    assert!(said.starts_with("error: ") && said.contains("certificate"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    drop(redis);
}

/// Certificates, tokens and some programs.
struct Scene {
    folder: TempDir,
}

struct Coordinator {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { folder: tempfile::tempdir().unwrap() };
        scene.certify();
        scene.write("tokens", &format!("submitter {PEOPLE}\nworker {MACHINES}\n"));
        fs::create_dir(scene.path("programs")).unwrap();
        for number in 0..3 {
            scene.write(&format!("programs/{number}.py"), "import os\nprint(sorted(os.environ.items()))\n");
        }
        scene
    }

    /// Makes an authority, and certificates for both sides that nobody trusts who trusts another authority.
    fn certify(&self) {
        let scene = self;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the fleet's authority");
        let key = KeyPair::generate().unwrap();
        scene.write("ca.pem", &params.self_signed(&key).unwrap().pem());
        let authority = Issuer::new(params, key);
        for name in ["coordinator", "caller"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            scene.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).unwrap().pem());
            scene.write(&format!("{name}.key"), &key.serialize_pem());
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes what only its owner should read.
    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    /// One that asks for certificates and tokens.
    fn coordinator(&self) -> Coordinator {
        self.coordinator_with(&[])
    }

    /// The same with more options, and in a system that trusts the authority.
    fn coordinator_with(&self, options: &[&str]) -> Coordinator {
        let mut command = Command::new(binaries::et_coord());
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "trace"]).args(options);
        command.env("SSL_CERT_FILE", self.path("ca.pem"));
        for (option, file) in [
            ("--tls-cert", "coordinator.pem"),
            ("--tls-key", "coordinator.key"),
            ("--client-ca", "ca.pem"),
            ("--tokens", "tokens"),
        ] {
            command.arg(option).arg(self.path(file));
        }
        let log = self.path("log");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url =
            line.trim().strip_prefix("et-coord: serving at ").expect("it says where it serves").to_owned();
        Coordinator { process, url, log }
    }

    fn worker(&self, url: &str, token: &str) -> Command {
        let mut command = Command::new(binaries::et_worker());
        command.args(["--slots", "1", "--scratch"]).arg(self.path("scratch"));
        self.trust(&mut command, url, token);
        command.env("RUST_LOG", "trace").stdin(Stdio::null());
        command
    }

    fn ask<'a>(
        &self,
        url: &str,
        token: &str,
        words: impl IntoIterator<Item = &'a str>,
        paths: &[&Path],
    ) -> Output {
        let mut command = Command::new(binaries::et_coord());
        command.args(words).args(paths.iter().map(|path| path.as_os_str()));
        self.trust(&mut command, url, token);
        command.env_remove("RUST_LOG").output().unwrap()
    }

    fn trust(&self, command: &mut Command, url: &str, token: &str) {
        let token_file = match token {
            PEOPLE => "token-of-people",
            MACHINES => "token-of-machines",
            _ => "token-of-others",
        };
        self.write(token_file, token);
        command.env("ET_COORDINATOR", url);
        for (variable, file) in [
            ("ET_TOKEN_FILE", token_file),
            ("ET_CA", "ca.pem"),
            ("ET_CERT", "caller.pem"),
            ("ET_KEY", "caller.key"),
        ] {
            command.env(variable, self.path(file));
        }
    }
}

impl Coordinator {
    /// Ends it as Ctrl-C does. All that it said is in its log then.
    fn end(mut self) -> String {
        process::interrupt(self.process.id());
        let status = self.process.wait().unwrap();
        let log = fs::read_to_string(&self.log).unwrap();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It is gone already where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What anybody can read who is given the dataset, except for the parts.
fn written(dataset: &Path) -> String {
    let files = ["README.md", "_et/job.json", "_et/manifest.json", "_et/report.json"];
    files.map(|name| fs::read_to_string(dataset.join(name)).unwrap()).concat()
}

/// What the programs printed: their whole environment.
fn printed(dataset: &Path) -> String {
    rows(dataset).into_values().map(|row| row["stdout"].to_string()).collect()
}
