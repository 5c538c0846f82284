//! `s3-server FOLDER BUCKET…`: serves until it is killed. Prints its address, which is all that it says.
//!
//! Its key is `test-key`, the secret `test-secret`. Started again on the same folder, it has the same objects; a
//! port in `ET_S3_PORT` makes it have the same address too.

use std::path::PathBuf;
use std::process::ExitCode;

use s3_server::S3Server;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: s3-server FOLDER BUCKET…");
        return ExitCode::from(64);
    };
    let port = std::env::var("ET_S3_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(0);
    match S3Server::start_at(&folder, port) {
        Ok(server) => {
            for bucket in arguments {
                server.create_bucket(&bucket.to_string_lossy());
            }
            println!("{}", server.endpoint());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("error: cannot serve {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
