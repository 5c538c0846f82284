//! How a zygote comes to be: a process that was just started, has one thread and knows no secrets gives up
//! all that programs must not have, and then becomes the interpreter.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit};

use crate::step::{Step, StepError, check};
use crate::zygote::inherited;
use crate::{Profile, landlock, limits, namespaces, root};

/// What becomes a zygote, and within which walls.
#[derive(Debug)]
pub struct Launch {
    pub profile: Profile,
    /// The interpreter, which is given `arguments`, then the scratch folder and the profile.
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// What programs may read besides the system's libraries.
    pub readable: Vec<PathBuf>,
    /// An empty folder of this zygote's own.
    pub scratch: PathBuf,
    /// The line to the worker.
    pub line: OwnedFd,
}

impl Launch {
    /// Turns this process into the zygote. It must have one thread.
    pub fn exec(self) -> Result<Infallible, StepError> {
        rustix::process::setsid().step("leave the terminal")?;
        // Whatever this process was started with: folders made here are for others to enter.
        rustix::process::umask(Mode::from_raw_mode(0o022));
        offer_to_memory_killer();
        fix_addresses();
        fix_stack()?;
        self.make_scratch()?;

        let proc = namespaces::open_proc()?;
        let last_pid = if self.profile.namespaces { open_last_pid() } else { None };
        let mut readable: Vec<&Path> = root::SYSTEM_FILES.iter().map(Path::new).collect();
        readable.extend(self.readable.iter().map(PathBuf::as_path));
        readable.retain(|path| path.exists());

        let (scratch, writable) = if self.profile.namespaces {
            namespaces::enter(proc.as_fd(), &self.scratch, &readable)?;
            (Path::new(root::SCRATCH), Path::new(root::SCRATCH_PARENT))
        } else {
            namespaces::give_up_root()?;
            namespaces::drop_capabilities().step("drop privileges")?;
            // Whatever a program leaves behind becomes the zygote's child.
            let this = rustix::process::getpid();
            rustix::process::set_child_subreaper(Some(this)).step("adopt orphans")?;
            (&*self.scratch, &*self.scratch)
        };
        rustix::thread::set_no_new_privs(true).step("rule out new privileges")?;
        // After the root has changed: rules hold for the files that they were made with.
        let ruleset = match self.profile.landlock {
            Some(version) => Some(ruleset(version, &readable, writable)?),
            None => None,
        };
        rustix::process::chdir(scratch).step("enter the scratch folder")?;

        let program = c_string(self.program.clone().into());
        let mut arguments = vec![program.clone()];
        arguments.extend(self.arguments.iter().cloned().map(c_string));
        arguments.push(c_string(scratch.into()));
        arguments.push(c_string(self.profile.to_string().into()));
        let environment: Vec<CString> = environment(scratch).map(c_string).collect();

        place_descriptors(self.line, proc, ruleset, last_pid).step("hand over descriptors")?;
        exec(&program, &arguments, &environment).step("start the interpreter")
    }

    /// Makes the scratch folder as the user who may own it.
    fn make_scratch(&self) -> Result<(), StepError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.scratch)
            .step("make the scratch folder")?;
        if rustix::process::geteuid().is_root() {
            let nobody = Some(namespaces::NOBODY);
            std::os::unix::fs::chown(&self.scratch, nobody, nobody).step("hand over the scratch folder")?;
        }
        Ok(())
    }
}

/// What a program finds in its environment. Nothing is inherited.
fn environment(scratch: &Path) -> impl Iterator<Item = OsString> {
    let fixed = [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "LANG=C.UTF-8",
        "TZ=UTC",
        "PYTHONHASHSEED=0",
        // A slot has one core; and sums of floats do not hang on how many threads share them.
        "OMP_NUM_THREADS=1",
        "OPENBLAS_NUM_THREADS=1",
    ];
    let folders = ["HOME=", "TMPDIR="].map(|name| {
        let mut variable = OsString::from(name);
        variable.push(scratch);
        variable
    });
    fixed.into_iter().map(OsString::from).chain(folders)
}

/// When memory is short on the machine, programs go first: the worker and everything else is worth more.
fn offer_to_memory_killer() {
    // A machine that forbids it only loses the preference.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// The same addresses in every zygote, so that what hangs on them, such as the order of a set of objects, is
/// the same in every run. Programs are free to run machine code, so hiding addresses from them is no wall.
fn fix_addresses() {
    // Containers often forbid it; then programs run all the same.
    // SAFETY: takes a number, and takes effect when the interpreter is started.
    unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
}

fn fix_stack() -> Result<(), StepError> {
    let maximum = rustix::process::getrlimit(Resource::Stack).maximum;
    let current = maximum.map_or(limits::STACK_BYTES, |most| most.min(limits::STACK_BYTES));
    rustix::process::setrlimit(Resource::Stack, Rlimit { current: Some(current), maximum })
        .step("set the size of the stack")
}

/// Where the number of the next process can be chosen. Kernels may lack it and containers may hide it.
fn open_last_pid() -> Option<OwnedFd> {
    rustix::fs::open("/proc/sys/kernel/ns_last_pid", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

fn ruleset(version: u32, readable: &[&Path], writable: &Path) -> Result<OwnedFd, StepError> {
    let devices: Vec<&Path> = root::DEVICES.iter().map(Path::new).filter(|path| path.exists()).collect();
    landlock::ruleset(version, &landlock::Files { readable, devices: &devices, writable })
}

/// Puts the zygote's descriptors where it expects them and closes all others.
fn place_descriptors(
    line: OwnedFd,
    proc: OwnedFd,
    ruleset: Option<OwnedFd>,
    last_pid: Option<OwnedFd>,
) -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
    let places = [
        (Some(null), libc::STDIN_FILENO),
        (Some(line), inherited::LINE),
        (Some(proc), inherited::PROC),
        (ruleset, inherited::RULESET),
        (last_pid, inherited::LAST_PID),
    ];
    // First out of each other's way, then into place.
    let clear_of_places = inherited::LAST_PID + 1;
    let mut copies = Vec::new();
    for (descriptor, place) in places {
        if let Some(descriptor) = descriptor {
            copies.push((rustix::io::fcntl_dupfd_cloexec(descriptor, clear_of_places)?, place));
        }
    }
    // SAFETY: whatever is at these places is not used again.
    unsafe {
        check(libc::close_range(3, inherited::LAST_PID.cast_unsigned(), 0).into())?;
        for (copy, place) in copies {
            check(libc::dup2(copy.as_raw_fd(), place).into())?;
        }
        // What the interpreter prints before it is the zygote is for the worker to read.
        check(libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO).into())?;
        check(libc::close_range(clear_of_places.cast_unsigned(), libc::c_uint::MAX, 0).into())?;
    }
    Ok(())
}

fn exec(program: &CString, arguments: &[CString], environment: &[CString]) -> io::Result<Infallible> {
    let pointers = |strings: &[CString]| {
        let end = std::iter::once(std::ptr::null());
        strings.iter().map(|string| string.as_ptr()).chain(end).collect::<Vec<_>>()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end with a null pointer, and they and what they point to live until the call ends.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Err(io::Error::last_os_error())
}

fn c_string(text: OsString) -> CString {
    // What has a zero byte in it cannot have come from a command line.
    CString::new(text.into_vec()).unwrap_or_default()
}
