//! What a queue does, told in short scripts.

use super::script::check;

#[test]
fn shards_are_handed_out_in_order() {
    check("a asks; b asks 2; a finishes; a asks", "a gets s0; b gets s1; b gets s2; s0 is done; a gets s3");
}

#[test]
fn expired_lease_is_reassigned_once() {
    check("0s a asks; 29s b asks; 30s c asks", "a gets s0; b gets s1; c gets s0");
    check("0s a asks; 31s b asks; 32s a finishes", "a gets s0; b gets s0; a is stale");
    check("0s a asks; 31s b asks; c asks", "a gets s0; b gets s0; c gets s1");
}

#[test]
fn a_worker_that_reports_keeps_its_lease() {
    check("0s a asks; 20s a works; 40s b asks; a finishes", "a gets s0; b gets s1; s0 is done");
}

#[test]
fn a_late_worker_is_welcome_as_long_as_nobody_took_its_shard() {
    check("0s a asks; 31s a works; b asks; 40s a finishes", "a gets s0; b gets s1; s0 is done");
    check("0s a asks; 31s a finishes; b asks", "a gets s0; s0 is done; b gets s1");
}

#[test]
fn an_older_token_gets_no_further_even_when_the_newer_one_is_gone() {
    check(
        "0s a asks; 31s b asks; b dies; a finishes; a asks",
        "a gets s0; b gets s0; a is stale; a gets s0 carefully",
    );
    check("0s a asks; 31s b asks; b dies; a works", "a gets s0; b gets s0; a stops s0");
}

#[test]
fn shards_of_a_dead_worker_are_free_at_once() {
    check("a asks 2; a dies; b asks 2", "a gets s0; a gets s1; b gets s0; b gets s1");
}

#[test]
fn a_shard_is_committed_once_and_acknowledged_when_published() {
    check("a asks; a commits; a commits; publish s0; a commits", "a gets s0; a is acknowledged");
    check("0s a asks; a commits; 59s b asks; publish s0", "a gets s0; b gets s1");
}

#[test]
fn a_committed_shard_outlives_its_worker() {
    check("a asks; a commits; a dies; b asks; publish s0; rest?", "a gets s0; b gets s1; at work");
}

#[test]
fn a_shard_whose_part_cannot_be_published_runs_again() {
    check(
        "a asks 4; a commits s0; spoil s0; b asks; b finishes",
        "a gets s0; a gets s1; a gets s2; a gets s3; b gets s0; s0 is done",
    );
}

#[test]
fn what_could_not_be_published_is_void() {
    check("a asks; a commits; spoil s0; a commits; b asks", "a gets s0; a is stale; b gets s1");
}

#[test]
fn a_failed_shard_waits_behind_fresh_ones() {
    check("a asks; a fails; a asks 4", "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0");
}

#[test]
fn a_shard_that_keeps_failing_is_set_aside_and_the_job_goes_on() {
    check(
        "a asks 4; a finishes s1 s2 s3; a fails s0; a asks; a fails; rest?; a asks",
        "a gets s0; a gets s1; a gets s2; a gets s3; s1 is done; s2 is done; s3 is done; a gets s0; \
         s0 is set aside: no disk; at rest",
    );
}

#[test]
fn a_lost_worker_is_not_a_failure_of_its_shard() {
    check("a asks; a dies; b asks; b fails; b asks", "a gets s0; b gets s0; b gets s1");
    check(
        "0s a asks; 31s b asks; b dies; c asks; c finishes",
        "a gets s0; b gets s0; c gets s0 carefully; s0 is done",
    );
}

#[test]
fn a_lease_whose_reply_got_lost_is_granted_again() {
    check("a asks 2; a forgets; a asks 2", "a gets s0; a gets s1; a gets s0; a gets s1");
    check("a asks; a forgets; a asks 2", "a gets s0; a gets s0; a gets s1");
    check("0s a asks; a forgets; 20s a asks; 40s b asks", "a gets s0; a gets s0; b gets s1");
}

#[test]
fn a_lease_that_its_worker_has_no_slot_for_is_free() {
    check("a asks 2; a forgets; a asks; b asks", "a gets s0; a gets s1; a gets s0; b gets s1");
}

#[test]
fn a_restarted_queue_adopts_what_runs() {
    check("a asks; restart; a works; b asks; a finishes", "a gets s0; b gets s1; s0 is done");
    check("a asks; restart; a finishes; b asks", "a gets s0; s0 is done; b gets s1");
}

#[test]
fn a_restarted_queue_adopts_nothing_that_another_holds_or_that_is_done() {
    check("a asks; restart; b asks; a works; b finishes", "a gets s0; b gets s0; a stops s0; s0 is done");
    check(
        "a asks; a commits; publish s0; restart; a commits; b asks",
        "a gets s0; a is acknowledged; b gets s1",
    );
}

#[test]
fn draining_hands_out_nothing_and_rests_when_what_runs_is_finished() {
    check(
        "a asks; drain; b asks; rest?; a works; a finishes; rest?",
        "a gets s0; at work; s0 is done; at rest",
    );
    check("a asks; a forgets; drain; a asks; rest?", "a gets s0; at rest");
}

#[test]
fn a_paused_job_hands_out_nothing_and_finishes_what_runs() {
    check(
        "a asks; pause; b asks; a works; a finishes; rest?; resume; b asks",
        "a gets s0; s0 is done; at work; b gets s1",
    );
}

#[test]
fn a_cancelled_job_drops_what_runs_for_good() {
    check(
        "a asks; cancel; rest?; a works; b asks; resume; b asks; a finishes",
        "a gets s0; at rest; a stops s0",
    );
    check("a asks; cancel; a finishes", "a gets s0; a is stale");
}

#[test]
fn what_is_about_to_be_published_survives_a_cancel() {
    check(
        "a asks; a commits; cancel; rest?; publish s0; rest?; a commits",
        "a gets s0; at work; at rest; a is acknowledged",
    );
}

#[test]
fn shard_after_shard_failing_is_hopeless_until_one_succeeds() {
    let all_given = "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0; a gets s1; ";
    check(
        "a asks 4; a fails s0 s1; a asks 2; a fails s0; hopeless?; a fails s1; hopeless?",
        &format!("{all_given}s0 is set aside: no disk; hopeful; s1 is set aside: no disk; no disk"),
    );
    check(
        "a asks 4; a fails s0 s1; a asks 2; a fails s0; a finishes s2; a fails s1; hopeless?",
        &format!("{all_given}s0 is set aside: no disk; s2 is done; s1 is set aside: no disk; hopeful"),
    );
    check(
        "a asks 4; a fails s0 s1; a asks 2; a fails s0; a fails s1; resume; hopeless?",
        &format!("{all_given}s0 is set aside: no disk; s1 is set aside: no disk; hopeful"),
    );
}

#[test]
fn a_shard_that_takes_worker_after_worker_down_is_set_aside() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c dies; d asks; d dies; e asks; e dies; f asks",
        "a gets s0; b gets s0; c gets s0 carefully; d gets s0 carefully; e gets s0 carefully; f gets s1",
    );
}

#[test]
fn a_shard_that_is_given_back_is_free_at_once_and_nothing_counts_against_it() {
    check(
        "a asks; a releases; b asks; b releases; a asks; a releases; b asks",
        "a gets s0; b gets s0; a gets s0; b gets s0",
    );
    check("a asks 2; a releases s1; b asks; a finishes", "a gets s0; a gets s1; b gets s1; s0 is done");
}

#[test]
fn what_is_given_back_cannot_be_finished_any_more() {
    check("a asks; a releases; a works; b asks", "a gets s0; b gets s0");
}

#[test]
fn a_source_that_is_blamed_twice_is_set_aside_and_its_shard_goes_on() {
    check(
        "a asks; a fails at 1; b asks 4; b fails s0 at 1; b asks; b finishes s0",
        "a gets s0; b gets s1; b gets s2; b gets s3; b gets s0; b gets s0 without 1; s0 is done",
    );
}

#[test]
fn failures_that_led_to_a_source_do_not_count_against_its_shard() {
    let until_set_aside = "a asks; a fails at 1; a asks 4; a fails s0 at 1; a asks";
    let given = "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0; a gets s0 without 1";
    check(&format!("{until_set_aside}; a fails s0; a asks"), &format!("{given}; a gets s0 without 1"));
    check(
        &format!("{until_set_aside}; a fails s0; a asks; a fails s0"),
        &format!("{given}; a gets s0 without 1; s0 is set aside: no disk"),
    );
}

#[test]
fn different_sources_that_fail_are_not_to_blame() {
    check(
        "a asks; a fails at 1; a asks 4; a fails s0 at 2",
        "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0; s0 is set aside: no disk",
    );
}

#[test]
fn a_shard_that_would_lose_source_after_source_is_set_aside_itself() {
    let twice = |source: u32| format!("a fails s0 at {source}; a asks; a fails s0 at {source}; ");
    check(
        &format!("a asks 4; {}a asks; {}a asks; {}rest?", twice(0), twice(1), twice(2)),
        "a gets s0; a gets s1; a gets s2; a gets s3; a gets s0; a gets s0 without 0; a gets s0 without 0; \
         a gets s0 without 0,1; a gets s0 without 0,1; s0 is set aside: no disk; at work",
    );
}

#[test]
fn after_two_losses_workers_go_carefully_and_a_source_that_takes_two_down_is_set_aside() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c works at 1; c dies; d asks; d works at 1; d dies; e asks; e finishes",
        "a gets s0; b gets s0; c gets s0 carefully; d gets s0 carefully; e gets s0 without 1; s0 is done",
    );
    check(
        "0s a asks; 31s b asks; 62s c asks; c works at 2; 93s d asks; d works at 2; 124s e asks",
        "a gets s0; b gets s0; c gets s0 carefully; d gets s0 carefully; e gets s0 without 2",
    );
}

#[test]
fn a_careful_worker_that_never_said_where_it_is_blames_nothing() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c dies; d asks; d works at 0; d dies; e asks",
        "a gets s0; b gets s0; c gets s0 carefully; d gets s0 carefully; e gets s0 carefully",
    );
}

#[test]
fn a_careful_worker_that_was_behind_its_last_source_blames_nothing() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c works at 3; c dies; d asks; d works at 3; d dies; e asks",
        "a gets s0; b gets s0; c gets s0 carefully; d gets s0 carefully; e gets s0 carefully",
    );
}

#[test]
fn a_careful_lease_that_is_given_again_blames_nothing() {
    check(
        "a asks; a dies; b asks; b dies; c asks; c forgets; c asks; c dies; d asks; d forgets; d asks; d dies; e asks",
        "a gets s0; b gets s0; c gets s0 carefully; c gets s0 carefully; d gets s0 carefully; d gets s0 carefully; \
         e gets s0 carefully",
    );
}

/// `a` has finished three shards in ten seconds each; `b` is at the fourth since then.
const THREE_DONE: &str = "0s a asks 3; b asks; 10s a finishes; b works";
const THREE_DONE_SEEN: &str =
    "a gets s0; a gets s1; a gets s2; b gets s3; s0 is done; s1 is done; s2 is done";

#[test]
fn a_slow_shard_gets_a_second_copy_once() {
    check(
        &format!("{THREE_DONE}; 25s b works; 29s a asks; 30s a asks; c asks; b asks"),
        &format!("{THREE_DONE_SEEN}; a gets s3"),
    );
}

#[test]
fn the_first_of_two_copies_commits_and_the_other_is_stopped() {
    let both_run = format!("{THREE_DONE}; 25s b works; 30s a asks");
    check(
        &format!("{both_run}; a finishes; b works; rest?"),
        &format!("{THREE_DONE_SEEN}; a gets s3; s3 is done; b stops s3; at rest"),
    );
    check(
        &format!("{both_run}; b finishes; a finishes; rest?"),
        &format!("{THREE_DONE_SEEN}; a gets s3; s3 is done; a is acknowledged; at rest"),
    );
    check(
        &format!("{both_run}; b commits; a finishes; a works; b commits; publish s3; b commits; rest?"),
        &format!("{THREE_DONE_SEEN}; a gets s3; a is stale; b is acknowledged; at rest"),
    );
}

#[test]
fn one_of_two_copies_may_be_lost_without_harm() {
    let both_run = format!("{THREE_DONE}; 25s b works; 30s a asks");
    for gone in ["a dies", "a releases", "a fails"] {
        check(
            &format!("{both_run}; {gone}; b works; b finishes"),
            &format!("{THREE_DONE_SEEN}; a gets s3; s3 is done"),
        );
    }
    check(
        &format!("{both_run}; b dies; a works; a finishes"),
        &format!("{THREE_DONE_SEEN}; a gets s3; s3 is done"),
    );
    check(
        &format!("{both_run}; b dies; 45s a works; 59s c asks; 60s c asks"),
        &format!("{THREE_DONE_SEEN}; a gets s3; c gets s3"),
    );
}

#[test]
fn a_careful_shard_gets_no_second_copy() {
    check(
        &format!("{THREE_DONE}; b dies; c asks; c dies; d asks; 35s d works; a asks"),
        &format!("{THREE_DONE_SEEN}; c gets s3; d gets s3 carefully"),
    );
}

#[test]
fn nothing_is_slow_while_too_few_shards_are_finished_to_tell() {
    check(
        "0s a asks 2; b asks 2; 10s a finishes; b works; 35s b works; 60s b works; a asks",
        "a gets s0; a gets s1; b gets s2; b gets s3; s0 is done; s1 is done",
    );
}

#[test]
fn a_publication_that_nobody_ends_is_given_to_whoever_sweeps() {
    check(
        "0s a asks; a commits; 59s b asks; 60s b works; 61s b works; 119s b works; 120s b works; publish s0; 200s rest?",
        "a gets s0; b gets s1; s0 is abandoned; s0 is abandoned; at work",
    );
}
