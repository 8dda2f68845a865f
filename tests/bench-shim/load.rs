//! The load: some clients, each of which asks again as soon as it has its answer.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use hdrhistogram::Histogram;
use holdpoint_tests::{Connection, Https, Version};
use tokio::task::JoinSet;

use crate::process::Process;

/// How a server is asked.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) https: Https,
    pub(crate) version: Version,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// The server.
    pub(crate) process: Process,
}

/// What it is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Review(Bytes),
    Health,
}

/// How long answers took, in microseconds, how long it all took, and how much of that the server worked.
#[derive(Debug)]
pub(crate) struct Samples {
    latencies: Histogram<u64>,
    time: Duration,
    worked: Duration,
}

impl Load {
    /// Asks for the whole time with all clients at once.
    pub(crate) async fn run(&self, target: &Target) -> Samples {
        let mut clients = JoinSet::new();
        let before = self.process.worked();
        for _ in 0..self.connections {
            let connection = self.https.connect(self.version).await.expect("a connection");
            clients.spawn(ask(connection, target.clone(), self.time));
        }
        let mut all = Samples::default();
        while let Some(one) = clients.join_next().await {
            let one = one.expect("a client");
            all.latencies.add(&one.latencies).expect("the same bounds");
            all.time = all.time.max(one.time);
        }
        all.worked = self.process.worked().saturating_sub(before);
        all
    }
}

async fn ask(mut connection: Connection, target: Target, time: Duration) -> Samples {
    let begun = Instant::now();
    let mut samples = Samples::default();
    while begun.elapsed() < time {
        let asked = Instant::now();
        let answer = match &target {
            Target::Review(body) => connection.post("/mutate", body.clone()).await,
            Target::Health => connection.get("/healthz").await,
        };
        assert_eq!(answer.expect("an answer").code, 200);
        samples.latencies.saturating_record(asked.elapsed().as_micros() as u64);
    }
    samples.time = begun.elapsed();
    samples
}

impl Default for Samples {
    fn default() -> Self {
        let latencies = Histogram::new_with_max(60_000_000, 3).expect("bounds that can be");
        Self { latencies, time: Duration::ZERO, worked: Duration::ZERO }
    }
}

impl Samples {
    /// Adds those of another round.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.add(&other.latencies).expect("the same bounds");
        self.time += other.time;
        self.worked += other.worked;
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// How long the server worked for one answer, in milliseconds: whatever else the machine does.
    pub(crate) fn worked_ms(&self) -> f64 {
        self.worked.as_secs_f64() * 1000.0 / self.latencies.len() as f64
    }

    /// The latency that so many in a hundred do not pass, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        self.latencies.value_at_percentile(percent) as f64 / 1000.0
    }
}
