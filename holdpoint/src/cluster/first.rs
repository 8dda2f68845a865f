//! The first pod of a run: whoever follows one that has just been made waits for it.

use std::time::Duration;

use tokio::time::sleep;

use super::connect::Cluster;
use super::error::ClusterError;
use super::resolve::{Found, find, has_steps, named, place};
use super::target::{Kind, Target};
use super::view::has_ended;

/// How often is looked for it.
const GLANCE: Duration = Duration::from_secs(1);

/// The pods of a target that is followed; where a TaskRun, a PipelineRun or a Job has none yet, once it
/// has, which is said.
///
/// # Errors
/// The target is not there, or has ended without a pod with steps.
pub async fn followed(
    cluster: &Cluster,
    target: &Target,
    selector: Option<&str>,
) -> Result<Found, ClusterError> {
    let mut waits = false;
    loop {
        match find(cluster, target, selector).await {
            Err(ClusterError::Nobody(_)) if is_to_come(cluster, target).await => {
                if !waits {
                    crate::say(&format!(
                        "waiting for the first pod with steps of {target}{}; Ctrl-C ends that",
                        place(cluster)
                    ));
                }
                waits = true;
            }
            // An API server that is away for a while is outlasted.
            Err(error) if waits && error.may_pass() => {}
            found => return found,
        }
        sleep(GLANCE).await;
    }
}

/// Whether the run will have pods, as far as its object tells. A PipelineRun's first one may be a helper
/// of Tekton's without steps; that of a TaskRun or a Job is as all of them are.
async fn is_to_come(cluster: &Cluster, target: &Target) -> bool {
    let Target::Named(kind, name) = target else { return false };
    let may_come = *kind == Kind::PipelineRun
        || named(cluster, *kind, name).await.is_ok_and(|pods| pods.iter().all(has_steps));
    may_come && has_ended(cluster, target, []).await.is_ok_and(|ended| !ended)
}
