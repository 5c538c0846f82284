//! What the scripts cannot say: bounds, counts, and values at which the languages differ.

use std::time::Duration;

use dataset::{Range, Tally};

use super::script::{Check, finished};
use super::{EPOCH, RULES, in_each_home, shard_of};
use crate::queue::{
    Counts, Depth, Failure, IntervalSet, JobQueue, Lease, Mode, Piece, QueueError, Report, Running, Token,
    WorkerId,
};

fn worker(name: &str) -> WorkerId {
    WorkerId::new(name)
}

pub(super) async fn four_shards(queue: &JobQueue) {
    assert!(queue.begin(&IntervalSet::new()).await.unwrap());
    queue.offer(&[0, 1, 2, 3].map(shard_of)).await.unwrap();
    assert!(queue.all_offered(4).await.unwrap());
}

/// Asks for one shard.
pub(super) async fn get(queue: &JobQueue, name: &str) -> Lease {
    queue.reconcile(&Report::idle(worker(name), 1), EPOCH).await.unwrap().start[0].lease
}

pub(super) async fn is_held(queue: &JobQueue, name: &str, lease: Lease) -> bool {
    let report = Report { running: vec![Running { lease, position: 0 }], ..Report::idle(worker(name), 0) };
    queue.reconcile(&report, EPOCH).await.unwrap().stop.is_empty()
}

#[test]
fn a_lease_is_good_only_for_the_worker_that_has_it() {
    in_each_home("good only for one", |_, queue| async move {
        four_shards(&queue).await;
        let lease = get(&queue, "a").await;
        assert!(!is_held(&queue, "b", lease).await);
        let finished = vec![finished(lease)];
        let by = |name| Report { finished: finished.clone(), ..Report::idle(worker(name), 0) };
        let reply = queue.reconcile(&by("b"), EPOCH).await.unwrap();
        assert_eq!((reply.committed.len(), reply.acknowledged), (0, vec![lease]));
        let reply = queue.reconcile(&by("a"), EPOCH).await.unwrap();
        assert_eq!((reply.committed, reply.acknowledged), (finished, vec![]));
    });
}

#[test]
fn a_failure_that_is_reported_twice_counts_once() {
    in_each_home("counts once", |_, queue| async move {
        four_shards(&queue).await;
        let lease = get(&queue, "a").await;
        let failure = Failure { lease, reason: "no disk".to_owned(), source: None };
        let report = Report { failed: vec![failure], released: vec![lease], ..Report::idle(worker("a"), 0) };
        for _ in 0..2 {
            let reply = queue.reconcile(&report, EPOCH).await.unwrap();
            assert_eq!(reply.acknowledged, [lease, lease]);
        }
        let counts = queue.status().await.unwrap().leases;
        assert_eq!((counts.failed, counts.released), (1, 0));
    });
}

#[test]
fn a_tally_counts_once_however_often_its_part_is_published() {
    in_each_home("published once", |_, queue| async move {
        four_shards(&queue).await;
        let lease = get(&queue, "a").await;
        let report = Report { finished: vec![finished(lease)], ..Report::idle(worker("a"), 0) };
        queue.reconcile(&report, EPOCH).await.unwrap();
        let tally = Tally {
            sources: 3,
            rows: 1 << 54,
            outcomes: [("returned".to_owned(), 2), ("raised".to_owned(), 1)].into(),
            reasons: [("ValueError: \u{0} 'é' %s".to_owned(), 1)].into(),
            dropped: [("same_shape".to_owned(), 4)].into(),
            ..Tally::default()
        };
        assert!(queue.published(lease, &tally).await.unwrap());
        assert!(!queue.published(lease, &tally).await.unwrap());
        queue.unpublished(lease, "too late").await.unwrap();
        let status = queue.status().await.unwrap();
        assert_eq!(status.tally, tally);
        assert_eq!((status.shards_done, status.sources_done, status.leases.failed), (1, 3, 0));
    });
}

#[test]
fn a_late_word_about_an_earlier_commit_does_not_undo_a_later_one() {
    in_each_home("late word", |_, queue| async move {
        four_shards(&queue).await;
        let commit = async |name| {
            let lease = get(&queue, name).await;
            let report = Report { finished: vec![finished(lease)], ..Report::idle(worker(name), 0) };
            assert_eq!(queue.reconcile(&report, EPOCH).await.unwrap().committed.len(), 1);
            lease
        };
        let first = commit("a").await;
        queue.unpublished(first, "no disk").await.unwrap();
        for name in ["b", "c", "d"] {
            commit(name).await;
        }
        let second = commit("e").await;
        assert_eq!(second.shard, first.shard);
        queue.unpublished(first, "no disk").await.unwrap();
        assert!(queue.published(second, &Tally::default()).await.unwrap());
    });
}

#[test]
fn reasons_of_failures_are_bounded() {
    in_each_home("many reasons", |_, queue| async move {
        queue.begin(&IntervalSet::new()).await.unwrap();
        let mut expected = Tally::default();
        for shard in 0..3 {
            queue.offer(&[shard_of(shard)]).await.unwrap();
            let lease = get(&queue, "a").await;
            let reasons = (0..150).map(|number| (format!("reason {shard} {number}"), 2));
            let missing = (0..100).map(|number| (format!("{}'m{shard}{number}'", Tally::MISSING_MODULE), 1));
            let reasons = reasons.chain(missing).collect();
            let tally = Tally { reasons, ..Tally::default() };
            let report = Report { finished: vec![finished(lease)], ..Report::idle(worker("a"), 0) };
            queue.reconcile(&report, EPOCH).await.unwrap();
            assert!(queue.published(lease, &tally).await.unwrap());
            expected.merge(&tally);
        }
        assert_eq!(queue.status().await.unwrap().tally, expected);
    });
}

#[test]
fn a_shard_may_be_adopted_before_the_planner_offers_it() {
    in_each_home("adopted early", |_, queue| async move {
        let lease = Lease { shard: 7, token: Token(3) };
        queue.begin(&IntervalSet::new()).await.unwrap();
        assert!(is_held(&queue, "a", lease).await);
        assert!(queue.reconcile(&Report::idle(worker("b"), 1), EPOCH).await.unwrap().start.is_empty());
        queue.offer(&[shard_of(7)]).await.unwrap();
        assert_eq!(queue.depth().await.unwrap(), Depth { ready: 0, leased: 1 });
        queue.worker_lost(&worker("a")).await.unwrap();
        let again = get(&queue, "b").await;
        assert_eq!(again.shard, 7);
        assert!(again.token > lease.token);
    });
}

#[test]
fn the_end_of_a_plan_is_refused_as_long_as_shards_of_it_are_unknown() {
    in_each_home("the end of a plan", |_, queue| async move {
        queue.begin(&[1].into_iter().collect()).await.unwrap();
        queue.offer(&[2, 3].map(shard_of)).await.unwrap();
        assert!(!queue.all_offered(4).await.unwrap());
        assert!(!queue.status().await.unwrap().all_planned);
        queue.offer(&[0, 1, 2, 3].map(shard_of)).await.unwrap();
        assert!(queue.all_offered(4).await.unwrap());
        assert!(queue.status().await.unwrap().all_planned);
    });
}

#[test]
fn a_shard_that_is_not_in_the_plan_is_stopped() {
    in_each_home("not in the plan", |_, queue| async move {
        let stray = Lease { shard: 4, token: Token(9) };
        queue.begin(&IntervalSet::new()).await.unwrap();
        assert!(is_held(&queue, "a", stray).await);
        assert!(queue.all_offered(0).await.unwrap());
        assert!(!is_held(&queue, "a", stray).await);
        assert!(queue.status().await.unwrap().is_at_rest);
    });
}

#[test]
fn what_a_worker_brings_along_undescribed_is_withdrawn_when_it_forgets_it() {
    in_each_home("brought along", |_, queue| async move {
        queue.begin(&IntervalSet::new()).await.unwrap();
        assert!(is_held(&queue, "a", Lease { shard: 4, token: Token(9) }).await);
        let reply = queue.reconcile(&Report::idle(worker("a"), 4), EPOCH).await.unwrap();
        assert!(reply.start.is_empty(), "nobody knows what it would be");
        assert_eq!(queue.status().await.unwrap().leases.withdrawn, 1);
    });
}

#[test]
fn numbers_that_no_queue_gave_out_are_stale_and_do_no_harm() {
    in_each_home("absurd numbers", |_, queue| async move {
        queue.begin(&IntervalSet::new()).await.unwrap();
        queue.offer(&[shard_of(0)]).await.unwrap();
        for (shard, token) in
            [(u64::MAX, 1), (1 << 53, 1), (1 << 24, 1), (0, u64::MAX), (0, (1 << 53) + 1), (0, (1 << 52) + 1)]
        {
            let lease = Lease { shard, token: Token(token) };
            assert!(!is_held(&queue, "a", lease).await, "{lease:?}");
            assert!(!queue.published(Lease { shard: shard | 1, ..lease }, &Tally::default()).await.unwrap());
            queue.unpublished(lease, "no disk").await.unwrap();
        }
        let largest = Lease { shard: (1 << 24) - 1, token: Token(1 << 52) };
        assert!(is_held(&queue, "a", largest).await);
        let next = get(&queue, "b").await;
        assert_eq!(next.token, Token((1 << 52) + 1), "it counts on exactly");
    });
}

#[test]
fn absurd_positions_blame_no_source() {
    in_each_home("absurd positions", |_, queue| async move {
        four_shards(&queue).await;
        for source in [u64::MAX, 1 << 53, 1 << 32] {
            let lease = get(&queue, "a").await;
            let failure = Failure { lease, reason: String::new(), source: Some(source) };
            let report = Report { failed: vec![failure], ..Report::idle(worker("a"), 0) };
            queue.reconcile(&report, EPOCH).await.unwrap();
        }
        let failures = queue.failures().await.unwrap();
        assert_eq!(failures.iter().map(|failed| failed.failures).collect::<Vec<_>>(), [1, 1, 1]);
        assert!(failures.iter().all(|failed| failed.sources.is_empty()));
    });
}

#[test]
fn a_shard_comes_back_byte_for_byte() {
    in_each_home("byte for byte", |_, queue| async move {
        let every_byte: Vec<u8> = (0..=255).collect();
        let shards = [
            Piece {
                ordinal: 0,
                sources: u64::MAX >> 1,
                range: Some(Range::Tree {
                    root: "/é \"\\\n\u{0}".to_owned(),
                    first: every_byte.clone(),
                    last: vec![],
                }),
            },
            Piece {
                ordinal: 1,
                sources: 0,
                range: Some(Range::Lines {
                    path: "a b.jsonl".to_owned(),
                    from_byte: u64::MAX - 1,
                    to_byte: u64::MAX,
                    first_line: (1 << 53) + 1,
                }),
            },
            Piece { ordinal: 2, sources: 0, range: None },
        ];
        queue.begin(&IntervalSet::new()).await.unwrap();
        queue.offer(&shards).await.unwrap();
        let reply = queue.reconcile(&Report::idle(worker("a"), 9), EPOCH).await.unwrap();
        let started: Vec<Piece> = reply.start.into_iter().map(|start| start.shard).collect();
        assert_eq!(started, shards);
        assert_eq!(queue.status().await.unwrap().sources_planned, u64::MAX >> 1);
    });
}

#[test]
fn workers_of_any_name_are_told_apart() {
    in_each_home("any name", |_, queue| async move {
        four_shards(&queue).await;
        let names = ["", "a", "a\0", "a\u{0}00000002:0000000000000001"];
        let mut leases = Vec::new();
        for name in names {
            leases.push(get(&queue, name).await);
        }
        for (name, lease) in names.iter().zip(&leases) {
            assert!(is_held(&queue, name, *lease).await, "{name:?}");
        }
        queue.worker_lost(&worker("a")).await.unwrap();
        assert_eq!(queue.status().await.unwrap().leases.lost, 1);
        assert_eq!(get(&queue, "b").await.shard, leases[1].shard);
    });
}

#[test]
fn a_planner_is_held_back_while_enough_is_open() {
    in_each_home("held back", |_, queue| async move {
        queue.begin(&[0].into_iter().collect()).await.unwrap();
        let mut shard = 0;
        while queue.wants_shards().await.unwrap() {
            queue.offer(&[shard_of(shard)]).await.unwrap();
            shard += 1;
        }
        assert_eq!(shard, 11, "ten may be open, and one was done");
        let lease = get(&queue, "a").await;
        assert!(!queue.wants_shards().await.unwrap());
        assert!(queue.published(lease, &Tally::default()).await.unwrap());
        assert!(queue.wants_shards().await.unwrap());
        queue.cancel().await.unwrap();
        assert!(!queue.wants_shards().await.unwrap());
    });
}

#[test]
fn what_is_offered_twice_is_planned_once() {
    in_each_home("offered twice", |_, queue| async move {
        queue.begin(&[1, 5].into_iter().collect()).await.unwrap();
        for _ in 0..2 {
            queue.offer(&[0, 1].map(shard_of)).await.unwrap();
        }
        let status = queue.status().await.unwrap();
        assert_eq!((status.shards_planned, status.sources_planned), (2, 6));
        assert_eq!((status.shards_done, status.sources_done, status.shards_ready), (2, 3, 1));
        queue.offer(&[]).await.unwrap();
    });
}

#[test]
fn a_queue_begins_once_and_is_unknown_before_and_after() {
    in_each_home("begins once", |_, queue| async move {
        let unknown = QueueError::UnknownJob("begins once".to_owned());
        assert_eq!(queue.status().await.unwrap_err(), unknown);
        assert_eq!(queue.reconcile(&Report::idle(worker("a"), 1), EPOCH).await.unwrap_err(), unknown);
        assert!(queue.begin(&IntervalSet::new()).await.unwrap());
        assert!(!queue.begin(&[0].into_iter().collect()).await.unwrap());
        assert_eq!(queue.status().await.unwrap().shards_done, 0);
        queue.forget().await.unwrap();
        assert_eq!(queue.depth().await.unwrap_err(), unknown);
        queue.forget().await.unwrap();
        assert!(queue.begin(&(0..1000).collect()).await.unwrap());
        let status = queue.status().await.unwrap();
        assert_eq!(
            (status.shards_done, status.mode, status.leases),
            (1000, Mode::Running, Counts::default())
        );
    });
}

#[test]
fn ends_without_a_part_are_counted_by_their_kind() {
    in_each_home("counted by kind", |_, queue| async move {
        let mut check = Check::new(queue).await;
        for step in [
            "0s a asks",
            "31s b asks",
            "b dies",
            "b asks",
            "b fails",
            "a works",
            "b asks 2",
            "b forgets",
            "b works",
            "c asks",
            "c releases",
        ] {
            check.step(step).await;
        }
        let expected =
            Counts { expired: 1, lost: 1, released: 1, withdrawn: 2, failed: 1, ..Counts::default() };
        assert_eq!(check.status().await.leases, expected);
        for step in ["c asks", "c works", "70s d asks", "c finishes", "restart", "d works"] {
            check.step(step).await;
        }
        assert_eq!(check.status().await.leases, Counts { adopted: 1, ..Counts::default() });
    });
}

#[test]
fn second_copies_are_counted_and_those_that_came_first() {
    in_each_home("second copies", |_, queue| async move {
        let mut check = Check::new(queue).await;
        for step in ["0s a asks 3", "b asks", "10s a finishes", "25s b works", "30s a asks", "a finishes"] {
            check.step(step).await;
        }
        let counts = check.status().await.leases;
        assert_eq!((counts.speculated, counts.speculated_first), (1, 1));
    });
}

#[test]
fn time_is_exact_to_the_microsecond() {
    in_each_home("exact time", |_, queue| async move {
        four_shards(&queue).await;
        get(&queue, "a").await;
        let end = EPOCH + RULES.lease;
        assert_eq!(queue.sweep(end - Duration::from_micros(1)).await.unwrap().expired, 0);
        assert_eq!(queue.sweep(end).await.unwrap().expired, 1);
    });
}
