//! The wires: between coordinator and workers, generated from `cluster.proto`, and to KEDA, from `scaler.proto`.
//!
//! Generated types stay at the edges: each side turns them into its own types where they enter.

pub mod v1 {
    #![allow(
        clippy::all,
        clippy::allow_attributes_without_reason,
        unreachable_pub,
        unused_qualifications,
        reason = "generated code"
    )]
    tonic::include_proto!("et.cluster.v1");
}

/// What an autoscaler asks.
pub mod keda {
    #![allow(
        clippy::all,
        clippy::allow_attributes_without_reason,
        unreachable_pub,
        unused_qualifications,
        reason = "generated code"
    )]
    tonic::include_proto!("externalscaler");
}

/// What the wire looks like, for those who ask the coordinator (a `FileDescriptorSet`).
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
