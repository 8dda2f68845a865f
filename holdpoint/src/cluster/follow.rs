//! Every pod of a run, also those that come later, until the run has ended.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use tokio::time::sleep;

use super::connect::Cluster;
use super::error::ClusterError;
use super::resolve::{Found, find};
use super::view::has_ended;

/// How often is looked for what has begun or ended.
const GLANCE: Duration = Duration::from_secs(1);

/// What a look at the run says.
struct Look {
    pods: Vec<Pod>,
    ended: bool,
}

/// Follows each pod to its end, all at once, and gives what came of each in the order in which they came.
///
/// # Errors
/// That of the first pod that cannot be followed, or of the run.
pub async fn follow<T, F>(
    cluster: &Cluster,
    found: Found,
    selector: Option<&str>,
    start: impl Fn(usize, Pod) -> F,
) -> Result<Vec<T>, ClusterError>
where
    F: Future<Output = Result<T, ClusterError>>,
{
    let Found { target, pods } = found;
    let (mut known, mut ends) = (Vec::new(), BTreeMap::new());
    let mut following = FuturesUnordered::new();
    let mut look = Look { pods, ended: false };
    while !look.ended {
        for pod in std::mem::take(&mut look.pods) {
            let name = (pod.namespace(), pod.name_any());
            if !known.contains(&name) {
                let (index, followed) = (known.len(), start(known.len(), pod));
                known.push(name);
                following.push(async move { (index, followed.await) });
            }
        }
        let mut later = pin!(async {
            sleep(GLANCE).await;
            let pods = match find(cluster, &target, selector).await {
                Ok(found) => found.pods,
                Err(error) if error.may_pass() => {
                    return Ok(Look { pods: Vec::new(), ended: false });
                }
                // A run that is gone has no more pods; those that are followed say so themselves.
                Err(error) if error.is_not_found() || matches!(error, ClusterError::Nobody(_)) => {
                    return Ok(Look { pods: Vec::new(), ended: true });
                }
                Err(error) => return Err(error),
            };
            let all = pods.iter().all(|pod| known.contains(&(pod.namespace(), pod.name_any())));
            let ended = all && has_ended(cluster, &target, &pods).await.unwrap_or(false);
            Ok(Look { pods, ended })
        });
        look = loop {
            tokio::select! {
                Some((index, end)) = following.next() => drop(ends.insert(index, end?)),
                look = &mut later => break look?,
            }
        };
    }
    while let Some((index, end)) = following.next().await {
        ends.insert(index, end?);
    }
    Ok(ends.into_values().collect())
}
