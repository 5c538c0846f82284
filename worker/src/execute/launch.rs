//! The commands that the worker runs itself with: a process that is to become a zygote, or to try what this
//! machine offers, must be fresh and have one thread.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use jail::{Launch, Profile};

use super::SlotSpec;
use crate::python::LOAD_TRACER;

const ZYGOTE: &str = "zygote";
const PROBE: &str = "probe";

/// Does what such a command asks for, if the process was started with one. Call it first of all: there must
/// be no other thread.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next()?;
    let asked: fn(Arguments) -> Result<(), String> = match command.to_str()? {
        ZYGOTE => become_zygote,
        PROBE => probe,
        _ => return None,
    };
    match asked(Arguments(arguments.collect::<Vec<_>>().into_iter())) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// The command that becomes a zygote. Its standard input must be the line to it.
pub(super) fn zygote_command(spec: &SlotSpec) -> Command {
    let mut command = Command::new(&spec.launcher);
    command
        .arg(ZYGOTE)
        .arg(spec.profile.to_string())
        .args([&spec.scratch, &spec.interpreter.executable, &spec.tracer])
        .args(&spec.interpreter.files)
        .env_clear()
        .current_dir("/");
    command
}

/// The command that prints what this machine offers: a profile, then a line for each layer that is missing.
pub(super) fn probe_command(launcher: &Path, scratch: &Path) -> Command {
    let mut command = Command::new(launcher);
    command.arg(PROBE).arg(scratch).env_clear().current_dir("/");
    command
}

struct Arguments(std::vec::IntoIter<OsString>);

impl Arguments {
    fn next(&mut self, name: &str) -> Result<OsString, String> {
        self.0.next().ok_or_else(|| format!("{name} is missing from this internal command"))
    }
}

fn become_zygote(mut arguments: Arguments) -> Result<(), String> {
    let profile = arguments.next("the profile")?;
    let profile: Profile =
        profile.to_string_lossy().parse().map_err(|error: jail::UnknownLayer| error.to_string())?;
    let scratch = PathBuf::from(arguments.next("the scratch folder")?);
    let program = PathBuf::from(arguments.next("the interpreter")?);
    let tracer = arguments.next("the tracer")?;
    let mut readable: Vec<PathBuf> = arguments.0.map(PathBuf::from).collect();
    readable.push(tracer.clone().into());

    let line = std::io::stdin().as_fd().try_clone_to_owned();
    let line = line.map_err(|error| format!("there is no line to the worker: {error}"))?;
    let arguments = interpreter_arguments(&tracer);
    let launch = Launch { profile, program, arguments, readable, scratch, line };
    let Err(error) = launch.exec();
    Err(error.to_string())
}

/// `-I` would ignore the hash seed in the environment. What it guards against is gone already: the
/// environment is ours, and nobody has a home.
fn interpreter_arguments(tracer: &OsStr) -> Vec<OsString> {
    let serve = format!("{LOAD_TRACER}tracer.serve(sys.argv[2], sys.argv[3])\n");
    ["-s".into(), "-P".into(), "-c".into(), serve.into(), tracer.to_owned()].into()
}

fn probe(mut arguments: Arguments) -> Result<(), String> {
    let scratch = PathBuf::from(arguments.next("the scratch folder")?);
    let probe = jail::probe(&scratch);
    let lines = std::iter::once(probe.profile.to_string()).chain(probe.missing);
    let text: String = lines.map(|line| line.replace('\n', " ") + "\n").collect();
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("could not answer: {error}"))
}
