//! What Prometheus is told.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the histogram in seconds: a review takes well under a millisecond, and the API server
/// waits for ten seconds by default.
const BOUNDS: [f64; 12] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0];

/// The metrics of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reviews: Family<Review, Counter>,
    duration: Histogram,
    certificate_end: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Review {
    outcome: &'static str,
    reason: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("holdpoint");
        let reviews = Family::default();
        let duration = Histogram::new(BOUNDS);
        let certificate_end = Gauge::default();
        registry.register(
            "reviews",
            "Answered requests to /mutate by what became of the pod, and why",
            reviews.clone(),
        );
        registry.register_with_unit(
            "review_duration",
            "Time from the head of a request to its answer",
            Unit::Seconds,
            duration.clone(),
        );
        registry.register_with_unit(
            "certificate_expiration_timestamp",
            "When the served certificate ends, since the epoch; 0 while there is none",
            Unit::Seconds,
            certificate_end.clone(),
        );
        Self { registry, reviews, duration, certificate_end }
    }
}

impl Metrics {
    /// Counts an answer.
    pub fn count(&self, outcome: &'static str, reason: &'static str, taken: Duration) {
        self.reviews.get_or_create(&Review { outcome, reason }).inc();
        self.duration.observe(taken.as_secs_f64());
    }

    /// All of them as OpenMetrics text. `certificate_end` is in seconds since the epoch.
    pub fn text(&self, certificate_end: Option<i64>) -> String {
        self.certificate_end.set(certificate_end.unwrap_or_default());
        let mut text = String::new();
        // why: writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
