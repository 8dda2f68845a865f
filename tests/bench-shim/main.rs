//! What a review costs: the real binary under load over TLS, and beside it `/healthz` of the same
//! server, in turn, so that a ratio holds on a noisy machine. Nothing is asserted.
//!
//! The load is a loop around the tests' own client: the load generators that are libraries bring a
//! screen of their own, and a latency is not worth more for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a bench fails by panicking

mod load;
mod process;
mod report;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use controller_shim::controller::issued::{Issued, issue};
use holdpoint_tests::fixtures::{REVIEWS, review};
use holdpoint_tests::{Https, Version, Webhook};

use load::{Load, Samples, Target};
use process::Process;

/// By this name the certificate is made.
const HOST: &str = "holdpoint.holdpoint.svc";

/// Measures the webhook of a binary under load.
#[derive(Debug, Parser)]
struct Options {
    /// The binary
    shim: PathBuf,
    /// How many requests are under way at once, each on a connection of its own
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// How long each of reviews and health checks is measured in a round
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Speak HTTP/1.1; the API server speaks HTTP/2
    #[arg(long)]
    http1: bool,
    /// How to print the figures
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Output {
    #[default]
    Table,
    Json,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::parse();
    let Some(body) = largest_review() else { return Ok(()) };
    let issued = issue(&[HOST.to_owned()], chrono::Utc::now(), None).map_err(io::Error::other)?;
    let (_folder, webhook) = start(&options.shim, &issued)?;
    let load = Load {
        https: Https::new(webhook.address(), HOST, &issued.authorities),
        version: if options.http1 { Version::Http1 } else { Version::Http2 },
        connections: options.connections,
        time: Duration::from_secs(options.seconds),
        process: Process(webhook.pid()),
    };
    let targets = [Target::Review(body.into()), Target::Health];
    for target in &targets {
        load.run(target).await; // so that nothing is met for the first time
    }
    let mut samples = [Samples::default(), Samples::default()];
    for _ in 0..options.rounds {
        for (target, samples) in targets.iter().zip(&mut samples) {
            samples.add(load.run(target).await);
        }
    }
    let memory = load.process.largest_memory_mib();
    let text = match options.output {
        Output::Table => report::table(&samples, memory),
        Output::Json => report::json(&samples, memory),
    };
    io::stdout().write_all(text.as_bytes())
}

fn largest_review() -> Option<String> {
    let all: Option<Vec<_>> = REVIEWS.iter().map(|name| Some(review(name)?.to_string())).collect();
    all?.into_iter().max_by_key(String::len)
}

fn start(shim: &Path, issued: &Issued) -> io::Result<(tempfile::TempDir, Webhook)> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (path("tls.crt"), path("tls.key"));
    std::fs::write(&certificate, &issued.certificate)?;
    std::fs::write(&key, &issued.key)?;
    let webhook = Webhook::start(shim, &["--tls-cert", &certificate, "--tls-key", &key], None);
    webhook.says("serves a certificate");
    Ok((folder, webhook))
}
