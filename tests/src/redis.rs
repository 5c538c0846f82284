//! A Redis server for tests and benchmarks of the whole system, which ends with whoever started it.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct RedisServer {
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    /// Starts one that listens on a socket of its own, with further options of the command line.
    pub fn start(options: &[&str]) -> io::Result<RedisServer> {
        let folder = tempfile::tempdir()?;
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.path().join("redis.sock"))
            .arg("--dir")
            .arg(folder.path())
            .args(options)
            .stdout(Stdio::null())
            .spawn()?;
        let server = RedisServer { folder, process };
        let begun = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "redis-server does not listen"));
            }
            thread::yield_now();
        }
        Ok(server)
    }

    /// As `et-coord serve --queue` takes it.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// A connection beside those of the system.
    pub fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// Number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It is gone already, or will be: there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
