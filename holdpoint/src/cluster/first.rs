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
    let mut said = Vec::new();
    let mut say_once = |text: String| {
        if !said.contains(&text) {
            crate::say(&text);
            said.push(text);
        }
    };
    let mut waits = false;
    loop {
        match look(cluster, target, selector).await {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {
                waits = true;
                say_once(format!(
                    "waiting for the first pod with steps of {target}{}; Ctrl-C ends that",
                    place(cluster)
                ));
            }
            // An API server that is away for a while is outlasted.
            Err(error) if waits && error.may_pass() => say_once(format!("{error}; trying again")),
            Err(error) => return Err(error),
        }
        sleep(GLANCE).await;
    }
}

/// The pods; none where they are to come.
async fn look(
    cluster: &Cluster,
    target: &Target,
    selector: Option<&str>,
) -> Result<Option<Found>, ClusterError> {
    match find(cluster, target, selector).await {
        Err(ClusterError::Nobody(why)) => match are_to_come(cluster, target).await? {
            true => Ok(None),
            false => Err(ClusterError::Nobody(why)),
        },
        found => found.map(Some),
    }
}

/// Whether the run will have pods, as far as its object tells. A PipelineRun's first one may be a helper
/// of Tekton's without steps; that of a TaskRun or a Job is as all of them are.
async fn are_to_come(cluster: &Cluster, target: &Target) -> Result<bool, ClusterError> {
    let Target::Named(kind, name) = target else { return Ok(false) };
    let may_come =
        *kind == Kind::PipelineRun || named(cluster, *kind, name).await?.iter().all(has_steps);
    Ok(may_come && !has_ended(cluster, target, []).await?)
}
