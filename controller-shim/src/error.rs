//! Why the server cannot serve.

use std::io;

use crate::args::Listen;

/// An error that ends the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({flag}): {source}; give another address or port")]
    Listen {
        /// Which flag gave it.
        flag: &'static str,
        /// The address.
        address: Listen,
        /// Why.
        source: io::Error,
    },
    /// The system gives no threads, signals or the like.
    #[error("cannot serve: {0}")]
    System(#[from] io::Error),
    /// TLS cannot be had.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// What keeps the certificate has ended, which only a fault of ours can do.
    #[error("the certificate is kept no more: {0}")]
    Certificate(tokio::task::JoinError),
}
