//! Texts as JSON, written directly: values are texts already, and order is ours to keep.

/// Appends `text` as a JSON string. Characters beyond ASCII stay as they are.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match escape(character) {
            Some(escaped) => out.push_str(escaped),
            None if (character as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", character as u32)),
            // Readers that cut at every line break of Unicode must not cut here.
            None if matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", character as u32));
            }
            None => out.push(character),
        }
    }
    out.push('"');
}

/// Appends `text` as Python's `json.dumps` writes a string: all but printable ASCII is escaped.
pub(crate) fn ascii_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match escape(character) {
            Some(escaped) => out.push_str(escaped),
            None if matches!(character, ' '..='~') => out.push(character),
            None => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Appends `{"name": "text", …}`; a name without a text has `null`.
pub(crate) fn object<'a>(out: &mut String, pairs: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
    out.push('{');
    for (index, (name, text)) in pairs.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        string(out, name);
        out.push_str(": ");
        match text {
            Some(text) => string(out, text),
            None => out.push_str("null"),
        }
    }
    out.push('}');
}

/// Appends `["text", …]`.
pub(crate) fn list<'a>(out: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    out.push('[');
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        string(out, text);
    }
    out.push(']');
}

fn escape(character: char) -> Option<&'static str> {
    Some(match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back_and_stay_on_one_line() {
        let hostile = "a\"\\\n\r\t\u{0}\u{1f}\u{7f}\u{85}\u{2028}é😀";
        for write in [string, ascii_string] {
            let mut out = String::new();
            write(&mut out, hostile);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), hostile);
            assert!(!out.contains(['\n', '\r', '\u{85}', '\u{2028}']), "{out}");
        }
    }

    #[test]
    fn ascii_strings_are_those_of_json_dumps() {
        let mut out = String::new();
        ascii_string(&mut out, "é😀\u{7f}\u{8}/<");
        assert_eq!(out, r#""\u00e9\ud83d\ude00\u007f\b/<""#);
    }

    #[test]
    fn objects_and_lists_keep_their_order() {
        let mut out = String::new();
        object(&mut out, [("b", Some("1")), ("a", None)]);
        list(&mut out, ["2", "'x'"]);
        assert_eq!(out, r#"{"b": "1", "a": null}["2", "'x'"]"#);
    }
}
