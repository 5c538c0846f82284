//! Bearer tokens, which must not show anywhere.

use std::fmt;

use subtle::ConstantTimeEq;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};

/// The metadata that carries it, as in HTTP.
const NAME: &str = "authorization";
const SCHEME: &str = "Bearer ";

/// Calls carry it in their head, which is bounded.
const MAX_BYTES: usize = 4096;

/// Whoever knows it may do what it stands for.
#[derive(Clone)]
pub(crate) struct Token(String);

/// What is wrong with the text of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("it is empty")]
    Empty,
    #[error("a token has at most {MAX_BYTES} characters")]
    TooLong,
    #[error("a token is made of visible ASCII characters, without blanks")]
    Unprintable,
}

impl Token {
    pub(crate) fn parse(text: &str) -> Result<Token, BadToken> {
        if text.is_empty() {
            return Err(BadToken::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(BadToken::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadToken::Unprintable);
        }
        Ok(Token(text.to_owned()))
    }

    /// What a call must carry to show this token.
    pub(crate) fn to_metadata(&self) -> AsciiMetadataValue {
        let value = format!("{SCHEME}{}", self.0);
        let mut value = AsciiMetadataValue::try_from(value).expect("a token is visible ASCII");
        // HTTP/2 then keeps it out of its compression tables, and `Debug` does not show it.
        value.set_sensitive(true);
        value
    }

    /// Compares in a time that tells nothing of the token but its length.
    pub(crate) fn is(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

/// The text of the token that a call carries.
pub(crate) fn presented(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(NAME)?.to_str().ok()?.strip_prefix(SCHEME)
}

pub(crate) fn present(metadata: &mut MetadataMap, token: AsciiMetadataValue) {
    metadata.insert(NAME, token);
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_nothing_else() {
        let token = Token::parse("s3cret").unwrap();
        assert!(token.is("s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3cretx"] {
            assert!(!token.is(other), "{other:?}");
        }
    }

    #[test]
    fn what_is_presented_is_what_arrives() {
        let mut metadata = MetadataMap::new();
        assert_eq!(presented(&metadata), None);
        present(&mut metadata, Token::parse("s3cret").unwrap().to_metadata());
        assert_eq!(presented(&metadata), Some("s3cret"));
    }

    #[test]
    fn a_token_does_not_show() {
        let token = Token::parse("s3cret").unwrap();
        let mut metadata = MetadataMap::new();
        present(&mut metadata, token.to_metadata());
        let shown = format!("{token:?} {metadata:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn texts_that_cannot_travel_are_no_tokens() {
        assert_eq!(Token::parse("").unwrap_err(), BadToken::Empty);
        assert_eq!(Token::parse(&"x".repeat(5000)).unwrap_err(), BadToken::TooLong);
        for text in ["a b", "a\tb", "a\n", "caf\u{e9}"] {
            assert_eq!(Token::parse(text).unwrap_err(), BadToken::Unprintable, "{text:?}");
        }
    }
}
