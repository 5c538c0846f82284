//! Generates the wire types without a system protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = ["cluster.proto", "scaler.proto"];
    for proto in protos {
        println!("cargo:rerun-if-changed={proto}");
    }
    let files = protox::compile(protos, ["."])?;
    tonic_prost_build::configure().compile_fds(files)?;
    Ok(())
}
