//! The filter on system calls: `rules` says what is let through, `bpf` turns that into a program for the
//! kernel.
//!
//! There are two filters, and a call must pass both. The zygote installs the first one once, and everything
//! that it forks inherits it at no cost. A program adds the second, which takes away what only the zygote
//! needs; it is short, since the kernel's work to install a filter grows with its length.

mod bpf;
mod rules;

use std::io;

use crate::step::check;

/// How a forked program is set apart from its zygote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// Its own process number, the only one that it may signal.
    pub(crate) pid: u32,
    /// Nothing but its scratch folder is writable, whoever owns it: changing modes and times is harmless.
    pub(crate) own_root: bool,
}

/// Installs the filter that the zygote and every program are under.
pub(crate) fn confine_zygote() -> io::Result<()> {
    install(&bpf::compile(&rules::zygote(), bpf::Action::Errno(libc::ENOSYS)))
}

/// Installs what a program is under on top of [`confine_zygote`].
pub(crate) fn confine_program(program: Program) -> io::Result<()> {
    install(&bpf::compile(&rules::program(program), bpf::Action::Allow))
}

fn install(filter: &[libc::sock_filter]) -> io::Result<()> {
    let length = u16::try_from(filter.len()).expect("the filters are far below the kernel's limit of 4096");
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which lives until the call returns, and writes nothing.
    let installed =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    check(installed).map(drop)
}
