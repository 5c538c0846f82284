//! A long text as pieces that fit.

/// Cuts a text in half, at the end of a line where it has any, until every piece fits. Together the pieces are the
/// text. A single character that does not fit is left as it is.
pub(super) fn pieces(text: &str, fits: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut left = vec![text];
    while let Some(text) = left.pop() {
        match middle(text) {
            Some(middle) if !fits(text) => {
                let (front, back) = text.split_at(middle);
                left.push(back);
                left.push(front);
            }
            _ => pieces.push(text),
        }
    }
    pieces
}

/// The end of a line that is nearest to the middle; where there is one line, the middle itself.
fn middle(text: &str) -> Option<usize> {
    let half = text.len() / 2;
    let before = text.as_bytes()[..half].iter().rposition(|&byte| byte == b'\n').map(|at| at + 1);
    let after = text.as_bytes()[half..].iter().position(|&byte| byte == b'\n').map(|at| half + at + 1);
    let line = [before, after]
        .into_iter()
        .flatten()
        .filter(|&at| 0 < at && at < text.len())
        .min_by_key(|&at| at.abs_diff(half));
    let character =
        || (1..=half.max(1)).rev().chain(half + 1..text.len()).find(|&at| text.is_char_boundary(at));
    line.or_else(character).filter(|&at| at < text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_cut_between_lines_if_they_have_any() {
        assert_eq!(pieces("ab\ncd\nef\n", |piece| piece.len() <= 6), ["ab\n", "cd\nef\n"]);
        assert_eq!(pieces("abcdef", |piece| piece.len() <= 3), ["abc", "def"]);
        assert_eq!(pieces("éé", |piece| piece.len() <= 1), ["é", "é"]);
        assert_eq!(pieces("", |_| false), [""]);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_and_fit(text in "[aé\n]{0,60}", most in 2..20_usize) {
            let pieces = pieces(&text, |piece| piece.len() <= most);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| piece.len() <= most));
        }
    }
}
