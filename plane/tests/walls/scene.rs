//! Coordinators that answer every report, their certificates and tokens, and callers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use plane::client::{self, CallError, Connection};
use plane::server::{self, MAX_REQUEST_BYTES, Plane, Role};
use proto::v1::cluster_client::ClusterClient;
use proto::v1::cluster_server::{Cluster, ClusterServer};
use proto::v1::{ReportReply, ReportRequest};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What answers stand for in these tests.
pub(crate) const ANSWER_MS: u32 = 4711;

/// A folder of files that people would give to both sides.
pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        Scene { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An authority whose own certificate lies in `NAME.pem`.
    pub(crate) fn authority(&self, name: &str) -> Authority<'_> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = self.file(&format!("{name}.pem"), &params.self_signed(&key).unwrap().pem());
        Authority { scene: self, issuer: Issuer::new(params, key), certificate }
    }
}

pub(crate) struct Authority<'a> {
    scene: &'a Scene,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: PathBuf,
}

impl Authority<'_> {
    /// A certificate for this machine's loopback, and its key.
    pub(crate) fn vouch_for(&self, name: &str) -> (Option<PathBuf>, Option<PathBuf>) {
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let certificate = self.scene.file(&format!("{name}-cert.pem"), &certificate.pem());
        let key = self.scene.file(&format!("{name}-key.pem"), &key.serialize_pem());
        (Some(certificate), Some(key))
    }

    /// What a coordinator is told that this authority vouches for.
    pub(crate) fn coordinator(&self) -> server::Options {
        let (tls_cert, tls_key) = self.vouch_for("coordinator");
        server::Options { tls_cert, tls_key, ..server::Options::default() }
    }

    /// What callers are told that trust this authority.
    pub(crate) fn trusted(&self) -> client::Options {
        client::Options { ca: Some(self.certificate.clone()), ..client::Options::default() }
    }
}

pub(crate) struct Answering;

#[tonic::async_trait]
impl Cluster for Answering {
    async fn report(&self, _: Request<ReportRequest>) -> Result<Response<ReportReply>, Status> {
        Ok(Response::new(ReportReply { report_within_ms: ANSWER_MS, ..ReportReply::default() }))
    }
}

/// A coordinator that serves workers until it is dropped, with all its connections, as a killed one would.
pub(crate) struct Coordinator {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Coordinator {
    pub(crate) async fn start(options: &server::Options) -> Coordinator {
        Coordinator::open(options.load(LOOPBACK).unwrap(), Role::Worker).await
    }

    pub(crate) async fn open(plane: Plane, role: Role) -> Coordinator {
        Coordinator::open_at(plane, role, (LOOPBACK, 0).into()).await
    }

    pub(crate) async fn open_at(plane: Plane, role: Role, address: SocketAddr) -> Coordinator {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.spawn(TcpListener::bind(address)).await.unwrap().unwrap();
        let address = listener.local_addr().unwrap();
        let service = ClusterServer::new(Answering).max_decoding_message_size(MAX_REQUEST_BYTES);
        let service = InterceptedService::new(service, plane.guard(role));
        let serving = plane.server().add_service(service);
        let serving = serving.serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(serving);
        Coordinator { address, runtime: Some(runtime) }
    }

    pub(crate) async fn called(&self, scheme: &str, caller: &client::Options) -> Result<u32, CallError> {
        let target = caller.target(&format!("{scheme}://{}", self.address)).unwrap();
        report(&mut ClusterClient::new(target.connect()), ReportRequest::default()).await
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        let runtime = self.runtime.take();
        // A runtime waits for its threads to end, which a thread of another must not.
        std::thread::spawn(|| drop(runtime)).join().unwrap();
    }
}

pub(crate) async fn report(
    client: &mut ClusterClient<Connection>,
    report: ReportRequest,
) -> Result<u32, CallError> {
    let answered = timeout(Duration::from_secs(20), client.report(report)).await;
    client::answer(answered.expect("somebody answers or refuses")).map(|reply| reply.report_within_ms)
}
