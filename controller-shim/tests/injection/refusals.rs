//! Pods that ask for what cannot be: one sentence with the annotation, its value and the remedy.

use controller_shim::{Injection, inject};
use serde_json::{Value, json};

use crate::pods::{asking, image_volume, settings};

type Change = fn(&mut Value);

/// Annotations, what else is changed, and the sentence.
type Case = (&'static [(&'static str, &'static str)], Change, &'static str);

/// What is refused, of a pod with the containers `a` and `b`.
const CASES: [Case; 25] = [
    (&[("inject", "yes")], as_it_is, r#"inject "yes": it is no truth value; give true or false"#),
    (&[("steps", "a,x")], as_it_is, r#"steps "a,x": there is no container `x`; name some of a, b"#),
    (
        &[("steps", "a,a")],
        as_it_is,
        r#"steps "a,a": `a` is there twice; name each container once, in order, as in "build,test""#,
    ),
    (
        &[("finally", "a")],
        as_it_is,
        r#"finally "a": step `b` comes after a finally step; finally steps must be the last ones"#,
    ),
    (
        &[("steps", "b"), ("finally", "a")],
        as_it_is,
        r#"finally "a": there is no step `a`; the steps are b"#,
    ),
    (
        &[("wait-timeout", "1 h")],
        as_it_is,
        r#"wait-timeout "1 h": time: unknown unit " h" in duration "1 h"; give one as in "1h""#,
    ),
    (
        &[("breakpoint", "before:c")],
        as_it_is,
        r#"breakpoint "before:c": there is no step `c`; the steps are a, b"#,
    ),
    (
        &[],
        |pod| pod["spec"]["containers"][0]["command"] = Value::Null,
        "inject \"true\": container `a` has no command, and its image's cannot be known here; \
         give it one, or leave it out of holdpoint.dev/steps",
    ),
    (
        &[],
        |pod| pod["spec"]["containers"][1]["command"] = json!([""]),
        "inject \"true\": container `b` has no command, and its image's cannot be known here; \
         give it one, or leave it out of holdpoint.dev/steps",
    ),
    (
        &[],
        |pod| pod["spec"]["restartPolicy"] = json!("OnFailure"),
        "inject \"true\": the pod's restartPolicy is OnFailure, and a step runs once; \
         set it to Never, as a Job may have it",
    ),
    (
        &[],
        |pod| pod["spec"]["restartPolicy"] = Value::Null,
        "inject \"true\": the pod's restartPolicy is Always, and a step runs once; \
         set it to Never, as a Job may have it",
    ),
    (
        &[],
        |pod| pod["spec"]["containers"][0]["restartPolicy"] = json!("OnFailure"),
        "inject \"true\": the restartPolicy of container `a` is OnFailure; \
         take it away, since a step runs once",
    ),
    (
        &[],
        |pod| mount(pod, "/tekton/results"),
        "inject \"true\": container `a` mounts /tekton/results itself; \
         mount it elsewhere than below /tekton",
    ),
    (
        &[],
        |pod| mount(pod, "//./tekton"),
        "inject \"true\": container `a` mounts //./tekton itself; \
         mount it elsewhere than below /tekton",
    ),
    (
        &[],
        |pod| mount(pod, "/own/../../tekton/run"),
        "inject \"true\": container `a` mounts /own/../../tekton/run itself; \
         mount it elsewhere than below /tekton",
    ),
    (
        &[],
        |pod| {
            let device = json!({ "name": "own", "devicePath": "/tekton/disk" });
            pod["spec"]["containers"][1]["volumeDevices"] = json!([device]);
        },
        "inject \"true\": container `b` mounts /tekton/disk itself; \
         mount it elsewhere than below /tekton",
    ),
    (
        &[],
        |pod| {
            pod["spec"]["containers"][0]["restartPolicy"] = json!("Never");
            pod["spec"]["containers"][0]["restartPolicyRules"] = json!([{ "action": "Restart" }]);
        },
        "inject \"true\": container `a` has restartPolicyRules; \
         take them away, since a step runs once",
    ),
    (
        &[("steps", "b")],
        |pod| pod["spec"]["containers"][0]["restartPolicyRules"] = restarts_all(),
        "inject \"true\": container `a` may restart the whole pod, and a step runs once; \
         take its rule with RestartAllContainers away",
    ),
    (
        &[],
        |pod| {
            let container = json!({ "name": "db", "restartPolicyRules": restarts_all() });
            pod["spec"]["initContainers"] = json!([container]);
        },
        "inject \"true\": container `db` may restart the whole pod, and a step runs once; \
         take its rule with RestartAllContainers away",
    ),
    (
        &[],
        |pod| pod["spec"]["volumes"] = json!([{ "name": "holdpoint-run-1" }]),
        "inject \"true\": the pod has a volume `holdpoint-run-1` of its own; \
         give it another name",
    ),
    (
        &[],
        |pod| pod["spec"]["initContainers"] = json!([{ "name": "holdpoint-prepare" }]),
        "inject \"true\": the pod has a container `holdpoint-prepare` of its own; \
         give it another name",
    ),
    (
        &[("steps", "b")],
        |pod| pod["spec"]["containers"][0]["name"] = json!("holdpoint-prepare"),
        "inject \"true\": the pod has a container `holdpoint-prepare` of its own; \
         give it another name",
    ),
    (
        &[],
        |pod| pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/os": "windows" }),
        "inject \"true\": the pod is not one for Linux; take the annotation away",
    ),
    (
        &[],
        |pod| pod["spec"]["containers"] = json!([]),
        "inject \"true\": the pod has no container; give it some to be steps",
    ),
    (
        &[],
        |pod| add_containers(pod, 99),
        "inject \"true\": the pod would have 101 steps, and it can have 100; \
         name those that are to be steps in holdpoint.dev/steps",
    ),
];

#[test]
fn each_refusal_says_what_to_do() {
    for (annotations, change, sentence) in CASES {
        let mut pod = asking(annotations, &["a", "b"]);
        change(&mut pod);
        let refused = Injection::Refused(format!("holdpoint.dev/{sentence}"));
        assert_eq!(inject(&pod, &settings()), refused);
        // Nobody prepares where the image is a volume.
        let is_refused = inject(&pod, &image_volume()) == refused;
        assert_eq!(is_refused, !sentence.contains("holdpoint-prepare"), "{sentence}");
    }
}

fn as_it_is(_: &mut Value) {}

fn restarts_all() -> Value {
    json!([{ "action": "RestartAllContainers", "exitCodes": { "operator": "In", "values": [1] } }])
}

/// Adds so many containers that differ in their names alone.
fn add_containers(pod: &mut Value, count: usize) {
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    let like = containers[0].clone();
    for number in 0..count {
        containers.push(like.clone());
        containers.last_mut().unwrap()["name"] = json!(format!("more-{number}"));
    }
}

/// Each step sees the folders of all, but what is made of a pod must be one that a cluster can keep.
#[test]
fn a_pod_has_a_hundred_steps_at_most() {
    let mut pod = asking(&[], &["a", "b"]);
    add_containers(&mut pod, 98);
    assert!(matches!(inject(&pod, &settings()), Injection::Injected { .. }));
    // Beside them there may be any number of containers that are no steps.
    let mut pod = asking(&[("steps", "b")], &["a", "b"]);
    add_containers(&mut pod, 200);
    assert!(matches!(inject(&pod, &settings()), Injection::Injected { .. }));
}

fn mount(pod: &mut Value, path: &str) {
    pod["spec"]["containers"][0]["volumeMounts"] = json!([{ "name": "own", "mountPath": path }]);
}

#[test]
fn containers_that_are_no_steps_may_be_anything() {
    let mut pod = asking(&[("steps", "b")], &["a", "b"]);
    pod["spec"]["containers"][0]["command"] = Value::Null;
    mount(&mut pod, "/tekton/results");
    pod["spec"]["containers"][0]["restartPolicyRules"] = json!([{ "action": "Restart" }]);
    assert!(matches!(inject(&pod, &settings()), Injection::Injected { .. }));
}
