//! How long a text is.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};
use tokenizers::Tokenizer;

/// What lengths are counted in.
pub(crate) enum Measure {
    Characters,
    Tokens(Box<Tokenizer>),
}

impl Measure {
    /// Tokens as the tokenizer of a `tokenizer.json` cuts them; why not, if it cannot be used.
    pub(crate) fn tokens(json: &[u8]) -> Result<Measure, String> {
        let bad = |error: tokenizers::Error| error.to_string();
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(bad)?;
        // Some files ask for padding or for texts to be cut, which would hide how long they are.
        tokenizer.with_truncation(None).map_err(bad)?.with_padding(None);
        Ok(Measure::Tokens(Box::new(tokenizer)))
    }

    /// The length of a text, without tokens that mark its beginning or end.
    pub(crate) fn of(&self, text: &str) -> usize {
        match self {
            Measure::Characters => text.chars().count(),
            // A tokenizer without a word for what it does not know fails at it: then the text has no length
            // that would do.
            Measure::Tokens(tokenizer) => {
                tokenizer.encode_fast(text, false).map_or(usize::MAX, |encoding| encoding.len())
            }
        }
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Characters => "Characters",
            Measure::Tokens(_) => "Tokens",
        })
    }
}

/// Of some bytes, as lower-case hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows three words, and cuts at white space. Would pad to ten tokens and cut at two, if it were let.
    const WORDS: &str = r#"{
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 10}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "x"},
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"x": 0, "=": 1, "<unk>": 2}, "unk_token": "<unk>"}
    }"#;

    #[test]
    fn characters_are_not_bytes() {
        assert_eq!(Measure::Characters.of("été"), 3);
    }

    #[test]
    fn tokens_are_the_tokenizers_and_all_of_them() {
        let measure = Measure::tokens(WORDS.as_bytes()).unwrap();
        assert_eq!(measure.of("x = y = z"), 5);
        assert_eq!(measure.of(""), 0);
    }

    #[test]
    fn what_is_no_tokenizer_is_refused() {
        assert!(Measure::tokens(b"{}").is_err());
    }
}
