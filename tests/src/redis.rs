//! A Redis server for tests and benchmarks of the whole system, which ends with whoever started it.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct RedisServer {
    folder: TempDir,
    options: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// Starts one that listens on a socket of its own, with further options of the command line.
    pub fn start(options: &[&str]) -> io::Result<RedisServer> {
        let folder = tempfile::tempdir()?;
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let process = spawn(folder.path(), &options)?;
        let server = RedisServer { folder, options, process };
        server.await_start()?;
        Ok(server)
    }

    /// As `et-coord serve --queue` takes it.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", socket(self.folder.path()).display())
    }

    /// A connection beside those of the system.
    pub fn connection(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    /// Number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Writes down all that it holds now.
    pub fn save(&self) -> redis::RedisResult<()> {
        redis::cmd("SAVE").query(&mut self.connection()?)
    }

    /// Kills it and starts it again. It remembers what was saved last.
    pub fn restart(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        fs::remove_file(socket(self.folder.path()))?;
        self.process = spawn(self.folder.path(), &self.options)?;
        self.await_start()
    }

    fn await_start(&self) -> io::Result<()> {
        await_start(|| UnixStream::connect(socket(self.folder.path())).is_ok())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn spawn(folder: &Path, options: &[String]) -> io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(socket(folder))
        .arg("--dir")
        .arg(folder)
        .args(options)
        .stdout(Stdio::null())
        .spawn()
}

pub(crate) fn end(process: &mut Child) {
    // It is gone already, or will be: there is nobody to tell.
    let _ = process.kill();
    let _ = process.wait();
}

/// Waits until a server answers.
pub(crate) fn await_start(mut answers: impl FnMut() -> bool) -> io::Result<()> {
    let begun = Instant::now();
    while !answers() {
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "redis-server does not listen"));
        }
        thread::yield_now();
    }
    Ok(())
}
