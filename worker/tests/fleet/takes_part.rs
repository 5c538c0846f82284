//! What a worker says of itself, and how it does what it is asked to.

use dataset::Outcome;
use proto::v1;

use crate::coordinator::Fleet;

#[tokio::test]
async fn a_worker_says_what_it_can_run() {
    let mut fleet = Fleet::start(|command, _| {
        command.args(["--label", "pool=numpy"]);
    })
    .await;
    let asked = fleet.asked().await;
    let info = asked.report.info.clone().unwrap();
    assert_eq!(info.labels["pool"], "numpy");
    assert!(info.interpreter.starts_with(&format!("{}.", info.labels["python"])), "{info:?}");
    asked.answer(v1::ReportReply { drain: true, ..v1::ReportReply::default() });
    assert!(fleet.gone().await.status.success());
}

#[tokio::test]
async fn shards_of_two_jobs_go_to_their_own_outputs() {
    let mut fleet = Fleet::start(|_, _| {}).await;
    for job in ["one", "two"] {
        let program = format!("print({job:?})\n");
        let assignment = fleet.assignment(job, &[&program]);
        let finished = fleet.run(assignment, |_| {}).await;
        assert_eq!(finished.lease.as_ref().unwrap().job, job);
        assert_eq!(fleet.rows(&finished, |row| row.stdout.text.clone()), [format!("{job}\n")]);
    }
    assert!(fleet.dismiss().await.status.success());
}

#[tokio::test]
async fn sources_set_aside_are_rows_that_say_so() {
    let mut fleet = Fleet::start(|_, _| {}).await;
    let programs = ["print(0)\n", "print(1)\n", "print(2)\n"];
    let assignment = v1::Assignment { set_aside: vec![1], ..fleet.assignment("job", &programs) };
    let finished = fleet.run(assignment, |_| {}).await;
    let rows =
        fleet.rows(&finished, |row| (row.source_path.to_string(), row.outcome, row.stdout.text.clone()));
    assert_eq!(rows[0], ("job-programs/0.py".to_owned(), Outcome::Returned, "0\n".to_owned()));
    assert_eq!(rows[1], ("job-programs/1.py".to_owned(), Outcome::WorkerFault, String::new()));
    assert_eq!(rows[2], ("job-programs/2.py".to_owned(), Outcome::Returned, "2\n".to_owned()));
    let reason = fleet.rows(&finished, |row| row.exception_message.clone()).remove(1).unwrap();
    assert!(reason.contains("failed at this source again and again"), "{reason}");
    assert_eq!(finished.tally.unwrap().sources, 3);
    assert!(fleet.dismiss().await.status.success());
}

#[tokio::test]
async fn a_careful_shard_tells_of_each_source_before_it_runs() {
    let mut fleet = Fleet::start(|_, _| {}).await;
    let programs = ["print(0)\n", "print(1)\n", "print(2)\n"];
    let assignment = v1::Assignment { careful: true, ..fleet.assignment("job", &programs) };
    let mut told = Vec::new();
    let finished = fleet
        .run(assignment, |report| {
            told.extend(report.running.iter().map(|running| running.tally.as_ref().unwrap().sources));
        })
        .await;
    told.dedup();
    assert_eq!(told[..3], [0, 1, 2]);
    assert_eq!(finished.tally.unwrap().rows, 3);
    assert!(fleet.dismiss().await.status.success());
}
