//! What a zygote gathers over many programs: nothing.

use std::fs;
use std::path::Path;
use std::thread;

use jail::Profile;

use crate::harness::{Place, folder, profiles, script, short};
use crate::slots::processes_with;

const PROGRAMS: usize = 10_000;
/// By then everything that happens only once has happened.
const SETTLED: usize = 500;
/// What malloc and page tables may round up to.
const ROUNDING_KIB: u64 = 256;

#[test]
#[ignore = "takes a minute or more: `make test-leak` runs it"]
fn a_zygote_stays_as_large_as_it_was_over_ten_thousand_programs() {
    let sources = [
        "print(sum(range(9)))",
        "class A:\n    def __init__(self, x): self.x = [x]\nitems = [A(n) for n in range(50)]\nraise KeyError(items)",
        "import json, random, time\nrandom.random()\nprint(json.dumps({'now': time.time()}))",
        "import threading\nt = threading.Thread(target=print, args=('on',))\nt.start()\nt.join()",
        "def f(n): return f(n + 1)\nf(0)",
        "import sys\nsys.settrace(lambda *a: None)\nopen('a', 'w').write('b')\nsys.exit(3)",
    ];
    thread::scope(|threads| {
        for profile in profiles() {
            threads.spawn(move || stays_as_large_as_it_was(profile, &sources));
        }
    });
}

fn stays_as_large_as_it_was(profile: Profile, sources: &[&str]) {
    let marker = folder();
    let mut place = Place::marked(profile, marker.path());
    let mut settled = 0;
    for (number, source) in sources.iter().cycle().take(PROGRAMS).enumerate() {
        place.slot.run(&script(source), &short(), || true).unwrap();
        if number == SETTLED {
            settled = memory_kib(marker.path());
        }
    }
    let after = memory_kib(marker.path());
    assert!(after <= settled + ROUNDING_KIB, "{profile}: {settled} KiB became {after} KiB");
    println!("{profile}: {settled} KiB after {SETTLED} programs, {after} KiB after {PROGRAMS}");
}

/// Memory of their own that the processes with this marker hold.
fn memory_kib(marker: &Path) -> u64 {
    let of_process = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    processes_with(marker).iter().map(|(pid, _)| of_process(pid.as_raw_nonzero().get())).sum()
}
