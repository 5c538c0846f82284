//! Trivial scripts per second: confined, traced and stored by `et-coord run`, against a loop that starts a
//! fresh interpreter for each with `subprocess.run` and confines nothing.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use tests::bench;
use tests::tracers::interpreters;

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
    let code = folder.path().join("code");
    for number in 0..SCRIPTS {
        let place = code.join(format!("{:03}", number % 100));
        fs::create_dir_all(&place)?;
        fs::write(place.join(format!("script_{number:05}.py")), format!("x = {number}\nprint(x % 7)\n"))?;
    }
    println!("{:>8} {:>14} {:>14} {:>8}", "python", "loop, 1/s", "et, 1/s", "ratio");
    let mut metrics = serde_json::Map::new();
    for python in interpreters() {
        let baseline = loop_rate(&python.path, &code)?;
        let dataset = folder.path().join(format!("dataset-{}", python.minor));
        let rate = et_rate(&python.path, &code, &dataset)?;
        println!("{:>8} {baseline:>14.0} {rate:>14.0} {:>8.1}", python.minor, rate / baseline);
        metrics.insert(format!("loop_per_second_{}", python.minor), baseline.into());
        metrics.insert(format!("et_per_second_{}", python.minor), rate.into());
        metrics.insert(format!("ratio_{}", python.minor), (rate / baseline).into());
    }
    bench::write("throughput", &metrics)?;
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
