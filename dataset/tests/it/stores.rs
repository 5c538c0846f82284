//! What a store promises, whatever holds it.

use std::io::Write;
use std::ops::Bound;

use dataset::{ErrorKind, Operation, Published, Store};

use crate::support::{Place, s3_prefix};

/// Each is a test of a store in a folder and one of a store in S3.
macro_rules! promises {
    ($($promise:ident)*) => {
        mod in_a_folder {
            $(#[test] fn $promise() {
                let place = super::Place::new();
                super::$promise(&place.store());
            })*
        }
        mod in_s3 {
            $(#[test] fn $promise() {
                super::$promise(&dataset::Store::open(&super::s3_prefix()).unwrap());
            })*
        }
    };
}

promises! {
    objects_are_put_read_listed_and_deleted
    objects_appear_when_they_are_finished
    objects_of_any_size_are_what_was_written
    listings_begin_anywhere
    a_local_file_is_moved_in
    publishing_is_done_once_and_may_be_repeated
    an_attempt_that_is_not_there_cannot_be_published
    keys_cannot_lead_out_of_the_store
    reading_a_missing_object_says_so
    leftovers_can_be_removed_again_and_again
    calls_are_recorded
}

fn keys(store: &Store, folder: &str) -> Vec<String> {
    store.list(folder).unwrap().map(Result::unwrap).collect()
}

fn objects_are_put_read_listed_and_deleted(store: &Store) {
    store.put("b/2", b"two").unwrap();
    store.put("b/10", b"ten").unwrap();
    store.put("a", b"").unwrap();
    store.put("b/2", b"two again").unwrap();
    assert_eq!(store.get("b/2").unwrap(), b"two again");
    assert_eq!(store.get("a").unwrap(), b"");
    assert_eq!(keys(store, ""), ["a", "b/10", "b/2"]);
    assert_eq!(keys(store, "b/"), ["b/10", "b/2"]);
    assert_eq!(keys(store, "c/"), [""; 0]);
    store.delete("a").unwrap();
    store.delete("a").unwrap();
    assert!(!store.exists("a").unwrap());
    assert!(store.exists("b/2").unwrap());
    assert!(!store.exists("b").unwrap());
    assert!(!store.exists("b/2/3").unwrap());
}

fn objects_appear_when_they_are_finished(store: &Store) {
    let mut writer = store.create("data/x").unwrap();
    writer.write_all(b"half").unwrap();
    assert!(!store.exists("data/x").unwrap());
    assert_eq!(keys(store, ""), [""; 0]);
    writer.write_all(b" and half").unwrap();
    writer.finish().unwrap();
    assert_eq!(store.get("data/x").unwrap(), b"half and half");
    let mut dropped = store.create("data/y").unwrap();
    dropped.write_all(b"half").unwrap();
    drop(dropped);
    assert_eq!(keys(store, ""), ["data/x"]);
}

fn objects_of_any_size_are_what_was_written(store: &Store) {
    // Beyond 16 MiB, an object in S3 goes in parts.
    for size in [0, 1, 65_535, 65_536, 65_537, (20 << 20) + 1] {
        let bytes: Vec<u8> = (0..size).map(|index: usize| (index / 3 + index / 70_001) as u8).collect();
        let mut writer = store.create("object").unwrap();
        writer.write_all(&bytes).unwrap();
        writer.finish().unwrap();
        assert!(store.get("object").unwrap() == bytes, "{size} bytes");
        let object = store.read("object").unwrap();
        assert_eq!(object.size(), size as u64);
        for at in [0, size / 2, size.saturating_sub(1)] {
            let mut buffer = vec![0; (size - at).min(1000)];
            object.read_exact_at(&mut buffer, at as u64).unwrap();
            assert!(buffer == bytes[at..at + buffer.len()], "{size} bytes, from {at}");
        }
        assert!(object.read_exact_at(&mut [0], size as u64).is_err());
    }
}

fn listings_begin_anywhere(store: &Store) {
    let all = ["a-b", "a.py", "a/b", "a/b.py", "a0", "b", "ü/x"];
    for key in all {
        store.put(key, b"").unwrap();
    }
    let from = |from| store.list_from("", from).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    for (index, key) in all.into_iter().enumerate() {
        assert_eq!(from(Bound::Included(key)), all[index..]);
        assert_eq!(from(Bound::Excluded(key)), all[index + 1..]);
    }
    assert_eq!(from(Bound::Included("a.")), all[1..]);
    assert_eq!(store.list_from("a/", Bound::Excluded("a/b")).unwrap().count(), 1);
}

fn a_local_file_is_moved_in(store: &Store) {
    let place = Place::new();
    place.write("scratch", b"part");
    store.put_file("_et/attempts/1", &place.path("scratch")).unwrap();
    assert!(!place.path("scratch").exists());
    assert_eq!(store.get("_et/attempts/1").unwrap(), b"part");
}

fn publishing_is_done_once_and_may_be_repeated(store: &Store) {
    store.put("_et/attempts/1", b"first").unwrap();
    store.put("_et/attempts/2", b"second").unwrap();
    let publish = |attempt| store.publish(attempt, "data/part").unwrap();
    assert_eq!(publish("_et/attempts/1"), Published::Now);
    assert_eq!(publish("_et/attempts/1"), Published::Before);
    assert_eq!(publish("_et/attempts/2"), Published::Before);
    store.delete("_et/attempts/1").unwrap();
    assert_eq!(publish("_et/attempts/1"), Published::Before);
    assert_eq!(store.get("data/part").unwrap(), b"first");
}

fn an_attempt_that_is_not_there_cannot_be_published(store: &Store) {
    let error = store.publish("_et/attempts/1", "data/part").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("there is no _et/attempts/1 in "), "{error}");
}

fn keys_cannot_lead_out_of_the_store(store: &Store) {
    for key in ["../secret", "/secret", "data//x", "data/../../secret", "", "x\0y"] {
        assert_eq!(store.get(key).unwrap_err().kind(), ErrorKind::Other, "{key}");
        assert!(store.publish("_et/attempts/1", key).is_err(), "{key}");
    }
}

fn reading_a_missing_object_says_so(store: &Store) {
    let error = store.get("_et/job.json").unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::NotFound, "_et/job.json"));
}

fn leftovers_can_be_removed_again_and_again(store: &Store) {
    store.remove_leftovers().unwrap();
    store.put("a", b"1").unwrap();
    store.remove_leftovers().unwrap();
    store.remove_leftovers().unwrap();
    assert_eq!(keys(store, ""), ["a"]);
}

fn calls_are_recorded(store: &Store) {
    let (store, calls) = store.clone().recorded();
    store.put("a", b"1").unwrap();
    store.get("a").unwrap();
    store.publish("a", "data/a").unwrap();
    assert_eq!(calls.of(Operation::Put), ["a"]);
    assert_eq!(calls.of(Operation::ReadStretch), ["a"]);
    assert_eq!(calls.of(Operation::Publish), ["data/a"]);
    calls.clear();
    assert!(calls.of(Operation::Put).is_empty());
}

#[test]
fn a_file_of_another_file_system_is_moved_in() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = elsewhere.path().join("scratch");
    std::fs::write(&file, b"part").unwrap();
    let place = Place::new();
    place.store().put_file("_et/attempts/1", &file).unwrap();
    assert!(!file.exists());
    assert_eq!(place.store().get("_et/attempts/1").unwrap(), b"part");
}

#[test]
fn a_place_that_is_no_store_is_refused() {
    let error = Store::open("gs://bucket/out").unwrap_err();
    assert!(error.to_string().contains("give a folder or s3://bucket/prefix"), "{error}");
    let error = Store::open("s3://").unwrap_err();
    assert!(error.to_string().contains("write s3://bucket or s3://bucket/prefix"), "{error}");
    let place = Place::new();
    place.write("out", b"a file");
    assert!(place.store().put("x", b"").is_err());
}
