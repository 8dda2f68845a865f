//! Whole runs of which a part does not heed what is asked, or which others change meanwhile.

use std::thread;
use std::time::Duration;

use holdpoint_tests::{Fault, eventually};
use serde_json::json;

use super::runs::{ended, held, patches, run_path, running};
use super::setting::{NAMESPACE, Setting, labelled};

/// A pod of `pr/x` whose one container is not injected.
fn plain(setting: &Setting) {
    let plain = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "plain", "namespace": NAMESPACE },
        "spec": { "containers": [{ "name": "a", "command": ["sleep"] }] },
        "status": { "phase": "Running" },
    });
    setting.api.put(labelled(plain, "tekton.dev/pipelineRun", "x"));
}

#[test]
fn pods_that_do_not_heed_it_are_named() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    plain(&setting);
    for verb in ["pause", "abort"] {
        let told = setting.ask(&[verb, "pr/x"]).ended_with(3);
        let run = format!("pipelinerun/x: rejected: not {verb}: no pod that runs heeds it\n");
        let pod =
            format!("pod/plain: rejected: not {verb}: no container of it runs the step entrypoint");
        assert!(told.starts_with(&run) && told.contains(&pod), "{told}");
    }
    let told = setting.ask(&["resume", "pr/x"]).ended_with(0);
    assert!(!told.contains("pod/plain"), "{told}");

    let setting = held();
    plain(&setting);
    let told = setting.ask(&["pause", "pr/x"]).ended_with(0);
    assert!(
        told.contains("pod/one: accepted: ") && told.contains("pod/plain: rejected: "),
        "{told}"
    );
    let told = setting.ask(&["stop", "pr/x"]).ended_with(0);
    assert!(
        told.starts_with("pipelinerun/x: accepted: ") && told.contains("pod/plain: rejected: "),
        "{told}"
    );
}

#[test]
fn what_goes_wrong_with_a_task_run_does_not_keep_the_pods_from_being_told() {
    let setting = held();
    for name in ["gone", "closed"] {
        let task_run = labelled(running("TaskRun", name), "tekton.dev/pipelineRun", "x");
        setting.api.put(task_run);
    }
    let gone = Fault::Answer(404, "taskruns.tekton.dev \"gone\" not found".to_owned());
    setting.api.fault("PATCH", "/taskruns/gone", gone);
    setting.type_in("pause pr/x").ended_with(0);
    setting.type_in("resume pr/x").ended_with(0);
    setting.api.fault("PATCH", "/taskruns/closed", Fault::forbidden());
    let told = setting.type_in("pause pr/x").ended_with(4);
    assert!(told.contains("; cannot annotate taskrun/closed: forbidden"), "{told}");
    assert!(told.contains("\npod/one: accepted: "), "{told}");
    let told = setting.type_in("stop tr/closed --wait");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("since its pods alone are asked; --until finished"), "{told:?}");
}

/// Somebody else is quicker, between the look at the run and its patch.
#[test]
fn what_became_of_the_run_meanwhile_is_heeded() {
    for (change, line) in [
        (
            json!({ "spec": { "status": "Cancelled" } }),
            "rejected: not stop-finally: it is being ended already, and sooner (Cancelled)",
        ),
        (ended("True", "Succeeded"), "too-late: it has ended (Succeeded)"),
    ] {
        let (setting, path) = (held(), run_path("pipelineruns", "x"));
        let slow = Fault::Slow(Duration::from_secs(1));
        setting.api.fault_times(1, "PATCH", "/pipelineruns/x", slow);
        let told = thread::scope(|scope| {
            scope.spawn(|| {
                eventually("the run is to be changed", || {
                    (!patches(&setting).is_empty()).then_some(())
                });
                setting.api.merge(&path, change.clone());
            });
            setting.type_in("stop pr/x").ended_with(3)
        });
        assert_eq!(told, format!("pipelinerun/x: {line}\n"));
        assert_ne!(setting.api.get(&path).unwrap()["spec"]["status"], "StoppedRunFinally");
        assert_eq!(setting.executed(), Vec::<String>::new());
    }
}
