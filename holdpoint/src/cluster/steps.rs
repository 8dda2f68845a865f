//! The steps of a pod, in their order: the containers that run the entrypoint.

use std::ffi::OsString;

use controller_shim::annotations::PREFIX;
use controller_shim::pod::BINARY;
use entrypoint::args;
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};

/// A pod, as far as it can be asked something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSteps {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its steps, in their order.
    pub steps: Vec<StepPlace>,
    /// The annotations of ours that the kubelet brings into it, without their prefix.
    pub markers: Vec<String>,
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepPlace {
    /// The name that it has in states.
    pub step: String,
    /// Its container.
    pub container: String,
    /// Its post file, as the container knows it.
    pub post_file: String,
    /// What the kubelet says of the container.
    pub life: Life,
}

/// What the kubelet says of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has not begun.
    Waiting,
    /// It runs.
    Running,
    /// It has ended with this code.
    Ended(i32),
}

impl PodSteps {
    /// The pod with its steps; without any where none of its containers runs the entrypoint.
    pub fn of(pod: &Pod) -> Self {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let statuses = pod.status.as_ref().and_then(|it| it.container_statuses.as_deref());
        let steps = containers.filter_map(|it| step(it, statuses.unwrap_or_default()));
        Self {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            steps: steps.collect(),
            markers: markers(pod),
        }
    }

    /// The steps that can be asked something. The kubelet may not have noticed yet that one has ended.
    pub fn running(&self) -> impl Iterator<Item = &StepPlace> {
        self.steps.iter().filter(|step| step.life == Life::Running)
    }

    /// The first of these.
    pub fn first_running(&self) -> Option<&StepPlace> {
        self.running().next()
    }

    /// Whether some step can be asked.
    pub fn is_live(&self) -> bool {
        self.first_running().is_some()
    }

    /// Whether all steps have ended.
    pub fn has_ended(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.life, Life::Ended(_)))
    }

    /// The step of this name, which may be that of its container.
    pub fn step(&self, name: &str) -> Option<&StepPlace> {
        let named = self.steps.iter().find(|step| step.step == name);
        named.or_else(|| self.steps.iter().find(|step| step.container == name))
    }

    /// Its steps and what the kubelet says of each, in a line.
    pub fn described(&self) -> String {
        let life = |step: &StepPlace| match step.life {
            Life::Waiting => format!("{}: not begun", step.step),
            Life::Running => format!("{}: up", step.step),
            Life::Ended(code) => format!("{}: ended with {code}", step.step),
        };
        self.steps.iter().map(life).collect::<Vec<_>>().join(", ")
    }
}

impl StepPlace {
    /// Whether this is its name, or that of its container.
    pub fn is_called(&self, name: &str) -> bool {
        self.step == name || self.container == name
    }
}

/// The files of downward volumes that hold an annotation of ours (contract 2.9).
fn markers(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let items = volumes.filter_map(|it| it.downward_api.as_ref()?.items.as_ref()).flatten();
    let fields = items.filter_map(|item| Some(item.field_ref.as_ref()?.field_path.as_str()));
    let ours = fields.filter_map(|path| {
        let key = path.strip_prefix("metadata.annotations['")?.strip_suffix("']")?;
        key.strip_prefix(PREFIX)
    });
    ours.map(str::to_owned).collect()
}

fn step(container: &Container, statuses: &[ContainerStatus]) -> Option<StepPlace> {
    if container.command.as_deref()? != [BINARY] {
        return None;
    }
    let words: Vec<_> = container.args.iter().flatten().map(OsString::from).collect();
    let post_file = args::post_file_of(&words)?.to_str()?.to_owned();
    let named = args::parse(&words).ok().map(|args| args.step_name);
    let status = statuses.iter().find(|it| it.name == container.name);
    Some(StepPlace {
        step: step_name(named.unwrap_or_default(), &container.name),
        container: container.name.clone(),
        post_file,
        life: status.map_or(Life::Waiting, life),
    })
}

/// That of the flag `-step_name`, else that of Tekton's container (contract 2.3).
fn step_name(flag: String, container: &str) -> String {
    if flag.is_empty() {
        container.strip_prefix("step-").unwrap_or(container).to_owned()
    } else {
        flag
    }
}

fn life(status: &ContainerStatus) -> Life {
    let state = status.state.as_ref();
    match state.map(|state| (&state.running, &state.terminated)) {
        Some((Some(_), _)) => Life::Running,
        Some((None, Some(terminated))) => Life::Ended(terminated.exit_code),
        _ => Life::Waiting,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::{Value, json};

    fn pod(containers: Value, statuses: Value, volumes: Value) -> PodSteps {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "ns"},
            "spec": {"containers": containers, "volumes": volumes},
            "status": {"containerStatuses": statuses},
        });
        PodSteps::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn steps_are_the_containers_that_run_the_entrypoint() {
        let step =
            |name: &str, args: &[&str]| json!({"name": name, "command": [BINARY], "args": args});
        let containers = json!([
            step("step-build", &["-post_file", "/tekton/run/0/out", "-entrypoint", "make", "--"]),
            {"name": "sidecar", "command": ["sleep"], "args": ["-post_file", "/x"]},
            step("test", &["-step_name", "checks", "-post_file=/tekton/run/1/out", "--", "-post_file", "y"]),
            step("copies", &["cp", "a", "b"]),
        ]);
        let statuses = json!([
            {"name": "step-build", "state": {"terminated": {"exitCode": 3}}},
            {"name": "test", "state": {"running": {}}},
        ]);
        let pod = pod(containers, statuses, json!([]));
        let told: Vec<_> = pod
            .steps
            .iter()
            .map(|it| (it.step.as_str(), it.container.as_str(), it.post_file.as_str(), it.life))
            .collect();
        assert_eq!(
            told,
            [
                ("build", "step-build", "/tekton/run/0/out", Life::Ended(3)),
                ("checks", "test", "/tekton/run/1/out", Life::Running),
            ]
        );
        assert_eq!(pod.first_running().unwrap().step, "checks");
        assert_eq!(pod.described(), "build: ended with 3, checks: up");
        assert_eq!(pod.step("test").unwrap().step, "checks");
        assert!(pod.is_live() && !pod.has_ended());
    }

    #[test]
    fn a_pod_tells_which_annotations_reach_its_steps() {
        let item = |key: &str| json!({"path": "x", "fieldRef": {"fieldPath": format!("metadata.annotations['{key}']")}});
        let items = [item("tekton.dev/ready"), item("holdpoint.dev/pause")];
        let volumes = json!([{"name": "down", "downwardAPI": {"items": items}}, {"name": "other"}]);
        assert_eq!(pod(json!([]), json!([]), volumes).markers, ["pause"]);
    }
}
