//! A Redis server for the tests, which ends with the last of them that uses it.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(super) struct Server {
    folder: TempDir,
    process: Child,
}

/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    /// One that other tests use at the same time, so each keeps to jobs of its own. `None` where no Redis is
    /// installed, unless `ET_REQUIRE_REDIS` is set.
    pub(super) fn shared() -> Option<Arc<Server>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Server::start(&[])?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// One for this test alone, with further options of the command line.
    pub(super) fn start(options: &[&str]) -> Option<Server> {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(folder.path().join("redis.sock"))
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::null())
            .spawn();
        let process = match process {
            Err(error)
                if error.kind() == ErrorKind::NotFound && std::env::var_os("ET_REQUIRE_REDIS").is_none() =>
            {
                eprintln!("not tested with Redis: no redis-server is installed");
                return None;
            }
            process => process.expect("redis-server can be started"),
        };
        let server = Server { folder, process };
        let begun = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            assert!(begun.elapsed() < PATIENCE, "redis-server does not listen");
            thread::yield_now();
        }
        Some(server)
    }

    pub(super) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub(super) fn client(&self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already, or will be: there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
