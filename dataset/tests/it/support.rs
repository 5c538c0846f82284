//! Datasets made without running anything.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use dataset::source::{self, Body, Source};
use dataset::{
    Captured, Dataset, Execution, InputOrigin, Job, Limits, Outcome, PartHeader, PartWriter, Row, S3Keys,
    S3Settings, Shard, Store, Times, Verdict, attempt_key,
};
use s3_server::S3Server;
use trace::{
    Change, ChangeKind, Effect, EffectKind, Event, EventKind, GapReason, Granularity, Instruction, Scope,
    StackItem, Stream, Value,
};

pub(crate) const TIMES: Times = Times { started_unix_ms: 1_000, finished_unix_ms: 3_500 };

/// A folder with sources and a place for the dataset beside them.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    /// A place with these files below `corpus`.
    pub(crate) fn with_files(files: &[&str]) -> Place {
        let place = Place::new();
        for file in files {
            place.write(&format!("corpus/{file}"), format!("# {file}\n").as_bytes());
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.text("out")).unwrap()
    }

    pub(crate) fn job(&self, sources: &[&str], shard_sources: u64) -> Job {
        let sources: Vec<String> = sources.iter().map(|source| self.text(source)).collect();
        Job::new(&sources, shard_sources, Limits::default()).unwrap()
    }

    /// The dataset of all files below `corpus`, `shard_sources` to a shard.
    pub(crate) fn dataset(&self, shard_sources: u64) -> Dataset {
        Dataset::start(self.store(), self.job(&["corpus"], shard_sources)).unwrap()
    }

    /// Writes a local file as a worker would.
    pub(crate) fn write_part(&self, name: &str, header: PartHeader, rows: &[Row<'_>]) -> PathBuf {
        let path = self.path(name);
        let mut writer = PartWriter::create(&path, header).unwrap();
        for row in rows {
            writer.append(row.clone()).unwrap();
        }
        writer.finish().unwrap();
        path
    }
}

/// Plans everything and gives every shard a part.
pub(crate) fn fill(place: &Place, dataset: &Dataset) {
    let mut plan = dataset.plan();
    while let Some(shards) = plan.next_segment().unwrap() {
        for shard in shards {
            fill_shard(place, dataset, &shard);
        }
    }
}

pub(crate) fn fill_shard(place: &Place, dataset: &Dataset, shard: &Shard) {
    let header = PartHeader { job: dataset.id().clone(), shard: shard.clone() };
    let sources: Vec<Source> = source::read(&shard.range, 1000).unwrap().map(Result::unwrap).collect();
    let rows: Vec<Row<'_>> =
        sources.iter().map(|source| row_of(source, &dataset.id().0, shard.ordinal)).collect();
    let file = place.write_part("scratch.parquet", header, &rows);
    let attempt = attempt_key(shard.ordinal, 1);
    dataset.store().put_file(&attempt, &file).unwrap();
    dataset.publish(shard.ordinal, &attempt).unwrap();
}

/// What an execution that prints its source and returns might have given.
pub(crate) fn row_of<'a>(source: &'a Source, job_id: &'a str, shard: u64) -> Row<'a> {
    let (source_sha256, entry) = (source.sha256(), source.entry());
    let input = match &source.body {
        Body::Call { input, .. } => Some(input.as_str()),
        Body::Script(_) | Body::Cases { .. } | Body::Unreadable { .. } => None,
    };
    let execution = Execution {
        source_path: &source.path,
        source_sha256: &source_sha256,
        entry,
        input,
        interpreter: "3.13.0",
        tracer_version: "0.1.0",
        granularity: Granularity::Line,
        identities: false,
    };
    let (outcome, exception_message) = match &source.body {
        Body::Unreadable { reason } => (Outcome::Unreadable, Some(reason.clone())),
        Body::Script(_) | Body::Call { .. } | Body::Cases { .. } => (Outcome::Returned, None),
    };
    Row {
        trace_id: execution.trace_id(),
        job_id,
        shard,
        source_id: source.id.clone(),
        source_path: source.path.clone(),
        source_sha256,
        source_meta: source.meta.clone(),
        language: "python",
        interpreter: "3.13.0",
        tracer_version: "0.1.0",
        entry,
        code: source.code(),
        input: input.map(str::to_owned),
        input_origin: if input.is_some() { InputOrigin::Case } else { InputOrigin::Script },
        granularity: Granularity::Line,
        outcome,
        exception_type: None,
        exception_message,
        exit_code: None,
        signal: None,
        output_type: None,
        output: None,
        stdout: Captured { text: source.code(), truncated: false },
        stderr: Captured::default(),
        confinement: "none",
        pure: None,
        deterministic: None,
        wall_us: 10,
        cpu_us: 9,
        peak_memory_bytes: 8,
        trace_damaged: false,
        trace_truncated: false,
        verdict: None,
        events: vec![event(EventKind::Call), event(EventKind::Line)],
    }
}

pub(crate) fn event(kind: EventKind<'_>) -> Event<'_> {
    Event {
        thread: 0,
        frame: 0,
        parent: None,
        depth: 0,
        function: "<module>",
        line: 1,
        kind,
        changes: Vec::new(),
    }
}

/// Two rows that between them have every column both null and not, and every kind of event and change that there
/// was when the first parts of version 1 were written. The frozen samples hold them, so they do not change.
pub(crate) fn sample_rows() -> Vec<Row<'static>> {
    let value = Value { type_name: "int", text: "1" };
    let change = |scope, name, kind, value| Change { scope, name, element: None, kind, value };
    let inner = |line, kind, changes| Event {
        thread: 0,
        frame: 1,
        parent: Some(0),
        depth: 1,
        function: "f.<locals>.g",
        line,
        kind,
        changes,
    };
    let events = vec![
        Event {
            changes: vec![change(Scope::Local, "x", ChangeKind::New, Some(value))],
            function: "f",
            ..event(EventKind::Call)
        },
        inner(2, EventKind::Call, Vec::new()),
        inner(3, EventKind::Line, vec![change(Scope::Global, "ä", ChangeKind::Modified, Some(value))]),
        inner(3, EventKind::Yield(value), vec![change(Scope::Local, "x", ChangeKind::Deleted, None)]),
        inner(3, EventKind::Resume, Vec::new()),
        event(EventKind::Output(Stream::Stdout, b"one\n".into())),
        event(EventKind::Output(Stream::Stderr, b"".into())),
        inner(4, EventKind::Raise(Value { type_name: "ValueError", text: "" }), Vec::new()),
        inner(4, EventKind::Unwind(Value { type_name: "ValueError", text: "no" }), Vec::new()),
        event(EventKind::Gap { reason: GapReason::Events, skipped: 0 }),
        event(EventKind::Gap { reason: GapReason::Bytes, skipped: 17 }),
        event(EventKind::Gap { reason: GapReason::Depth, skipped: u64::MAX }),
        event(EventKind::Return(value)),
    ];
    let full = Row {
        trace_id: "00112233445566778899aabbccddeeff".to_owned(),
        job_id: "0123456789abcdef",
        shard: 7,
        source_id: "case-1".to_owned(),
        source_path: "cases.jsonl:1".to_owned(),
        source_sha256: "ab".repeat(32),
        source_meta: r#"{"licence":"MIT","weight":1.50}"#.to_owned(),
        language: "python",
        interpreter: "3.13.0",
        tracer_version: "0.1.0",
        entry: "f",
        code: "def f(x):\n    return x\n".to_owned(),
        input: Some("1".to_owned()),
        input_origin: InputOrigin::Case,
        granularity: Granularity::Line,
        outcome: Outcome::Raised,
        exception_type: Some("ValueError".to_owned()),
        exception_message: Some("no".to_owned()),
        exit_code: Some(-1),
        signal: Some(11),
        output_type: Some("str".to_owned()),
        output: Some("'ä'".to_owned()),
        stdout: Captured { text: "one\n".to_owned(), truncated: true },
        stderr: Captured { text: "two\n".to_owned(), truncated: true },
        confinement: "namespaces+landlock7+seccomp",
        pure: None,
        deterministic: None,
        wall_us: 1,
        cpu_us: 2,
        peak_memory_bytes: u64::MAX,
        trace_damaged: true,
        trace_truncated: true,
        verdict: None,
        events,
    };
    let bare = Row {
        trace_id: "ffeeddccbbaa99887766554433221100".to_owned(),
        source_id: "cases.jsonl:2".to_owned(),
        source_path: "cases.jsonl:2".to_owned(),
        source_sha256: String::new(),
        source_meta: "{}".to_owned(),
        interpreter: "",
        entry: "<module>",
        code: String::new(),
        input: None,
        input_origin: InputOrigin::Script,
        granularity: Granularity::Line,
        outcome: Outcome::Unreadable,
        exception_type: None,
        exception_message: None,
        exit_code: None,
        signal: None,
        output_type: None,
        output: None,
        stdout: Captured::default(),
        stderr: Captured::default(),
        confinement: "",
        pure: None,
        deterministic: None,
        trace_damaged: false,
        trace_truncated: false,
        verdict: None,
        events: Vec::new(),
        ..full.clone()
    };
    vec![full, bare]
}

/// A row with what was added to version 1 since then.
pub(crate) fn added_row() -> Row<'static> {
    let value = Value { type_name: "list", text: "[1]" };
    let instruction = |offset, name, argument, stack| {
        event(EventKind::Instruction(Box::new(Instruction { offset, name, argument, stack })))
    };
    let element =
        |element, kind, value| Change { scope: Scope::Local, name: "x", element: Some(element), kind, value };
    let items = vec![StackItem::Null, StackItem::Value(value), StackItem::Local("x")];
    let mut events = vec![
        event(EventKind::Call),
        instruction(0, "RESUME", Some(""), Vec::new()),
        instruction(2, "BINARY_OP", Some("+"), items),
        Event {
            changes: vec![
                element("[17]", ChangeKind::Modified, Some(value)),
                element("['k'].y", ChangeKind::New, Some(value)),
                element("[2:5]", ChangeKind::Deleted, None),
            ],
            ..event(EventKind::Line)
        },
        instruction(4, "POP_TOP", None, vec![StackItem::Null]),
        Event { thread: 1, frame: 1, ..event(EventKind::Call) },
    ];
    events.extend(EffectKind::ALL.map(|kind| event(EventKind::Effect(Effect { kind, detail: "/tmp/x" }))));
    let bare = sample_rows().pop().expect("there are two");
    Row {
        trace_id: "0123456789abcdef0123456789abcdef".to_owned(),
        source_id: "cases.jsonl:3".to_owned(),
        source_path: "cases.jsonl:3".to_owned(),
        granularity: Granularity::Instruction,
        events,
        ..bare
    }
}

/// The header that goes with [`sample_rows`].
pub(crate) fn sample_header() -> PartHeader {
    PartHeader {
        job: dataset::JobId("0123456789abcdef".to_owned()),
        shard: Shard {
            ordinal: 7,
            sources: 2,
            range: dataset::Range::Lines {
                path: "/data/cases.jsonl".to_owned(),
                from_byte: 0,
                to_byte: 99,
                first_line: 1,
            },
        },
    }
}

/// A store in the folder of a file.
pub(crate) fn store_at(folder: &Path) -> Store {
    Store::open(folder.to_str().unwrap()).unwrap()
}

/// A prefix of its own in S3: in the service that the environment tells of if it names a place in `ET_TEST_S3`,
/// else in one that the tests of this program share.
pub(crate) fn s3_prefix() -> String {
    static PREFIXES: AtomicU64 = AtomicU64::new(0);
    static SERVER: OnceLock<S3Server> = OnceLock::new();
    let place = std::env::var("ET_TEST_S3").unwrap_or_else(|_| {
        SERVER.get_or_init(start_s3);
        "s3://tests".to_owned()
    });
    let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
    format!("{place}/{}-{number}", std::process::id())
}

fn start_s3() -> S3Server {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3");
    let _ = std::fs::remove_dir_all(&folder);
    let server = S3Server::start(&folder).unwrap();
    server.create_bucket("tests");
    let keys = S3Keys {
        access_key_id: s3_server::ACCESS_KEY_ID.to_owned(),
        secret_access_key: s3_server::SECRET_ACCESS_KEY.to_owned(),
    };
    S3Settings { endpoint: Some(server.endpoint()), keys: Some(keys) }.install().unwrap();
    server
}

/// A row with the column that came next.
pub(crate) fn judged_row() -> Row<'static> {
    let bare = sample_rows().pop().expect("there are two");
    Row {
        trace_id: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned(),
        source_id: "cases.jsonl:4".to_owned(),
        source_path: "cases.jsonl:4".to_owned(),
        entry: "f",
        input: Some("1".to_owned()),
        input_origin: InputOrigin::Case,
        outcome: Outcome::Returned,
        verdict: Some(Verdict::Failed),
        ..bare
    }
}
