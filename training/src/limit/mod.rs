//! Texts that are not longer than a model can read.

mod measure;
mod window;

use render::{Example, Execution, Skipped, Style, Text, within_depth};
use serde::{Deserialize, Serialize};

use crate::error::RenderError;
use crate::file;
use measure::Measure;
pub(crate) use measure::{hex, sha256};

/// A limit as a user names it, before its tokenizer is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthLimit {
    pub most: usize,
    /// Path or URI of a `tokenizer.json`; `None` to count characters.
    pub tokenizer: Option<String>,
    pub overlong: Overlong,
}

/// A `tokenizer.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{location} is no tokenizer that this program knows ({what}): give a tokenizer.json as the tokenizers library \
     writes it"
)]
pub struct BadTokenizer {
    location: String,
    what: String,
}

/// How long an example may be, over all of its pieces, and what happens to one that is longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub most: usize,
    pub unit: Unit,
    pub overlong: Overlong,
}

/// What a limit is counted in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Characters,
    /// Of the tokenizer whose file has this SHA-256, in lower-case hex.
    Tokens {
        tokenizer_sha256: String,
    },
}

/// What happens to an example that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlong {
    /// It is left out.
    Drop,
    /// A plain text is cut into pieces at ends of lines; others are left out, for half a prompt asks nothing.
    Window,
    /// Its execution is told again with fewer calls stepped into, with as many as will do. What is too long even
    /// without any is left out.
    Shrink,
}

/// The examples of one execution, and what it took to make them fit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fitted {
    pub(crate) examples: Vec<Example>,
    /// Examples left out.
    pub(crate) too_long: u64,
    /// Examples that are pieces of longer ones.
    pub(crate) windows: u64,
    /// Whether fewer calls are stepped into than were traced.
    pub(crate) shrunk: bool,
}

/// A limit that can be measured.
#[derive(Debug)]
pub(crate) struct Bound {
    most: usize,
    measure: Measure,
    overlong: Overlong,
}

impl LengthLimit {
    /// As it is written down, and as it is measured.
    pub(crate) fn load(self) -> Result<(Limit, Bound), RenderError> {
        let LengthLimit { most, tokenizer, overlong } = self;
        let (unit, measure) = match tokenizer {
            None => (Unit::Characters, Measure::Characters),
            Some(location) => {
                let (store, key) = file::find(&location)?;
                let json = store.get(key)?;
                let bad = |what| BadTokenizer { location: location.clone(), what };
                (Unit::Tokens { tokenizer_sha256: sha256(&json) }, Measure::tokens(&json).map_err(bad)?)
            }
        };
        Ok((Limit { most, unit, overlong }, Bound { most, measure, overlong }))
    }
}

impl Bound {
    /// The examples of a style that fit.
    pub(crate) fn render(
        &self,
        style: &dyn Style,
        execution: &Execution<'_>,
        seed: u64,
    ) -> Result<Fitted, Skipped> {
        let mut examples = Vec::new();
        style.render(execution, seed, &mut examples)?;
        if examples.iter().all(|example| self.fits(&example.text)) {
            return Ok(Fitted { examples, ..Fitted::default() });
        }
        Ok(match self.overlong {
            Overlong::Drop => self.fitting(examples),
            Overlong::Window => self.windows(examples),
            Overlong::Shrink => self.shrunk(style, execution, seed).unwrap_or_else(|| self.fitting(examples)),
        })
    }

    fn fits(&self, text: &Text) -> bool {
        text.pieces().map(|piece| self.measure.of(piece)).fold(0, usize::saturating_add) <= self.most
    }

    fn fitting(&self, mut examples: Vec<Example>) -> Fitted {
        let before = examples.len();
        examples.retain(|example| self.fits(&example.text));
        let too_long = (before - examples.len()) as u64;
        Fitted { examples, too_long, ..Fitted::default() }
    }

    fn windows(&self, examples: Vec<Example>) -> Fitted {
        let mut fitted = Fitted::default();
        for example in examples {
            match example.text {
                text if self.fits(&text) => fitted.examples.push(Example { text, ..example }),
                Text::Plain(text) => {
                    let pieces = window::pieces(&text, |piece| self.measure.of(piece) <= self.most);
                    fitted.windows += pieces.len() as u64;
                    fitted.examples.extend(pieces.into_iter().enumerate().map(|(number, piece)| Example {
                        key: format!("{}.w{number}", example.key),
                        text: Text::Plain(piece.to_owned()),
                    }));
                }
                Text::Prompt { .. } | Text::Messages(_) => fitted.too_long += 1,
            }
        }
        fitted
    }

    /// The most calls that fit, found by halving; of none at all, those examples that do.
    fn shrunk(&self, style: &dyn Style, execution: &Execution<'_>, seed: u64) -> Option<Fitted> {
        let deepest = execution.events.iter().map(|event| event.depth).max().filter(|&depth| depth > 0)?;
        let at = |depth| {
            let events = within_depth(execution.events, depth);
            let mut examples = Vec::new();
            let rendered = style.render(&Execution { events: &events, ..*execution }, seed, &mut examples);
            rendered.is_ok().then_some(examples)
        };
        let fit = |examples: &Vec<Example>| examples.iter().all(|example| self.fits(&example.text));
        let shallowest = at(0)?;
        if !fit(&shallowest) {
            return Some(Fitted { shrunk: true, ..self.fitting(shallowest) });
        }
        let (mut fits, mut best) = (0, shallowest);
        let mut too_deep = deepest;
        while too_deep - fits > 1 {
            let depth = fits + (too_deep - fits) / 2;
            match at(depth).filter(&fit) {
                Some(examples) => (fits, best) = (depth, examples),
                None => too_deep = depth,
            }
        }
        Some(Fitted { examples: best, shrunk: true, ..Fitted::default() })
    }
}

#[cfg(test)]
mod tests {
    use render::{notation, sample};

    use super::*;

    /// Tells an execution by the functions of its events, a line for each.
    struct Functions;

    impl Style for Functions {
        fn render(
            &self,
            execution: &Execution<'_>,
            _: u64,
            examples: &mut Vec<Example>,
        ) -> Result<(), Skipped> {
            let text = execution.events.iter().map(|event| format!("{}\n", event.function)).collect();
            examples.push(Example { key: "0".to_owned(), text: Text::Plain(text) });
            Ok(())
        }
    }

    const EVENTS: &str = "
        call f 1
        call g 2
        call h 3
        return h 3 = int 1
        return g 2 = int 1
        call h 3
        return h 3 = int 1
        return f 1 = int 1";

    fn check(most: usize, overlong: Overlong, expect: &[&str]) -> Fitted {
        let events = notation::events(EVENTS);
        let execution = Execution { events: &events, ..sample() };
        let bound = Bound { most, measure: Measure::Characters, overlong };
        let fitted = bound.render(&Functions, &execution, 0).unwrap();
        let texts: Vec<String> = fitted
            .examples
            .iter()
            .map(|example| match &example.text {
                Text::Plain(text) => text.replace('\n', ""),
                text => panic!("{text:?}"),
            })
            .collect();
        assert_eq!(texts, expect);
        fitted
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let fitted = check(16, Overlong::Drop, &["fghhghhf"]);
        assert_eq!((fitted.too_long, fitted.windows, fitted.shrunk), (0, 0, false));
    }

    #[test]
    fn what_is_too_long_is_dropped_and_counted() {
        assert_eq!(check(15, Overlong::Drop, &[]).too_long, 1);
    }

    #[test]
    fn windows_are_pieces_with_keys_of_their_own() {
        let fitted = check(6, Overlong::Window, &["fg", "hh", "gh", "hf"]);
        assert_eq!((fitted.too_long, fitted.windows), (0, 4));
        assert_eq!(fitted.examples[2].key, "0.w2");
    }

    #[test]
    fn shrinking_steps_into_as_many_calls_as_fit() {
        assert!(check(12, Overlong::Shrink, &["fgghhf"]).shrunk);
        assert!(check(4, Overlong::Shrink, &["ff"]).shrunk);
        let fitted = check(3, Overlong::Shrink, &[]);
        assert_eq!((fitted.too_long, fitted.shrunk), (1, true));
    }
}
