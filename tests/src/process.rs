//! Looks at processes that a test started, and ends them.

use std::fs;
use std::process::{Command, Stdio};

/// The living children of a process, by id.
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|&id| parent_of(id) == Some(parent)).collect()
}

/// Kills a process that this test started, by id. Tells whether it was still there.
pub fn kill(id: u32) -> bool {
    signal(id, "KILL")
}

/// Asks a process that this test started to stop, as a terminal's Ctrl-C does.
pub fn interrupt(id: u32) -> bool {
    signal(id, "INT")
}

/// Asks a process that this test started to stop, as Kubernetes does.
pub fn terminate(id: u32) -> bool {
    signal(id, "TERM")
}

/// The most memory that a process has held so far, in KiB.
pub fn peak_memory_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Processor time that a process has taken so far, all its threads together, in seconds.
pub fn processor_seconds(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the command's name: state, parent and nine more fields, then user and system time in ticks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / rustix::param::clock_ticks_per_second() as f64)
}

/// Processor time that this machine has spent on anything since it started, in seconds.
pub fn machine_processor_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<f64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
    // User, nice, system, idle, waiting for disks, interrupts, soft interrupts.
    let [user, nice, system, _, _, hard, soft, ..] = ticks[..] else { return None };
    Some((user + nice + system + hard + soft) / rustix::param::clock_ticks_per_second() as f64)
}

fn signal(id: u32, name: &str) -> bool {
    let status =
        Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The command's name may hold spaces and parentheses; state and parent follow its last one.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let _state = fields.next()?;
    fields.next()?.parse().ok()
}
