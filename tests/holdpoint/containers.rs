//! Pods that `holdpoint inject` has changed, run in containers from their own spec.

use std::process::Stdio;

use holdpoint_tests::{Container, Ended, LivePod};
use serde_json::{Value, json};

use crate::runner::{Home, Running, binary};

mod holds;
mod restricted;
mod tekton;
mod words;

/// How the binary comes into a plain pod.
const DELIVERIES: [&str; 2] = ["init-container", "image-volume"];

const IMAGE: &str = "localhost/entrypoint:1";

/// What `holdpoint inject` makes of a pod.
#[track_caller]
fn inject(pod: &Value, delivery: &str) -> Value {
    let home = Home::new();
    let file = std::fs::File::open(home.file("pod.json", &pod.to_string())).unwrap();
    let mut command = home.holdpoint(&["inject", "--image", IMAGE, "--delivery", delivery]);
    command.stdin(Stdio::from(file));
    let told = Running::start(command).finish();
    assert_eq!(told.stderr, "");
    told.json()
}

/// The same pod where it can be run: its init containers have ended.
#[track_caller]
fn injected(pod: &Value, delivery: &str) -> Option<LivePod> {
    let pod = LivePod::new(binary(), &inject(pod, delivery))?;
    pod.initialise();
    Some(pod)
}

/// A pod that asks, with these annotations (less their prefix), each container a name and a line of
/// shell, and a volume at `/shared`.
fn asking(annotations: &[(&str, &str)], containers: &[(&str, &str)]) -> Value {
    let prefixed = |(name, value): &(&str, &str)| (format!("holdpoint.dev/{name}"), json!(value));
    let annotations: serde_json::Map<_, _> =
        annotations.iter().chain(&[("inject", "true")]).map(prefixed).collect();
    let container = |(name, script): &(&str, &str)| {
        json!({
            "name": name,
            "image": "localhost/busybox:1",
            "command": ["sh", "-c", script],
            "workingDir": "/shared",
            "volumeMounts": [{ "name": "work", "mountPath": "/shared" }],
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "made-up", "annotations": annotations },
        "spec": {
            "restartPolicy": "Never",
            "containers": containers.iter().map(container).collect::<Vec<_>>(),
            "volumes": [{ "name": "work", "emptyDir": {} }],
        },
    })
}

/// The lines that the steps have written to `/shared/log`.
fn log(pod: &LivePod) -> Vec<String> {
    pod.read("work", "log").unwrap_or_default().lines().map(str::to_owned).collect()
}

#[track_caller]
fn ends<'a>(containers: impl IntoIterator<Item = Container<'a>>) -> Vec<Ended> {
    containers.into_iter().map(Container::ends).collect()
}

fn codes(ends: &[Ended]) -> Vec<i32> {
    ends.iter().map(|ended| ended.code).collect()
}

/// Types a verb in a container, where it must be accepted.
#[track_caller]
fn accepted(container: &Container<'_>, words: &[&str]) {
    let said = container.verb(words.iter().copied());
    assert_eq!(said.code, 0, "{words:?}: {}", said.text);
}
