//! How much one caller can ask for.

use plane::client::{self, CallError};
use plane::server::{MAX_REQUEST_BYTES, Plane, Role};
use proto::v1::ReportRequest;
use proto::v1::cluster_client::ClusterClient;

use crate::scene::{ANSWER_MS, Coordinator, report};

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_and_the_next_is_not() {
    let coordinator = Coordinator::open(Plane::open(), Role::Worker).await;
    let target = client::Options::default().target(&format!("http://{}", coordinator.address)).unwrap();
    let mut client = ClusterClient::new(target.connect());
    let endless = ReportRequest { worker: "x".repeat(MAX_REQUEST_BYTES), ..ReportRequest::default() };
    let error = report(&mut client, endless).await.unwrap_err();
    assert!(matches!(&error, CallError::Refused(reason) if reason.contains("too large")), "{error}");
    assert_eq!(report(&mut client, ReportRequest::default()).await, Ok(ANSWER_MS));
}

#[tokio::test]
async fn a_caller_without_pause_is_slowed_down_and_others_are_not() {
    let coordinator = Coordinator::open(Plane::open(), Role::Worker).await;
    let target = client::Options::default().target(&format!("http://{}", coordinator.address)).unwrap();
    let connection = target.connect();
    // At once, so that it is too often however slow this machine is.
    let calls: Vec<_> = (0..2000)
        .map(|_| {
            let mut client = ClusterClient::new(connection.clone());
            tokio::spawn(async move { report(&mut client, ReportRequest::default()).await })
        })
        .collect();
    let mut slowed = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => {}
            Err(CallError::NoAnswer(cause)) => {
                assert_eq!(cause, "this connection calls more than 500 times a second");
                slowed += 1;
            }
            Err(refused) => panic!("{refused}"),
        }
    }
    assert!(slowed > 0);
    let mut other = ClusterClient::new(target.connect());
    assert_eq!(report(&mut other, ReportRequest::default()).await, Ok(ANSWER_MS));
}
