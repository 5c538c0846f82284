//! The statements of a Python source, as far as styles need them: where each begins and ends, what kind it
//! is, and which lines are its body.
//!
//! This reads tokens, not grammar, and takes any text: for what is no Python it gives some answer.

use std::ops::RangeInclusive;

/// Source text by lines and statements. Lines count from 1.
pub(crate) struct Source<'a> {
    lines: Vec<&'a str>,
    statements: Vec<Statement>,
    /// For each line the statement it belongs to.
    of_line: Vec<Option<usize>>,
}

/// One logical line; of a compound statement its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) keyword: Keyword,
    /// The lines that it stands on.
    pub(crate) lines: RangeInclusive<u32>,
    /// The lines of the block below it, up to the last statement in it; `None` where it has no block or has
    /// it on its own line.
    pub(crate) body: Option<RangeInclusive<u32>>,
    indent: usize,
}

/// What a statement begins with, where that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    For,
    While,
    If,
    Elif,
    Else,
    Case,
    Try,
    Except,
    Finally,
    With,
    Def,
    Class,
    Other,
}

impl Statement {
    /// All of its lines, those of its body too.
    pub(crate) fn extent(&self) -> RangeInclusive<u32> {
        let last = self.body.as_ref().map_or(*self.lines.end(), |body| *body.end());
        *self.lines.start()..=last
    }
}

impl<'a> Source<'a> {
    pub(crate) fn new(code: &'a str) -> Source<'a> {
        let lines = split_lines(code);
        let mut statements = scan(&lines);
        for index in 0..statements.len() {
            let (indent, own_end) = (statements[index].indent, *statements[index].lines.end());
            let block = statements[index + 1..].iter().take_while(|inner| inner.indent > indent);
            if let Some(last) = block.last() {
                statements[index].body = Some(own_end + 1..=*last.lines.end());
            }
        }
        let mut of_line = vec![None; lines.len() + 1];
        for (index, statement) in statements.iter().enumerate() {
            for line in statement.lines.clone() {
                of_line[line as usize] = Some(index);
            }
        }
        Source { lines, statements, of_line }
    }

    /// The text of a line without its end; empty for a line that the source does not have.
    pub(crate) fn line(&self, number: u32) -> &'a str {
        (number as usize).checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or("")
    }

    pub(crate) fn has_line(&self, number: u32) -> bool {
        (1..=self.lines.len()).contains(&(number as usize))
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = (u32, &'a str)> {
        (1..).zip(self.lines.iter().copied())
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether the first statement of the block `body` stands on this line.
    pub(crate) fn begins_block(&self, body: &RangeInclusive<u32>, line: u32) -> bool {
        let first = body.clone().find_map(|line| self.statement(line));
        first.is_some_and(|first| first.lines.contains(&line))
    }

    /// The statement that this line belongs to.
    pub(crate) fn statement(&self, line: u32) -> Option<&Statement> {
        self.of_line.get(line as usize).copied().flatten().map(|index| &self.statements[index])
    }
}

/// Lines as Python counts them: ended by `\n`, `\r\n` or `\r`, and by nothing else.
fn split_lines(code: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = code;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + width..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn scan(lines: &[&str]) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut nesting = Nesting::default();
    let mut begun: Option<(u32, usize, Keyword)> = None;
    for (number, line) in (1..).zip(lines) {
        let text = line.trim_start_matches([' ', '\t', '\u{c}']);
        if begun.is_none() {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            begun = Some((number, indent(line), keyword(text)));
        }
        if nesting.goes_on_after(line) {
            continue;
        }
        let (first, indent, keyword) = begun.take().expect("a statement was begun above");
        statements.push(Statement { keyword, lines: first..=number, body: None, indent });
    }
    if let Some((first, indent, keyword)) = begun {
        let last = lines.len() as u32;
        statements.push(Statement { keyword, lines: first..=last, body: None, indent });
    }
    statements
}

/// The width of a line's white space, tabs going to the next multiple of eight as in Python.
fn indent(line: &str) -> usize {
    let mut width = 0;
    for character in line.chars() {
        match character {
            ' ' => width += 1,
            '\t' => width = (width / 8 + 1) * 8,
            '\u{c}' => width = 0,
            _ => break,
        }
    }
    width
}

fn keyword(text: &str) -> Keyword {
    let text = text.strip_prefix("async ").map_or(text, str::trim_start);
    let word = text.split(|character: char| !character.is_alphanumeric() && character != '_').next();
    let rest = text[word.map_or(0, str::len)..].trim_start();
    match word.unwrap_or("") {
        "for" => Keyword::For,
        "while" => Keyword::While,
        "if" => Keyword::If,
        "elif" => Keyword::Elif,
        "else" => Keyword::Else,
        "try" => Keyword::Try,
        "except" => Keyword::Except,
        "finally" => Keyword::Finally,
        "with" => Keyword::With,
        "def" => Keyword::Def,
        "class" => Keyword::Class,
        // `case` is a name elsewhere: `case = 1`, `case.x`, `case: int`.
        "case" if !rest.is_empty() && !rest.starts_with(['=', '.', ',', ':', ';', ')']) => Keyword::Case,
        _ => Keyword::Other,
    }
}

/// What is still open at the end of a line: brackets, strings, f-strings within their braces.
#[derive(Default)]
struct Nesting {
    open: Vec<Open>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Bracket,
    String(Quote),
    /// The format after the colon of a replacement field, in which quotes mean nothing.
    Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Quote {
    mark: u8,
    triple: bool,
    raw: bool,
    formatted: bool,
}

impl Nesting {
    /// Reads one line; whether the statement goes on in the next.
    fn goes_on_after(&mut self, line: &str) -> bool {
        let bytes = line.as_bytes();
        let mut at = 0;
        let mut word_start = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match self.open.last().copied() {
                Some(Open::String(quote)) => {
                    at = self.in_string(bytes, at, quote);
                    word_start = at;
                }
                Some(Open::Format) => {
                    match byte {
                        b'{' => self.open.push(Open::Bracket),
                        b'}' => self.close_field(),
                        _ => (),
                    }
                    at += 1;
                    word_start = at;
                }
                Some(Open::Bracket) | None => {
                    match byte {
                        b'#' => break,
                        b'\\' if at + 1 == bytes.len() => return true,
                        b'\'' | b'"' => {
                            at = self.open_string(bytes, word_start, at);
                            word_start = at;
                            continue;
                        }
                        b'(' | b'[' | b'{' => self.open.push(Open::Bracket),
                        b')' | b']' | b'}' => {
                            self.open.pop();
                        }
                        b':' if self.is_in_field() => self.open.push(Open::Format),
                        _ => (),
                    }
                    at += 1;
                    if !byte.is_ascii_alphanumeric() && byte != b'_' {
                        word_start = at;
                    }
                }
            }
        }
        // A string in single quotes that is still open is a mistake, or goes on after a backslash.
        while let Some(Open::String(Quote { triple: false, .. })) = self.open.last() {
            if bytes.last() == Some(&b'\\') {
                return true;
            }
            self.open.pop();
        }
        !self.open.is_empty()
    }

    /// Whether the innermost bracket is the brace of an f-string's replacement field.
    fn is_in_field(&self) -> bool {
        let below = self.open.len().checked_sub(2).map(|index| self.open[index]);
        match below {
            Some(Open::String(quote)) => quote.formatted,
            Some(Open::Format) => true,
            _ => false,
        }
    }

    /// Closes a format and the field that it belongs to.
    fn close_field(&mut self) {
        self.open.pop();
        self.open.pop();
    }

    fn open_string(&mut self, bytes: &[u8], word_start: usize, at: usize) -> usize {
        let prefix = &bytes[word_start..at];
        let has = |letter: u8| prefix.len() <= 2 && prefix.iter().any(|byte| byte | 0x20 == letter);
        let mark = bytes[at];
        let triple = bytes[at..].starts_with(&[mark; 3]);
        self.open.push(Open::String(Quote {
            mark,
            triple,
            raw: has(b'r'),
            formatted: has(b'f') || has(b't'),
        }));
        at + if triple { 3 } else { 1 }
    }

    fn in_string(&mut self, bytes: &[u8], at: usize, quote: Quote) -> usize {
        let rest = &bytes[at..];
        match rest[0] {
            // A brace opens a field also after a backslash, unless it names a character: `\N{DASH}`.
            b'\\' if quote.formatted && rest.get(1) == Some(&b'{') => at + 1,
            b'\\' if quote.formatted && !quote.raw && rest[1..].starts_with(b"N{") => at + 3,
            b'\\' => at + 2,
            byte if byte == quote.mark && (!quote.triple || rest.starts_with(&[byte; 3])) => {
                self.open.pop();
                at + if quote.triple { 3 } else { 1 }
            }
            b'{' if quote.formatted && rest.get(1) == Some(&b'{') => at + 2,
            b'{' if quote.formatted => {
                self.open.push(Open::Bracket);
                at + 1
            }
            _ => at + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each statement as `first-last keyword [body]`.
    fn check(code: &str, expected: &[&str]) {
        let source = Source::new(code);
        let found: Vec<String> = source
            .statements()
            .iter()
            .map(|statement| {
                let body = match &statement.body {
                    Some(body) => format!(" [{}-{}]", body.start(), body.end()),
                    None => String::new(),
                };
                let lines = &statement.lines;
                format!("{}-{} {:?}{body}", lines.start(), lines.end(), statement.keyword)
            })
            .collect();
        assert_eq!(found, expected, "{code}");
    }

    #[test]
    fn blocks_end_with_their_last_statement() {
        check(
            "for x in y:\n  if x:\n    a\n\n  # note\n  b\nelse:\n  c\n",
            &["1-1 For [2-6]", "2-2 If [3-3]", "3-3 Other", "6-6 Other", "7-7 Else [8-8]", "8-8 Other"],
        );
        check("while x: pass\nasync for y in z:\n\tq", &["1-1 While", "2-2 For [3-3]", "3-3 Other"]);
    }

    #[test]
    fn brackets_strings_and_backslashes_carry_a_statement_on() {
        check("a = [\n1,\n2]\nb", &["1-3 Other", "4-4 Other"]);
        check("a = '''\nfor x in y:\n'''\nb", &["1-3 Other", "4-4 Other"]);
        check("a = 1 + \\\n  2\nb", &["1-2 Other", "3-3 Other"]);
        check("a = 'it\\'s ['\nb = \"#[\"  # (\nc", &["1-1 Other", "2-2 Other", "3-3 Other"]);
        check("a = 'x\\\ny'\nb", &["1-2 Other", "3-3 Other"]);
        check("a = '[\nb", &["1-1 Other", "2-2 Other"]);
    }

    #[test]
    fn f_strings_nest() {
        check("a = f'{x:\\'>3}{d[\"k\"]}'\nb", &["1-1 Other", "2-2 Other"]);
        check("a = f\"{d[\"k\"]:{w}.{p}}\" + '{'\nb", &["1-1 Other", "2-2 Other"]);
        check("a = f'{{['\nb = rf'\\d{2}'\nc", &["1-1 Other", "2-2 Other", "3-3 Other"]);
        check("a = 'f''{['\nb", &["1-1 Other", "2-2 Other"]);
        check("a = f'\\N{DASH}[' + rf'\\{(1)}'\nb", &["1-1 Other", "2-2 Other"]);
        check("a = f'''{\nx:>\"3}'''\nb", &["1-2 Other", "3-3 Other"]);
    }

    #[test]
    fn soft_keywords_are_names_elsewhere() {
        check(
            "match x:\n  case 1:\n    a\ncase = 1\ncase.b\n",
            &["1-1 Other [2-3]", "2-2 Case [3-3]", "3-3 Other", "4-4 Other", "5-5 Other"],
        );
        check("format = 1\nelif_ = 2\nif(x): y", &["1-1 Other", "2-2 Other", "3-3 If"]);
    }

    #[test]
    fn any_text_is_taken() {
        let pieces =
            ["'", "\"\"\"", "f'", "{", "}", ":", "\\", "\n", "é", "#", "for x in y:", "  ", "(", "]", "rb\""];
        let mut random = crate::random::Random::new(1, "", "source");
        for _ in 0..2000 {
            let text: String = (0..20).map(|_| pieces[random.below(pieces.len())]).collect();
            let source = Source::new(&text);
            let last = source.lines().last().map_or(0, |(number, _)| number);
            let ends: Vec<u32> =
                source.statements().iter().map(|statement| *statement.extent().end()).collect();
            assert!(ends.iter().all(|end| *end <= last), "{text:?}");
        }
    }

    #[test]
    fn lines_end_as_python_ends_them() {
        let source = Source::new("a\r\nb\rc\u{c}d\u{2028}e\n");
        assert_eq!(source.lines().map(|(_, text)| text).collect::<Vec<_>>(), ["a", "b", "c\u{c}d\u{2028}e"]);
        assert_eq!((source.line(0), source.line(2), source.line(9)), ("", "b", ""));
        assert!(source.statement(9).is_none());
    }
}
