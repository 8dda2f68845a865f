//! Waiting for the end of a run.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::object::Run;
use super::phase::Phase;
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::look::text;

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// How long an API server may be away.
pub const LONGEST_ABSENCE: Duration = Duration::from_mins(1);

/// What came of waiting.
#[derive(Debug)]
pub enum Waited {
    /// The run has ended: as it is now, with the reason.
    Ended(Box<Run>, String),
    /// It was deleted.
    Gone,
    /// It has not ended in time.
    Late,
    /// It cannot be looked at.
    Lost(ClusterError),
}

/// Waits until a run has ended, for no longer than this.
pub async fn ended(cluster: &Cluster, run: &Run, longest: Option<Duration>) -> Waited {
    let deadline = longest.map(|longest| Instant::now() + longest);
    let mut away_since = None;
    loop {
        match run.again(cluster).await {
            Ok(now) if uid(&now) != uid(run) => return Waited::Gone,
            Ok(now) => {
                away_since = None;
                if let Phase::Ended(reason) = Phase::of(&now.object) {
                    return Waited::Ended(Box::new(now), reason);
                }
            }
            Err(error) if error.is_not_found() => return Waited::Gone,
            Err(error) => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if !error.may_pass() || since.elapsed() > LONGEST_ABSENCE {
                    return Waited::Lost(error);
                }
            }
        }
        if deadline.is_some_and(|deadline| Instant::now() + GLANCE > deadline) {
            return Waited::Late;
        }
        sleep(GLANCE).await;
    }
}

/// A run of the same name may have been made since.
fn uid(run: &Run) -> &str {
    text(&run.object, "/metadata/uid")
}
