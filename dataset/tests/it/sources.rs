//! What becomes of one source.

use std::os::unix::ffi::OsStrExt;

use dataset::source::{self, Body, Source};

use crate::support::Place;

fn sources(place: &Place, named: &str, source_bytes: u64) -> Vec<Source> {
    let job = place.job(&[named], 100);
    let shards: Vec<_> = source::plan(&job, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(shards.len(), 1);
    source::read(&shards[0].range, source_bytes).unwrap().map(Result::unwrap).collect()
}

#[track_caller]
fn check_line(line: &[u8], expect: &str) {
    let place = Place::new();
    place.write("cases.jsonl", line);
    let said = match sources(&place, "cases.jsonl", 200).remove(0).body {
        Body::Script(bytes) => format!("script {}", String::from_utf8(bytes).unwrap()),
        Body::Call { code, input, .. } => format!("call {code} with {input}"),
        Body::Cases { code, cases } => format!("cases {code} with {cases:?}"),
        Body::Unreadable { reason } => reason,
    };
    assert_eq!(said, expect);
}

#[test]
fn rows_are_scripts_or_calls() {
    check_line(br#"{"code": "x = 1"}"#, "script x = 1");
    check_line(br#"{"code": "x = 1", "input": null}"#, "script x = 1");
    check_line(br#"{"code": "def f(x): ...", "input": "1, 'a'"}"#, "call def f(x): ... with 1, 'a'");
    check_line(b"\xef\xbb\xbf{\"code\": \"\\u00e4\"}\r\n", "script \u{e4}");
}

#[test]
fn what_is_wrong_with_a_row_is_told_in_one_sentence() {
    check_line(b"{\"code\": \"x", "line 1 is not JSON: error at its column 11");
    check_line(b"\n\n[1, 2]\n", "line 3 is not a JSON object");
    check_line(br#"{"codes": "x"}"#, "line 1 has no `code`");
    check_line(br#"{"code": null}"#, "line 1 has no `code`");
    check_line(br#"{"code": 1}"#, "`code` of line 1 is not a string");
    check_line(br#"{"code": "\ud800"}"#, "`code` of line 1 is not a string");
    check_line(br#"{"code": "", "input": [1]}"#, "`input` of line 1 is not a string");
    check_line(b"{\"code\": \"\xff\"}", "line 1 is not UTF-8");
    check_line(&[b'x'; 201], "line 1 has more than 200 bytes");
}

#[test]
fn a_row_passes_its_own_fields_through() {
    let place = Place::new();
    place.write(
        "cases.jsonl",
        br#"{"id": 17, "weight": 1.50, "big": 123456789012345678901234567890, "code": "x", "licence": "MIT"}
{"id": "a", "code": 1, "text": "\u00e4"}
{"code": "y"}
"#,
    );
    let [first, second, third] = sources(&place, "cases.jsonl", 1000).try_into().unwrap();
    assert_eq!(first.id, "17");
    assert_eq!(first.meta, r#"{"big":123456789012345678901234567890,"licence":"MIT","weight":1.50}"#);
    assert_eq!((second.id.as_str(), second.meta.as_str()), ("a", r#"{"text":"\u00e4"}"#));
    assert_eq!((third.id.as_str(), third.meta.as_str()), ("cases.jsonl:3", "{}"));
    assert_eq!([&first, &second, &third].map(|source| &*source.filename), ["main.py"; 3]);
}

#[test]
fn files_are_scripts_as_they_are() {
    let place = Place::new();
    place.write("corpus/pkg/latin.py", b"# coding: latin-1\ns = '\xe4'\r\n");
    place.write("corpus/pkg/zero.py", b"x = 1\0");
    place.write("corpus/pkg/binary.py", b"\xff\xfe");
    let [binary, latin, zero] = sources(&place, "corpus", 1000).try_into().unwrap();
    assert_eq!(latin.body, Body::Script(b"# coding: latin-1\ns = '\xe4'\r\n".to_vec()));
    assert_eq!(latin.code(), "# coding: latin-1\ns = '\u{e4}'\r\n");
    assert_eq!((latin.path.as_str(), latin.id.as_str()), ("corpus/pkg/latin.py", "corpus/pkg/latin.py"));
    assert_eq!((latin.filename.as_str(), latin.meta.as_str()), ("latin.py", "{}"));
    assert_eq!(zero.code(), "x = 1\0");
    assert_eq!((binary.body.clone(), binary.code()), (Body::Script(b"\xff\xfe".to_vec()), String::new()));
}

#[test]
fn hashes_are_of_the_program() {
    let place = Place::new();
    place.write("corpus/abc.py", b"abc");
    place.write("cases.jsonl", br#"{"code": "abc", "input": "1"}"#);
    // The published test vector of SHA-256.
    let expect = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sources(&place, "corpus", 1000)[0].sha256(), expect);
    assert_eq!(sources(&place, "cases.jsonl", 1000)[0].sha256(), expect);
    assert_eq!(sources(&place, "corpus", 2)[0].sha256(), "");
}

#[test]
fn names_that_are_not_text_stay_apart() {
    let place = Place::with_files(&["a.py"]);
    for name in [&b"\xff.py"[..], br"\xff.py"] {
        std::fs::write(place.path("corpus").join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let sources = sources(&place, "corpus", 1000);
    let paths: Vec<_> = sources.iter().map(|source| source.path.as_str()).collect();
    assert_eq!(paths, [r"corpus/\\xff.py", "corpus/a.py", r"corpus/\xff.py"]);
    assert_eq!(sources[2].body, Body::Script(b"\xff.py".to_vec()));
}

#[test]
fn a_file_that_vanishes_is_a_row() {
    let place = Place::with_files(&["a.py", "b.py"]);
    let job = place.job(&["corpus"], 100);
    let shard = source::plan(&job, None).unwrap().next().unwrap().unwrap();
    let mut reading = source::read(&shard.range, 1000).unwrap();
    assert!(matches!(reading.next().unwrap().unwrap().body, Body::Script(_)));
    std::fs::remove_file(place.path("corpus/b.py")).unwrap();
    let gone = reading.next().unwrap().unwrap();
    assert_eq!(gone.path, "corpus/b.py");
    assert!(matches!(gone.body, Body::Unreadable { .. }));
}
