//! Programs as lists of tokens, by which they are compared.

use super::hash::hash;

/// The hashes of a text's tokens: words, numbers and single marks. White space counts for nothing, so that a
/// program is the same however it is laid out.
pub(crate) fn tokens(text: &str) -> Vec<u64> {
    let mut hashes = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (token, behind) = rest.split_at(end);
        hashes.push(hash(token.as_bytes()));
        rest = behind.trim_start();
    }
    hashes
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_counts_for_nothing() {
        assert_eq!(tokens("f( x )\n  +1"), tokens("f(x)+1"));
        assert_ne!(tokens("ab c"), tokens("a bc"));
        assert_eq!(tokens("été = 1").len(), 3);
        assert!(tokens(" \n").is_empty());
    }
}
