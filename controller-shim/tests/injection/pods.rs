//! Pods to try things on.

use std::path::{Path, PathBuf};

use controller_shim::{Delivery, Injection, Settings, inject};
use holdpoint_tests::fixtures::review;
use serde_json::{Value, json};

pub(crate) fn settings() -> Settings {
    let image = "registry.example/holdpoint/entrypoint:1".to_owned();
    Settings { image, delivery: Delivery::InitContainer }
}

pub(crate) fn image_volume() -> Settings {
    Settings { delivery: Delivery::ImageVolume, ..settings() }
}

/// The pod of a fixture.
pub(crate) fn fixture_pod(name: &str) -> Option<Value> {
    review(name).map(|mut review| review["request"]["object"].take())
}

/// Where this crate keeps copies for its tests.
pub(crate) fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/patches").join(name)
}

/// A pod that asks, with these annotations (less their prefix) and a container for each name.
pub(crate) fn asking(annotations: &[(&str, &str)], containers: &[&str]) -> Value {
    let containers: Vec<_> = containers
        .iter()
        .map(|name| json!({ "name": name, "image": "busybox", "command": ["/bin/echo", name] }))
        .collect();
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "made-up", "annotations": { "holdpoint.dev/inject": "true" } },
        "spec": { "restartPolicy": "Never", "containers": containers },
    });
    annotate(&mut pod, annotations);
    pod
}

/// Adds annotations, less their prefix.
pub(crate) fn annotate(pod: &mut Value, annotations: &[(&str, &str)]) {
    for (name, value) in annotations {
        pod["metadata"]["annotations"][format!("holdpoint.dev/{name}")] = json!(value);
    }
}

/// A pod as Tekton's controller makes it, with these steps.
pub(crate) fn of_tekton(annotations: &[(&str, &str)], steps: &[&str]) -> Value {
    let mut prepare = json!(["/ko-app/entrypoint", "init", "/ko-app/entrypoint"]);
    let words = prepare.as_array_mut().unwrap();
    words.push(json!("/tekton/bin/entrypoint"));
    words.extend(steps.iter().map(|name| json!(format!("step-{name}"))));
    let containers: Vec<_> = steps.iter().enumerate().map(|(at, name)| step(at, name)).collect();
    let mut pod = json!({
        "metadata": {
            "annotations": {},
            "labels": { "tekton.dev/taskRun": "build" },
            "ownerReferences": [{
                "apiVersion": "tekton.dev/v1",
                "kind": "TaskRun",
                "name": "build",
                "controller": true,
            }],
        },
        "spec": {
            "restartPolicy": "Never",
            "initContainers": [{ "name": "prepare", "image": "tekton", "command": prepare }],
            "containers": containers,
            "volumes": [{
                "name": "tekton-internal-downward",
                "downwardAPI": { "items": [{
                    "path": "ready",
                    "fieldRef": { "fieldPath": "metadata.annotations['tekton.dev/ready']" },
                }] },
            }],
        },
    });
    annotate(&mut pod, annotations);
    pod
}

fn step(number: usize, name: &str) -> Value {
    let post = format!("/tekton/run/{number}/out");
    let mounts = match number {
        0 => json!([{ "name": "tekton-internal-downward", "mountPath": "/tekton/downward" }]),
        _ => json!([]),
    };
    json!({
        "name": format!("step-{name}"),
        "image": "busybox",
        "command": ["/tekton/bin/entrypoint"],
        "args": ["-post_file", post, "-entrypoint", "true", "--"],
        "volumeMounts": mounts,
    })
}

/// The pod that comes of another, and its warnings.
pub(crate) fn injected(pod: &Value) -> (Value, Vec<String>) {
    injected_with(pod, &settings())
}

pub(crate) fn injected_with(pod: &Value, settings: &Settings) -> (Value, Vec<String>) {
    match inject(pod, settings) {
        Injection::Injected { pod, warnings, .. } => (pod, warnings),
        other => panic!("{other:?}"),
    }
}

/// The arguments of a container.
pub(crate) fn args(pod: &Value, container: usize) -> Vec<String> {
    let args = pod["spec"]["containers"][container]["args"].as_array().unwrap();
    args.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}
