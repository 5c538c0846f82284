//! What names one execution for good.

use sha2::{Digest, Sha256};
use trace::Granularity;

use crate::hex::hex;

/// Everything that decides a trace. The job is not in it: the same execution has the same id in every dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution<'a> {
    /// Two sources may hold the same bytes, and an id stands for one row.
    pub source_path: &'a str,
    pub source_sha256: &'a str,
    pub entry: &'a str,
    pub input: Option<&'a str>,
    /// The full version; only its first two numbers count.
    pub interpreter: &'a str,
    pub tracer_version: &'a str,
    pub granularity: Granularity,
    /// Its texts say which object they are of.
    pub identities: bool,
}

impl Execution<'_> {
    /// 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        const BYTES: usize = 16;
        let minor_version = match self.interpreter.match_indices('.').nth(1) {
            Some((end, _)) => &self.interpreter[..end],
            None => self.interpreter,
        };
        let fields = [
            Some(self.source_path),
            Some(self.source_sha256),
            Some(self.entry),
            self.input,
            Some(minor_version),
            Some(self.tracer_version),
            Some(self.granularity.name()),
        ];
        // Ids were given before there was this to ask for.
        let asked = self.identities.then_some(Some("identities"));
        let mut hash = Sha256::new();
        for field in fields.into_iter().chain(asked) {
            // A field is told from none, and its end from its bytes.
            let len = field.map_or(u64::MAX, |field| field.len() as u64);
            hash.update(len.to_le_bytes());
            hash.update(field.unwrap_or_default());
        }
        hex(&hash.finalize()[..BYTES])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EXECUTION: Execution<'_> = Execution {
        source_path: "corpus/a.py",
        source_sha256: "00ff",
        entry: "f",
        input: Some("1"),
        interpreter: "3.13.0",
        tracer_version: "0.1.0",
        granularity: Granularity::Line,
        identities: false,
    };

    #[test]
    fn every_field_counts() {
        let ids = BTreeSet::from([
            EXECUTION.trace_id(),
            Execution { source_path: "corpus/b.py", ..EXECUTION }.trace_id(),
            Execution { source_sha256: "00fe", ..EXECUTION }.trace_id(),
            Execution { entry: "g", ..EXECUTION }.trace_id(),
            Execution { input: Some("2"), ..EXECUTION }.trace_id(),
            Execution { input: Some(""), ..EXECUTION }.trace_id(),
            Execution { input: None, ..EXECUTION }.trace_id(),
            Execution { interpreter: "3.12.0", ..EXECUTION }.trace_id(),
            Execution { tracer_version: "0.1.1", ..EXECUTION }.trace_id(),
            Execution { granularity: Granularity::Call, ..EXECUTION }.trace_id(),
            Execution { identities: true, ..EXECUTION }.trace_id(),
            Execution { source_path: "corpus/a.p", source_sha256: "y00ff", ..EXECUTION }.trace_id(),
        ]);
        assert_eq!(ids.len(), 12);
    }

    #[test]
    fn ids_never_change() {
        assert_eq!(EXECUTION.trace_id(), "46586a577b256d39d171d4bb6238e351");
        assert_eq!(Execution { interpreter: "3.13.7", ..EXECUTION }.trace_id(), EXECUTION.trace_id());
    }
}
