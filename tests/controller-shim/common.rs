//! What the tests share.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use controller_shim::controller::issued::{Issued, issue};
use controller_shim::{Delivery, Settings};
use holdpoint_tests::{Https, Webhook, review_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The name by which the API server calls.
pub(crate) const HOST: &str = "holdpoint.holdpoint.svc";

/// The image that the servers of the tests put into pods.
pub(crate) const IMAGE: &str = "registry.example/holdpoint/entrypoint:1";

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_controller-shim"))
}

pub(crate) fn settings() -> Settings {
    Settings { image: IMAGE.to_owned(), delivery: Delivery::InitContainer }
}

/// A certificate for [`HOST`] that was made so many days ago.
pub(crate) fn issued(days_ago: i64) -> Issued {
    issue(&hosts(), days_before_now(days_ago), None).unwrap()
}

pub(crate) fn hosts() -> Vec<String> {
    vec![HOST.to_owned(), format!("{HOST}.cluster.local")]
}

pub(crate) fn days_before_now(days: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(days)
}

/// A review of a pod that asks, with a container for each of these commands.
pub(crate) fn asking(commands: &[&str]) -> Value {
    let container = |(at, command): (usize, &&str)| json!({ "name": format!("step{at}"), "image": "busybox", "command": [command] });
    let containers: Vec<_> = commands.iter().enumerate().map(container).collect();
    review_of(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "build-pod", "annotations": { "holdpoint.dev/inject": "true" } },
        "spec": { "restartPolicy": "Never", "containers": containers },
    }))
}

/// A server with a certificate in files.
pub(crate) struct Served {
    pub(crate) webhook: Webhook,
    pub(crate) issued: Issued,
    pub(crate) folder: TempDir,
}

/// Starts a server with a certificate in files, and waits until it is ready.
pub(crate) fn serve(words: &[&str]) -> Served {
    let served = start(words, Some(issued(0)));
    served.webhook.says("serves a certificate");
    served
}

/// The same without waiting, and without files where there is no certificate for them.
pub(crate) fn start(words: &[&str], certificate: Option<Issued>) -> Served {
    let folder = tempfile::tempdir().unwrap();
    if let Some(issued) = &certificate {
        write(folder.path(), issued);
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate_path, key_path) = (path("tls.crt"), path("tls.key"));
    let mut all = vec!["--tls-cert", &certificate_path, "--tls-key", &key_path, "--image", IMAGE];
    all.extend(words);
    let webhook = Webhook::start(program(), &all, None);
    Served { webhook, issued: certificate.unwrap_or_else(|| issued(0)), folder }
}

/// Puts a certificate into its files.
pub(crate) fn write(folder: &Path, issued: &Issued) {
    fs::write(folder.join("tls.crt"), &issued.certificate).unwrap();
    fs::write(folder.join("tls.key"), &issued.key).unwrap();
}

impl Served {
    /// A client that trusts the certificate with which it was started.
    pub(crate) fn https(&self) -> Https {
        Https::new(self.webhook.address(), HOST, &self.issued.authorities)
    }
}

/// What a path answers without TLS.
pub(crate) async fn plain(webhook: &Webhook, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(webhook.metrics_address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head["HTTP/1.1 ".len()..][..3].parse().unwrap(), body.to_owned())
}
