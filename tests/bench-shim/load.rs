//! The load: some clients, each of which asks again as soon as it has its answer.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use hdrhistogram::Histogram;
use holdpoint_tests::{Connection, Https, Version};
use tokio::task::JoinSet;

/// How a server is asked.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) https: Https,
    pub(crate) version: Version,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
}

/// What it is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Review(Bytes),
    Health,
}

/// How long answers took, in microseconds, and how long it all took.
#[derive(Debug)]
pub(crate) struct Samples {
    latencies: Histogram<u64>,
    time: Duration,
}

impl Load {
    /// Asks for the whole time with all clients at once.
    pub(crate) async fn run(&self, target: &Target) -> Samples {
        let mut clients = JoinSet::new();
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
        Self { latencies, time: Duration::ZERO }
    }
}

impl Samples {
    /// Adds those of another round.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.add(&other.latencies).expect("the same bounds");
        self.time += other.time;
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency that so many in a hundred do not pass, in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        self.latencies.value_at_percentile(percent) as f64 / 1000.0
    }
}
