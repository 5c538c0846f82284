//! What a program does to the world outside it. The reference sees none of this, so the native tracer stands alone.

use tests::tracers::{Account, Program, interpreters, native};

use super::check::dedented;

/// The effects of a script, as `line kind detail`, the same on every version.
#[track_caller]
fn check(source: &str, expected: &[&str]) {
    for interpreter in interpreters() {
        let program = Program::script(dedented(source));
        let (account, ended) = native::trace(interpreter, &program);
        assert_eq!(account.disorder(), None);
        assert!(account.end.is_some(), "{}", ended.report);
        assert_eq!(effects(&account), expected, "on 3.{}: {}", interpreter.minor, ended.report);
    }
}

fn effects(account: &Account) -> Vec<String> {
    let effects = account.events.iter().filter(|event| event.kind == "effect");
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    effects.map(|event| format!("{} {} {}", event.line, part(&event.type_name), part(&event.text))).collect()
}

#[test]
fn a_program_that_only_computes_has_none() {
    check(
        "
        import collections, copy, dataclasses, functools, heapq, itertools, json, math, re, string, sys
        @dataclasses.dataclass
        class Point:
            x: int
        def f(n):
            return sorted(collections.Counter(str(n)).items())
        print(f(1223), copy.deepcopy([Point(1)]), json.dumps({'a': [1]}), re.sub('a', 'b', 'aa'))
        print(functools.reduce(int.__add__, range(9)), id(f) == id(f), hash('a') == hash('a'))
        exec('y = 1'); eval('y + 1')
        try: 1 / 0
        except ZeroDivisionError: print('caught', file=sys.stderr)
        ",
        &[],
    );
}

#[test]
fn files_are_read_and_written() {
    check(
        "
        import os, pathlib
        with open('a.txt', 'w') as file:
            file.write('text')
        open('a.txt').read()
        os.rename('a.txt', 'b.txt')
        os.path.exists('b.txt')
        os.listdir('.')
        try: open(b'missing')
        except OSError: pass
        os.remove('b.txt')
        os.mkdir('c')
        pathlib.Path('c').joinpath('d').write_text('')
        ",
        &[
            "2 write open('a.txt')",
            "4 read open('a.txt')",
            "5 write os.rename('a.txt', 'b.txt')",
            "6 read os.stat('b.txt')",
            "7 read os.listdir('.')",
            "8 read open(b'missing')",
            "10 write os.remove('b.txt')",
            "11 write os.mkdir('c')",
            "12 write open('c/d')",
        ],
    );
}

#[test]
fn clocks_are_read_by_whatever_name() {
    check(
        "
        import time, datetime
        from time import perf_counter as now
        now()
        list(map(lambda clock: clock(), [time.monotonic]))
        datetime.datetime.now(); datetime.date.today()
        time.sleep(0)
        time.localtime(); time.localtime(0); time.gmtime(None)
        time.strftime('%Y', time.gmtime(0))
        ",
        &[
            "3 time time.perf_counter()",
            "4 time time.monotonic()",
            "5 time datetime.datetime.now()",
            "5 time time.time()",
            "6 time time.sleep(0)",
            "7 time time.localtime()",
            "7 time time.gmtime(None)",
        ],
    );
}

#[test]
fn random_numbers_are_an_effect_unless_the_program_seeds_them() {
    check(
        "
        import random
        random.random()
        random.seed(7)
        random.random(); random.shuffle([1, 2, 3])
        random.Random(3).getrandbits(8)
        random.Random().getrandbits(8)
        random.seed()
        random.getrandbits(2)
        ",
        &[
            "2 randomness random.random()",
            "6 randomness random.getrandbits(8)",
            "8 randomness random.getrandbits(2)",
        ],
    );
    check(
        "
        import os, secrets, uuid
        os.urandom(4)
        secrets.token_bytes(5)
        uuid.uuid4()
        ",
        &["2 randomness os.urandom(4)", "3 randomness os.urandom(5)", "4 randomness os.urandom(16)"],
    );
}

#[test]
fn the_environment_is_looked_at_and_set() {
    check(
        "
        import os
        os.environ.get('HOME')
        os.getenv('NOT_SET')
        os.environ['A'] = '1'
        del os.environ['A']
        os.getpid()
        os.getcwd()
        ",
        &[
            "2 environment os.getenv('HOME')",
            "3 environment os.getenv('NOT_SET')",
            "4 environment os.putenv(b'A', b'1')",
            "5 environment os.unsetenv(b'A')",
            "6 environment os.getpid()",
            "7 environment os.getcwd()",
        ],
    );
}

#[test]
fn processes_and_sockets_are_told_even_where_they_fail() {
    check(
        "
        import os, socket
        os.system('true')
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(('127.0.0.1', 0))
        s.close()
        a, b = socket.socketpair()
        a.close(); b.close()
        try: os.kill(0x7fffffff, 0)
        except OSError: pass
        ",
        &[
            "2 process os.system(b'true')",
            "3 network socket.socket(2, 2)",
            "4 network socket.bind(('127.0.0.1', 0))",
            "8 process os.kill(2147483647, 0)",
        ],
    );
}

#[test]
fn what_imports_read_is_no_effect_and_what_tracebacks_read_neither() {
    check(
        "
        import asyncio, decimal, email.message, http.client, logging, multiprocessing, tempfile, unittest, xml.dom
        import traceback, warnings, ctypes, random, uuid
        try: {}['a']
        except KeyError: text = traceback.format_exc()
        warnings.warn('careful')
        try: compile('1 +', '<string>', 'eval')
        except SyntaxError: pass
        import nothing_of_this_name
        ",
        &[],
    );
}

#[test]
fn a_library_acts_on_behalf_of_the_frame_that_called_it() {
    check(
        "
        import email.utils
        def f():
            email.utils.formatdate()
        f()
        ",
        &["3 time time.time()"],
    );
}

#[test]
fn machine_code_of_others_is_an_effect() {
    check(
        "
        import ctypes
        ctypes.pythonapi.Py_IsInitialized()
        ",
        &["2 code ctypes.dlsym('Py_IsInitialized')"],
    );
}

#[test]
fn a_deleted_module_does_not_hide_what_its_functions_do() {
    check(
        "
        import sys
        del sys.modules['time']
        import time
        time.time()
        ",
        &["4 time time.time()"],
    );
}
