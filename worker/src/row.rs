//! Turns a source, and what running it left behind, into a row of the dataset.

use dataset::source::Source;
use dataset::{Captured, EventWriter, Limits, Outcome, Row};
use trace::Granularity;

use crate::asked::Began;
use crate::execute::{Execution, Output};
use crate::ledger::Lease;
use crate::log::Log;
use crate::outcome::{Ending, Memory, cut};

/// The release of the tracer, which is built with this worker.
const TRACER_VERSION: &str = env!("CARGO_PKG_VERSION");

const LANGUAGE: &str = "python";

/// Most bytes of a standard stream's text. Bytes that are no UTF-8 grow when they become text.
const MAX_STREAM_BYTES: usize = 64 << 10;

/// What every row of a shard has in common.
pub(crate) struct Common<'a> {
    pub(crate) lease: &'a Lease,
    pub(crate) limits: &'a Limits,
    pub(crate) granularity: Granularity,
    pub(crate) identities: bool,
    /// The full version, for example `3.13.0`.
    pub(crate) interpreter: &'a str,
    pub(crate) confinement: &'a str,
}

impl Common<'_> {
    /// The row of an execution, but for its events, which go to `events`.
    pub(crate) fn ran<'a>(
        &'a self,
        source: &Source,
        began: Began<'a>,
        execution: &'a Execution,
        deterministic: Option<bool>,
        events: &mut EventWriter<'_, 'a>,
    ) -> Row<'a> {
        let log = Log::read(execution.log(), self.limits, |event| events.push(event));
        let memory = Memory { peak: execution.peak_memory_bytes, limit: self.limits.memory_bytes };
        let ending = Ending::of(execution.ended, log.end, memory);
        let ran = ending.outcome != Outcome::SyntaxError;
        Row {
            pure: ran.then(|| execution.is_pure()),
            deterministic,
            stdout: captured(&execution.stdout),
            stderr: captured(&execution.stderr),
            confinement: self.confinement,
            wall_us: execution.wall_us,
            cpu_us: execution.cpu_us,
            peak_memory_bytes: execution.peak_memory_bytes,
            trace_damaged: log.is_damaged,
            trace_truncated: log.is_truncated,
            verdict: began.expected.judge(&ending, &execution.stdout),
            ..self.row(source, began, self.interpreter, ending)
        }
    }

    /// The row of a source that could not be read.
    pub(crate) fn unreadable<'a>(&'a self, source: &'a Source, reason: &str) -> Row<'a> {
        self.row(source, Began::nothing(source), "", Ending::unreadable(reason))
    }

    /// The row of a source that nothing of the job's modes applies to.
    pub(crate) fn not_asked_for<'a>(&'a self, source: &'a Source) -> Row<'a> {
        self.row(source, Began::nothing(source), "", Ending::not_asked_for())
    }

    /// The row of a source of which filters left no other.
    pub(crate) fn filtered<'a>(&'a self, source: &'a Source, ending: Ending) -> Row<'a> {
        self.row(source, Began::nothing(source), self.interpreter, ending)
    }

    /// The row of a source that is not run any more.
    pub(crate) fn set_aside<'a>(&'a self, source: &'a Source) -> Row<'a> {
        self.row(source, Began::nothing(source), "", Ending::worker_fault())
    }

    fn row<'a>(&'a self, source: &Source, began: Began<'a>, interpreter: &'a str, ending: Ending) -> Row<'a> {
        let source_sha256 = source.sha256();
        let Began { entry, input, origin, .. } = began;
        let identity = dataset::Execution {
            source_path: &source.path,
            source_sha256: &source_sha256,
            entry,
            input,
            interpreter,
            tracer_version: TRACER_VERSION,
            granularity: self.granularity,
            identities: self.identities,
        };
        Row {
            trace_id: identity.trace_id(),
            job_id: &self.lease.job,
            shard: self.lease.shard,
            source_id: source.id.clone(),
            source_path: source.path.clone(),
            source_sha256,
            source_meta: source.meta.clone(),
            language: LANGUAGE,
            interpreter,
            tracer_version: TRACER_VERSION,
            entry,
            code: source.code(),
            input_origin: origin,
            input: input.map(str::to_owned),
            granularity: self.granularity,
            outcome: ending.outcome,
            exception_type: ending.exception_type,
            exception_message: ending.message,
            exit_code: ending.exit_code,
            signal: ending.signal,
            output_type: ending.output_type,
            output: ending.output,
            stdout: Captured::default(),
            stderr: Captured::default(),
            confinement: "",
            pure: None,
            deterministic: None,
            wall_us: 0,
            cpu_us: 0,
            peak_memory_bytes: 0,
            trace_damaged: false,
            trace_truncated: false,
            verdict: None,
            events: Vec::new(),
        }
    }
}

fn captured(output: &Output) -> Captured {
    let mut bytes = output.bytes.as_slice();
    if output.truncated {
        // The cut may stand in the middle of a character, which is then no fault of the program's.
        let torn = bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        bytes = &bytes[..bytes.len() - torn];
    }
    let text = String::from_utf8_lossy(bytes);
    let kept = cut(&text, MAX_STREAM_BYTES);
    Captured { text: kept.to_owned(), truncated: output.truncated || kept.len() < text.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_captured(bytes: &[u8], truncated: bool, text: &str) {
        let output = Output { bytes: bytes.to_vec(), truncated };
        assert_eq!(captured(&output), Captured { text: text.to_owned(), truncated }, "{bytes:?}");
    }

    #[test]
    fn output_need_not_be_utf8() {
        check_captured(b"caf\xc3\xa9\n", false, "caf\u{e9}\n");
        check_captured(b"a\xff\xfeb", false, "a\u{fffd}\u{fffd}b");
        check_captured(b"caf\xc3", false, "caf\u{fffd}");
    }

    #[test]
    fn output_cut_within_a_character_ends_before_it() {
        check_captured(b"caf\xc3", true, "caf");
        check_captured(b"caf\xc3\xa9", true, "caf\u{e9}");
    }

    #[test]
    fn bytes_that_grow_as_text_stay_bounded() {
        let output = Output { bytes: vec![0xff; MAX_STREAM_BYTES], truncated: false };
        let captured = captured(&output);
        assert!(captured.truncated);
        assert_eq!(captured.text.len(), MAX_STREAM_BYTES / 3 * 3);
    }
}
