//! What a store promises.

use std::io::Write;

use dataset::{ErrorKind, Operation, Published};

use crate::support::Place;

#[test]
fn objects_are_put_read_listed_and_deleted() {
    let place = Place::new();
    let store = place.store();
    store.put("b/2", b"two").unwrap();
    store.put("b/10", b"ten").unwrap();
    store.put("a", b"").unwrap();
    store.put("b/2", b"two again").unwrap();
    assert_eq!(store.get("b/2").unwrap(), b"two again");
    assert_eq!(store.get("a").unwrap(), b"");
    let keys = |folder| store.list(folder).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(keys(""), ["a", "b/10", "b/2"]);
    assert_eq!(keys("b/"), ["b/10", "b/2"]);
    assert_eq!(keys("c/"), [""; 0]);
    store.delete("a").unwrap();
    store.delete("a").unwrap();
    assert!(!store.exists("a").unwrap());
    assert!(store.exists("b/2").unwrap());
    assert!(!store.exists("b").unwrap());
    assert!(!store.exists("b/2/3").unwrap());
}

#[test]
fn objects_appear_when_they_are_finished() {
    let place = Place::new();
    let store = place.store();
    let mut writer = store.create("data/x").unwrap();
    writer.write_all(b"half").unwrap();
    assert!(!store.exists("data/x").unwrap());
    assert_eq!(store.list("").unwrap().count(), 0);
    writer.write_all(b" and half").unwrap();
    writer.finish().unwrap();
    assert_eq!(store.get("data/x").unwrap(), b"half and half");
}

#[test]
fn a_local_file_is_moved_in() {
    let place = Place::new();
    place.write("scratch", b"part");
    place.store().put_file("_et/attempts/1", &place.path("scratch")).unwrap();
    assert!(!place.path("scratch").exists());
    assert_eq!(place.store().get("_et/attempts/1").unwrap(), b"part");
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
fn publishing_is_done_once_and_may_be_repeated() {
    let place = Place::new();
    let store = place.store();
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

#[test]
fn an_attempt_that_is_not_there_cannot_be_published() {
    let place = Place::new();
    let error = place.store().publish("_et/attempts/1", "data/part").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("there is no _et/attempts/1 in "), "{error}");
}

#[test]
fn keys_cannot_lead_out_of_the_store() {
    let place = Place::new();
    place.write("secret", b"mine");
    for key in ["../secret", "/secret", "data//x", "data/../../secret", "", "x\0y"] {
        assert_eq!(place.store().get(key).unwrap_err().kind(), ErrorKind::Other, "{key}");
        assert!(place.store().publish("_et/attempts/1", key).is_err(), "{key}");
    }
}

#[test]
fn a_place_that_is_no_folder_is_refused() {
    let error = dataset::Store::open("s3://bucket/out").unwrap_err();
    assert!(error.to_string().contains("give a folder"), "{error}");
    let place = Place::new();
    place.write("out", b"a file");
    assert!(place.store().put("x", b"").is_err());
}

#[test]
fn reading_a_missing_object_says_so() {
    let place = Place::new();
    let error = place.store().get("_et/job.json").unwrap_err();
    assert_eq!((error.kind(), error.key()), (ErrorKind::NotFound, "_et/job.json"));
}

#[test]
fn calls_are_recorded() {
    let place = Place::new();
    let (store, calls) = place.store().recorded();
    store.put("a", b"1").unwrap();
    store.get("a").unwrap();
    store.publish("a", "data/a").unwrap();
    assert_eq!(calls.of(Operation::Put), ["a"]);
    assert_eq!(calls.of(Operation::ReadStretch), ["a"]);
    assert_eq!(calls.of(Operation::Publish), ["data/a"]);
    calls.clear();
    assert!(calls.of(Operation::Put).is_empty());
}
