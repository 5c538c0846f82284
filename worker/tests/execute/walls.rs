//! What a program cannot reach, and what it can all the same.

use worker::execute::Ended;

use crate::harness::{check, check_each, check_holds, short};

#[test]
fn the_machines_files_are_not_there() {
    check_holds(
        "\
for path in ('/etc/passwd', '/etc/shadow', '/etc/hostname', '/root', '/home', '/var/log', '/sys/kernel',
             '/proc/1/environ', '/proc/self/environ', '/proc/self/maps', '/proc/cpuinfo', '/dev/kmsg', '/dev/tty',
             '/run', '/boot', '/opt', '/srv', '/mnt', '/usr/bin/env', '/bin/sh', '/var/run/docker.sock',
             '/proc/self/root/etc/passwd'):
    refused('ENOENT EACCES ENOTDIR', os.open, path, os.O_RDONLY)
for path in ('/', '/etc', '/dev', '/tmp/..', '..'):
    try:
        found = set(os.listdir(path))
    except OSError:
        continue
    assert not found & {'passwd', 'root', 'work', 'var', 'sda', 'vda', 'kmsg', 'mem', 'sys', 'boot'}, found
",
    );
}

#[test]
fn nothing_outside_the_scratch_folder_can_be_changed() {
    check_holds(
        "\
here = os.getcwd()
refusals = 'ENOENT EACCES EROFS EPERM ENOTDIR EXDEV EEXIST EBUSY EINVAL'
library = os.path.dirname(os.__file__)
for folder in ('/', '/etc', '/usr/lib', '/dev', library, os.path.dirname(here)):
    refused(refusals, os.open, folder + '/planted', os.O_WRONLY | os.O_CREAT)
    refused(refusals, os.mkdir, folder + '/planted')
    refused(refusals, os.symlink, '/etc/passwd', folder + '/planted')
    refused(refusals, os.mkfifo, folder + '/planted')
    refused(refusals, os.rename, folder, here + '/stolen')
    refused(refusals, os.rmdir, folder)
for path in (os.__file__, sys.executable, '/usr/lib/os-release'):
    refused(refusals, os.open, path, os.O_WRONLY)
    refused(refusals, os.truncate, path, 0)
    refused(refusals, os.unlink, path)
    refused(refusals, os.chmod, path, 0o777)
    refused(refusals, os.utime, path, (0, 0))
    refused(refusals, os.chown, path, os.getuid(), os.getgid())
    refused(refusals, os.link, path, here + '/linked')
    refused('ENOTSUP', os.setxattr, path, 'user.mark', b'x')
os.symlink('/etc/passwd', 'link')
refused('ENOENT EACCES', open, 'link')
refused('ENOENT EACCES EROFS', open, 'link', 'w')
",
    );
}

#[test]
fn the_environment_and_the_user_say_nothing() {
    check_holds(
        "\
expected = {'PATH', 'LANG', 'TZ', 'PYTHONHASHSEED', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'HOME', 'TMPDIR'}
assert set(os.environ) == expected, set(os.environ) ^ expected
assert os.getresuid() == (65534,) * 3 and os.getresgid() == (65534,) * 3
assert set(os.getgroups()) <= {65534}, os.getgroups()
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
sets = (ctypes.c_uint32 * 6)(*[1] * 6)
syscall({'x86_64': 125, 'aarch64': 90}[os.uname().machine], header, sets)
assert list(sets) == [0] * 6, list(sets)
assert libc.prctl(39, 0, 0, 0, 0) == 1, 'new privileges are possible'
assert os.getsid(0) == os.getpid() == os.getpgrp()
",
    );
}

#[test]
fn there_is_no_network() {
    check_holds(
        "\
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, 40):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        refused('EACCES', socket.socket, family, kind)
try:
    socket.getaddrinfo('example.com', 80)
except socket.gaierror:
    pass
else:
    raise AssertionError('a name was looked up')
refused('EACCES', socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
one, other = socket.socketpair()
one.send(b'x')
assert other.recv(1) == b'x'
refused('EACCES', one.connect, '/run/socket')
refused('EACCES', one.bind, 'socket')
",
    );
}

#[test]
fn no_process_is_started() {
    check_holds(
        "\
import subprocess
refused('EAGAIN', os.fork)
refused('ENOENT EACCES EAGAIN', os.forkpty)
refused('EAGAIN', subprocess.run, ['/bin/sh'])
refused('EAGAIN', os.posix_spawn, '/bin/sh', ['sh'], {})
for flags in (0, 0x100, 0x4000, 0x10000000, 0x20000000 | 17, 0x00020000):
    refused('EAGAIN', syscall, {'x86_64': 56, 'aarch64': 220}[os.uname().machine], flags, 0, 0, 0, 0)
refused('ENOSYS', syscall, 435, (ctypes.c_uint64 * 11)(), 88)
refused('EACCES', os.execv, sys.executable, ['python'])
refused('EACCES', os.execve, '/bin/sh', ['sh'], {})
refused('ENOSYS', os.memfd_create, 'program')
",
    );
}

#[test]
fn no_other_process_is_reached() {
    check_holds(
        "\
me, parent = os.getpid(), os.getppid()
for other in (1, parent, -1, -parent, -me, 2 ** 22, me + 1):
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        if other != me:
            refused('EPERM', os.kill, other, number)
os.kill(me, 0)
os.kill(0, 0)
refused('EPERM', os.pidfd_open, 1)
refused('EPERM', os.pidfd_open, me)
refused('EPERM', os.setpriority, os.PRIO_PROCESS, 1, 19)
refused('EPERM', os.sched_setaffinity, 1, {0})
import fcntl, resource
one, other = socket.socketpair()
for command in (8, 10, 15, 1024, 1026):
    refused('EPERM', fcntl.fcntl, one, command, parent)
refused('EPERM', resource.prlimit, 1, resource.RLIMIT_CORE)
resource.prlimit(me, resource.RLIMIT_CORE)
ptrace, read_memory = {'x86_64': (101, 310), 'aarch64': (117, 270)}[os.uname().machine]
refused('EPERM', syscall, ptrace, 16, parent, 0, 0)
refused('ENOSYS', syscall, read_memory, parent, 0, 0, 0, 0, 0)
",
    );
}

#[test]
fn the_kernels_rarer_doors_are_shut() {
    check_holds(
        "\
def number(x86_64, aarch64):
    return {'x86_64': x86_64, 'aarch64': aarch64}[os.uname().machine]
for door in (number(321, 280), number(298, 241), number(323, 282), number(250, 219), 425, 438, 440,
             number(29, 194), number(68, 186), number(240, 180), number(303, 264), number(304, 265),
             number(253, 26), number(300, 262), number(310, 270), number(275, 76), 428, 430, 444, 447):
    refused('ENOSYS EPERM', syscall, door, 0, 0, 0, 0, 0)
for door in (number(165, 40), number(166, 39), number(155, 41), number(161, 51), number(272, 97),
             number(308, 268), number(105, 146), number(317, 277), 446, number(126, 91), number(135, 92)):
    refused('EPERM', syscall, door, 0, 0, 0, 0, 0)
refused('ENOTTY', syscall, number(16, 29), 0, 0x5412, b'x')
for option in (1, 4, 8, 22, 28, 36, 47):
    refused('EPERM', syscall, number(157, 167), option, 0, 0, 0, 0)
",
    );
}

#[cfg(target_arch = "x86_64")]
#[test]
fn other_sets_of_system_calls_are_deadly() {
    let by_x32 = "import ctypes\nctypes.CDLL(None).syscall(0x40000000 | 39)";
    // mov eax, 20; int 0x80; ret
    let by_i386 = "\
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex('b814000000cd80c3'))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
";
    check_each(&[by_x32, by_i386], &short(), |execution, profile, source| {
        assert_eq!(execution.ended, Ended::Signalled(libc::SIGSYS), "{profile}: {source}");
    });
}

#[test]
fn a_program_cannot_hide_from_its_zygote() {
    check_holds(
        "\
prctl = {'x86_64': 157, 'aarch64': 167}[os.uname().machine]
refused('EPERM', syscall, prctl, 1, 0)
refused('EPERM', os.setuid, 65533)
import resource
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
    soft, hard = resource.getrlimit(limit)
    assert soft == hard != resource.RLIM_INFINITY
    try:
        resource.setrlimit(limit, (hard + 1, hard + 1))
    except ValueError:
        continue
    raise AssertionError('a limit was raised')
",
    );
}

#[test]
fn innocent_programs_notice_little() {
    check_holds(
        "\
import asyncio, concurrent.futures, datetime, hashlib, json, mmap, pathlib, shutil, sqlite3, tempfile
import threading, time, zipfile, zoneinfo
pathlib.Path('folder').mkdir()
pathlib.Path('folder/file').write_text('text')
assert [str(p) for p in pathlib.Path('.').rglob('f*')] == ['folder', 'folder/file']
shutil.copyfile('folder/file', 'copy')
os.replace('copy', 'folder/copy')
os.symlink('file', 'folder/link')
assert open('folder/link').read() == 'text'
shutil.rmtree('folder')
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile(dir=folder) as file:
    file.write(b'x')
database = sqlite3.connect('database')
database.execute('create table t (x)')
database.commit()
async def wait():
    await asyncio.sleep(0.001)
    return await asyncio.to_thread(lambda: 7)
assert asyncio.run(wait()) == 7
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, range(-3, 0))) == [3, 2, 1]
assert datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset().seconds == 3600
assert time.tzname == ('UTC', 'UTC')
assert len(os.urandom(8)) == 8 and open('/dev/urandom', 'rb').read(3)
open('/dev/null', 'w').write('x')
assert input.__name__ == 'input' and sys.stdin.read() == ''
rung = []
signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.001)
while not rung:
    pass
assert rung == [1]
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    pass
assert hash('text') == hash('text') and sys.flags.hash_randomization == 0
assert os.cpu_count() >= 1
reader, writer = os.pipe()
os.write(writer, b'x')
assert os.read(reader, 1) == b'x'
assert shutil.disk_usage('.').total > 0
zipfile.ZipFile('z.zip', 'w').writestr('a', 'b')
zipfile.ZipFile('z.zip').extractall('unzipped')
mmap.mmap(-1, 4096).close()
assert tempfile.gettempdir() == os.getcwd()
",
    );
}

#[test]
fn copies_keep_their_modes_where_the_root_is_the_programs_own() {
    check(
        "import shutil\nopen('a', 'w').close()\nshutil.copy2('a', 'b')\nprint('copied')",
        &short(),
        |execution, profile| {
            let expected = if profile.namespaces { Ended::Exited(0) } else { Ended::Exited(1) };
            assert_eq!(execution.ended, expected, "{profile}");
        },
    );
}

#[test]
fn a_program_is_always_process_2_of_its_namespace() {
    let source = "import os\nprint(os.getpid(), os.getppid())";
    check_each(&[source, source], &short(), |execution, profile, _| {
        if profile.namespaces && std::path::Path::new("/proc/sys/kernel/ns_last_pid").exists() {
            assert_eq!(execution.stdout.bytes, b"2 1\n");
        }
    });
}
