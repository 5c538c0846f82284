//! What `et` itself costs: the share of all processor time of a job that is neither a traced program nor its tracing.
//!
//! A program's own time is what its row says (`cpu_us`). All else that the machine did meanwhile counts as ours:
//! coordinator and worker, the interpreters that programs are forked from, decoding and writing rows. So the machine
//! must be quiet: nobody could ask the processes, because what an interpreter forks is not waited for by its worker.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use dataset::{Dataset, Store};
use serde_json::Map;
use tests::bench;
use tests::process::machine_processor_seconds;
use tests::tracers::interpreters;

/// Name, program, and how many of them. `{}` tells them apart.
const JOBS: [(&str, &str, usize); 4] = [
    ("trivial", "x = {}\nprint(x % 7)\n", 4_000),
    ("in_c", "x = sum(range(1_500_000 + {}))\n", 300),
    ("mixed", MIXED, 300),
    ("in_lines", "x = {}\nfor n in range(45_000):\n    x += n\nprint(x)\n", 300),
];

/// Lines of its own, and libraries that do the work: some 4,000 events and 50 ms.
const MIXED: &str = r#"
import json
import random
import re

chance = random.Random({})
records = []
for number in range(600):
    name = chance.choice(("ada", "grace", "alan")) + str(number)
    score = chance.random() * 100
    records.append({"name": name, "score": score, "tags": [name[:2], str(number % 7)]})
text = json.dumps(records, indent=1)
for _ in range(8):
    text = json.dumps(json.loads(text), indent=1)
words = re.findall(r"[a-z]+[0-9]*", text)
totals = dict()
for record in records:
    tag = record["tags"][1]
    totals[tag] = totals.get(tag, 0) + record["score"]
print(len(words), max(totals, key=totals.get))
"#;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-overhead: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let python = interpreters().last().ok_or("there is no CPython from 3.11 to 3.13")?;
    let folder = tempfile::tempdir()?;
    let mut metrics = Map::new();
    println!("{:<16} {:>14} {:>14} {:>10}", "programs", "own, ms each", "all, ms each", "ours, %");
    for (name, program, count) in JOBS {
        let code = folder.path().join(name);
        fs::create_dir(&code)?;
        for number in 0..count {
            fs::write(code.join(format!("{number:05}.py")), program.replace("{}", &number.to_string()))?;
        }
        let dataset = folder.path().join(format!("{name}-dataset"));
        let before = busy()?;
        bench::run_job(&python.path, &code, &dataset)?;
        let all = busy()? - before;
        let own = own_seconds(&dataset)?;
        let share = (all - own) / all;
        let each = |seconds: f64| seconds * 1e3 / count as f64;
        println!("{name:<16} {:>14.2} {:>14.2} {:>10.1}", each(own), each(all), share * 100.0);
        metrics.insert(format!("{name}_share"), share.into());
        metrics.insert(format!("{name}_own_ms"), each(own).into());
        metrics.insert(format!("{name}_all_ms"), each(all).into());
    }
    bench::write("overhead", &metrics)?;
    Ok(())
}

fn busy() -> Result<f64, &'static str> {
    machine_processor_seconds().ok_or("this machine does not say what its processors do")
}

/// Processor time of all programs of a dataset.
fn own_seconds(dataset: &Path) -> Result<f64, Box<dyn Error>> {
    let dataset = Dataset::open(Store::local(dataset))?;
    let mut micros = 0;
    for shard in dataset.published()? {
        for row in dataset.part(shard?)?.rows_from(0)? {
            micros += row?.row()?.cpu_us;
        }
    }
    Ok(micros as f64 / 1e6)
}
