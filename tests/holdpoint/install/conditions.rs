//! Whom the API server asks about: the conditions in CEL agree with what the shim does.

use controller_shim::{Delivery, Injection, Settings, inject};
use entrypoint::cel::{Evaluate as _, Standard};
use serde_json::{Value, json};

use super::object;

/// Who is asked about a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nobody,
    Asking,
    Tekton,
}

/// Whether all conditions hold for a pod. `object` is bound to it by a macro of plain CEL.
pub(super) fn hold(conditions: &Value, pod: &Value) -> bool {
    let holds = |condition: &Value| {
        let expression = condition["expression"].as_str().unwrap();
        let asked = format!("[{pod}].all(object, {expression})");
        Standard.evaluate(&asked).unwrap_or_else(|error| panic!("{error}: {pod:#}"))
    };
    // All are asked, so that none may fail.
    let each: Vec<_> = conditions.as_array().unwrap().iter().map(holds).collect();
    each.iter().all(|holds| *holds)
}

fn asked(configuration: &Value, pod: &Value) -> Asked {
    let webhooks = configuration["webhooks"].as_array().unwrap();
    let asked = webhooks.iter().map(|webhook| hold(&webhook["matchConditions"], pod));
    match *asked.collect::<Vec<_>>() {
        [false, false] => Asked::Nobody,
        [true, false] => Asked::Asking,
        [false, true] => Asked::Tekton,
        ref other => panic!("{other:?}: a pod is asked about once at most: {pod:#}"),
    }
}

pub(super) fn settings() -> Settings {
    Settings { image: "i:1".to_owned(), delivery: Delivery::InitContainer }
}

/// What the shim makes of a pod, in a word.
fn outcome(pod: &Value) -> &'static str {
    match inject(pod, &settings()) {
        Injection::Untouched { reason, .. } | Injection::Injected { reason, .. } => reason,
        Injection::Refused(_) => "refused",
    }
}

fn plain(annotations: Value) -> Value {
    json!({
        "metadata": { "name": "p", "annotations": annotations },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "a", "command": ["true"] }] },
    })
}

pub(super) fn of_tekton() -> Value {
    json!({
        "metadata": {
            "name": "p",
            "labels": { "tekton.dev/taskRun": "build" },
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "Other", "name": "x", "uid": "1" },
                { "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "build", "uid": "2",
                  "controller": true },
            ],
        },
        "spec": {
            "restartPolicy": "Never",
            "initContainers": [{
                "name": "prepare",
                "image": "tekton",
                "command": ["/ko-app/entrypoint", "init", "/ko-app/entrypoint",
                            "/tekton/bin/entrypoint", "step-a"],
            }],
            "containers": [{
                "name": "step-a",
                "command": ["/tekton/bin/entrypoint"],
                "args": ["-post_file", "/tekton/run/0/out", "-entrypoint", "true", "--"],
            }],
        },
    })
}

pub(super) type Change = fn(&mut Value);

/// Pods that are nearly Tekton's, and pods of Tekton's in all shapes.
const CHANGES: [(Change, Asked); 13] = [
    (|_| (), Asked::Tekton),
    (|pod| pod["metadata"]["labels"] = json!({ "a": "b" }), Asked::Nobody),
    (|pod| drop(pod["metadata"].as_object_mut().unwrap().remove("labels")), Asked::Nobody),
    (|pod| drop(pod["metadata"].as_object_mut().unwrap().remove("ownerReferences")), Asked::Nobody),
    (|pod| pod["metadata"]["ownerReferences"] = json!([]), Asked::Nobody),
    (|pod| pod["metadata"]["ownerReferences"][1]["controller"] = json!(false), Asked::Nobody),
    (|pod| pod["metadata"]["ownerReferences"][1]["kind"] = json!("PipelineRun"), Asked::Nobody),
    (|pod| pod["metadata"]["ownerReferences"][1]["apiVersion"] = json!("v1"), Asked::Nobody),
    (
        |pod| pod["metadata"]["ownerReferences"][1]["apiVersion"] = json!("tekton.dev/v2"),
        Asked::Tekton,
    ),
    (|pod| pod["metadata"]["annotations"] = json!({ "holdpoint.dev/inject": "no" }), Asked::Tekton),
    (
        |pod| pod["metadata"]["annotations"] = json!({ "holdpoint.dev/inject": "true" }),
        Asked::Tekton,
    ),
    (
        |pod| pod["metadata"]["annotations"] = json!({ "holdpoint.dev/inject": "false" }),
        Asked::Nobody,
    ),
    (
        |pod| {
            pod["metadata"]["annotations"] = json!({ "holdpoint.dev/inject": "true" });
            pod["metadata"]["ownerReferences"][1]["kind"] = json!("PipelineRun");
        },
        Asked::Asking,
    ),
];

#[test]
fn whoever_would_be_changed_is_asked_about() {
    let configuration = object(&[], "MutatingWebhookConfiguration");
    for (number, (change, wanted)) in CHANGES.iter().enumerate() {
        let mut pod = of_tekton();
        change(&mut pod);
        assert_eq!(asked(&configuration, &pod), *wanted, "{number}: {pod:#}");
        let unasked = ["not-asked", "declined"].contains(&outcome(&pod));
        assert_eq!(unasked, *wanted == Asked::Nobody, "{number}: {pod:#}");
    }
    for (annotations, wanted) in [
        (json!({}), Asked::Nobody),
        (json!({ "holdpoint.dev/breakpoint": "on-failure" }), Asked::Nobody),
        (json!({ "holdpoint.dev/inject": "false" }), Asked::Nobody),
        (json!({ "holdpoint.dev/inject": "true" }), Asked::Asking),
        (json!({ "holdpoint.dev/inject": "maybe" }), Asked::Asking),
    ] {
        assert_eq!(asked(&configuration, &plain(annotations.clone())), wanted, "{annotations}");
    }
    let bare = json!({ "metadata": { "name": "p" }, "spec": { "containers": [] } });
    assert_eq!(asked(&configuration, &bare), Asked::Nobody);
}

#[test]
fn pods_of_a_cluster_are_told_apart() {
    let configuration = object(&[], "MutatingWebhookConfiguration");
    for (name, wanted) in [
        ("bystander", Asked::Nobody),
        ("commands", Asked::Tekton),
        ("debug", Asked::Tekton),
        ("nocommand", Asked::Asking),
        ("plain", Asked::Asking),
        ("scripts", Asked::Tekton),
        ("sidecar", Asked::Tekton),
    ] {
        let Some(pod) = fixture(name) else { return };
        assert_eq!(asked(&configuration, &pod), wanted, "{name}");
    }
}

/// The pod of a review, less who has set which of its fields.
pub(super) fn fixture(name: &str) -> Option<Value> {
    let mut pod = holdpoint_tests::fixtures::review(name)?["request"]["object"].take();
    pod["metadata"].as_object_mut().unwrap().remove("managedFields");
    Some(pod)
}

#[test]
fn nobody_who_did_not_ask_waits_for_the_webhook() {
    let configuration = object(&["--namespace", "ci"], "MutatingWebhookConfiguration");
    let webhooks = configuration["webhooks"].as_array().unwrap();
    let field = |name: &str| webhooks.iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("failurePolicy"), [json!("Fail"), json!("Ignore")]);
    for selector in field("namespaceSelector") {
        let excluded = json!({
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": ["kube-system", "ci"],
        });
        assert_eq!(selector, json!({ "matchExpressions": [excluded] }));
    }
}
