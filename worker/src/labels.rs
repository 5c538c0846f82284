//! What a worker says it can run, for jobs that ask for it.

use std::collections::BTreeMap;
use std::str::FromStr;

/// The label that every worker has: the minor version of its interpreter, for example `3.13`.
const PYTHON: &str = "python";

/// One label, as it is written on a command line: `pool=numpy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    name: String,
    value: String,
}

/// Why a label is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label reads NAME=VALUE, of letters, digits, `.`, `_` and `-`, for example pool=numpy")]
pub struct BadLabel;

impl FromStr for Label {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Label, BadLabel> {
        let (name, value) = text.trim().split_once('=').ok_or(BadLabel)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_plain);
        if !is_word(name) || !is_word(value) {
            return Err(BadLabel);
        }
        Ok(Label { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Two labels of one name. What the interpreter is cannot be labelled otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the label {name}={refused} contradicts {name}={kept}: leave it out")]
pub struct Contradiction {
    name: String,
    kept: String,
    refused: String,
}

/// The minor version, such as `3.13`, of a whole one.
pub(crate) fn minor(version: &str) -> &str {
    version.match_indices('.').nth(1).map_or(version, |(end, _)| &version[..end])
}

/// All labels of a worker whose interpreter has this version, for example `3.13.0`.
pub(crate) fn of_worker(version: &str, given: &[Label]) -> Result<BTreeMap<String, String>, Contradiction> {
    let mut labels = BTreeMap::from([(PYTHON.to_owned(), minor(version).to_owned())]);
    for Label { name, value } in given {
        let kept = labels.entry(name.clone()).or_insert_with(|| value.clone());
        if kept != value {
            let (name, kept, refused) = (name.clone(), kept.clone(), value.clone());
            return Err(Contradiction { name, kept, refused });
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(version: &str, given: &[&str]) -> Result<String, String> {
        let given: Vec<Label> = given.iter().map(|text| text.parse().unwrap()).collect();
        let labels = of_worker(version, &given).map_err(|error| error.to_string())?;
        Ok(labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn every_worker_is_labelled_with_its_interpreter() {
        assert_eq!(labels("3.13.0", &[]).unwrap(), "python=3.13");
        assert_eq!(labels("3.9.18", &["pool=numpy", "zone=a"]).unwrap(), "pool=numpy python=3.9 zone=a");
    }

    #[test]
    fn labels_may_be_repeated_but_not_contradicted() {
        assert_eq!(labels("3.13.0", &["python=3.13", "a=b", "a=b"]).unwrap(), "a=b python=3.13");
        let error = labels("3.13.0", &["python=3.12"]).unwrap_err();
        assert_eq!(error, "the label python=3.12 contradicts python=3.13: leave it out");
        assert!(labels("3.13.0", &["pool=a", "pool=b"]).is_err());
    }

    #[test]
    fn what_is_no_label_is_refused() {
        for text in ["", "pool", "=x", "pool=", "pool=a b", "p\u{f6}l=a", "a=b=c", "a,b=c"] {
            assert_eq!(text.parse::<Label>(), Err(BadLabel), "{text:?}");
        }
    }
}
