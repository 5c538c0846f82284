//! A Redis server for the tests, which ends with the last of them that uses it.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
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

    /// One for this test alone, with further lines of its configuration.
    pub(super) fn start(lines: &[&str]) -> Option<Server> {
        let is_sentinel = lines.iter().any(|line| line.starts_with("sentinel "));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut config = format!("port 0\nunixsocket {path}/redis.sock\ndir {path}\n");
        if !is_sentinel {
            config += "save \"\"\n";
        }
        fs::write(folder.path().join("redis.conf"), config + &lines.join("\n")).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(folder.path().join("redis.conf")).stdout(Stdio::null());
        if is_sentinel {
            command.arg("--sentinel");
        }
        let process = match command.spawn() {
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

/// A port that is free now.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
