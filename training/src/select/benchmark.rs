//! Programs that no model may have trained on: those that it will be examined with.

use std::collections::HashSet;

use super::hash::{join, runs};
use super::tokens::tokens;

/// What a program shares with the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Overlap {
    None = 0,
    /// A run of tokens.
    Run = 1,
    /// All of it is one text of a benchmark.
    Whole = 2,
}

impl Overlap {
    pub(super) fn from_byte(byte: u8) -> Option<Overlap> {
        [Overlap::None, Overlap::Run, Overlap::Whole].into_iter().find(|overlap| *overlap as u8 == byte)
    }
}

/// The texts of all benchmarks, as hashes: some twenty bytes for each token of them.
#[derive(Debug)]
pub(crate) struct Benchmarks {
    run: usize,
    runs: HashSet<u64>,
    wholes: HashSet<u64>,
}

impl Benchmarks {
    /// None yet. Programs will be taken for contaminated from `run` tokens in a row on.
    pub(crate) fn new(run: usize) -> Benchmarks {
        Benchmarks { run, runs: HashSet::new(), wholes: HashSet::new() }
    }

    pub(crate) fn add(&mut self, text: &str) {
        let tokens = tokens(text);
        if tokens.is_empty() {
            return;
        }
        self.wholes.insert(whole(&tokens));
        if tokens.len() >= self.run {
            self.runs.extend(runs(&tokens, self.run));
        }
    }

    pub(super) fn overlap(&self, tokens: &[u64]) -> Overlap {
        if tokens.is_empty() {
            Overlap::None
        } else if self.wholes.contains(&whole(tokens)) {
            Overlap::Whole
        } else if tokens.len() >= self.run && runs(tokens, self.run).any(|run| self.runs.contains(&run)) {
            Overlap::Run
        } else {
            Overlap::None
        }
    }
}

fn whole(tokens: &[u64]) -> u64 {
    tokens.iter().fold(tokens.len() as u64, |sum, &token| join(sum, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(benchmark: &str, program: &str, expect: Overlap) {
        let mut benchmarks = Benchmarks::new(6);
        benchmarks.add(benchmark);
        assert_eq!(benchmarks.overlap(&tokens(program)), expect, "{program:?} against {benchmark:?}");
    }

    #[test]
    fn a_program_that_is_a_benchmark_is_found_however_it_is_laid_out() {
        check("def f(x):\n    return x", "def f( x ):\n\treturn x\n", Overlap::Whole);
        check("x = 1", "x=1", Overlap::Whole);
    }

    #[test]
    fn a_run_of_tokens_is_found_anywhere() {
        check("a = [1, 2, 3]", "import os\nprint(os)\nb = [1, 2, 3] + a", Overlap::Run);
        check("a = [1, 2, 3]", "a = [1, 9, 3]", Overlap::None);
    }

    #[test]
    fn what_is_shorter_than_a_run_is_only_found_whole() {
        check("x = 1", "x = 1; y = 2", Overlap::None);
        check("", "", Overlap::None);
        check("", "x", Overlap::None);
    }
}
