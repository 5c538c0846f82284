//! Decides how an execution ended, from what was seen outside its process and what the process wrote itself.
//!
//! What the process wrote is untrusted and may be missing, so what was seen comes first.

use dataset::{Dropped, Outcome};
use trace::{End, Verdict};

use crate::execute::Ended;

/// Most bytes of a type's name and of a message. The tracer's own are far shorter; a forged log's need not
/// be.
const MAX_TYPE_BYTES: usize = 1 << 10;
const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// Most bytes of the returned value's text: the tracer's bound of 65,536 characters, at four bytes each.
const MAX_OUTPUT_BYTES: usize = 256 << 10;

/// How an execution ended, in the words of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    /// Type of the exception that left the main code.
    pub(crate) exception_type: Option<String>,
    /// That exception's message, or why nothing could be run.
    pub(crate) message: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// Type and text of the value that the entry returned; a script returns none.
    pub(crate) output_type: Option<String>,
    pub(crate) output: Option<String>,
}

/// How much memory an execution took, of what it was allowed. In bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) peak: u64,
    pub(crate) limit: u64,
}

impl Memory {
    /// Whether it came so close to its limit that a kill from outside was most likely for memory.
    fn was_short(self) -> bool {
        self.peak >= self.limit / 10 * 9
    }
}

impl Ending {
    /// Limits win over everything, then signals; the program's own word counts only where it left by itself.
    pub(crate) fn of(ended: Ended, end: Option<End<'_>>, memory: Memory) -> Ending {
        match ended {
            Ended::WallLimit | Ended::CpuLimit => Ending::bare(Outcome::TimedOut),
            Ended::MemoryLimit => Ending::bare(Outcome::OutOfMemory),
            Ended::OutputLimit => Ending::bare(Outcome::OutputLimit),
            Ended::Signalled(signal) => Ending::by_signal(signal, memory),
            Ended::Exited(status) => match end {
                Some(end) => Ending::by_verdict(end, status),
                // Only `os._exit` leaves without a word.
                None => Ending { exit_code: Some(status), ..Ending::bare(Outcome::Exited) },
            },
        }
    }

    /// Nothing ran, for this reason.
    pub(crate) fn unreadable(reason: &str) -> Ending {
        Ending { message: Some(message(reason)), ..Ending::bare(Outcome::Unreadable) }
    }

    /// Nothing ran, because the job asks for executions of another kind.
    pub(crate) fn not_asked_for() -> Ending {
        let reason = "the job's modes leave nothing of this source to execute";
        Ending { message: Some(reason.to_owned()), ..Ending::bare(Outcome::NoEntry) }
    }

    /// Nothing ran, because workers failed at it too often.
    pub(crate) fn worker_fault() -> Ending {
        let reason = "workers failed at this source again and again, so it was not run any more";
        Ending { message: Some(reason.to_owned()), ..Ending::bare(Outcome::WorkerFault) }
    }

    /// It ran, and the job's filters dropped it, for this reason. What it raised is kept: it says what the source lacks.
    pub(crate) fn filtered(why: Dropped, ended: Option<Ending>) -> Ending {
        let bare = Ending::bare(Outcome::Filtered);
        match ended {
            Some(Ending { exception_type: Some(exception), message, .. }) => {
                Ending { exception_type: Some(exception), message, ..bare }
            }
            _ => Ending { message: Some(format!("the job's filters left nothing of it: {why}")), ..bare },
        }
    }

    fn bare(outcome: Outcome) -> Ending {
        Ending {
            outcome,
            exception_type: None,
            message: None,
            exit_code: None,
            signal: None,
            output_type: None,
            output: None,
        }
    }

    fn by_signal(signal: i32, memory: Memory) -> Ending {
        let outcome = match signal {
            libc::SIGSYS => Outcome::Denied,
            libc::SIGXCPU => Outcome::TimedOut,
            libc::SIGXFSZ => Outcome::OutputLimit,
            libc::SIGKILL if memory.was_short() => Outcome::OutOfMemory,
            _ => Outcome::Killed,
        };
        Ending { signal: Some(signal), ..Ending::bare(outcome) }
    }

    fn by_verdict(end: End<'_>, status: i32) -> Ending {
        let text = end.value.text;
        match end.verdict {
            Verdict::Returned => Ending {
                output_type: type_of(&end),
                output: type_of(&end).map(|_| cut(text, MAX_OUTPUT_BYTES).to_owned()),
                ..Ending::bare(Outcome::Returned)
            },
            Verdict::Raised if end.value.type_name == "MemoryError" => {
                Ending::by_exception(Outcome::OutOfMemory, &end)
            }
            Verdict::Raised => Ending::by_exception(Outcome::Raised, &end),
            Verdict::SyntaxError => Ending::by_exception(Outcome::SyntaxError, &end),
            Verdict::Exited => {
                let code = text.parse().unwrap_or(status);
                Ending { exit_code: Some(code), ..Ending::bare(Outcome::Exited) }
            }
            Verdict::NoEntry => Ending {
                message: Some("the code does not define the function that is to be called".to_owned()),
                ..Ending::bare(Outcome::NoEntry)
            },
            Verdict::BadInput => Ending {
                message: Some(message(&format!("the input is no argument list: {text}"))),
                ..Ending::bare(Outcome::NoEntry)
            },
            Verdict::OutputLimit => Ending::bare(Outcome::OutputLimit),
        }
    }

    fn by_exception(outcome: Outcome, end: &End<'_>) -> Ending {
        Ending {
            exception_type: type_of(end),
            message: Some(message(end.value.text)),
            ..Ending::bare(outcome)
        }
    }
}

/// `None` where there is no value, which has no type either.
fn type_of(end: &End<'_>) -> Option<String> {
    let name = end.value.type_name;
    (!name.is_empty()).then(|| cut(name, MAX_TYPE_BYTES).to_owned())
}

fn message(text: &str) -> String {
    cut(text, MAX_MESSAGE_BYTES).to_owned()
}

/// As much of `text` as fits into `max_bytes` without splitting a character.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use trace::Value;

    use super::*;

    const AMPLE: Memory = Memory { peak: 10 << 20, limit: 1 << 30 };

    fn says(verdict: Verdict, type_name: &'static str, text: &'static str) -> Option<End<'static>> {
        Some(End { verdict, value: Value { type_name, text } })
    }

    /// Compares the ending with a line such as `raised ValueError "no such day"` or `exited 3`.
    #[track_caller]
    fn check(ended: Ended, end: Option<End<'_>>, expected: &str) {
        check_with(ended, end, AMPLE, expected);
    }

    #[track_caller]
    fn check_with(ended: Ended, end: Option<End<'_>>, memory: Memory, expected: &str) {
        let ending = Ending::of(ended, end, memory);
        let mut shown = ending.outcome.to_string();
        for text in [ending.exception_type, ending.message.map(|message| format!("{message:?}"))] {
            shown.extend(text.map(|text| format!(" {text}")));
        }
        shown.extend(ending.exit_code.map(|code| format!(" {code}")));
        shown.extend(ending.signal.map(|signal| format!(" by {signal}")));
        for text in [ending.output_type, ending.output] {
            shown.extend(text.map(|text| format!(" {text}")));
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_program_that_left_by_itself_says_how() {
        let check = |end, expected| check(Ended::Exited(0), end, expected);
        check(says(Verdict::Returned, "", ""), "returned");
        check(says(Verdict::Returned, "list", "[1, 2]"), "returned list [1, 2]");
        check(says(Verdict::Raised, "ValueError", "no such day"), "raised ValueError \"no such day\"");
        check(says(Verdict::Raised, "StopIteration", ""), "raised StopIteration \"\"");
        check(says(Verdict::SyntaxError, "IndentationError", "x"), "syntax_error IndentationError \"x\"");
        check(says(Verdict::Raised, "MemoryError", ""), "out_of_memory MemoryError \"\"");
        check(says(Verdict::OutputLimit, "", ""), "output_limit");
        check(
            says(Verdict::NoEntry, "", ""),
            "no_entry \"the code does not define the function that is to be called\"",
        );
        check(
            says(Verdict::BadInput, "SyntaxError", "'(' was never closed"),
            "no_entry \"the input is no argument list: '(' was never closed\"",
        );
    }

    #[test]
    fn exit_codes_are_the_programs_own_where_it_gave_one() {
        check(Ended::Exited(0), says(Verdict::Exited, "int", "256"), "exited 256");
        check(Ended::Exited(3), says(Verdict::Exited, "int", "3"), "exited 3");
        check(Ended::Exited(1), says(Verdict::Exited, "str", "goodbye"), "exited 1");
    }

    #[test]
    fn leaving_without_a_word_is_an_exit() {
        check(Ended::Exited(0), None, "exited 0");
        check(Ended::Exited(7), None, "exited 7");
    }

    #[test]
    fn limits_win_over_whatever_the_program_said() {
        let claim = says(Verdict::Returned, "int", "42");
        check(Ended::WallLimit, claim, "timed_out");
        check(Ended::CpuLimit, claim, "timed_out");
        check(Ended::MemoryLimit, claim, "out_of_memory");
        check(Ended::OutputLimit, claim, "output_limit");
    }

    #[test]
    fn signals_win_over_whatever_the_program_said() {
        let claim = says(Verdict::Returned, "int", "42");
        check(Ended::Signalled(libc::SIGSEGV), claim, "killed by 11");
        check(Ended::Signalled(libc::SIGKILL), claim, "killed by 9");
        check(Ended::Signalled(libc::SIGSYS), None, "denied by 31");
        check(Ended::Signalled(libc::SIGXCPU), None, "timed_out by 24");
        check(Ended::Signalled(libc::SIGXFSZ), None, "output_limit by 25");
    }

    #[test]
    fn a_kill_from_outside_close_to_the_memory_limit_was_for_memory() {
        let short = Memory { peak: 950, limit: 1000 };
        check_with(Ended::Signalled(libc::SIGKILL), None, short, "out_of_memory by 9");
        check_with(Ended::Signalled(libc::SIGSEGV), None, short, "killed by 11");
    }

    #[test]
    fn forged_texts_are_bounded_without_splitting_a_character() {
        let text = "\u{e9}".repeat(1 << 20);
        let end = End { verdict: Verdict::Raised, value: Value { type_name: &text, text: &text } };
        let ending = Ending::of(Ended::Exited(0), Some(end), AMPLE);
        assert_eq!(ending.exception_type.map(|name| name.len()), Some(MAX_TYPE_BYTES));
        assert_eq!(ending.message.map(|message| message.len()), Some(MAX_MESSAGE_BYTES));
        assert_eq!(cut("a\u{e9}", 2), "a");
    }
}
