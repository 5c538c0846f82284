//! Fits texts that strangers wrote into columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A copy that cannot move the cursor or recolour the screen.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => safe.push_str("    "),
            _ if character.is_control() => safe.extend(character.escape_default()),
            _ => safe.push(character),
        }
    }
    safe
}

/// The beginning of `text`, at most `columns` wide; an ellipsis stands for what is missing.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        fitted.push(character);
    }
    fitted + "…"
}

/// The end of `text`, at most `columns` wide.
pub(crate) fn fit_end(text: &str, columns: usize) -> String {
    let reversed: String = text.chars().rev().collect();
    fit(&reversed, columns).chars().rev().collect()
}

/// `text` and as many spaces as make it `columns` wide.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_fits_is_left_alone_and_longer_text_is_cut_to_its_columns() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        assert_eq!(fit_end("abcd", 3), "…cd");
        assert_eq!(pad("ab", 4), "ab  ");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(pad("日", 4), "日  ");
    }

    #[test]
    fn escape_sequences_of_a_program_do_not_reach_the_terminal() {
        assert_eq!(harmless("\u{1b}[31mred\r\n\tend"), "\\u{1b}[31mred\\r\\n    end");
    }
}
