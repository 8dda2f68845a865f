//! Pods that Tekton's controller made.

use controller_shim::{Injection, inject};
use serde_json::{Value, json};

use crate::pods::{annotate, args, fixture_pod, injected, of_tekton, settings};

type Change = fn(&mut Value);

fn left(pod: &Value) -> (&'static str, Vec<String>) {
    match inject(pod, &settings()) {
        Injection::Untouched { reason, warnings } => (reason, warnings),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pod_is_tektons_by_label_and_owner_together() {
    let changes: [Change; 5] = [
        |pod| pod["metadata"]["labels"] = json!({}),
        |pod| pod["metadata"]["ownerReferences"] = json!([]),
        |pod| pod["metadata"]["ownerReferences"][0]["kind"] = json!("Job"),
        |pod| pod["metadata"]["ownerReferences"][0]["apiVersion"] = json!("batch/v1"),
        |pod| pod["metadata"]["ownerReferences"][0]["controller"] = json!(false),
    ];
    for change in changes {
        let mut pod = of_tekton(&[], &["one"]);
        injected(&pod);
        change(&mut pod);
        assert_eq!(left(&pod), ("not-asked", vec![]));
    }
}

#[test]
fn what_is_not_known_stays_with_tekton() {
    let changes: [(Change, &str); 8] = [
        (
            |pod| pod["spec"]["initContainers"] = json!([]),
            "there is no init container that places the entrypoint",
        ),
        (
            |pod| pod["spec"]["initContainers"][0]["name"] = json!("other"),
            "there is no init container that places the entrypoint",
        ),
        (
            |pod| pod["spec"]["initContainers"][0]["command"][0] = json!("/entrypoint"),
            "there is no init container that places the entrypoint",
        ),
        (
            |pod| pod["spec"]["containers"][0]["command"] = json!(["/other"]),
            "no container runs the entrypoint",
        ),
        (
            |pod| pod["spec"]["containers"][0]["args"] = json!(["-post_file", "p", "-newer"]),
            "step-one: flag provided but not defined: -newer",
        ),
        (
            |pod| {
                pod["spec"]["containers"][0]["args"] = json!(["-post_file", "p", "-enable_spire"])
            },
            "step-one: -enable_spire is not supported",
        ),
        (
            |pod| {
                pod["spec"]["volumes"][0] =
                    json!({ "name": "tekton-internal-downward", "emptyDir": {} })
            },
            "/tekton/downward shows `tekton-internal-downward`, which is no downwardAPI volume",
        ),
        (
            |pod| pod["spec"]["volumes"][1] = json!({ "name": "holdpoint-debug-scripts" }),
            "there is a volume `holdpoint-debug-scripts` already",
        ),
    ];
    for (change, problem) in changes {
        let mut pod = of_tekton(&[], &["one"]);
        pod["spec"]["volumes"].as_array_mut().unwrap().push(json!({ "name": "other" }));
        change(&mut pod);
        let told = format!("holdpoint: {problem}; the pod keeps Tekton's own entrypoint");
        assert_eq!(left(&pod), ("unknown-layout", vec![told]));
    }
    let mut windows = of_tekton(&[], &["one"]);
    windows["spec"]["os"] = json!({ "name": "windows" });
    assert_eq!(left(&windows), ("not-linux", vec![]));
}

#[test]
fn a_mistake_is_a_warning_and_the_pod_stays_as_it_is() {
    let cases = [
        (("inject", "maybe"), r#"inject "maybe": it is no truth value; give true or false"#),
        (
            ("breakpoint", "after:two"),
            r#"breakpoint "after:two": there is no step `two`; the steps are one"#,
        ),
        (
            ("step-timeout", "one=1"),
            "step-timeout \"one=1\": time: missing unit in duration \"1\"; \
             give STEP=VALUE once a step, as in \"build=10m\"",
        ),
    ];
    for (annotation, mistake) in cases {
        let told = format!("holdpoint.dev/{mistake}; the pod keeps Tekton's own entrypoint");
        assert_eq!(left(&of_tekton(&[annotation], &["one"])), ("bad-annotation", vec![told]));
    }
    assert_eq!(left(&of_tekton(&[("inject", "false")], &["one"])), ("declined", vec![]));
}

#[test]
fn the_annotations_of_a_pipeline_may_name_steps_of_other_tasks() {
    let annotations = [("breakpoint", "before:deploy,after:one"), ("finally", "report")];
    let mut pod = of_tekton(&annotations, &["one"]);
    assert_eq!(left(&pod).0, "bad-annotation");
    pod["metadata"]["labels"]["tekton.dev/pipelineRun"] = json!("release");
    let (pod, warnings) = injected(&pod);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(args(&pod, 0)[..2], ["-debug_after_step", "-post_file"]);
}

#[test]
fn annotations_without_effect_are_told() {
    let (_, warnings) = injected(&of_tekton(&[("steps", "one"), ("finaly", "one")], &["one"]));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("holdpoint.dev/finaly is not known"), "{warnings:?}");
    assert!(warnings[1].starts_with("holdpoint.dev/steps has no effect"), "{warnings:?}");
}

#[test]
fn what_is_written_on_a_run_that_retries_another_asks_for_nothing() {
    let records = [("retry-of", "ci"), ("origin", "ci"), ("attempt", "2"), ("kept", "build")];
    let (_, warnings) = injected(&of_tekton(&records, &["one"]));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn our_flags_come_first_so_that_tektons_win() {
    let annotations =
        [("on-error", "one=continue"), ("breakpoint", "on-failure"), ("finally", "two")];
    let mut before = of_tekton(&annotations, &["one", "two"]);
    let tektons = ["-on_error", "stopAndFail", "-breakpoint_on_failure", "-post_file", "p", "--"];
    before["spec"]["containers"][0]["args"] = json!(tektons);
    let (pod, _) = injected(&before);
    assert_eq!(args(&pod, 0), [&["-on_error", "continue"], &tektons[..]].concat());
    let words: Vec<_> = args(&pod, 0).into_iter().map(Into::into).collect();
    assert_eq!(entrypoint::args::parse(&words).unwrap().on_error, "stopAndFail");
    assert_eq!(args(&pod, 1)[..2], ["-finally", "-breakpoint_on_failure"]);
    assert_eq!(args(&pod, 1)[2..], args(&before, 1));
}

#[test]
fn the_scripts_are_placed_by_prepare() {
    for list in ["command", "args"] {
        let mut before = of_tekton(&[], &["one"]);
        let prepare = &mut before["spec"]["initContainers"][0];
        let mut words = prepare["command"].as_array().unwrap().clone();
        let rest = words.split_off(if list == "args" { 1 } else { words.len() });
        prepare["command"] = json!(words);
        prepare["args"] = json!(rest);
        let (pod, _) = injected(&before);
        let prepare = &pod["spec"]["initContainers"][0];
        let words: Vec<&Value> =
            ["command", "args"].iter().flat_map(|list| prepare[list].as_array().unwrap()).collect();
        let placed = ["/ko-app/entrypoint", "init", "-debug_scripts", "/tekton/debug/scripts"];
        let kept = ["/ko-app/entrypoint", "/tekton/bin/entrypoint", "step-one"];
        assert_eq!(json!(words), json!([&placed[..], &kept[..]].concat()));
        assert_eq!(prepare["image"], settings().image);
    }
}

#[test]
fn where_tekton_debugs_our_scripts_come_after_its_own() {
    let mut before = of_tekton(&[], &["one", "two"]);
    before["spec"]["initContainers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "place-scripts" }));
    for step in before["spec"]["containers"].as_array_mut().unwrap() {
        let mount =
            json!({ "name": "tektons", "mountPath": "/tekton/debug/scripts", "readOnly": true });
        step["volumeMounts"].as_array_mut().unwrap().push(mount);
    }
    let (pod, _) = injected(&before);
    let containers = pod["spec"]["initContainers"].as_array().unwrap();
    assert_eq!(containers[0]["command"], before["spec"]["initContainers"][0]["command"]);
    assert_eq!(containers[2]["name"], "holdpoint-place-scripts");
    assert_eq!(
        containers[2]["volumeMounts"],
        json!([{ "name": "tektons", "mountPath": "/tekton/debug/scripts" }])
    );
    let scripts: Vec<_> = pod["spec"]["containers"][0]["volumeMounts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|mount| mount["mountPath"] == "/tekton/debug/scripts")
        .collect();
    assert_eq!(scripts.len(), 1);
    assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1);
}

#[test]
fn tektons_own_cancel_stays() {
    let mut before = of_tekton(&[], &["one"]);
    let items = before["spec"]["volumes"][0]["downwardAPI"]["items"].as_array_mut().unwrap();
    items.push(json!({ "path": "cancel", "fieldRef": { "fieldPath": "metadata.annotations['tekton.dev/cancel']" } }));
    let (pod, _) = injected(&before);
    let items = pod["spec"]["volumes"][0]["downwardAPI"]["items"].as_array().unwrap();
    let paths: Vec<_> = items.iter().map(|item| item["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        ["ready", "cancel", "breakpoint", "pause", "stop-finally", "cancel-finally", "abort"]
    );
    assert_eq!(items[1]["fieldRef"]["fieldPath"], "metadata.annotations['tekton.dev/cancel']");
}

#[test]
fn without_a_downward_volume_there_is_one_of_ours() {
    let mut before = of_tekton(&[], &["one", "two"]);
    before["spec"]["containers"][0]["volumeMounts"] = json!([]);
    let (pod, _) = injected(&before);
    for step in 0..2 {
        let mount = &pod["spec"]["containers"][step]["volumeMounts"][0];
        let wanted = json!({ "name": "holdpoint-downward", "mountPath": "/tekton/downward", "readOnly": true });
        assert_eq!(*mount, wanted);
    }
}

#[test]
fn a_probe_comes_with_breakpoints_alone() {
    let has_probe = |pod: &Value| {
        let containers = pod["spec"]["containers"].as_array().unwrap();
        containers.iter().map(|it| it["readinessProbe"].is_object()).collect::<Vec<_>>()
    };
    let mut pod = of_tekton(&[], &["one", "two"]);
    assert_eq!(has_probe(&injected(&pod).0), [false, false]);
    for flag in ["-breakpoint_on_failure", "-debug_before_step"] {
        let mut debugged = pod.clone();
        debugged["spec"]["containers"][1]["args"].as_array_mut().unwrap().insert(0, json!(flag));
        assert_eq!(has_probe(&injected(&debugged).0), [true, true], "{flag}");
    }
    annotate(&mut pod, &[("breakpoint", "after:one")]);
    assert_eq!(has_probe(&injected(&pod).0), [true, true]);
}

#[test]
fn a_sidecar_stays_as_it_is() {
    let Some(before) = fixture_pod("sidecar") else { return };
    let (pod, _) = injected(&before);
    let (before, after) = (&before["spec"]["containers"], &pod["spec"]["containers"]);
    assert_eq!(before[2]["name"], "sidecar-server");
    assert_eq!(before[2], after[2]);
    assert_eq!(before.as_array().unwrap().len(), after.as_array().unwrap().len());
}
