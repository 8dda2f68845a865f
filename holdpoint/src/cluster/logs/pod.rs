//! The logs of one pod: its init containers where they failed, then its steps.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{Api, ResourceExt as _};
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;

use super::container::Log;
use super::{GLANCE, Line, name_of};
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::steps::{Life, PodSteps};
use crate::cluster::view::is_over;

/// Reads the logs of pods.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) cluster: Cluster,
    /// Where lines go.
    pub(super) lines: Sender<Line>,
    /// Whether what has not ended is followed.
    pub(super) follow: bool,
    /// The one step that is read, where not all are.
    pub(super) step: Option<String>,
    /// Whether names say the pod too.
    pub(super) several: bool,
}

impl Reader {
    /// Reads one pod to its end, or to where it is now.
    pub(super) async fn read(&self, pod: Pod) -> Result<(), ClusterError> {
        let name = pod.name_any();
        match self.read_in_order(pod).await {
            Err(error) if error.is_not_found() => {
                crate::say(&format!("pod/{name} is gone: it was deleted"));
                Ok(())
            }
            read => read,
        }
    }

    async fn read_in_order(&self, mut pod: Pod) -> Result<(), ClusterError> {
        while self.follow && !has_begun(&pod) && !is_over(&pod) {
            pod = self.later(&pod).await?;
        }
        for container in failed_inits(&pod) {
            let name = name_of(&pod, &format!("init {container}"), self.several);
            self.read_container(&mut pod, &container, name).await?;
        }
        for place in PodSteps::of(&pod).steps {
            if self.step.as_ref().is_none_or(|it| [&place.step, &place.container].contains(&it)) {
                let name = name_of(&pod, &place.step, self.several);
                self.read_container(&mut pod, &place.container, name).await?;
            }
        }
        Ok(())
    }

    /// Reads a container from its beginning; none of it is lost or shown twice where the connection
    /// breaks.
    async fn read_container(
        &self,
        pod: &mut Pod,
        container: &str,
        name: String,
    ) -> Result<(), ClusterError> {
        let mut log = Log::new(&self.cluster, pod, container);
        loop {
            let now = life(pod, container);
            if now == Life::Waiting && (!self.follow || is_over(pod)) {
                return Ok(());
            }
            let follow = self.follow && now == Life::Running;
            let read = now != Life::Waiting && log.read(follow, &name, &self.lines).await?;
            if read && !follow {
                return Ok(());
            }
            *pod = self.later(pod).await?;
            if read && matches!(life(pod, container), Life::Ended(_)) {
                return Ok(());
            }
        }
    }

    /// The pod as it is a moment later.
    async fn later(&self, pod: &Pod) -> Result<Pod, ClusterError> {
        let pods = Api::<Pod>::namespaced(
            self.cluster.client.clone(),
            &pod.namespace().unwrap_or_default(),
        );
        let what = format!("read pod {}", pod.name_any());
        loop {
            sleep(GLANCE).await;
            match self.cluster.request(&what, pods.get(&pod.name_any())).await {
                Err(error) if error.may_pass() => {}
                read => return read,
            }
        }
    }
}

/// Whether some step of it has begun.
fn has_begun(pod: &Pod) -> bool {
    PodSteps::of(pod).steps.iter().any(|step| step.life != Life::Waiting)
}

fn life(pod: &Pod, container: &str) -> Life {
    let steps = PodSteps::of(pod).steps;
    let step = steps.iter().find(|step| step.container == container);
    // What is no step is an init container that has failed.
    step.map_or(Life::Ended(1), |step| step.life)
}

/// The init containers that have failed; sidecars, which are ended from outside, are none of them.
fn failed_inits(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten());
    let statuses = pod.status.as_ref().and_then(|it| it.init_container_statuses.as_deref());
    let has_failed = |name: &str| {
        let status = statuses.unwrap_or_default().iter().find(|status| status.name == name);
        status.is_some_and(failed)
    };
    let inits = containers.filter(|it| it.restart_policy.as_deref() != Some("Always"));
    inits.filter(|it| has_failed(&it.name)).map(|it| it.name.clone()).collect()
}

fn failed(status: &ContainerStatus) -> bool {
    let states = [status.state.as_ref(), status.last_state.as_ref()].into_iter().flatten();
    let ended = states.filter_map(|state| state.terminated.as_ref());
    ended.into_iter().any(|ended| ended.exit_code != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_init_containers_that_failed_are_read() {
        let status = |name: &str, code: i32| {
            json!({
                "name": name, "ready": false, "image": "", "imageID": "", "restartCount": 0,
                "state": {"terminated": {"exitCode": code}},
            })
        };
        let pod = json!({
            "spec": {
                "containers": [],
                "initContainers": [
                    {"name": "well"}, {"name": "badly"},
                    {"name": "sidecar", "restartPolicy": "Always"}, {"name": "not-yet"},
                ],
            },
            "status": {
                "initContainerStatuses": [status("well", 0), status("badly", 1), status("sidecar", 137)],
            },
        });
        assert_eq!(failed_inits(&serde_json::from_value(pod).unwrap()), ["badly"]);
    }
}
