//! A shell in a step of a cluster: by the entrypoint, which finds one in the image, or beside the step in
//! a [`Toolbox`].

use std::time::Duration;

use entrypoint::verb::{NO_SHELL, NOT_FOUND};
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::ask::Asking;
use super::choose::{self, Seen};
use super::connect::Cluster;
use super::error::ClusterError;
use super::exec::{ExecError, refused};
use super::hint::{Hints, soon};
use super::resolve::{Resolved, resolve};
use super::session::{End, converse, streams};
use super::states::{self, states};
use super::steps::{PodSteps, StepPlace};
use super::target::Target;
use super::toolbox::Toolbox;
use super::view::look;
use crate::args::{Reach, VerbArguments};
use crate::exit::Exit;
use crate::program::Program;
use crate::terminal::is_here;

/// How long a toolbox may take to run: its image may have to be pulled.
const DEFAULT_WAIT: Duration = Duration::from_mins(2);

/// An image with a shell, for messages.
const AN_IMAGE: &str = "busybox";

/// Opens a shell in the step that is meant, and gives the code with which it was left.
///
/// # Errors
/// There is no such step, or no shell in it.
pub async fn shell(
    program: Program,
    target: &Target,
    arguments: &VerbArguments,
) -> Result<Exit, ClusterError> {
    let reach = &arguments.reach;
    let cluster = Cluster::connect(reach).await?;
    let selector = reach.selector.as_deref();
    let Resolved { target, pods } = resolve(&cluster, target, selector).await?;
    let (pod, step) = chosen(&cluster, pods, arguments.step.as_deref()).await?;
    let exit = match &arguments.toolbox {
        None => Shell { program, cluster: &cluster, reach, pod: &pod, step: &step }.open().await?,
        Some(image) => {
            let wait = Asking { cluster: &cluster, arguments }.wait(DEFAULT_WAIT);
            let toolbox = Toolbox { cluster: &cluster, pod: &pod, step: &step, image };
            exit(&toolbox.open(wait).await?)
        }
    };
    let is_left = !matches!(exit, Exit::Signal(_)) && exit != of_code(NOT_FOUND);
    if is_here() && is_left {
        let there = cluster.within(Some(pod.namespace.clone()));
        let hold = async {
            let view = look(&there, &target, selector).await.ok()?;
            Hints { program, reach }.way_out(&view)
        };
        soon(hold).await.iter().for_each(|next| crate::hint(next));
    }
    Ok(exit)
}

/// The named step, or the one that is held.
async fn chosen(
    cluster: &Cluster,
    pods: Vec<PodSteps>,
    name: Option<&str>,
) -> Result<(PodSteps, StepPlace), ClusterError> {
    let found = |chosen: choose::Chosen<'_>| (chosen.pod.clone(), chosen.step.clone());
    if let Some(name) = name {
        if !choose::has(&pods, name) {
            return Err(ClusterError::Usage(choose::unknown(&pods, name)));
        }
        return choose::named(&pods, name).map(found).map_err(ClusterError::Rejected);
    }
    let looks = pods.into_iter().map(|pod| async {
        let states = states(cluster, &pod).await;
        Seen { pod, states }
    });
    choose::held(&join_all(looks).await).map(found).map_err(ClusterError::Rejected)
}

/// A shell in a step.
pub struct Shell<'a> {
    /// What is typed in messages.
    pub program: Program,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// How it is reached.
    pub reach: &'a Reach,
    /// The pod.
    pub pod: &'a PodSteps,
    /// The step.
    pub step: &'a StepPlace,
}

impl Shell<'_> {
    /// Opens it, and gives the code with which it was left.
    ///
    /// # Errors
    /// There is none, it may not be opened, or the connection broke.
    pub async fn open(&self) -> Result<Exit, ClusterError> {
        let Self { cluster, pod, step, .. } = self;
        let pods = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace);
        let (command, streams) = (states::verb(step, "shell", []), streams(&step.container));
        let talk = async {
            let process = pods.exec(&pod.name, command, &streams).await.map_err(refused)?;
            converse(process).await
        };
        let end = talk.await.map_err(|why| self.failed(why))?;
        if let End::Exited { code: NOT_FOUND, head } = &end
            && head.contains(NO_SHELL)
        {
            crate::say(&format!("for a shell beside the step type: {}", self.typed(TOOLBOX)));
        }
        Ok(exit(&end))
    }

    fn failed(&self, why: ExecError) -> ClusterError {
        match why {
            ExecError::Closed => ClusterError::Lost(format!(
                "the connection to the shell is lost; what runs in it may go on; for another one type: {}",
                self.typed("")
            )),
            ExecError::InputEnded => ClusterError::Lost(format!(
                "{why}; what was typed may not have run: `kubectl exec -i {} -c {} -n {}{} -- {}` passes it on",
                self.pod.name,
                self.step.container,
                self.pod.namespace,
                self.reach.way(),
                states::verb(self.step, "shell", []).join(" ")
            )),
            ExecError::Forbidden(_) => ClusterError::Nobody(format!(
                "{why}; ask for a role that allows it, or act as another user with --as; with patch on \
                 pods/ephemeralcontainers, get and create on pods/attach type: {}",
                self.typed(TOOLBOX)
            )),
            ExecError::NotRunning(_) | ExecError::PodGone => ClusterError::Nobody(format!(
                "{why}; `kubectl describe pod/{} -n {}{}` says what became of it",
                self.pod.name,
                self.pod.namespace,
                self.reach.way()
            )),
            other => ClusterError::Nobody(format!(
                "no shell in container {}: {other}; for one beside the step type: {}",
                self.step.container,
                self.typed(TOOLBOX)
            )),
        }
    }

    /// The command for a shell in this step.
    fn typed(&self, behind: &str) -> String {
        let (program, reach) = (self.program.name(), self.reach.way());
        let (PodSteps { name, namespace, .. }, step) = (self.pod, &self.step.step);
        let behind =
            if behind.is_empty() { String::new() } else { format!(" {behind} {AN_IMAGE}") };
        format!("{program} shell pod/{name} --step {step} -n {namespace}{reach}{behind}")
    }
}

/// The flag for a shell beside the step.
const TOOLBOX: &str = "--toolbox";

fn exit(end: &End) -> Exit {
    match end {
        End::Exited { code, .. } => of_code(*code),
        End::Signal(signal) => Exit::Signal(*signal),
    }
}

fn of_code(code: i32) -> Exit {
    u8::try_from(code).map_or(Exit::Code(1), Exit::Code)
}
