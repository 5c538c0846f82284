//! What a service can do to a store, short of keeping its promises.

use std::io::Write;
use std::time::{Duration, Instant};

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use s3_server::{ACCESS_KEY_ID, Fault, S3Server, SECRET_ACCESS_KEY};

use super::connection::Pace;
use super::*;
use crate::damage::{Unreadable, guarded};
use crate::store::{ErrorKind, Store};
use crate::{JobId, PartHeader, PartWriter, Range, Shard};

/// Parts and copies are small, pauses short, patience too.
const HASTY: Pace = Pace {
    attempts: 4,
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(30),
    copy: Duration::from_secs(30),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(5),
    part_bytes: 1 << 10,
    copy_bytes: 4 << 10,
};

struct Remote {
    server: S3Server,
    store: Store,
    folder: tempfile::TempDir,
}

fn keys() -> S3Keys {
    S3Keys { access_key_id: ACCESS_KEY_ID.to_owned(), secret_access_key: SECRET_ACCESS_KEY.to_owned() }
}

fn store_at(endpoint: &str, uri: &str, keys: S3Keys, pace: Pace) -> Store {
    let settings = S3Settings { endpoint: Some(endpoint.to_owned()), keys: Some(keys) };
    let connection = Connection::new(&settings, pace).unwrap().into();
    let bucket = Bucket { connection, place: Place::parse(uri).unwrap().into() };
    Store::in_bucket(uri, Ok(bucket)).unwrap()
}

fn remote_at(pace: Pace) -> Remote {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path()).unwrap();
    server.create_bucket("bucket");
    let store = store_at(&server.endpoint(), "s3://bucket/out", keys(), pace);
    Remote { server, store, folder }
}

fn remote() -> Remote {
    remote_at(HASTY)
}

/// No two stretches of it are alike.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index * index / 7 + index / 251) as u8).collect()
}

fn write(store: &Store, key: &str, bytes: &[u8]) {
    let mut writer = store.create(key).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
}

#[test]
fn large_objects_go_in_parts_and_small_ones_at_once() {
    let Remote { server, store, folder: _folder } = remote();
    for (name, size, parts) in [("empty", 0, 0), ("small", 1023, 0), ("one", 1024, 1), ("large", 9000, 9)] {
        write(&store, name, &bytes(size));
        assert_eq!(store.get(name).unwrap(), bytes(size), "{name}");
        let sent = server.faults().asked(&["PUT", &format!("/{name}?"), "partNumber"]).len();
        assert_eq!(sent, parts, "{name}");
    }
    assert!(server.unfinished_uploads().is_empty());
}

#[test]
fn errors_of_the_service_are_passed_over() {
    let Remote { server, store, folder: _folder } = remote();
    for fault in [Fault::InternalError, Fault::SlowDown, Fault::Reset, Fault::LostAnswer] {
        for request in ["GET", "PUT", "POST", "HEAD"] {
            server.faults().next(2, &[request], fault.clone());
        }
        write(&store, "attempt", &bytes(5000));
        assert_eq!(store.get("attempt").unwrap(), bytes(5000), "{fault:?}");
        assert_eq!(store.list("").unwrap().map(Result::unwrap).collect::<Vec<_>>(), ["attempt"], "{fault:?}");
        store.publish("attempt", "part").unwrap();
        assert_eq!(store.get("part").unwrap(), bytes(5000), "{fault:?}");
        server.faults().heal();
        store.delete("part").unwrap();
        store.delete("attempt").unwrap();
    }
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let Remote { server, store, folder: _folder } = remote();
    write(&store, "object", &bytes(200_000));
    server.faults().next(3, &["GET"], Fault::Truncated(100));
    assert_eq!(store.get("object").unwrap(), bytes(200_000));
    server.faults().next(1000, &["GET"], Fault::Truncated(100));
    let error = store.get("object").unwrap_err();
    assert!(error.to_string().contains("the answer broke off"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Other);
}

#[test]
fn a_service_that_keeps_failing_is_told_and_not_stormed() {
    let Remote { server, store, folder: _folder } = remote();
    for (fault, says) in [
        (Fault::SlowDown, "answers 503 SlowDown, also when asked 4 times"),
        (Fault::InternalError, "answers 500 InternalError, also when asked 4 times"),
        (Fault::Reset, "cannot be reached"),
    ] {
        let before = server.faults().asked(&["GET"]).len();
        server.faults().next(usize::MAX, &["GET"], fault);
        let error = store.get("object").unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(server.faults().asked(&["GET"]).len() - before, 4);
        server.faults().heal();
    }
}

#[test]
fn a_slow_answer_is_given_up_and_asked_for_again() {
    let Remote { server, store, folder: _folder } =
        remote_at(Pace { answer: Duration::from_millis(300), ..HASTY });
    write(&store, "object", b"bytes");
    server.faults().next(1, &["GET"], Fault::Late(Duration::from_secs(600)));
    assert_eq!(store.get("object").unwrap(), b"bytes");
    server.faults().next(usize::MAX, &["GET"], Fault::Late(Duration::from_secs(600)));
    let error = store.get("object").unwrap_err();
    assert!(error.to_string().contains("does not answer in time"), "{error}");
}

#[test]
fn an_upload_that_fails_or_is_dropped_leaves_nothing() {
    let Remote { server, store, folder: _folder } = remote();
    let mut dropped = store.create("dropped").unwrap();
    dropped.write_all(&bytes(5000)).unwrap();
    assert_eq!(server.unfinished_uploads(), ["out/dropped"]);
    drop(dropped);

    server.faults().next(usize::MAX, &["partNumber=3"], Fault::InternalError);
    let mut failed = store.create("failed").unwrap();
    // What is sent aside may be told by a later write or at the end.
    let written = failed.write_all(&bytes(9000)).map_err(|error| failed.error(error));
    assert!(written.and_then(|()| failed.finish()).is_err());

    server.faults().heal();
    server.faults().next(usize::MAX, &["POST", "uploadId"], Fault::InternalError);
    let mut incomplete = store.create("incomplete").unwrap();
    incomplete.write_all(&bytes(3000)).unwrap();
    assert!(incomplete.finish().is_err());

    assert!(server.unfinished_uploads().is_empty());
    assert_eq!(store.list("").unwrap().count(), 0);
}

#[test]
fn a_file_that_could_not_be_stored_is_kept() {
    let Remote { server, store, folder } = remote();
    let file = folder.path().join("scratch");
    fs::write(&file, bytes(3000)).unwrap();
    server.faults().next(usize::MAX, &["POST"], Fault::InternalError);
    store.put_file("object", &file).unwrap_err();
    assert!(file.exists());
    server.faults().heal();
    store.put_file("object", &file).unwrap();
    assert!(!file.exists());
    assert_eq!(store.get("object").unwrap(), bytes(3000));
}

#[test]
fn leftovers_of_a_crash_are_removed_below_the_prefix_only() {
    let Remote { server, store, folder: _folder } = remote();
    let elsewhere = store_at(&server.endpoint(), "s3://bucket/other", keys(), HASTY);
    for store in [&store, &elsewhere] {
        let mut upload = store.create("part").unwrap();
        upload.write_all(&bytes(2000)).unwrap();
        std::mem::forget(upload);
    }
    assert_eq!(server.unfinished_uploads(), ["other/part", "out/part"]);
    store.remove_leftovers().unwrap();
    store.remove_leftovers().unwrap();
    assert_eq!(server.unfinished_uploads(), ["other/part"]);
}

#[test]
fn an_object_beyond_what_one_request_copies_is_published_in_parts() {
    let Remote { server, store, folder: _folder } = remote();
    let content = bytes(10_000);
    write(&store, "attempt 1+ä", &content);
    assert_eq!(store.publish("attempt 1+ä", "part").unwrap(), Published::Now);
    assert_eq!(store.get("part").unwrap(), content);
    assert_eq!(server.faults().asked(&["PUT", "/part?", "partNumber"]).len(), 3);
    assert_eq!(store.publish("attempt 1+ä", "part").unwrap(), Published::Before);
    assert!(server.unfinished_uploads().is_empty());
}

#[test]
fn a_copy_that_fails_leaves_no_part() {
    let Remote { server, store, folder: _folder } = remote();
    for (name, size) in [("small", 100), ("large", 10_000)] {
        write(&store, name, &bytes(size));
        server.faults().next(usize::MAX, &["PUT", "/part"], Fault::InternalError);
        store.publish(name, "part").unwrap_err();
        assert!(!store.exists("part").unwrap());
        server.faults().heal();
    }
    assert!(server.unfinished_uploads().is_empty());
    assert_eq!(store.publish("large", "part").unwrap(), Published::Now);
    assert_eq!(store.get("part").unwrap(), bytes(10_000));
}

#[test]
fn publishing_needs_no_conditions() {
    let Remote { server, store, folder: _folder } = remote();
    server.faults().ignore_conditions();
    write(&store, "first", b"first");
    write(&store, "second", b"second");
    assert_eq!(store.publish("first", "part").unwrap(), Published::Now);
    assert_eq!(store.publish("second", "part").unwrap(), Published::Before);
    store.delete("first").unwrap();
    assert_eq!(store.publish("first", "part").unwrap(), Published::Before);
    assert_eq!(store.get("part").unwrap(), b"first");
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_told() {
    let Remote { server: _server, store, folder: _folder } = remote();
    write(&store, "object", &bytes(100_000));
    let object = store.read("object").unwrap();
    write(&store, "object", &vec![0; 100_000]);
    let error = object.read_exact_at(&mut [0; 10], 90_000).unwrap_err();
    assert!(error.to_string().contains("it has changed since it was opened"), "{error}");
}

#[test]
fn short_reads_side_by_side_are_one_request() {
    let Remote { server, store, folder: _folder } = remote();
    let content = bytes(3 << 20);
    write(&store, "object", &content);
    let object = store.read("object").unwrap();
    let before = server.faults().asked(&["GET"]).len();
    let mut buffer = [0; 100];
    for offset in (1 << 20..(1 << 20) + 100_000).step_by(1000) {
        object.read_exact_at(&mut buffer, offset as u64).unwrap();
        assert_eq!(buffer, content[offset..offset + 100]);
    }
    for offset in (2_500_000..content.len() - 100).rev().step_by(5000) {
        object.read_exact_at(&mut buffer, offset as u64).unwrap();
        assert_eq!(buffer, content[offset..offset + 100]);
    }
    assert!(server.faults().asked(&["GET"]).len() - before <= 2);
    assert!(object.read_exact_at(&mut buffer, content.len() as u64 - 99).is_err());
}

#[test]
fn listings_go_over_pages_and_start_anywhere() {
    let Remote { server, store, folder: _folder } = remote();
    let keys = ["\u{1}\n\u{b}.py", "a b+c%20", "a-b", "a.py", "a/b", "a/b.py", "a/c", "a0", "b", "ä"];
    for key in keys {
        store.put(key, b"x").unwrap();
    }
    let elsewhere = store_at(&server.endpoint(), "s3://bucket", self::keys(), HASTY);
    elsewhere.put("outside", b"x").unwrap();
    elsewhere.put("other", b"x").unwrap();
    for page in 1..10 {
        server.set_page(page);
        let listed = |folder, from| -> Vec<String> {
            store.list_from(folder, from).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(listed("", Bound::Unbounded), keys);
        assert_eq!(listed("a/", Bound::Unbounded), ["a/b", "a/b.py", "a/c"]);
        for (index, key) in keys.into_iter().enumerate() {
            assert_eq!(listed("", Bound::Included(key)), keys[index..]);
            assert_eq!(listed("", Bound::Excluded(key)), keys[index + 1..]);
        }
        assert_eq!(listed("a/", Bound::Included("a/b.p")), ["a/b.py", "a/c"]);
    }
}

#[test]
fn a_listing_that_fails_on_its_way_says_so_once() {
    let Remote { server, store, folder: _folder } = remote();
    for number in 0..4 {
        store.put(&number.to_string(), b"").unwrap();
    }
    server.set_page(2);
    let mut listing = store.list("").unwrap();
    assert_eq!(listing.next().unwrap().unwrap(), "0");
    server.faults().next(usize::MAX, &["list-type"], Fault::InternalError);
    assert_eq!(listing.next().unwrap().unwrap(), "1");
    assert!(listing.next().unwrap().is_err());
    assert!(listing.next().is_none());
}

#[track_caller]
fn check_refusal(store: &Store, kind: ErrorKind, says: &str) {
    let started = Instant::now();
    let error = store.get("_et/job.json").unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(15), "told after {:?}", started.elapsed());
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(!error.to_string().contains("not-the-secret"), "{error}");
}

#[test]
fn what_is_wrong_is_told_in_one_sentence() {
    let Remote { server, store, folder: _folder } = remote();
    check_refusal(&store, ErrorKind::NotFound, "there is no _et/job.json in s3://bucket/out");
    let at = |uri, keys| store_at(&server.endpoint(), uri, keys, Pace::default());
    check_refusal(&at("s3://absent/out", keys()), ErrorKind::Other, "there is no bucket absent at http://");
    let stranger = S3Keys { access_key_id: "stranger".to_owned(), ..keys() };
    check_refusal(&at("s3://bucket", stranger), ErrorKind::Other, "refuses the credentials");
    let wrong = S3Keys { secret_access_key: "not-the-secret".to_owned(), ..keys() };
    check_refusal(&at("s3://bucket", wrong), ErrorKind::Other, "refuses the credentials");
    // Nobody listens where a listener was.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = store_at(&format!("http://{closed}"), "s3://bucket", keys(), Pace::default());
    check_refusal(&nobody, ErrorKind::Other, "cannot be reached: Connection refused");
}

#[test]
fn a_failing_service_is_not_taken_for_a_damaged_part() {
    let Remote { server, store, folder } = remote();
    let file = folder.path().join("part");
    let range = Range::Tree { root: "/".to_owned(), first: Vec::new(), last: Vec::new() };
    let header = PartHeader { job: JobId("job".to_owned()), shard: Shard { ordinal: 0, sources: 1, range } };
    PartWriter::create(&file, header).unwrap().finish().unwrap();
    // Its footer lies beyond what comes with the first answer.
    let part = [bytes(100_000), fs::read(&file).unwrap()].concat();
    write(&store, "part", &part);
    let object = store.read("part").unwrap();
    let load = || guarded(&object, || ArrowReaderMetadata::load(&object, ArrowReaderOptions::new()));
    server.faults().next(usize::MAX, &["GET"], Fault::InternalError);
    let failed = load().unwrap_err();
    assert!(matches!(failed, Unreadable::Store(_)), "{failed:?}");
    server.faults().heal();
    load().unwrap();
    write(&store, "part", &part[..part.len() - 8]);
    let object = store.read("part").unwrap();
    let failed = guarded(&object, || ArrowReaderMetadata::load(&object, ArrowReaderOptions::new()));
    assert!(matches!(failed, Err(Unreadable::Damaged(_))), "{failed:?}");
}
