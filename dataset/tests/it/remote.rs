//! Sources in S3, and datasets made of them there.

use dataset::source::{self, Body, Source, SourceError};
use dataset::{Dataset, Finding, Job, Limits, Shard, Store, verify};

use crate::support::{Place, TIMES, fill, s3_prefix};

fn job(sources: &[&str], shard_sources: u64) -> Job {
    let sources: Vec<String> = sources.iter().map(|&source| source.to_owned()).collect();
    Job::new(&sources, shard_sources, Limits::default()).unwrap()
}

fn planned(job: &Job, after: Option<&Shard>) -> Vec<Shard> {
    source::plan(job, after).unwrap().map(Result::unwrap).collect()
}

fn read(shards: &[Shard]) -> Vec<Source> {
    let sources = shards.iter().flat_map(|shard| source::read(&shard.range, 1000).unwrap());
    sources.map(Result::unwrap).collect()
}

/// What is planned and read in S3 is what is planned and read in a folder, and planning goes on after any shard.
#[track_caller]
fn check_same(files: &[(&str, &[u8])], named: &str, shard_sources: u64) -> Vec<Source> {
    let place = Place::new();
    let prefix = s3_prefix();
    let store = Store::open(&prefix).unwrap();
    for (key, bytes) in files {
        place.write(key, bytes);
        store.put(key, bytes).unwrap();
    }
    let remote = job(&[&format!("{prefix}/{named}")], shard_sources);
    let shards = planned(&remote, None);
    for (index, shard) in shards.iter().enumerate() {
        assert_eq!(planned(&remote, Some(shard)), shards[index + 1..]);
        assert_eq!(read(std::slice::from_ref(shard)).len() as u64, shard.sources);
    }
    let sources = read(&shards);
    assert_eq!(sources, read(&planned(&place.job(&[named], shard_sources), None)));
    sources
}

#[test]
fn a_prefix_is_read_as_a_folder() {
    let files: Vec<(String, Vec<u8>)> = (0..40)
        .map(|number| (format!("corpus/{}/{number}.py", number % 3), vec![b'#'; number * 30]))
        .chain([("corpus/a.pyc".to_owned(), vec![]), ("corpus/ä b+c.py".to_owned(), b"1".to_vec())])
        .chain([("corpus2/beside.py".to_owned(), vec![])])
        .collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice())).collect();
    let sources = check_same(&files, "corpus", 7);
    assert_eq!(sources.len(), 41);
    let too_large = sources.iter().filter(|source| matches!(source.body, Body::Unreadable { .. })).count();
    assert_eq!(too_large, 6);
    assert_eq!(sources[40].path, "corpus/ä b+c.py");
}

#[test]
fn single_objects_are_sources() {
    let sources = check_same(&[("corpus/one.py", b"x = 1")], "corpus/one.py", 5);
    assert_eq!((sources[0].path.as_str(), sources[0].code().as_str()), ("corpus/one.py", "x = 1"));
    let lines = "{\"code\": \"x\"}\n\n{\"code\": 1}\n".repeat(20);
    for (name, bytes) in [
        ("cases.jsonl", lines.clone().into_bytes()),
        ("cases.jsonl.zst", zstd::encode_all(lines.as_bytes(), 1).unwrap()),
    ] {
        assert_eq!(check_same(&[(name, &bytes)], name, 6).len(), 40);
    }
}

#[test]
fn a_manifest_names_files_anywhere() {
    let prefix = s3_prefix();
    let store = Store::open(&prefix).unwrap();
    let place = Place::with_files(&["local.py"]);
    store.put("corpus/remote.py", b"remote").unwrap();
    let local = place.text("corpus/local.py");
    let manifest = format!("{prefix}/corpus/remote.py\n{local}\n\n{prefix}/gone.py\nremote.py\nno file\n");
    store.put("corpus/list.txt", manifest.as_bytes()).unwrap();
    place.write("list.manifest", manifest.as_bytes());

    let remote = job(&[&format!("{prefix}/corpus/list.txt")], 2);
    let shards = planned(&remote, None);
    assert_eq!(shards.iter().map(|shard| shard.sources).collect::<Vec<_>>(), [2, 2, 1]);
    for (index, shard) in shards.iter().enumerate() {
        assert_eq!(planned(&remote, Some(shard)), shards[index + 1..]);
    }
    let said: Vec<(String, String)> = read(&shards)
        .into_iter()
        .map(|source| match &source.body {
            Body::Unreadable { reason } => (source.path.clone(), reason.clone()),
            _ => (source.path.clone(), source.code()),
        })
        .collect();
    let expect = [
        ("list.txt:1", "remote"),
        ("list.txt:2", "# local.py\n"),
        ("list.txt:4", "the file is gone, or a link that leads nowhere"),
        ("list.txt:5", "remote"),
        ("list.txt:6", "line 6 does not name a .py file"),
    ];
    assert_eq!(said, expect.map(|(path, said)| (path.to_owned(), said.to_owned())));
    let first = &read(&planned(&place.job(&["list.manifest"], 9), None))[0];
    assert_eq!(
        (first.id.as_str(), first.filename.as_str()),
        (format!("{prefix}/corpus/remote.py").as_str(), "remote.py")
    );
}

#[test]
fn what_is_not_there_is_told_before_anything_is_planned() {
    let prefix = s3_prefix();
    let refusal = |source: &str| {
        let resolved = Job::new(&[format!("{prefix}/{source}")], 1, Limits::default());
        resolved.and_then(|job| source::plan(&job, None).map(drop)).unwrap_err()
    };
    for source in ["absent", "absent.jsonl", "absent.py", "absent.parquet"] {
        let error = refusal(source);
        assert!(matches!(error, SourceError::Empty { .. }), "{error}");
        assert!(error.to_string().ends_with("holds no .py or .parquet files"), "{error}");
    }
    let error = Job::new(&["s3://no-such-bucket/x".to_owned()], 1, Limits::default()).unwrap_err();
    assert!(error.to_string().contains("there is no bucket no-such-bucket"), "{error}");
}

#[test]
fn a_dataset_in_s3_is_planned_filled_sealed_and_verified() {
    let prefix = s3_prefix();
    let sources = Store::open(&format!("{prefix}/corpus")).unwrap();
    for number in 0..7 {
        sources.put(&format!("{number}.py"), b"pass").unwrap();
    }
    let out = || Store::open(&format!("{prefix}/out")).unwrap();
    let job = job(&[&format!("{prefix}/corpus")], 3);
    let dataset = Dataset::start(out(), job.clone()).unwrap();
    let place = Place::new();
    fill(&place, &dataset);
    dataset.seal(TIMES).unwrap();
    let again = Dataset::start(out(), job).unwrap();
    assert!(again.is_sealed().unwrap());
    let report = verify(&again).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.parts, report.rows, report.sources_listed), (3, 7, 7));
    assert_eq!(out().list("").unwrap().count(), 8);

    sources.delete("3.py").unwrap();
    sources.put("9.py", b"").unwrap();
    let found: Vec<Finding> = verify(&again).unwrap().findings.iter().map(|(finding, _)| finding).collect();
    assert_eq!(found, [Finding::UnknownSource, Finding::UnplannedSource]);
    // What is no dataset is not taken for one.
    let error = Dataset::start(Store::open(&prefix).unwrap(), again.job().clone()).unwrap_err();
    assert!(error.to_string().contains("neither empty nor a dataset"), "{error}");
}
