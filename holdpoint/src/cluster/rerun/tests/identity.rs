//! The name of the new run, and what is written on it.

use super::*;

fn named(name: &str) -> Value {
    let mut run = failed_tasks(json!([{ "name": "a" }, { "name": "b" }]));
    run["metadata"]["name"] = json!(name);
    run
}

/// The run as the cluster would have it after `rerun` failed too.
fn failed_again(rerun: &Rerun, uid: &str) -> Value {
    let mut run = rerun.object.clone();
    run["metadata"]["uid"] = json!(uid);
    run["status"] = json!({ "conditions": [condition("False", "Failed")] });
    run
}

#[test]
fn a_retry_of_a_retry_counts_on_and_knows_the_first() {
    let pipeline = json!({
        "tasks": [{ "name": "a" }, { "name": "b" }, { "name": "c" }],
        "results": [
            { "name": "x", "value": "$(tasks.a.results.x)" },
            { "name": "y", "value": "$(tasks.b.results.y)" },
        ],
    });
    let first = failed(json!({ "pipelineSpec": pipeline }));
    let second = retried(&first, &[good("a", json!({ "x": "1" })), bad("b")]);
    let mut b = good("b", json!({ "y": "2" }));
    b["metadata"]["ownerReferences"][0]["uid"] = json!("second");
    let third = retried(&failed_again(&second, "second"), &[b]);
    let fourth = retried(&failed_again(&third, "third"), &[]);
    let metadata = |name: &str, of: &str, attempt: &str, kept: &str, results: &str| {
        let marks = json!({ RETRY_OF: of, ORIGIN: "ci", ATTEMPT: attempt });
        let mut annotations = marks.clone();
        annotations[KEPT] = json!(kept);
        annotations[KEPT_RESULTS] = json!(results);
        json!({ "name": name, "namespace": "default", "labels": marks, "annotations": annotations })
    };
    let both = r#"{"x":"1","y":"2"}"#;
    let expected = [
        metadata("ci-retry-1", "ci", "2", "a", r#"{"x":"1"}"#),
        metadata("ci-retry-2", "ci-retry-1", "3", "a,b", both),
        metadata("ci-retry-3", "ci-retry-2", "4", "a,b", both),
    ];
    assert_eq!([second, third, fourth].map(|it| it.object["metadata"].clone()), expected);
}

#[test]
fn only_what_people_wrote_is_carried_over() {
    let mut run = named("ci");
    run["metadata"] = json!({
        "name": "ci",
        "generateName": "ci-",
        "namespace": "team",
        "uid": UID,
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-11-21T06:12:52Z",
        "managedFields": [{}],
        "finalizers": ["chains.tekton.dev"],
        "ownerReferences": [{ "kind": "EventListener" }],
        "labels": { "commit": "c0ffee", "tekton.dev/pipeline": "p", "triggers.tekton.dev/trigger": "t" },
        "annotations": {
            "team.dev/note": "n",
            "chains.tekton.dev/signed": "true",
            "results.tekton.dev/record": "r",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "holdpoint.dev/breakpoint": "on-failure",
            "holdpoint.dev/cancel": "superseded",
            "holdpoint.dev/pause": "",
        },
    });
    let rerun = retried(&run, &[]);
    let marks = json!({ RETRY_OF: "ci", ORIGIN: "ci", ATTEMPT: "2" });
    let with = |own: Value| {
        let mut all = marks.clone();
        all.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        all
    };
    let expected = json!({
        "name": "ci-retry-1",
        "namespace": "team",
        "labels": with(json!({ "commit": "c0ffee" })),
        "annotations": with(json!({ "team.dev/note": "n", "holdpoint.dev/breakpoint": "on-failure" })),
    });
    assert_eq!(rerun.object["metadata"], expected);
    assert!(rerun.object.get("status").is_none());
}

#[test]
fn a_long_name_is_cut_and_kept_apart_from_others() {
    let name =
        |origin: &str| text(&retried(&named(origin), &[]).object, "/metadata/name").to_owned();
    let fits = "a".repeat(55);
    assert_eq!(name(&fits), format!("{fits}-retry-1"));
    let long = "a".repeat(56);
    assert_eq!(name(&long), format!("{}-b538d6da-retry-1", "a".repeat(46)));
    let dashed = format!("{}-.-{}", "a".repeat(44), "b".repeat(16));
    assert_eq!(name(&dashed), format!("{}-b538d6da-retry-1", "a".repeat(44)));
    let longest = retried(&named(&"a".repeat(100)), &[]);
    assert_eq!(text(&longest.object, "/metadata/name").len(), 63);
    let metadata = &longest.object["metadata"];
    assert_eq!(metadata["labels"][ORIGIN], "a".repeat(63));
    assert_eq!(metadata["annotations"][ORIGIN], "a".repeat(100));
}
