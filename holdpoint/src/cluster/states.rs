//! What the steps of a pod say of themselves, read in the pod: the entrypoint in any one of its
//! containers sees the states of all (contract 2.5).

use std::time::Duration;

use controller_shim::pod::BINARY;
use entrypoint::state::State;
use thiserror::Error;

use super::connect::Cluster;
use super::exec::{Done, ExecError, exec};
use super::steps::{PodSteps, StepPlace};

/// How long a look may take.
const LONGEST_LOOK: Duration = Duration::from_secs(20);

/// Why a pod's states are not known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unseen {
    /// No container of it runs that could be asked.
    #[error("no step of it runs now ({0})")]
    NotRunning(String),
    /// It could not be asked.
    #[error("{0}")]
    Exec(#[from] ExecError),
    /// What stands at the entrypoint's place answers no verbs.
    #[error(
        "the entrypoint of container {container} answers no verbs ({said}); is it Tekton's own? see \
         docs/injection.md for the ways in"
    )]
    Foreign {
        /// The container that was asked.
        container: String,
        /// What it said.
        said: String,
    },
}

impl Unseen {
    /// Whether a later look may succeed, or show that all is over.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotRunning(_) => true,
            Self::Exec(why) => why.may_pass(),
            Self::Foreign { .. } => false,
        }
    }
}

/// The states of all steps of a pod that have said something, in their order.
///
/// # Errors
/// Nobody in the pod can be asked.
pub async fn states(cluster: &Cluster, pod: &PodSteps) -> Result<Vec<State>, Unseen> {
    let mut unseen = Unseen::NotRunning(pod.described());
    for asked in pod.running() {
        match told_by(cluster, pod, asked).await {
            Err(why @ Unseen::Exec(ExecError::NotRunning(_))) => unseen = why,
            other => return other,
        }
    }
    Err(unseen)
}

async fn told_by(
    cluster: &Cluster,
    pod: &PodSteps,
    asked: &StepPlace,
) -> Result<Vec<State>, Unseen> {
    let command = verb(asked, "status", ["-o".to_owned(), "json".to_owned()]);
    let done = exec(cluster, pod, &asked.container, &command, LONGEST_LOOK).await?;
    read(&done).ok_or_else(|| foreign(asked, &done))
}

/// The command line by which a step's container is asked.
pub fn verb(step: &StepPlace, name: &str, behind: impl IntoIterator<Item = String>) -> Vec<String> {
    let words = [BINARY, name, "-post_file", &step.post_file].map(str::to_owned);
    words.into_iter().chain(behind).collect()
}

/// Said where what came back is no answer of ours.
pub fn foreign(asked: &StepPlace, done: &Done) -> Unseen {
    let said = done.stderr.lines().chain(done.stdout.lines()).find(|line| !line.trim().is_empty());
    let said = match said {
        Some(line) => format!("exit {}: {}", done.code, line.trim()),
        None => format!("exit {}", done.code),
    };
    Unseen::Foreign { container: asked.container.clone(), said }
}

fn read(done: &Done) -> Option<Vec<State>> {
    serde_json::from_str(done.stdout.lines().next()?).ok()
}
