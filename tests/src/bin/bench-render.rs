//! How small stored traces are, and how fast each style makes text of them, beside only decoding them.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use dataset::{Dataset, Object, Row, Store};
use parquet::file::reader::{FileReader, SerializedFileReader};
use render::{Settings, kinds};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tests::bench;
use tests::tracers::interpreters;
use trace::{Event, EventKind, State};
use training::execution;

/// Programs whose traces are long, and many whose traces are short.
const PROGRAMS: [&str; 2] = ["tests/bench/programs", "tests/programs/ordinary"];

/// A measurement ends after this long.
const SECONDS: f64 = 2.0;

/// What people would store events as without a format of their own, at zstd's highest ordinary level.
const JSONL_LEVEL: i32 = 19;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-render: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let folder = TempDir::new()?;
    let (code, place) = (folder.path().join("code"), folder.path().join("traces"));
    gather(&code)?;
    let newest = interpreters().last().ok_or("there is no CPython")?;
    bench::run_job(&newest.path, &code, &place)?;
    let dataset = Dataset::open(Store::local(&place))?;

    let mut figures = Map::new();
    sizes(&dataset, &mut figures)?;
    speeds(&dataset, &mut figures)?;
    bench::write("render", &figures)?;
    Ok(())
}

/// All programs in one folder.
fn gather(code: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir(code)?;
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for (number, folder) in PROGRAMS.iter().enumerate() {
        for entry in fs::read_dir(repository.join(folder))? {
            let path = entry?.path();
            let name = path.file_name().ok_or("a program has a name")?.to_string_lossy().into_owned();
            fs::copy(&path, code.join(format!("{number}_{name}")))?;
        }
    }
    Ok(())
}

/// Bytes for an event, in parts and as JSON lines: with what changes, and with all variables at each line.
fn sizes(dataset: &Dataset, figures: &mut Map<String, Value>) -> Result<(), Box<dyn Error>> {
    let (mut stored, mut events) = (0, 0);
    let mut changes = zstd::Encoder::new(Vec::new(), JSONL_LEVEL)?;
    let mut states = zstd::Encoder::new(Vec::new(), JSONL_LEVEL)?;
    for shard in dataset.published()? {
        let shard = shard?;
        stored += stored_bytes(dataset.store().read(&dataset::part_key(shard))?)?;
        for stored in dataset.part(shard)?.whole_rows() {
            let mut state = State::new();
            for event in &stored?.row()?.events {
                events += 1;
                writeln!(changes, "{}", as_json(event))?;
                state.apply(event);
                writeln!(states, "{}", with_state(event, &state))?;
                state.forget(event);
            }
        }
    }
    let each = |bytes: usize| bytes as f64 / events as f64;
    let (ours, changes) = (each(stored), each(changes.finish()?.len()));
    let states = each(states.finish()?.len());
    println!("{events} events: {ours:.2} bytes each; as JSON lines with zstd -{JSONL_LEVEL}");
    println!("with what changes {changes:.2}, which is a ratio of {:.2},", ours / changes);
    println!("with all variables at each line {states:.2}, which is a ratio of {:.2}\n", ours / states);
    figures.insert("bytes_per_event".to_owned(), ours.into());
    figures.insert("jsonl_bytes_per_event".to_owned(), changes.into());
    figures.insert("jsonl_states_bytes_per_event".to_owned(), states.into());
    Ok(())
}

/// Of the column `events` and all below it.
fn stored_bytes(part: Object) -> Result<usize, Box<dyn Error>> {
    let reader = SerializedFileReader::new(part)?;
    let columns = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    let events =
        columns.filter(|column| column.column_path().parts().first().is_some_and(|name| name == "events"));
    Ok(events.map(|column| column.compressed_size() as usize).sum())
}

/// An event as one would write it by hand: what it does not have is left out.
fn as_json(event: &Event<'_>) -> Value {
    let mut fields = json!({
        "kind": event.kind.name(),
        "frame": event.frame,
        "depth": event.depth,
        "function": event.function,
        "line": event.line,
    });
    if let Some(parent) = event.parent {
        fields["parent"] = parent.into();
    }
    if let Some(value) = value_of(event) {
        fields["value"] = value;
    }
    if !event.changes.is_empty() {
        let changes = event.changes.iter().map(|change| {
            let mut fields =
                json!({"scope": change.scope.name(), "name": change.name, "kind": change.kind.name()});
            if let Some(element) = change.element {
                fields["element"] = element.into();
            }
            if let Some(value) = change.value {
                fields["type"] = value.type_name.into();
                fields["text"] = value.text.into();
            }
            fields
        });
        fields["changes"] = changes.collect();
    }
    fields
}

/// An event as people's own tracers write it, who ask a frame for all of its variables at each line.
fn with_state(event: &Event<'_>, state: &State) -> Value {
    let mut fields = as_json(&Event { changes: Vec::new(), ..event.clone() });
    if event.kind == EventKind::Line {
        // A module's variables are its globals, and so are its locals to Python.
        let variables =
            if event.function == "<module>" { state.globals() } else { state.locals(event.frame) };
        fields["locals"] = variables
            .iter()
            .map(|(name, variable)| (name.clone(), Value::from(variable.text.as_str())))
            .collect();
    }
    fields
}

fn value_of(event: &Event<'_>) -> Option<Value> {
    use trace::EventKind::{Output, Raise, Return, Unwind, Yield};
    match &event.kind {
        Return(value) | Yield(value) | Raise(value) | Unwind(value) => {
            Some(json!({"type": value.type_name, "text": value.text}))
        }
        Output(stream, bytes) => {
            Some(json!({"stream": stream.name(), "text": String::from_utf8_lossy(bytes)}))
        }
        _ => None,
    }
}

/// Megabytes of text for a second of one core, and the share of the time that is decoding.
fn speeds(dataset: &Dataset, figures: &mut Map<String, Value>) -> Result<(), Box<dyn Error>> {
    let decoding = seconds(|| each_row(dataset, |_| Ok(())))?;
    println!("{:>12} {:>14} {:>18} {:>20}", "style", "text, MB", "MB/s of one core", "times decoding alone");
    for kind in kinds() {
        let style = kind.with(&Settings::default())?;
        let mut bytes = 0;
        let both = seconds(|| {
            bytes = 0;
            each_row(dataset, |row| {
                let mut examples = Vec::new();
                // A style that has nothing to say of a program says so, which takes time too.
                let _ = style.render(&execution(row), 0, &mut examples);
                bytes +=
                    examples.iter().flat_map(|example| example.text.pieces()).map(str::len).sum::<usize>();
                Ok(())
            })
        })?;
        let megabytes = bytes as f64 / 1e6;
        let (name, speed, times) = (kind.name, megabytes / both, both / decoding);
        println!("{name:>12} {megabytes:>14.2} {speed:>18.1} {times:>20.2}");
        figures.insert(format!("{name}_mb_per_second"), speed.into());
        figures.insert(format!("{name}_times_decoding"), times.into());
    }
    Ok(())
}

fn each_row(
    dataset: &Dataset,
    mut each: impl FnMut(&Row<'_>) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    for shard in dataset.published()? {
        for stored in dataset.part(shard?)?.whole_rows() {
            each(&stored?.row()?)?;
        }
    }
    Ok(())
}

/// The shortest time that something takes, of as many as fit.
fn seconds(mut done: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let mut best = f64::INFINITY;
    while best.is_infinite() || begun.elapsed().as_secs_f64() < SECONDS {
        let started = Instant::now();
        done()?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}
