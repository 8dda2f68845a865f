//! The next useful command once a target was shown: what ends a hold, what retries a run that failed.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use kube::ResourceExt as _;
use tokio::time::timeout;

use super::children::{End, end};
use super::connect::Cluster;
use super::row::CALM;
use super::runs::object::Run;
use super::target::{Kind, Target};
use super::view::{PodView, View, is_over, look};
use super::way::{run_of, ways};
use crate::args::Reach;
use crate::program::Program;

/// How long a look may take that serves a hint alone.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// A hint, where it comes soon: on a node that is away no command in a pod answers.
pub async fn soon(hint: impl Future<Output = Option<String>>) -> Option<String> {
    timeout(LONGEST_LOOK, hint).await.ok().flatten()
}

/// Whose next command it is.
#[derive(Clone, Copy)]
pub struct Hints<'a> {
    /// What is typed.
    pub program: Program,
    /// Where the cluster is.
    pub reach: &'a Reach,
}

impl Hints<'_> {
    /// A command for a target of this namespace, with flags behind it.
    pub fn typed(&self, verb: &str, target: &dyn Display, namespace: &str, flags: &str) -> String {
        let (program, way) = (self.program.name(), self.reach.way());
        format!("{program} {verb} {target} -n {namespace}{way}{flags}")
    }

    /// What ends the first hold or pause of a target; the run that waits is named where several do.
    pub fn way_out(&self, view: &View) -> Option<String> {
        let urgent = |pod: &PodView| {
            let rows = pod.rows.iter().filter(|row| row.urgency() < CALM);
            rows.map(|row| (run_of(&pod.pod), row.clone())).collect::<Vec<_>>()
        };
        let urgent: Vec<_> = view.pods.iter().flat_map(urgent).collect();
        let (run, row) = urgent.first()?;
        let target = match (&view.target, urgent.len()) {
            (Target::Every(_), _) | (_, 2..) => run,
            (target, _) => target,
        };
        ways(self.program, self.reach, target, row).into_iter().next().map(|way| way.command)
    }

    /// The same; where nothing waits, what follows a run that goes on, or retries one that failed.
    pub async fn after_logs(&self, cluster: &Cluster, target: &Target) -> Option<String> {
        let view = look(cluster, target, self.reach.selector.as_deref()).await.ok()?;
        if let Some(way) = self.way_out(&view) {
            return Some(way);
        }
        if view.pods.iter().all(|pod| is_over(&pod.pod)) {
            return self.retry(cluster, target).await;
        }
        let namespace = view.pods.first()?.pod.namespace()?;
        let is_one = matches!(target, Target::Named(..));
        is_one.then(|| self.typed("logs", target, &namespace, " -f"))
    }

    /// What retries a PipelineRun that has ended and did not succeed.
    pub async fn retry(&self, cluster: &Cluster, target: &Target) -> Option<String> {
        let Target::Named(Kind::PipelineRun, name) = target else { return None };
        let run = Run::read(cluster, Kind::PipelineRun, name).await.ok()?;
        let failed = matches!(end(&run.object), End::Failed | End::Cancelled);
        failed.then(|| self.typed("retry", target, &run.namespace, ""))
    }
}
