//! The registry of jobs, in both homes.

use std::time::Duration;

use super::in_each_home;
use crate::queue::{JobKind, JobRecord, JobState};

fn record(id: &str) -> JobRecord {
    JobRecord {
        id: id.to_owned(),
        kind: JobKind::Render,
        job_json: r#"{"sources":["/é\"\u0000"]}"#.to_owned(),
        output: "s3://bucket/out".to_owned(),
        priority: -3,
        share: 7,
        labels: [("python".to_owned(), "3.13".to_owned())].into(),
        submitted_unix_ms: u64::MAX,
        state: JobState::Running,
        message: "waits".to_owned(),
        ended_unix_ms: 0,
    }
}

#[test]
fn a_job_that_is_submitted_twice_is_one() {
    in_each_home("submitted twice", |home, _| async move {
        let registry = home.registry();
        let one = record("submitted twice");
        assert_eq!(registry.get(&one.id).await.unwrap(), None);
        assert!(registry.put(&one).await.unwrap());
        assert!(!registry.put(&JobRecord { share: 1, ..one.clone() }).await.unwrap());
        assert_eq!(registry.get(&one.id).await.unwrap(), Some(one));
    });
}

#[test]
fn jobs_are_listed_by_their_ids() {
    in_each_home("listed", |home, _| async move {
        let registry = home.registry();
        for id in ["listed b", "listed a"] {
            assert!(registry.put(&record(id)).await.unwrap());
        }
        // Other tests have jobs in the same registry.
        let mut listed = registry.list().await.unwrap();
        listed.retain(|job| job.id.starts_with("listed"));
        assert_eq!(listed, [record("listed a"), record("listed b")]);
    });
}

#[test]
fn the_state_of_a_job_changes_until_it_is_complete() {
    in_each_home("changes", |home, _| async move {
        let registry = home.registry();
        let job = "changes";
        assert!(!registry.set_state(job, JobState::Paused, "", 0).await.unwrap());
        registry.put(&record(job)).await.unwrap();
        assert!(registry.set_state(job, JobState::Failed, "no \"disk\"", 5).await.unwrap());
        assert!(!registry.set_state(job, JobState::Failed, "no news", 6).await.unwrap());
        let failed = registry.get(job).await.unwrap().unwrap();
        assert_eq!((failed.message.as_str(), failed.ended_unix_ms), ("no \"disk\"", 5));
        assert!(registry.set_state(job, JobState::Running, "", 0).await.unwrap());
        assert!(registry.set_state(job, JobState::Complete, "", 9).await.unwrap());
        assert!(!registry.set_state(job, JobState::Cancelled, "too late", 10).await.unwrap());
        let now = registry.get(job).await.unwrap().unwrap();
        assert_eq!((now.state, now.message.as_str(), now.ended_unix_ms), (JobState::Complete, "", 9));
    });
}

#[test]
fn a_claim_has_one_holder_until_it_is_over_or_given_back() {
    in_each_home("claim", |home, _| async move {
        let registry = home.registry();
        let claim = async |holder: &str, now: u64| {
            let (ttl, now) = (Duration::from_secs(10), Duration::from_secs(now));
            registry.claim("plan of a claimed job", holder, ttl, now).await.unwrap()
        };
        assert!(claim("a", 100).await);
        assert!(!claim("b", 109).await);
        assert!(claim("a", 109).await, "it goes on");
        assert!(!claim("b", 118).await);
        assert!(claim("b", 119).await);
        registry.release("plan of a claimed job", "a").await.unwrap();
        assert!(!claim("a", 120).await, "it was not its to give back");
        registry.release("plan of a claimed job", "b").await.unwrap();
        assert!(claim("a", 121).await);
        registry.release("plan of a claimed job", "a").await.unwrap();
    });
}
