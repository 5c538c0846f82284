//! Which system calls are let through. What is not named here does not exist (`ENOSYS`), so that a kernel's
//! new calls stay out until somebody has thought about them.
//!
//! What innocent programs try gets the error that they would meet on some ordinary machine, and reads as a
//! natural traceback. Calls that only differ in the shape of their arguments stand together.

use libc::*;

use super::Program;
use super::bpf::{Action, Rule, Test, Verdict};

/// What the zygote needs, and every program with it. `program` takes away more.
pub(super) fn zygote() -> Vec<Rule> {
    let mut rules = vec![
        // Memory.
        allow(&[
            SYS_brk,
            SYS_mmap,
            SYS_munmap,
            SYS_mprotect,
            SYS_mremap,
            SYS_madvise,
            SYS_msync,
            SYS_mincore,
        ]),
        // Reading and writing through descriptors.
        allow(&[SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_preadv2]),
        allow(&[SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_pwritev2]),
        allow(&[SYS_lseek, SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_fadvise64, SYS_flock]),
        // Copying between descriptors. `splice` and its like stay out: they have let programs write to files
        // that were open for reading.
        allow(&[SYS_sendfile, SYS_copy_file_range]),
        // Descriptors themselves.
        allow(&[SYS_close, SYS_close_range, SYS_dup, SYS_dup3, SYS_pipe2]),
        // Duplicates, flags and locks. Other commands have the kernel send signals to any process of the same
        // owner, or make pipes larger than any limit counts.
        Rule {
            calls: &[SYS_fcntl],
            verdict: Verdict::AllowIf { tests: vec![is_one_of(1, FCNTLS)], otherwise: Action::Errno(EPERM) },
        },
        // Files by name. Which of them there are is up to the mounts and to Landlock.
        allow(&[
            SYS_openat,
            SYS_faccessat,
            SYS_faccessat2,
            SYS_readlinkat,
            SYS_getcwd,
            SYS_chdir,
            SYS_fchdir,
        ]),
        allow(&[SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_getdents64, SYS_truncate]),
        allow(&[SYS_mkdirat, SYS_mknodat, SYS_linkat, SYS_symlinkat, SYS_unlinkat, SYS_renameat2, SYS_umask]),
        // Modes and times. `program` takes these away where other files have the same owner.
        allow(MODES_AND_TIMES),
        // Signals and timers. `program` allows signals to itself only.
        allow(&[SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_sigaltstack]),
        allow(&[SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_kill, SYS_tgkill, SYS_restart_syscall]),
        allow(&[SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setitimer, SYS_getitimer]),
        allow(&[
            SYS_timer_create,
            SYS_timer_settime,
            SYS_timer_gettime,
            SYS_timer_getoverrun,
            SYS_timer_delete,
        ]),
        // Waiting for descriptors.
        allow(&[
            SYS_ppoll,
            SYS_pselect6,
            SYS_epoll_create1,
            SYS_epoll_ctl,
            SYS_epoll_pwait,
            SYS_epoll_pwait2,
        ]),
        allow(&[SYS_eventfd2, SYS_signalfd4, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime]),
        // Time.
        allow(&[SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday]),
        // Threads. `clone` makes processes as well; `program` takes that away. `clone3` keeps its flags
        // where no filter can see them, and the C library does without it.
        allow(&[SYS_clone, SYS_futex, SYS_futex_waitv, SYS_set_robust_list, SYS_get_robust_list, SYS_rseq]),
        allow(&[SYS_set_tid_address, SYS_gettid, SYS_sched_yield, SYS_membarrier, SYS_exit, SYS_exit_group]),
        // Asking about oneself and the machine.
        allow(&[SYS_getpid, SYS_getppid, SYS_getpgid, SYS_getsid, SYS_setpgid, SYS_setsid, SYS_times]),
        allow(&[
            SYS_getuid,
            SYS_geteuid,
            SYS_getgid,
            SYS_getegid,
            SYS_getresuid,
            SYS_getresgid,
            SYS_getgroups,
        ]),
        allow(&[SYS_prlimit64, SYS_getrusage, SYS_getpriority, SYS_capget]),
        allow(&[
            SYS_sched_getaffinity,
            SYS_sched_getparam,
            SYS_sched_getscheduler,
            SYS_sched_rr_get_interval,
        ]),
        allow(&[SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_getcpu, SYS_uname, SYS_sysinfo]),
        allow(&[SYS_getrandom, SYS_prctl]),
        // Children: the zygote's own; a program waits in vain.
        allow(&[SYS_wait4, SYS_waitid, SYS_pidfd_open, SYS_pidfd_send_signal]),
        // What the zygote and its children go through on their way into confinement.
        allow(&[SYS_mount, SYS_umount2, SYS_capset, SYS_seccomp, SYS_landlock_restrict_self]),
        // A pair of connected sockets is an event loop's way to wake itself. Datagram sockets could be
        // pointed elsewhere.
        Rule {
            calls: &[SYS_socketpair],
            verdict: Verdict::AllowIf {
                tests: vec![
                    is_one_of(0, &[AF_UNIX]),
                    Test { argument: 1, mask: 0xF, values: ints(&[SOCK_STREAM, SOCK_SEQPACKET]) },
                ],
                otherwise: Action::Errno(EACCES),
            },
        },
        allow(&[SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown]),
        allow(&[SYS_getsockopt, SYS_getsockname, SYS_getpeername]),
        // Whether a descriptor is a terminal, how much it holds, and whether it blocks. Others push input
        // into terminals or drive devices.
        Rule {
            calls: &[SYS_ioctl],
            verdict: Verdict::AllowIf { tests: vec![is_one_of(1, IOCTLS)], otherwise: Action::Errno(ENOTTY) },
        },
        // Programs of this machine are not its business. Landlock refuses to run them too, where it holds.
        deny(EACCES, &[SYS_execve, SYS_execveat]),
        // The network does not exist. A name that cannot be looked up is the first that most programs see.
        deny(
            EACCES,
            &[SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_setsockopt],
        ),
        // No file system keeps extended attributes; copying a file goes on without them.
        deny(EOPNOTSUPP, &[SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_setxattr, SYS_lsetxattr]),
        deny(EOPNOTSUPP, &[SYS_fsetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_removexattr]),
        deny(EOPNOTSUPP, &[SYS_lremovexattr, SYS_fremovexattr]),
        // What takes privileges anywhere.
        deny(EPERM, &[SYS_fchown, SYS_fchownat, SYS_chroot, SYS_pivot_root, SYS_unshare, SYS_setns]),
        deny(EPERM, &[SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid]),
        deny(
            EPERM,
            &[SYS_setgroups, SYS_sethostname, SYS_setdomainname, SYS_clock_settime, SYS_settimeofday],
        ),
        deny(EPERM, &[SYS_adjtimex, SYS_clock_adjtime, SYS_reboot, SYS_ptrace, SYS_personality]),
        // Scheduling is the machine's; other processes of one owner share it.
        deny(EPERM, &[SYS_setpriority, SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam]),
        // Locked memory escapes the watch on resident size.
        deny(EPERM, &[SYS_mlock, SYS_mlock2, SYS_mlockall, SYS_munlock, SYS_munlockall]),
    ];
    rules.extend(old_calls());
    rules
}

/// Calls that newer ones replace. Only the older of the two architectures has them.
#[cfg(target_arch = "x86_64")]
fn old_calls() -> Vec<Rule> {
    vec![
        allow(&[SYS_open, SYS_creat, SYS_access, SYS_readlink, SYS_stat, SYS_lstat, SYS_getdents, SYS_dup2]),
        allow(&[
            SYS_mkdir,
            SYS_rmdir,
            SYS_mknod,
            SYS_link,
            SYS_symlink,
            SYS_unlink,
            SYS_rename,
            SYS_renameat,
        ]),
        allow(&[SYS_pipe, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_signalfd]),
        allow(&[SYS_time, SYS_alarm, SYS_pause, SYS_getpgrp, SYS_arch_prctl, SYS_fork, SYS_vfork]),
        allow(&[SYS_getrlimit, SYS_setrlimit]),
        deny(EPERM, &[SYS_chown, SYS_lchown]),
    ]
}

#[cfg(target_arch = "aarch64")]
fn old_calls() -> Vec<Rule> {
    // `libc` has no name for it here.
    const SYS_RENAMEAT: c_long = 38;
    vec![allow(&[SYS_RENAMEAT])]
}

/// What a program may not do although its zygote may.
pub(super) fn program(program: Program) -> Vec<Rule> {
    let itself = [program.pid.cast_signed()];
    let only_if = |calls, tests, otherwise| Rule {
        calls,
        verdict: Verdict::AllowIf { tests, otherwise: Action::Errno(otherwise) },
    };
    let mut rules = vec![
        // A program is one process, so that ending it ends everything; innocents learn that there is no room
        // for another one.
        only_if(
            &[SYS_clone],
            vec![Test { argument: 0, mask: CLONE_THREAD.cast_unsigned(), values: ints(&[CLONE_THREAD]) }],
            EAGAIN,
        ),
        // Signals to itself, or to its process group, which holds nobody else.
        only_if(&[SYS_kill], vec![is_one_of(0, &[itself[0], 0])], EPERM),
        only_if(
            &[SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo],
            vec![is_one_of(0, &itself)],
            EPERM,
        ),
        deny(EPERM, &[SYS_pidfd_open, SYS_pidfd_send_signal]),
        // Its limits are its own to lower. Others' are not.
        only_if(&[SYS_prlimit64], vec![is_one_of(0, &[0, itself[0]])], EPERM),
        // What it is tied to the zygote by, and what makes it more visible to others, is not its own.
        only_if(&[SYS_prctl], vec![is_one_of(0, PRCTLS)], EPERM),
        // The way into confinement ends here.
        deny(EPERM, &[SYS_mount, SYS_umount2, SYS_capset, SYS_seccomp, SYS_landlock_restrict_self]),
    ];
    #[cfg(target_arch = "x86_64")]
    rules.push(deny(EAGAIN, &[SYS_fork, SYS_vfork]));
    if !program.own_root {
        // Landlock does not cover these, and the zygote's other files may have the same owner.
        rules.push(deny(EPERM, MODES_AND_TIMES));
    }
    rules
}

/// It has the same number everywhere, but `libc` has its name only here and there.
const SYS_FCHMODAT2: c_long = 452;

#[cfg(target_arch = "x86_64")]
const MODES_AND_TIMES: &[c_long] = &[
    SYS_chmod,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_FCHMODAT2,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_utimensat,
];
#[cfg(target_arch = "aarch64")]
const MODES_AND_TIMES: &[c_long] = &[SYS_fchmod, SYS_fchmodat, SYS_FCHMODAT2, SYS_utimensat];

const FCNTLS: &[c_int] = &[
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_SETFD,
    F_GETFL,
    F_SETFL,
    F_GETLK,
    F_SETLK,
    F_SETLKW,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
];

const IOCTLS: &[c_int] = &[
    TCGETS as c_int,
    TIOCGWINSZ as c_int,
    FIONREAD as c_int,
    FIONBIO as c_int,
    FIOCLEX as c_int,
    FIONCLEX as c_int,
];

const PRCTLS: &[c_int] = &[
    PR_SET_NAME,
    PR_GET_NAME,
    PR_GET_DUMPABLE,
    PR_GET_PDEATHSIG,
    PR_GET_NO_NEW_PRIVS,
    PR_GET_SECCOMP,
    PR_GET_TIMERSLACK,
    PR_CAPBSET_READ,
    // Names for memory, which the C library gives.
    PR_SET_VMA,
];

fn allow(calls: &'static [c_long]) -> Rule {
    Rule { calls, verdict: Verdict::Always(Action::Allow) }
}

fn deny(error: c_int, calls: &'static [c_long]) -> Rule {
    Rule { calls, verdict: Verdict::Always(Action::Errno(error)) }
}

fn is_one_of(argument: u32, values: &[c_int]) -> Test {
    Test { argument, mask: u32::MAX, values: ints(values) }
}

fn ints(values: &[c_int]) -> Vec<u32> {
    values.iter().map(|value| value.cast_unsigned()).collect()
}
