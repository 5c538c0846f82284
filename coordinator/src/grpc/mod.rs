//! Translates between the wire and the service, and nothing else.

mod cluster;
mod control;
mod convert;

use plane::server::{MAX_REPORT_BYTES, MAX_REQUEST_BYTES, Plane, Role};
use proto::v1::cluster_server::ClusterServer;
use proto::v1::control_server::ControlServer;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;

use crate::queue::QueueError;
use crate::service::{Service, ServiceError};

/// Answers workers and people until `end` is there; then what is under way is finished.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Service,
    plane: Plane,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let cluster =
        ClusterServer::new(cluster::Cluster(service.clone())).max_decoding_message_size(MAX_REPORT_BYTES);
    let control = ControlServer::new(control::Control(service)).max_decoding_message_size(MAX_REQUEST_BYTES);
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<ClusterServer<cluster::Cluster>>().await;
    health.set_serving::<ControlServer<control::Control>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the descriptors are those of this program");
    // A report is smaller than a packet and somebody waits for the answer.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let ending = async move {
        end.await;
        // Whoever asks whether to send more here is told no, while what is under way is finished.
        health.set_not_serving::<ClusterServer<cluster::Cluster>>().await;
        health.set_not_serving::<ControlServer<control::Control>>().await;
    };
    plane
        .server()
        .add_service(InterceptedService::new(cluster, plane.guard(Role::Worker)))
        .add_service(InterceptedService::new(control, plane.guard(Role::Submitter)))
        // Probes come from those who run the machines and have no token.
        .add_service(health_service)
        .add_service(InterceptedService::new(reflection, plane.guard(Role::Submitter)))
        .serve_with_incoming_shutdown(incoming, ending)
        .await
}

impl From<ServiceError> for Status {
    fn from(error: ServiceError) -> Status {
        let sentence = error.to_string();
        match error {
            ServiceError::Text(error) if error.may_pass() => Status::unavailable(sentence),
            ServiceError::Product(fault) if fault.may_pass => Status::unavailable(sentence),
            ServiceError::NoJob(_) => Status::not_found(sentence),
            ServiceError::Refused(_)
            | ServiceError::Dataset(_)
            | ServiceError::Text(_)
            | ServiceError::Product(_) => Status::failed_precondition(sentence),
            ServiceError::Store(_) | ServiceError::Queue(QueueError::Unreachable { .. }) => {
                Status::unavailable(sentence)
            }
            ServiceError::Queue(_) | ServiceError::Bug(_) => Status::internal(sentence),
        }
    }
}
