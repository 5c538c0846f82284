//! A Redis that others watch: a master, a replica, and sentinels that make the replica the master when that is gone.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::redis::{await_start, end};

/// Two of them decide.
const SENTINELS: usize = 3;

pub struct WatchedRedis {
    master: Child,
    others: Vec<Child>,
    sentinels: Vec<u16>,
    _folder: TempDir,
}

impl WatchedRedis {
    /// Starts all of them, and waits until the replica follows and the sentinels know of it and of each other.
    pub fn start() -> io::Result<WatchedRedis> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_owned();
        let place = |name: &str| root.join(name);
        let master_port = free_port()?;
        let master = start(&place("master"), master_port, "save \"\"", &[])?;
        let mut watched = WatchedRedis { master, others: Vec::new(), sentinels: Vec::new(), _folder: folder };
        let replica = format!("save \"\"\nreplicaof 127.0.0.1 {master_port}\nrepl-diskless-sync-delay 0");
        let replica_port = free_port()?;
        watched.others.push(start(&place("replica"), replica_port, &replica, &[])?);
        await_start(|| says(replica_port, "replication", &["master_link_status:up"]).unwrap_or(false))?;
        for number in 0..SENTINELS {
            let lines = format!(
                "sentinel monitor main 127.0.0.1 {master_port} 2\n\
                 sentinel down-after-milliseconds main 1000\n\
                 sentinel failover-timeout main 3000"
            );
            let port = free_port()?;
            watched.others.push(start(&place(&format!("sentinel-{number}")), port, &lines, &["--sentinel"])?);
            watched.sentinels.push(port);
        }
        for port in &watched.sentinels {
            let knows_all = ["status=ok,", &format!("slaves=1,sentinels={SENTINELS}")];
            await_start(|| says(*port, "sentinel", &knows_all).unwrap_or(false))?;
        }
        Ok(watched)
    }

    /// As `et-coord serve --queue` takes it.
    pub fn url(&self) -> String {
        let sentinels: Vec<String> = self.sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis-sentinel://{}/main", sentinels.join(","))
    }

    pub fn kill_master(&mut self) {
        end(&mut self.master);
    }
}

impl Drop for WatchedRedis {
    fn drop(&mut self) {
        end(&mut self.master);
        self.others.iter_mut().for_each(end);
    }
}

/// Whether a server says all of this about itself.
fn says(port: u16, section: &str, words: &[&str]) -> redis::RedisResult<bool> {
    let mut server = redis::Client::open(format!("redis://127.0.0.1:{port}"))?.get_connection()?;
    let info: String = redis::cmd("INFO").arg(section).query(&mut server)?;
    Ok(words.iter().all(|word| info.contains(word)))
}

fn start(folder: &Path, port: u16, lines: &str, mode: &[&str]) -> io::Result<Child> {
    fs::create_dir(folder)?;
    let config = folder.join("redis.conf");
    fs::write(&config, format!("port {port}\nbind 127.0.0.1\ndir {}\n{lines}\n", folder.display()))?;
    let mut process = Command::new("redis-server").arg(config).args(mode).stdout(Stdio::null()).spawn()?;
    await_start(|| TcpStream::connect(("127.0.0.1", port)).is_ok()).inspect_err(|_| end(&mut process))?;
    Ok(process)
}

/// A port that is free now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
