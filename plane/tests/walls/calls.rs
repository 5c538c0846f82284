//! Certificates, tokens and versions.

use plane::VERSION;
use plane::client::{self, CallError};
use plane::server::{self, Plane, Role};
use proto::v1::ReportRequest;
use proto::v1::cluster_client::ClusterClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request};

use crate::scene::{ANSWER_MS, Coordinator, Scene, report};

fn no_answer(called: Result<u32, CallError>) -> String {
    match called {
        Err(CallError::NoAnswer(cause)) => cause,
        other => panic!("{other:?} where there should be no answer"),
    }
}

fn refused(called: Result<u32, CallError>) -> String {
    match called {
        Err(CallError::Refused(reason)) => reason,
        other => panic!("{other:?} where there should be a refusal"),
    }
}

#[tokio::test]
async fn who_shows_the_right_certificate_and_token_is_let_in() {
    let scene = Scene::new();
    let authority = scene.authority("ca");
    let tokens = scene.file("tokens", "submitter people\nworker machines\n");
    let options = server::Options {
        client_ca: Some(authority.certificate.clone()),
        tokens: Some(tokens),
        ..authority.coordinator()
    };
    let coordinator = Coordinator::start(&options).await;
    let (cert, key) = authority.vouch_for("worker");
    let token_file = Some(scene.file("token", "machines\n"));
    let caller = client::Options { token_file, cert, key, ..authority.trusted() };
    assert_eq!(coordinator.called("https", &caller).await, Ok(ANSWER_MS));
}

#[tokio::test]
async fn a_token_that_is_replaced_holds_without_a_restart_on_either_side() {
    let scene = Scene::new();
    let tokens = scene.file("tokens", "worker old\n");
    let options = server::Options { tokens: Some(tokens), ..server::Options::default() };
    let coordinator = Coordinator::start(&options).await;
    let caller =
        client::Options { token_file: Some(scene.file("token", "old\n")), ..client::Options::default() };
    let target = caller.target(&format!("http://{}", coordinator.address)).unwrap();
    let mut client = ClusterClient::new(target.connect());
    assert_eq!(report(&mut client, ReportRequest::default()).await, Ok(ANSWER_MS));
    scene.file("tokens", "worker brand-new\n");
    let unknown = "the coordinator does not know this token";
    until(async || {
        report(&mut client, ReportRequest::default()).await == Err(CallError::Refused(unknown.to_owned()))
    })
    .await;
    scene.file("token", "brand-new\n");
    until(async || report(&mut client, ReportRequest::default()).await == Ok(ANSWER_MS)).await;
}

#[tokio::test]
async fn of_several_coordinators_one_that_answers_is_called() {
    let options = server::Options::default();
    let (one, two) = (Coordinator::start(&options).await, Coordinator::start(&options).await);
    let target = client::Options::default().target(&format!("http://{},http://{}", one.address, two.address));
    let target = target.unwrap();
    let mut roaming = ClusterClient::new(target.connect());
    assert_eq!(report(&mut roaming, ReportRequest::default()).await, Ok(ANSWER_MS));
    drop(one);
    let mut once = ClusterClient::new(target.reach().await);
    assert_eq!(report(&mut once, ReportRequest::default()).await, Ok(ANSWER_MS));
    until(async || report(&mut roaming, ReportRequest::default()).await == Ok(ANSWER_MS)).await;
}

/// Asks again and again.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async { while !holds().await {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.expect("it holds at last");
}

#[tokio::test]
async fn a_coordinator_that_a_stranger_vouches_for_is_not_called() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene.authority("stranger").coordinator()).await;
    let cause = no_answer(coordinator.called("https", &scene.authority("ca").trusted()).await);
    assert!(cause.contains("invalid peer certificate: UnknownIssuer"), "{cause}");
}

#[tokio::test]
async fn callers_without_a_certificate_or_with_a_strangers_are_turned_away() {
    let scene = Scene::new();
    let authority = scene.authority("ca");
    let options =
        server::Options { client_ca: Some(authority.certificate.clone()), ..authority.coordinator() };
    let coordinator = Coordinator::start(&options).await;
    // Whether the reason or the end of the connection arrives first is chance.
    no_answer(coordinator.called("https", &authority.trusted()).await);

    let (cert, key) = scene.authority("stranger").vouch_for("worker");
    let caller = client::Options { cert, key, ..authority.trusted() };
    no_answer(coordinator.called("https", &caller).await);

    let (cert, key) = authority.vouch_for("worker");
    let caller = client::Options { cert, key, ..authority.trusted() };
    assert_eq!(coordinator.called("https", &caller).await, Ok(ANSWER_MS));
}

#[tokio::test]
async fn both_sides_must_agree_on_tls() {
    let scene = Scene::new();
    let authority = scene.authority("ca");
    let with_tls = Coordinator::start(&authority.coordinator()).await;
    no_answer(with_tls.called("http", &client::Options::default()).await);
    let without = Coordinator::start(&server::Options::default()).await;
    let cause = no_answer(without.called("https", &authority.trusted()).await);
    assert!(cause.contains("InvalidContentType"), "{cause}");
}

#[tokio::test]
async fn tokens_are_asked_for_by_role() {
    let scene = Scene::new();
    let tokens = Some(scene.file("tokens", "submitter people\nworker machines\n"));
    let options = server::Options { tokens, ..server::Options::default() };
    let coordinator = Coordinator::start(&options).await;
    let called = async |token: Option<&str>| {
        let token_file = token.map(|token| scene.file("token", token));
        coordinator.called("http", &client::Options { token_file, ..client::Options::default() }).await
    };
    assert_eq!(called(Some("machines")).await, Ok(ANSWER_MS));
    let reason = refused(called(None).await);
    assert_eq!(reason, "the coordinator asks for a token: name its file with --token-file");
    assert_eq!(refused(called(Some("people")).await), "the token is good, but not for a worker");
    assert_eq!(refused(called(Some("machine")).await), "the coordinator does not know this token");
}

#[tokio::test]
async fn refusals_carry_the_code_that_other_clients_know_them_by() {
    let scene = Scene::new();
    let tokens = Some(scene.file("tokens", "submitter people\nworker machines\n"));
    let options = server::Options { tokens, ..server::Options::default() };
    let coordinator = Coordinator::start(&options).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", coordinator.address)).unwrap();
    let mut client = ClusterClient::new(endpoint.connect_lazy());
    for (token, version, code) in [
        ("Bearer machines", VERSION, None),
        ("Bearer machines", "0.0.0", Some(Code::FailedPrecondition)),
        ("Bearer people", VERSION, Some(Code::PermissionDenied)),
        ("Bearer nobody", VERSION, Some(Code::Unauthenticated)),
        ("machines", VERSION, Some(Code::Unauthenticated)),
    ] {
        let mut request = Request::new(ReportRequest::default());
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        request.metadata_mut().insert("et-version", AsciiMetadataValue::from_static(version));
        let answered = client.report(request).await;
        let told = match &answered {
            Ok(reply) => reply.metadata().get("et-version"),
            Err(status) => status.metadata().get("et-version"),
        };
        assert_eq!(told.unwrap(), VERSION, "every reply tells the version");
        assert_eq!(answered.err().map(|status| status.code()), code, "{token} {version}");
    }
}

#[tokio::test]
async fn a_coordinator_of_another_release_is_left_alone() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let service = proto::v1::cluster_server::ClusterServer::new(crate::scene::Answering);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    let target = client::Options::default().target(&format!("http://{address}")).unwrap();
    let called = report(&mut ClusterClient::new(target.connect()), ReportRequest::default()).await;
    let reason = refused(called);
    assert!(reason.starts_with("the coordinator is of an unknown version and its caller is et "), "{reason}");
}

#[tokio::test]
async fn a_connection_finds_the_coordinator_that_takes_the_place_of_another() {
    let first = Coordinator::open(Plane::open(), Role::Worker).await;
    let address = first.address;
    let target = client::Options::default().target(&format!("http://{address}")).unwrap();
    let mut client = ClusterClient::new(target.connect());
    assert_eq!(report(&mut client, ReportRequest::default()).await, Ok(ANSWER_MS));
    drop(first);
    let _second = Coordinator::open_at(Plane::open(), Role::Worker, address).await;
    // The call that finds out that the connection is gone may be lost with it.
    let mut answers = Vec::new();
    while answers.last() != Some(&Ok(ANSWER_MS)) {
        answers.push(report(&mut client, ReportRequest::default()).await);
        assert!(answers.len() <= 3, "{answers:?}");
    }
}
