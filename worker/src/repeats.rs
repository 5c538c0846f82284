//! Whether several executions of one program were alike.

use crate::execute::{Ended, Execution, Output};

/// What an execution leaves behind that the program decides.
#[derive(Clone, Copy)]
struct Left<'a> {
    ended: Ended,
    log: &'a [u8],
    stdout: &'a Output,
    stderr: &'a Output,
}

impl<'a> Left<'a> {
    fn by(execution: &'a Execution) -> Left<'a> {
        let Execution { ended, stdout, stderr, .. } = execution;
        Left { ended: *ended, log: execution.log(), stdout, stderr }
    }

    fn parts(&self) -> [&'a [u8]; 3] {
        [self.log, &self.stdout.bytes, &self.stderr.bytes]
    }

    /// Whether they are alike; `None` if a limit cut one of them off before they could differ.
    fn is_like(&self, other: &Left<'_>) -> Option<bool> {
        let pairs = || self.parts().into_iter().zip(other.parts());
        if self.ended.is_cut_off() || other.ended.is_cut_off() {
            let begin_alike =
                pairs().all(|(one, other)| one.iter().zip(other).all(|(one, other)| one == other));
            return if begin_alike { None } else { Some(false) };
        }
        let same_end = self.ended == other.ended
            && self.stdout.truncated == other.stdout.truncated
            && self.stderr.truncated == other.stderr.truncated;
        Some(same_end && pairs().all(|(one, other)| one == other))
    }
}

/// A first execution, and what the others said of it.
pub(crate) struct Repeats<'a> {
    first: &'a Execution,
    /// `None` until there was another.
    verdict: Option<Option<bool>>,
}

impl<'a> Repeats<'a> {
    pub(crate) fn of(first: &'a Execution) -> Repeats<'a> {
        Repeats { first, verdict: None }
    }

    pub(crate) fn add(&mut self, again: &Execution) {
        let is_like = Left::by(self.first).is_like(&Left::by(again));
        self.verdict = Some(match (self.verdict, is_like) {
            (Some(Some(false)), _) | (_, Some(false)) => Some(false),
            (Some(None), _) | (_, None) => None,
            _ => Some(true),
        });
    }

    /// Whether it is clear by now that they are not alike.
    pub(crate) fn differ(&self) -> bool {
        self.are_alike() == Some(false)
    }

    /// `None` if there was only one, or a limit cut some off before they could differ.
    pub(crate) fn are_alike(&self) -> Option<bool> {
        self.verdict.flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(one: (Ended, &str, &str), other: (Ended, &str, &str), expected: Option<bool>) {
        let output = |text: &str| Output { bytes: text.as_bytes().to_vec(), truncated: false };
        let (first, second, empty) = (output(one.2), output(other.2), output(""));
        let left = |ended, log: &'static [u8], stdout| Left { ended, log, stdout, stderr: &empty };
        let log = |text: &str| -> &'static [u8] { text.to_owned().leak().as_bytes() };
        let one = left(one.0, log(one.1), &first);
        let other = left(other.0, log(other.1), &second);
        assert_eq!(one.is_like(&other), expected);
        assert_eq!(other.is_like(&one), expected);
    }

    #[test]
    fn all_that_the_program_decides_counts() {
        let once = (Ended::Exited(0), "log", "out");
        check(once, once, Some(true));
        check(once, (Ended::Exited(1), "log", "out"), Some(false));
        check(once, (Ended::Signalled(9), "log", "out"), Some(false));
        check(once, (Ended::Exited(0), "lag", "out"), Some(false));
        check(once, (Ended::Exited(0), "log!", "out"), Some(false));
        check(once, (Ended::Exited(0), "log", "in"), Some(false));
    }

    #[test]
    fn what_a_limit_cut_off_can_differ_but_is_never_known_to_be_alike() {
        let cut = (Ended::WallLimit, "log", "out");
        check(cut, cut, None);
        check(cut, (Ended::WallLimit, "log and more", "out"), None);
        check(cut, (Ended::Exited(0), "log and more", "output"), None);
        check(cut, (Ended::WallLimit, "lag", "out"), Some(false));
        check(cut, (Ended::Exited(0), "log", "in"), Some(false));
    }
}
