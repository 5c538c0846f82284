//! What people get wrong when they open or call a coordinator, each told in a sentence.

use std::net::{IpAddr, Ipv4Addr};

use plane::{client, server};

use crate::scene::{LOOPBACK, Scene};

const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn mistake(options: &server::Options, ip: IpAddr) -> String {
    match options.load(ip) {
        Ok(_) => panic!("nothing is wrong with {options:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_coordinator_open_to_everybody_must_be_meant_so() {
    let open = server::Options::default();
    assert!(open.load(LOOPBACK).is_ok());
    let told = mistake(&open, EVERYWHERE);
    assert!(told.contains("could submit jobs: give --tokens or --client-ca, or say --insecure"), "{told}");
    assert!(server::Options { insecure: true, ..open }.load(EVERYWHERE).is_ok());

    let scene = Scene::new();
    let tokens = Some(scene.file("tokens", "worker machines"));
    let closed = server::Options { tokens, ..server::Options::default() };
    assert!(closed.load(EVERYWHERE).is_ok());
    let told = mistake(&server::Options { insecure: true, ..closed }, EVERYWHERE);
    assert_eq!(told, "--insecure and --tokens contradict each other: leave one out");
}

#[test]
fn a_coordinators_certificates_are_looked_at_before_it_listens() {
    let scene = Scene::new();
    let authority = scene.authority("ca");
    let good = authority.coordinator();
    assert!(good.load(LOOPBACK).unwrap().has_tls());
    let check = |options: server::Options, expected: &str| {
        let told = mistake(&options, LOOPBACK);
        assert!(told.contains(expected), "{told}");
    };
    let with_ca = |ca| server::Options { client_ca: Some(ca), ..server::Options::default() };
    check(server::Options { tls_key: None, ..good.clone() }, "--tls-cert and --tls-key go together");
    check(with_ca(authority.certificate.clone()), "--client-ca needs --tls-cert and --tls-key");
    let missing = Some(scene.path("missing"));
    check(server::Options { tls_cert: missing, ..good.clone() }, "could not be read: No such file");
    let cert_as_key = server::Options { tls_key: good.tls_cert.clone(), ..good.clone() };
    check(cert_as_key, "holds no private key in PEM form");
    let key_as_cert = server::Options { tls_cert: good.tls_key.clone(), ..good.clone() };
    check(key_as_cert, "holds no certificate in PEM form");
    let (_, other_key) = authority.vouch_for("other");
    check(server::Options { tls_key: other_key, ..good.clone() }, "the certificates cannot be used: ");
    let endless = server::Options { tls_cert: Some("/dev/zero".into()), ..good.clone() };
    check(endless, "is longer than such files are");
    let torn = scene.file("torn", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    check(server::Options { tls_cert: Some(torn), ..good }, "the certificates cannot be used: ");
}

#[test]
fn a_callers_certificates_are_looked_at_before_it_calls() {
    let scene = Scene::new();
    let authority = scene.authority("ca");
    let check = |options: client::Options, address: &str, expected: &str| {
        let told = options.target(address).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    };
    let trusted = authority.trusted();
    check(trusted.clone(), "http://127.0.0.1:1", "--ca means something only where");
    let (cert, key) = authority.vouch_for("worker");
    let half = client::Options { cert: cert.clone(), ..trusted.clone() };
    check(half, "https://127.0.0.1:1", "--cert and --key go together");
    let swapped = client::Options { cert: key.clone(), key: cert, ..trusted.clone() };
    check(swapped, "https://127.0.0.1:1", "holds no certificate in PEM form");
    let (other, _) = authority.vouch_for("other");
    let foreign = client::Options { cert: other, key, ..trusted.clone() };
    check(foreign, "https://127.0.0.1:1", "the certificates for https://127.0.0.1:1 cannot be used: ");
    let empty = client::Options { ca: Some(scene.file("empty", "")), ..trusted };
    check(empty, "https://127.0.0.1:1", "holds no certificate in PEM form");
}
