//! Whether an execution did what its source says it should.

use dataset::{Outcome, Verdict};

use crate::execute::Output;
use crate::outcome::Ending;

/// What an execution should do, if anything says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Nothing says so.
    Unknown,
    /// To run to its end: it is a test.
    Hold,
    /// To return this value, as Python text.
    Give(&'a str),
    /// To write this to standard output.
    Write(&'a str),
}

impl Expected<'_> {
    /// What the execution comes to; `None` where nothing says what it should do, or where what it did cannot be
    /// compared with that.
    pub(crate) fn judge(self, ending: &Ending, stdout: &Output) -> Option<Verdict> {
        let ended = match ending.outcome {
            Outcome::Returned => true,
            // `sys.exit()` is an end like any other.
            Outcome::Exited => ending.exit_code == Some(0),
            _ => false,
        };
        match self {
            Expected::Unknown => None,
            Expected::Hold => Some(match ending.outcome {
                Outcome::Returned => Verdict::Passed,
                Outcome::Raised if ending.exception_type.as_deref() == Some("AssertionError") => {
                    Verdict::Failed
                }
                _ => Verdict::Error,
            }),
            Expected::Give(_) if ending.outcome != Outcome::Returned => Some(Verdict::Error),
            Expected::Give(value) => inputs::are_equal(ending.output.as_deref()?, value).map(verdict),
            Expected::Write(_) if !ended => Some(Verdict::Error),
            Expected::Write(text) => is_written(stdout, text).map(verdict),
        }
    }
}

fn verdict(is_as_expected: bool) -> Verdict {
    if is_as_expected { Verdict::Passed } else { Verdict::Failed }
}

/// Whether a text was written, white space at the ends of lines and of the text aside. `None` where the beginning, which
/// is all that is known, is the same.
fn is_written(output: &Output, text: &str) -> Option<bool> {
    let bytes = &output.bytes;
    if !output.truncated {
        return Some(lines(bytes).eq(lines(text.as_bytes())));
    }
    // The last line may have been cut.
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    let begins_alike = lines(whole).zip(lines(text.as_bytes())).all(|(one, other)| one == other);
    if begins_alike { None } else { Some(false) }
}

/// Lines without the white space behind them.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.trim_ascii_end().split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end)
}

#[cfg(test)]
mod tests {
    use trace::{End, Value};

    use super::*;
    use crate::execute::Ended;
    use crate::outcome::Memory;

    fn ending(verdict: trace::Verdict, type_name: &str, text: &str) -> Ending {
        let end = End { verdict, value: Value { type_name, text } };
        Ending::of(Ended::Exited(0), Some(end), Memory { peak: 0, limit: 1 << 30 })
    }

    fn wrote(text: &str) -> Output {
        Output { bytes: text.as_bytes().to_vec(), truncated: false }
    }

    #[test]
    fn a_test_holds_fails_or_cannot_be_asked() {
        let judge = |ending: &Ending| Expected::Hold.judge(ending, &wrote(""));
        assert_eq!(judge(&ending(trace::Verdict::Returned, "", "")), Some(Verdict::Passed));
        assert_eq!(judge(&ending(trace::Verdict::Raised, "AssertionError", "")), Some(Verdict::Failed));
        assert_eq!(judge(&ending(trace::Verdict::Raised, "KeyError", "1")), Some(Verdict::Error));
        assert_eq!(judge(&ending(trace::Verdict::SyntaxError, "SyntaxError", "")), Some(Verdict::Error));
    }

    #[test]
    fn a_value_is_compared_as_python_would() {
        let judge = |expected: &str, ending: &Ending| Expected::Give(expected).judge(ending, &wrote(""));
        let gave = |text| ending(trace::Verdict::Returned, "dict", text);
        assert_eq!(judge("{2: 'b', 1: \"a\"}", &gave("{1: 'a', 2: 'b'}")), Some(Verdict::Passed));
        assert_eq!(judge("{}", &gave("{1: 'a'}")), Some(Verdict::Failed));
        assert_eq!(judge("{}", &gave("<Graph>")), None);
        assert_eq!(judge("{}", &ending(trace::Verdict::Raised, "AssertionError", "")), Some(Verdict::Error));
    }

    #[test]
    fn white_space_behind_what_is_written_does_not_count() {
        let returned = ending(trace::Verdict::Returned, "", "");
        let judge = |expected: &str, output: &Output| Expected::Write(expected).judge(&returned, output);
        assert_eq!(judge("1 \n2", &wrote("1\r\n2\n\n")), Some(Verdict::Passed));
        assert_eq!(judge("1\n2", &wrote(" 1\n2\n")), Some(Verdict::Failed));
        assert_eq!(judge("", &wrote("\n")), Some(Verdict::Passed));
        let cut = Output { truncated: true, ..wrote("1\n2\n3") };
        assert_eq!((judge("1\n2\n34", &cut), judge("1\n3", &cut)), (None, Some(Verdict::Failed)));
        let left = ending(trace::Verdict::Exited, "", "0");
        assert_eq!(Expected::Write("1").judge(&left, &wrote("1\n")), Some(Verdict::Passed));
        let left = ending(trace::Verdict::Exited, "", "1");
        assert_eq!(Expected::Write("1").judge(&left, &wrote("1\n")), Some(Verdict::Error));
    }

    #[test]
    fn what_nothing_is_said_of_has_no_verdict() {
        assert_eq!(Expected::Unknown.judge(&ending(trace::Verdict::Returned, "", ""), &wrote("")), None);
    }
}
