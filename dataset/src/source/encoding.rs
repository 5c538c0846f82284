//! The text of a Python file, by the encoding that it declares (PEP 263).

use encoding_rs::Encoding;

/// Why a file has no text that we can show. The interpreter may still know what to do with it, or say why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    #[error("it is not text in its encoding, {0}")]
    NotText(String),
    #[error("its encoding {0:?} is not known")]
    Unknown(String),
    #[error("it begins as UTF-8 does and declares {0:?}")]
    Contradiction(String),
}

/// Decodes as the interpreter does: UTF-8 unless a comment in the first two lines says otherwise.
pub fn decode_source(bytes: &[u8]) -> Result<String, EncodingError> {
    let (text, has_mark) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(text) => (text, true),
        None => (bytes, false),
    };
    let declared = declared_encoding(text).unwrap_or("utf-8");
    let name = declared.to_ascii_lowercase().replace('_', "-");
    let is_utf8 = name == "utf-8" || name.starts_with("utf-8-");
    if has_mark && !is_utf8 {
        return Err(EncodingError::Contradiction(declared.to_owned()));
    }
    let decoded = if is_utf8 || matches!(name.as_str(), "utf8" | "u8" | "utf") {
        str::from_utf8(text).ok().map(str::to_owned)
    } else if is_latin_1(&name) {
        Some(text.iter().map(|&byte| char::from(byte)).collect())
    } else if matches!(name.as_str(), "ascii" | "us-ascii" | "646") {
        str::from_utf8(text).ok().filter(|text| text.is_ascii()).map(str::to_owned)
    } else {
        let encoding = legacy(&name).ok_or_else(|| EncodingError::Unknown(declared.to_owned()))?;
        encoding.decode_without_bom_handling_and_without_replacement(text).map(Into::into)
    };
    decoded.ok_or_else(|| EncodingError::NotText(declared.to_owned()))
}

/// The web reads these names as windows-1252, Python as what they say.
fn is_latin_1(name: &str) -> bool {
    let families = ["latin-1", "iso-8859-1", "iso-latin-1"];
    let is_family =
        |family| name.strip_prefix(family).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('-'));
    families.into_iter().any(is_family) || matches!(name, "latin1" | "latin" | "l1" | "iso8859-1" | "cp819")
}

fn legacy(name: &str) -> Option<&'static Encoding> {
    let label = match name {
        "cp932" => "shift_jis",
        "cp936" => "gbk",
        "cp949" => "euc-kr",
        name => name,
    };
    // The interpreter reads source code byte by byte and takes no encoding in which ASCII is not ASCII.
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|encoding| encoding.is_ascii_compatible())
}

/// The name in a comment of the form `coding: NAME` or `coding=NAME` in the first two lines.
fn declared_encoding(text: &[u8]) -> Option<&str> {
    let mut lines = text.split(|&byte| matches!(byte, b'\n' | b'\r'));
    let first = lines.next()?;
    if let Some(name) = name_in_comment(first) {
        return Some(name);
    }
    let only_comment = matches!(without_indent(first).first(), None | Some(b'#'));
    // The end `\r\n` counts as one.
    let second = match lines.next()? {
        b"" if text[first.len()..].starts_with(b"\r\n") => lines.next()?,
        second => second,
    };
    only_comment.then(|| name_in_comment(second)).flatten()
}

fn name_in_comment(line: &[u8]) -> Option<&str> {
    const WORD: &[u8] = b"coding";
    let comment = without_indent(line).strip_prefix(b"#")?;
    (0..comment.len()).find_map(|at| {
        let rest = comment[at..].strip_prefix(WORD)?;
        let rest = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"="))?;
        let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        let name = rest[start..]
            .split(|&byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')))
            .next()
            .filter(|name| !name.is_empty())?;
        str::from_utf8(name).ok()
    })
}

fn without_indent(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\x0c'));
    &line[start.unwrap_or(line.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: &str) {
        let said = decode_source(bytes).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(said, expect);
    }

    #[test]
    fn utf_8_unless_declared_otherwise() {
        check("s = 'ä'".as_bytes(), "s = 'ä'");
        check(b"s = '\xe4'", "error: it is not text in its encoding, utf-8");
        check("\u{feff}s = 'ä'".as_bytes(), "s = 'ä'");
    }

    #[test]
    fn declarations_stand_in_the_first_two_lines() {
        check(b"# coding: latin-1\n'\xe4\x80'", "# coding: latin-1\n'ä\u{80}'");
        check(
            b"#!/bin/python\r\n# -*- coding: cp1252 -*-\r\n'\x80'",
            "#!/bin/python\r\n# -*- coding: cp1252 -*-\r\n'€'",
        );
        check(b"\n# vim: set fileencoding=koi8_r :\n'\xc1'", "\n# vim: set fileencoding=koi8_r :\n'а'");
        check(b"x = 1\n# coding: latin-1\n'\xe4'", "error: it is not text in its encoding, utf-8");
        check(b"#\n#\n# coding: latin-1\n'\xe4'", "error: it is not text in its encoding, utf-8");
        check(b"x = 'coding: latin-1' \xe4", "error: it is not text in its encoding, utf-8");
    }

    #[test]
    fn what_the_interpreter_refuses_is_refused() {
        check(
            "\u{feff}# coding: latin-1".as_bytes(),
            "error: it begins as UTF-8 does and declares \"latin-1\"",
        );
        check("\u{feff}# coding: utf8".as_bytes(), "error: it begins as UTF-8 does and declares \"utf8\"");
        check(b"# coding: ascii\n'\xe4'", "error: it is not text in its encoding, ascii");
        check(b"# coding: utf-16\n1", "error: its encoding \"utf-16\" is not known");
        check(b"# coding: klingon\n1", "error: its encoding \"klingon\" is not known");
    }

    #[test]
    fn asian_encodings_are_read() {
        check(b"# coding: shift_jis\n'\x82\xa0'", "# coding: shift_jis\n'あ'");
        check(b"# coding: cp949\n'\xb0\xa1'", "# coding: cp949\n'가'");
        check(b"# coding: gb2312\n'\xc4\xe3'", "# coding: gb2312\n'你'");
    }
}
