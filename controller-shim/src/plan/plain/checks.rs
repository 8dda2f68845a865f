//! What a pod must be like for its containers to become steps, and what those who made it should know.

use crate::annotations::{self, Mistake};
use crate::pod::{Container, Pod};

/// How many steps a pod can have. Each mounts the run folders of all, so that what is made of the pod
/// grows with their square: with more, no cluster would keep it.
const MOST_STEPS: usize = 100;

/// Whether the pod can have steps at all.
pub(super) fn pod(pod: &Pod) -> Result<(), Mistake> {
    let policy = pod.spec.restart_policy.as_deref().unwrap_or("Always");
    if policy != "Never" {
        let problem = format!("the pod's restartPolicy is {policy}, and a step runs once");
        return Err(mistake(pod, &problem, "set it to Never, as a Job may have it"));
    }
    if pod.needs_another_system() {
        return Err(mistake(pod, "the pod is not one for Linux", "take the annotation away"));
    }
    if pod.spec.containers.is_empty() {
        return Err(mistake(pod, "the pod has no container", "give it some to be steps"));
    }
    if let Some(container) = pod.all_containers().find(|it| it.may_restart_pod()) {
        let name = &container.name;
        let problem = format!("container `{name}` may restart the whole pod, and a step runs once");
        return Err(mistake(pod, &problem, "take its rule with RestartAllContainers away"));
    }
    Ok(())
}

/// Whether the pod can have so many steps.
pub(super) fn count(steps: usize, pod: &Pod) -> Result<(), Mistake> {
    if steps > MOST_STEPS {
        let problem = format!("the pod would have {steps} steps, and it can have {MOST_STEPS}");
        let remedy = "name those that are to be steps in holdpoint.dev/steps";
        return Err(mistake(pod, &problem, remedy));
    }
    Ok(())
}

/// Whether this container can be a step.
pub(super) fn step(container: &Container, pod: &Pod) -> Result<(), Mistake> {
    let name = &container.name;
    if container.command.first().is_none_or(String::is_empty) {
        let problem =
            format!("container `{name}` has no command, and its image's cannot be known here");
        return Err(mistake(pod, &problem, "give it one, or leave it out of holdpoint.dev/steps"));
    }
    if let Some(policy) = container.restart_policy.as_deref().filter(|policy| *policy != "Never") {
        let problem = format!("the restartPolicy of container `{name}` is {policy}");
        return Err(mistake(pod, &problem, "take it away, since a step runs once"));
    }
    if !container.restart_policy_rules.is_empty() {
        let problem = format!("container `{name}` has restartPolicyRules");
        return Err(mistake(pod, &problem, "take them away, since a step runs once"));
    }
    if let Some(path) = container.paths().find(|path| is_reserved(path)) {
        let problem = format!("container `{name}` mounts {path} itself");
        return Err(mistake(pod, &problem, "mount it elsewhere than below /tekton"));
    }
    Ok(())
}

/// What means something else in a step than in a container, a sentence each.
pub(super) fn warnings(container: &Container) -> Vec<String> {
    const ENDS_IT: &str = "while it waits or is held, the kubelet may end it";
    let cases = [
        ("a livenessProbe", container.liveness_probe.is_some(), ENDS_IT),
        ("a startupProbe", container.startup_probe.is_some(), ENDS_IT),
        (
            "a postStart hook",
            container.lifecycle.post_start.is_some(),
            "it runs when the pod begins, not when the step does",
        ),
        ("stdin", container.stdin, "its command reads nothing from there"),
    ];
    let there = cases.into_iter().filter(|(_, is_there, _)| *is_there);
    there.map(|(what, _, why)| format!("step `{}` has {what}: {why}", container.name)).collect()
}

/// What is wrong with the pod is laid to the annotation that asks for it.
pub(super) fn mistake(pod: &Pod, problem: &str, remedy: &str) -> Mistake {
    annotations::mistake(&pod.metadata.annotations, "inject", problem, remedy)
}

/// Whether a path, as the runtime follows it, leads to or below `/tekton`.
fn is_reserved(path: &str) -> bool {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.first() == Some(&"tekton")
}
