//! Short scripts per second, some of which import what many do: confined, traced and stored by `et-coord run`, against a loop that starts a
//! fresh interpreter for each with `subprocess.run` and confines nothing.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use tests::bench;
use tests::tracers::interpreters;

/// Name and program. `{}` tells the scripts apart.
const PROGRAMS: [(&str, &str); 2] = [
    ("trivial", "x = {}\nprint(x % 7)\n"),
    ("imports", "import json, random, re\nfrom dataclasses import dataclass\nx = {}\nprint(x % 7)\n"),
];

const SCRIPTS: usize = 8_000;
const BASELINE_SCRIPTS: usize = 300;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-throughput: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    println!("{:>8} {:>8} {:>14} {:>14} {:>8}", "python", "scripts", "loop, 1/s", "et, 1/s", "ratio");
    let mut metrics = serde_json::Map::new();
    for (name, program) in PROGRAMS {
        let code = folder.path().join(name);
        write_scripts(&code, program)?;
        for python in interpreters() {
            let minor = python.minor;
            let baseline = loop_rate(&python.path, &code)?;
            let rate = et_rate(&python.path, &code, &folder.path().join(format!("{name}-{minor}")))?;
            println!("{minor:>8} {name:>8} {baseline:>14.0} {rate:>14.0} {:>8.1}", rate / baseline);
            metrics.insert(format!("{name}_loop_per_second_{minor}"), baseline.into());
            metrics.insert(format!("{name}_et_per_second_{minor}"), rate.into());
            metrics.insert(format!("{name}_ratio_{minor}"), (rate / baseline).into());
        }
    }
    bench::write("throughput", &metrics)?;
    Ok(())
}

fn write_scripts(code: &Path, program: &str) -> io::Result<()> {
    for number in 0..SCRIPTS {
        let place = code.join(format!("{:03}", number % 100));
        fs::create_dir_all(&place)?;
        fs::write(place.join(format!("script_{number:05}.py")), program.replace("{}", &number.to_string()))?;
    }
    Ok(())
}

/// Scripts per second of the loop that people write.
fn loop_rate(python: &Path, code: &Path) -> Result<f64, Box<dyn Error>> {
    let program = "import glob, subprocess, sys, time\n\
        files = sorted(glob.glob(sys.argv[1] + '/*/*.py'))[:int(sys.argv[2])]\n\
        start = time.perf_counter()\n\
        for file in files:\n\
        \x20   subprocess.run([sys.executable, '-I', '-S', file], stdout=subprocess.DEVNULL)\n\
        print(len(files) / (time.perf_counter() - start))\n";
    let output =
        Command::new(python).arg("-c").arg(program).arg(code).arg(BASELINE_SCRIPTS.to_string()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Scripts per second of a whole job: planning, tracing, storing, publishing, the start of every process.
fn et_rate(python: &Path, code: &Path, dataset: &Path) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    bench::run_job(python, code, dataset)?;
    Ok(SCRIPTS as f64 / start.elapsed().as_secs_f64())
}
