//! Starts worker processes on this machine and keeps them alive until they are let go.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const FIRST_RESTART: Duration = Duration::from_millis(200);
const LONGEST_RESTART: Duration = Duration::from_secs(10);
/// A worker that lived this long got to work, so it died of something else than its start.
const HEALTHY: Duration = Duration::from_secs(1);

/// How long workers that were told to go may take to clean up.
const GRACE: Duration = Duration::from_secs(10);

/// The same for workers that were told to stop whatever they do.
const CLEANUP: Duration = Duration::from_secs(2);

/// How long to read on after a worker is gone: a process that outlives it may hold its standard error open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a worker says why it stops.
const ERROR: &str = "error: ";

/// A worker process that was started here is gone.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Unless it could not be started.
    pub(crate) pid: Option<u32>,
    pub(crate) cause: ExitCause,
}

/// Why a worker process is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExitCause {
    /// It said why it stops.
    Refused(String),
    /// It said nothing. This is how it ended.
    Died(String),
}

/// Decides when it makes no sense to start workers again.
#[derive(Debug)]
pub(crate) struct Patience {
    workers: usize,
    parts_done: u64,
    /// Exits since a part was last published.
    refusals: usize,
    deaths: usize,
}

/// When every local worker has given up so often, with nothing published in between, they will do so again.
const MAX_REFUSALS: usize = 3;
/// The same for those that died at work. A shard that takes them down is set aside before.
const MAX_DEATHS: usize = 20;

impl Patience {
    pub(crate) fn new(workers: usize) -> Patience {
        Patience { workers, parts_done: 0, refusals: 0, deaths: 0 }
    }

    /// Takes down an exit; `was_at_work` if the worker had reported before. Says why to give up, if that is due.
    pub(crate) fn note(&mut self, cause: ExitCause, was_at_work: bool, parts_done: u64) -> Option<String> {
        if parts_done > self.parts_done {
            *self = Patience { parts_done, ..Patience::new(self.workers) };
        }
        match cause {
            ExitCause::Died(_) if was_at_work => self.deaths += 1,
            _ => self.refusals += 1,
        }
        let is_over =
            self.refusals >= MAX_REFUSALS * self.workers || self.deaths >= MAX_DEATHS * self.workers;
        let (ExitCause::Refused(words) | ExitCause::Died(words)) = cause;
        is_over.then_some(words)
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct WorkerCommand {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// A filter for its log, in place of the one in the environment.
    pub(crate) log: Option<String>,
}

/// Takes what workers write to standard error, line by line.
pub(crate) trait Listener: Clone + Send + Sync + 'static {
    fn line(&self, line: &str);
}

/// A number of workers, each with someone who sees to it that it lives.
#[derive(Debug)]
pub(crate) struct LocalWorkers {
    phase: watch::Sender<Phase>,
    keepers: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Whoever dies is replaced.
    Keep,
    LetGo,
    End,
}

impl LocalWorkers {
    /// Starts `count` workers. Each exit is told.
    pub(crate) fn start<L: Listener>(
        command: WorkerCommand,
        count: usize,
        exits: mpsc::Sender<Exit>,
        listener: L,
    ) -> LocalWorkers {
        let phase = watch::Sender::new(Phase::Keep);
        let mut keepers = JoinSet::new();
        for _ in 0..count {
            let keeper = Keeper {
                command: command.clone(),
                phase: phase.subscribe(),
                exits: exits.clone(),
                listener: listener.clone(),
            };
            keepers.spawn(keeper.keep());
        }
        LocalWorkers { phase, keepers }
    }

    /// Whoever dies from now on is not replaced.
    pub(crate) fn let_go(&self) {
        self.phase.send_modify(|phase| *phase = Phase::LetGo.max(*phase));
    }

    /// Returns when no worker is left. Those that do not go by themselves are ended.
    pub(crate) async fn gone(&mut self) {
        self.let_go();
        if timeout(GRACE, self.all_gone()).await.is_err() {
            self.end().await;
        }
    }

    /// Ends all workers at once.
    pub(crate) async fn end(&mut self) {
        self.phase.send_replace(Phase::End);
        self.all_gone().await;
    }

    async fn all_gone(&mut self) {
        while self.keepers.join_next().await.is_some() {}
    }
}

/// Sees to it that one worker lives.
struct Keeper<L> {
    command: WorkerCommand,
    phase: watch::Receiver<Phase>,
    exits: mpsc::Sender<Exit>,
    listener: L,
}

impl<L: Listener> Keeper<L> {
    async fn keep(mut self) {
        let mut pause = FIRST_RESTART;
        while self.is_keeping() {
            let started = Instant::now();
            let (pid, cause) = match self.command.spawn() {
                Ok(child) => {
                    let pid = child.id();
                    (pid, self.attend(child).await)
                }
                Err(error) => {
                    let program = self.command.program.display();
                    (None, ExitCause::Died(format!("cannot start {program}: {error}")))
                }
            };
            tokio::select! {
                biased;
                // If nobody receives any more, nobody needs to know.
                _ = self.exits.send(Exit { pid, cause }) => {}
                () = reached(&mut self.phase, Phase::End) => {}
            }

            if started.elapsed() >= HEALTHY {
                pause = FIRST_RESTART;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = reached(&mut self.phase, Phase::LetGo) => {}
            }
            pause = (pause * 2).min(LONGEST_RESTART);
        }
    }

    fn is_keeping(&self) -> bool {
        *self.phase.borrow() == Phase::Keep
    }

    /// Stays with a worker to its end.
    async fn attend(&mut self, mut child: Child) -> ExitCause {
        let stderr = child.stderr.take().expect("standard error is piped");
        let mut words = Words { lines: BufReader::new(stderr).lines(), last: None, listener: &self.listener };
        let status = tokio::select! {
            status = child.wait() => status,
            () = words.hear_all() => child.wait().await,
            () = reached(&mut self.phase, Phase::End) => end(&mut child).await,
        };
        let _ = timeout(LAST_WORDS, words.hear_all()).await;
        match (words.last, status) {
            (Some(sentence), _) => ExitCause::Refused(sentence),
            (None, Ok(status)) => ExitCause::Died(format!("a worker ended with {}", describe(status))),
            (None, Err(error)) => ExitCause::Died(format!("a worker was lost: {error}")),
        }
    }
}

/// Ends a worker at once, if it can with its scratch folder removed.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid as i32)) else { return child.wait().await };
    // The third wish to stop is the urgent one, and signals of one kind could become one.
    for wish in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let _ = kill_process(pid, wish);
    }
    if let Ok(status) = timeout(CLEANUP, child.wait()).await {
        return status;
    }
    // The group holds whatever the worker has started that did not leave it.
    let _ = kill_process_group(pid, Signal::KILL);
    child.wait().await
}

/// Waits until a phase has come, or the workers' owner is gone.
async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let _ = phase.wait_for(|&phase| phase >= wanted).await;
}

/// What a worker writes to standard error.
struct Words<'a, L> {
    lines: Lines<BufReader<ChildStderr>>,
    last: Option<String>,
    listener: &'a L,
}

impl<L: Listener> Words<'_, L> {
    /// Passes lines on until there are no more. Why a worker stops is for others to tell, once.
    async fn hear_all(&mut self) {
        while let Ok(Some(line)) = self.lines.next_line().await {
            match line.strip_prefix(ERROR) {
                Some(sentence) => self.last = Some(sentence.to_owned()),
                None => self.listener.line(&line),
            }
        }
    }
}

impl WorkerCommand {
    pub(crate) fn with_coordinator(mut self, address: SocketAddr) -> WorkerCommand {
        self.arguments.extend(["--coordinator".into(), format!("http://{address}").into()]);
        self
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        if let Some(log) = &self.log {
            command.env("RUST_LOG", log);
        }
        for variable in plane::client::VARIABLES {
            // They are meant for another coordinator than this one, which is open to this machine.
            command.env_remove(variable);
        }
        command
            .args(&self.arguments)
            // What it writes comes through a pipe, and may end anywhere.
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the coordinator, which drains its workers.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Heard {
        /// What the worker writes first is the number of a process.
        async fn first_number(&self) -> i32 {
            let hearing = async {
                loop {
                    if let Some(line) = self.0.lock().unwrap().first() {
                        return line.parse().unwrap();
                    }
                    tokio::task::yield_now().await;
                }
            };
            timeout(PATIENCE, hearing).await.expect("the worker says something")
        }
    }

    impl Listener for Heard {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    /// A worker that is a shell script.
    /// Workers that are shell scripts. A shell cannot trap what was ignored before it began, as it is where tests are run
    /// in the background.
    fn start(script: &str, count: usize) -> (LocalWorkers, mpsc::Receiver<Exit>, Heard) {
        let (exits, inbox) = mpsc::channel(16);
        let heard = Heard::default();
        let command = WorkerCommand {
            program: "/usr/bin/env".into(),
            arguments: ["--default-signal", "sh", "-c", script].map(Into::into).to_vec(),
            log: None,
        };
        (LocalWorkers::start(command, count, exits, heard.clone()), inbox, heard)
    }

    async fn next_exit(inbox: &mut mpsc::Receiver<Exit>) -> (Option<u32>, ExitCause) {
        match timeout(PATIENCE, inbox.recv()).await.expect("a worker exits") {
            Some(Exit { pid, cause }) => (pid, cause),
            None => panic!("nobody will exit any more"),
        }
    }

    fn refused(words: &str) -> ExitCause {
        ExitCause::Refused(words.to_owned())
    }

    fn died(how: &str) -> ExitCause {
        ExitCause::Died(how.to_owned())
    }

    #[test]
    fn workers_that_give_up_again_and_again_with_nothing_done_end_the_patience() {
        let mut patience = Patience::new(2);
        for _ in 0..5 {
            assert_eq!(patience.note(refused("no python"), false, 7), None);
        }
        assert_eq!(patience.note(refused("no python"), false, 7), Some("no python".to_owned()));
        assert_eq!(patience.note(refused("no python"), false, 8), None, "a part was published");
        for _ in 0..39 {
            assert_eq!(patience.note(died("killed"), true, 8), None);
        }
        assert_eq!(patience.note(died("killed"), true, 8), Some("killed".to_owned()));
    }

    #[tokio::test]
    async fn a_worker_that_dies_is_reported_and_replaced() {
        let (_workers, mut inbox, heard) = start("echo a warning >&2; echo error: no python >&2; exit 1", 1);
        let (first, words) = next_exit(&mut inbox).await;
        assert_eq!(words, refused("no python"));
        let (second, _) = next_exit(&mut inbox).await;
        assert!(first.is_some() && first != second);
        assert_eq!(heard.0.lock().unwrap()[0], "a warning");
    }

    #[tokio::test]
    async fn a_worker_that_says_nothing_is_known_by_how_it_ended() {
        let (_workers, mut inbox, _) = start("kill -9 $$", 1);
        assert_eq!(next_exit(&mut inbox).await.1, died("a worker ended with signal 9"));
        let (_workers, mut inbox, _) = start("exit 3", 1);
        assert_eq!(next_exit(&mut inbox).await.1, died("a worker ended with exit code 3"));
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_is_named() {
        let (exits, mut inbox) = mpsc::channel(1);
        let command =
            WorkerCommand { program: "/nowhere/et-worker".into(), arguments: Vec::new(), log: None };
        let _workers = LocalWorkers::start(command, 1, exits, Heard::default());
        let (pid, cause) = next_exit(&mut inbox).await;
        let why = "cannot start /nowhere/et-worker: No such file or directory (os error 2)";
        assert_eq!((pid, cause), (None, died(why)));
    }

    #[tokio::test]
    async fn a_worker_that_is_let_go_is_not_replaced() {
        let (mut workers, mut inbox, heard) = start("echo $$ >&2; exec sleep 600", 1);
        let pid = heard.first_number().await;
        workers.let_go();
        kill_process_group(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        timeout(PATIENCE, workers.gone()).await.expect("nobody is left");
        assert_eq!(next_exit(&mut inbox).await.0, Some(pid as u32));
        assert!(timeout(PATIENCE, inbox.recv()).await.unwrap().is_none(), "nobody was started since");
    }

    #[tokio::test]
    async fn a_worker_that_is_ended_may_clean_up() {
        let (mut workers, mut inbox, heard) = start(
            "trap 'echo error: cleaned up >&2; exit 1' QUIT; trap '' TERM INT; echo $$ >&2; sleep 600 & wait",
            1,
        );
        heard.first_number().await;
        timeout(PATIENCE, workers.end()).await.expect("ending takes little time");
        assert_eq!(next_exit(&mut inbox).await.1, refused("cleaned up"));
    }

    #[tokio::test]
    async fn what_a_stubborn_worker_leaves_behind_is_killed_with_it_and_not_waited_for() {
        let (mut workers, mut inbox, heard) =
            start("trap '' TERM INT QUIT; sleep 600 & echo $! >&2; wait", 1);
        let child = heard.first_number().await;
        timeout(PATIENCE, workers.end()).await.expect("ending takes little time");
        next_exit(&mut inbox).await;
        let dying = async {
            let stat = || std::fs::read_to_string(format!("/proc/{child}/stat"));
            while stat().is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, dying).await.expect("the worker's own child dies with it");
    }
}
