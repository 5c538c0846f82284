//! What the interpreter reports of itself, to a hook that stays for as long as the process lives.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ops::Range;
use std::ptr::null_mut;

use pyo3_ffi::PyObject;
use trace::EffectKind;

use super::Happening;
use crate::interpreter::{ForVersion, for_this_version};
use crate::layout::{Int, Obj, Tuple, Version};
use crate::python::{self, Result};

type Hook = unsafe extern "C" fn(*const c_char, *mut PyObject, *mut c_void) -> c_int;

unsafe extern "C" {
    fn PySys_AddAuditHook(hook: Hook, data: *mut c_void) -> c_int;
}

pub(super) fn install() -> Result<()> {
    // SAFETY: the hook needs no data.
    python::check(unsafe { PySys_AddAuditHook(hook, null_mut()) })
}

/// What a report stands for.
struct Report<'a> {
    kind: EffectKind,
    name: &'a str,
    /// Those of its arguments that are told.
    arguments: Range<usize>,
}

/// The effect that a report stands for. Where a library reports what it then does through others of these, such as
/// `shutil` and `urllib`, those tell it.
fn report<'a>(event: &'a str, arguments: &[Option<Obj>]) -> Option<Report<'a>> {
    use EffectKind::{Code, Environment, Network, Process, Read, Write};
    let (kind, told) = match event {
        // Only the interpreter itself opens a file without flags: it looks for the line of a syntax error.
        "open" if number(arguments, 2) == 0 => return None,
        "open" => (if writes(number(arguments, 2)) { Write } else { Read }, 0..1),
        "os.getxattr" => (Read, 0..2),
        "os.listdir" | "os.scandir" | "os.listxattr" => (Read, 0..1),
        "os.mkdir" | "os.remove" | "os.rmdir" | "os.utime" => (Write, 0..1),
        "os.chflags" | "os.chmod" | "os.link" | "os.rename" | "os.removexattr" | "os.setxattr"
        | "os.symlink" | "os.truncate" => (Write, 0..2),
        "os.chown" => (Write, 0..3),
        "sqlite3.connect" | "syslog.openlog" | "syslog.syslog" => (Write, 0..2),
        // One between two ends of this process reaches nobody: `asyncio` wakes itself up with it.
        "socket.__new__" if number(arguments, 1) == libc::AF_UNIX.into() => return None,
        "socket.__new__" => return Some(Report { kind: Network, name: "socket.socket", arguments: 1..3 }),
        "socket.bind" | "socket.connect" | "socket.sendmsg" | "socket.sendto" => (Network, 1..2),
        "socket.getaddrinfo" | "socket.getnameinfo" => (Network, 0..2),
        "socket.gethostbyaddr" | "socket.gethostbyname" => (Network, 0..1),
        "os.exec" | "os.posix_spawn" | "os.kill" | "os.killpg" | "subprocess.Popen" => (Process, 0..2),
        "os.spawn" => (Process, 0..3),
        "os.system" | "pty.spawn" => (Process, 0..1),
        "os.fork" | "os.forkpty" => (Process, 0..0),
        "os.putenv" | "socket.sethostname" => (Environment, 0..2),
        "os.chdir" | "os.fchdir" | "os.unsetenv" => (Environment, 0..1),
        "socket.gethostname" => (Environment, 0..0),
        "socket.getservbyname" | "socket.getservbyport" => (Environment, 0..2),
        "resource.setrlimit" | "resource.prlimit" => (Environment, 0..3),
        "ctypes.dlopen" => (Code, 0..1),
        "ctypes.dlsym" | "ctypes.dlsym/handle" => (Code, 1..2),
        "ctypes.call_function" | "ctypes.cdata" | "ctypes.string_at" | "ctypes.wstring_at" => (Code, 0..1),
        _ => return None,
    };
    Some(Report { kind, name: event, arguments: told })
}

unsafe extern "C" fn hook(event: *const c_char, arguments: *mut PyObject, _: *mut c_void) -> c_int {
    // SAFETY: the interpreter passes a C string and a tuple, both of which outlive the call.
    let (event, arguments) = unsafe { (CStr::from_ptr(event), Tuple::from_obj(Obj::from_ptr(arguments))) };
    let arguments = arguments.items();
    let report = event.to_str().ok().and_then(|event| report(event, arguments));
    if let Some(Report { kind, name, arguments: told }) = report {
        let told = told.start.min(arguments.len())..told.end.min(arguments.len());
        let arguments: Vec<Obj> = arguments[told].iter().copied().flatten().collect();
        Happening { kind, module: "", name, arguments: &arguments }.tell();
    }
    0
}

/// Whether a file that is opened with these flags can be changed.
fn writes(flags: i64) -> bool {
    let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
    flags & i64::from(writing) != 0
}

/// The argument at this place, if it is a number; else 0.
fn number(arguments: &[Option<Obj>], place: usize) -> i64 {
    struct Number(Int);
    impl ForVersion for Number {
        type Output = Option<i64>;
        fn with<V: Version>(self) -> Option<i64> {
            self.0.small::<V>()
        }
    }
    let number = arguments.get(place).copied().flatten().and_then(Int::plain);
    number.and_then(|number| for_this_version(Number(number))).unwrap_or(0)
}
