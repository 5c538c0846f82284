//! The service behind a socket, on threads of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::folder::Folder;
use crate::{ACCESS_KEY_ID, Faults, SECRET_ACCESS_KEY};

/// Serves on loopback as long as it lives.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    folder: Folder,
    faults: Faults,
    runtime: Option<Runtime>,
}

impl S3Server {
    /// Serves what is in a folder, which is made if it is missing, at some free port.
    pub fn start(folder: &Path) -> io::Result<S3Server> {
        S3Server::start_at(folder, 0)
    }

    /// The same at a port.
    pub fn start_at(folder: &Path, port: u16) -> io::Result<S3Server> {
        let faults = Faults::default();
        let folder = Folder::new(folder, faults.clone())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
        let address = listener.local_addr()?;
        let mut builder = S3ServiceBuilder::new(folder.clone());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        runtime.spawn(accept(listener, builder.build(), faults.clone()));
        Ok(S3Server { address, folder, faults, runtime: Some(runtime) })
    }

    /// # Panics
    /// If the folder cannot be written.
    pub fn create_bucket(&self, name: &str) {
        self.folder.create_bucket(name).expect("the server's folder can be written");
    }

    /// Like `http://127.0.0.1:9000`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Keys for which an upload is neither complete nor aborted.
    pub fn unfinished_uploads(&self) -> Vec<String> {
        self.folder.uploads().into_iter().map(|(_, _, key)| key).collect()
    }

    /// Listings name no more than so many keys at once from now on.
    pub fn set_page(&self, keys: usize) {
        self.folder.set_page(keys);
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Tests may end inside a runtime of their own, where waiting is not allowed.
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, service: S3Service, faults: Faults) {
    while let Ok((socket, _)) = listener.accept().await {
        let (service, faults) = (service.clone(), faults.clone());
        let answer = service_fn(move |request| {
            let (service, faults) = (service.clone(), faults.clone());
            async move {
                faults
                    .apply(request, |request| async move {
                        hyper::service::Service::call(&service, request)
                            .await
                            .map_err(|error| io::Error::other(format!("{error:?}")))
                    })
                    .await
            }
        });
        tokio::spawn(async move {
            // How a connection ends is the client's to tell.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), answer)
                .await;
        });
    }
}
