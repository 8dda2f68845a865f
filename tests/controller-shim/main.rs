//! End-to-end tests of the webhook: its routes without a socket, and the real binary over TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broken;
mod certificate;
mod common;
mod over_tls;
mod routes;
mod self_signed;
mod usage;
