//! Runs jobs of 2,000 and of 20,000 sources while workers are killed at random moments, and shows that
//! nothing is lost or repeated and that the coordinator's memory does not grow with the number of sources.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use tests::binaries;
use tests::process::{children_of, kill, peak_memory_kib};
use tests::random::Random;

/// Kills come this far apart, so that a worker gets some shards done in between.
const SHORTEST_LIFE: Duration = Duration::from_millis(500);
const LONGEST_LIFE: Duration = Duration::from_millis(2500);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut metrics = serde_json::Map::new();
    println!(
        "{:>8} {:>8} {:>8} {:>10} {:>22}",
        "sources", "seconds", "kills", "sources/s", "coordinator peak KiB"
    );
    for sources in [2_000, 20_000] {
        let folder = tempfile::tempdir()?;
        let code = folder.path().join("code");
        generate(&code, sources)?;
        let soaked = soak(&code, &folder.path().join("dataset"))?;
        let rate = sources as f64 / soaked.took.as_secs_f64();
        println!(
            "{sources:>8} {:>8.1} {:>8} {rate:>10.0} {:>22}",
            soaked.took.as_secs_f64(),
            soaked.kills,
            soaked.peak_kib
        );
        metrics.insert(format!("kills_{sources}"), soaked.kills.into());
        metrics.insert(format!("sources_per_second_{sources}"), rate.into());
        metrics.insert(format!("coordinator_peak_kib_{sources}"), soaked.peak_kib.into());
    }
    tests::bench::write("soak", &metrics)?;
    Ok(())
}

struct Soaked {
    took: Duration,
    kills: u64,
    peak_kib: u64,
}

/// Runs one job to its end while killing its workers, then has the dataset verified.
fn soak(code: &Path, dataset: &Path) -> Result<Soaked, Box<dyn Error>> {
    let started = Instant::now();
    let mut coordinator = Command::new(binaries::et_coord())
        .args(["run", "--timeout", "5s", "--workers", "2", "--slots", "1", "--output"])
        .arg(dataset)
        .arg(code)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let mut random = Random::new(7);
    let mut next_kill = Instant::now() + LONGEST_LIFE;
    let (mut kills, mut peak_kib) = (0, 0);
    let status = loop {
        if let Some(status) = coordinator.try_wait()? {
            break status;
        }
        peak_kib = peak_kib.max(peak_memory_kib(coordinator.id()).unwrap_or(0));
        if Instant::now() >= next_kill {
            kills += u64::from(kill_a_worker(&coordinator, &mut random));
            let spread = (LONGEST_LIFE - SHORTEST_LIFE).as_millis() as u64;
            next_kill = Instant::now() + SHORTEST_LIFE + Duration::from_millis(random.below(spread));
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let took = started.elapsed();
    if !status.success() {
        return Err(format!("et-coord run ended with {status}").into());
    }
    let verified =
        Command::new(binaries::et_coord()).arg("verify").arg(dataset).arg("--against").arg(code).output()?;
    if !verified.status.success() {
        return Err(format!("verify failed: {}", String::from_utf8_lossy(&verified.stderr)).into());
    }
    Ok(Soaked { took, kills, peak_kib })
}

/// Ends one worker process of this coordinator, which this program started.
fn kill_a_worker(coordinator: &Child, random: &mut Random) -> bool {
    let workers = children_of(coordinator.id());
    if workers.is_empty() {
        return false;
    }
    kill(workers[random.below(workers.len() as u64) as usize])
}

/// Small programs, no two alike, some of which fail.
fn generate(code: &Path, sources: usize) -> Result<(), Box<dyn Error>> {
    for number in 0..sources {
        let folder = code.join(format!("{:03}", number % 200));
        fs::create_dir_all(&folder)?;
        let mut program = String::new();
        writeln!(program, "def total(limit):\n    found = 0\n    for n in range(limit):")?;
        writeln!(
            program,
            "        if n % {} == 0:\n            found += n\n    return found\n",
            number % 7 + 2
        )?;
        writeln!(program, "print(total({}), 'program {number}')", number % 40 + 5)?;
        if number % 10 == 9 {
            writeln!(program, "raise ValueError({number})")?;
        }
        fs::write(folder.join(format!("program_{number:06}.py")), program)?;
    }
    Ok(())
}
