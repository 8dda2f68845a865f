//! What runs ends by step and not by task: who hears of an order first, and what is marked where the run
//! cannot be changed.

use std::thread;
use std::time::Duration;

use holdpoint_tests::{Fault, Request, eventually};
use serde_json::{Value, json};

use super::runs::{ended, held, patches, run_path, running};
use super::setting::{STEPS, Setting, labelled, pod};
use crate::runner::Running;

/// The requests that change something or rehearse that, a word each, in their order.
fn deeds(setting: &Setting) -> Vec<&'static str> {
    let deed = |it: Request| match it.method.as_str() {
        "PATCH" if it.asked("dryRun") == ["All"] => Some("rehearsed"),
        "PATCH" => Some("changed"),
        _ if it.path.ends_with("/exec") => Some("told"),
        _ => None,
    };
    setting.api.requests().into_iter().filter_map(deed).collect()
}

#[test]
fn pods_hear_of_it_before_tekton_ends_them() {
    for (line, expected) in [
        ("cancel pr/x", ["rehearsed", "told", "changed"].as_slice()),
        ("cancel-finally pr/x", &["rehearsed", "told", "changed"]),
        // Tekton lets what runs go on; what it has not begun must not begin once the step has ended.
        ("stop pr/x", &["changed", "told"]),
    ] {
        let setting = held();
        setting.type_in(line).ended_with(0);
        assert_eq!(deeds(&setting), expected, "{line}");
    }
    let setting = Setting::new();
    setting.api.put(running("TaskRun", "x"));
    let one = pod("one", &[("breakpoint", "on-failure")], &STEPS);
    setting.run(labelled(one, "tekton.dev/taskRun", "x"));
    setting.reaches("one", 0, "held-failed");
    setting.type_in("cancel tr/x").ended_with(0);
    assert_eq!(deeds(&setting), ["rehearsed", "told", "changed"]);
    let requests = setting.api.requests();
    let bodies: Vec<_> =
        requests.iter().filter(|it| it.method == "PATCH").map(|it| it.body.clone()).collect();
    assert_eq!(bodies[0], bodies[1], "what is rehearsed is what is done");
}

#[test]
fn a_pod_that_is_slow_to_hear_does_not_keep_the_run_from_ending() {
    let setting = held();
    setting.api.fault("GET", "/exec", Fault::Slow(Duration::from_secs(8)));
    let asked = Running::start(setting.command(&["cancel", "pr/x"]));
    eventually("the run is cancelled", || {
        let run = setting.api.get(&run_path("pipelineruns", "x"))?;
        (run["spec"]["status"] == "Cancelled").then_some(())
    });
    assert_eq!(setting.state("one", 0).unwrap()["phase"], "held-failed");
    let told = asked.finish().ended_with(0);
    assert!(told.contains("\npod/one: accepted: "), "{told}");
    assert_eq!(setting.codes("one"), [9, 9]);
}

#[test]
fn a_run_that_cannot_be_changed_has_no_pod_marked() {
    for code in [400, 403, 404, 409, 422] {
        let setting = held();
        setting.api.fault("PATCH", "/pipelineruns/x", Fault::Answer(code, "no".to_owned()));
        for verb in ["cancel", "cancel-finally", "stop"] {
            let told = setting.ask(&[verb, "pr/x"]).ended_with(4);
            assert!(told.starts_with("pipelinerun/x: unanswered: cannot set "), "{told}");
        }
        assert_eq!(setting.executed(), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn a_run_that_ends_during_the_rehearsal_is_too_late() {
    let (setting, path) = (held(), run_path("pipelineruns", "x"));
    setting.api.fault_times(1, "PATCH", "/pipelineruns/x", Fault::Slow(Duration::from_secs(1)));
    let told = thread::scope(|scope| {
        scope.spawn(|| {
            eventually("the change is rehearsed", || {
                (deeds(&setting) == ["rehearsed"]).then_some(())
            });
            setting.api.merge(&path, ended("True", "Succeeded"));
        });
        setting.type_in("cancel pr/x").ended_with(3)
    });
    assert_eq!(told, "pipelinerun/x: too-late: it has ended (Succeeded)\n");
    assert_eq!((setting.executed(), patches(&setting)), (vec![], vec![]));
}

/// Lets the rehearsal pass, and makes the change itself fail like this.
fn fail_the_change(setting: &Setting, fault: Fault) {
    setting.api.fault_times(1, "PATCH", "/pipelineruns/x", Fault::Slow(Duration::ZERO));
    setting.api.fault("PATCH", "/pipelineruns/x", fault);
}

#[test]
fn pods_that_were_told_of_what_failed_then_are_in_the_answer() {
    let setting = held();
    fail_the_change(&setting, Fault::forbidden());
    let told = setting.type_in("cancel pr/x").ended_with(4);
    let mut lines = told.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("pipelinerun/x: unanswered: cannot set spec.status"), "{told}");
    assert!(first.ends_with("; its pods had been told before"), "{told}");
    assert!(lines.next().unwrap().starts_with("pod/one: accepted: "), "{told}");
    assert_eq!(lines.next(), None, "{told}");
}

/// Changes the run once a pod of it is told.
fn once_told<T>(setting: &Setting, change: Value, ask: impl FnOnce() -> T) -> T {
    setting.api.fault_times(1, "GET", "/exec", Fault::Slow(Duration::from_millis(500)));
    thread::scope(|scope| {
        scope.spawn(|| {
            eventually("a pod is told", || deeds(setting).contains(&"told").then_some(()));
            setting.api.merge(&run_path("pipelineruns", "x"), change);
        });
        ask()
    })
}

#[test]
fn a_run_that_ends_while_its_pods_are_told_is_too_late() {
    let setting = held();
    let told = once_told(&setting, ended("True", "Completed"), || {
        setting.type_in("cancel pr/x").ended_with(3)
    });
    let first =
        "pipelinerun/x: too-late: it has ended (Completed); its pods had been told before\n";
    assert!(told.starts_with(first) && told.contains("\npod/one: accepted: "), "{told}");
    assert_eq!(setting.api.get(&run_path("pipelineruns", "x")).unwrap()["spec"], json!({}));
}

#[test]
fn a_run_that_changes_while_its_pods_are_told_is_read_again() {
    let setting = held();
    let note = json!({ "status": { "note": "a step has ended" } });
    let told = once_told(&setting, note, || setting.type_in("cancel pr/x").ended_with(0));
    assert!(told.starts_with("pipelinerun/x: accepted: what runs is ended"), "{told}");
    assert_eq!(
        setting.api.get(&run_path("pipelineruns", "x")).unwrap()["spec"]["status"],
        "Cancelled"
    );
    assert_eq!(deeds(&setting), ["rehearsed", "told", "changed", "changed"]);
}

#[test]
fn annotations_go_first_too() {
    let setting = held();
    let told = setting.type_in("cancel pr/x --by annotate").ended_with(0);
    assert!(told.contains("\npod/one: accepted: "), "{told}");
    assert_eq!(setting.codes("one"), [9, 9]);
    let paths: Vec<_> = patches(&setting).into_iter().map(|it| it.path).collect();
    assert!(paths[0].ends_with("/pods/one") && paths[1].ends_with("/pipelineruns/x"), "{paths:?}");
}

/// Whoever is told to end fails, and a run all of whose tasks have ended ends too.
#[test]
fn a_run_that_ends_by_what_its_pods_were_told_is_not_too_late() {
    for line in ["cancel pr/x", "cancel-finally pr/x", "cancel pr/x --wait"] {
        let setting = held();
        let failed = ended("False", "Failed");
        let told = once_told(&setting, failed, || setting.type_in(line).ended_with(0));
        assert!(told.starts_with("pipelinerun/x: accepted: what runs is ended, "), "{told}");
        assert!(told.contains("\npod/one: accepted: "), "{told}");
        let terminated = "\npipelinerun/x: terminated: it was running, and ended after ";
        assert_eq!(told.contains(terminated), line.ends_with("--wait"), "{told}");
        assert_eq!(setting.api.get(&run_path("pipelineruns", "x")).unwrap()["spec"], json!({}));
    }
}

#[test]
fn where_nothing_can_be_rehearsed_the_run_is_changed_first() {
    let setting = held();
    let refusal = "admission webhook \"old.example.com\" does not support dry run";
    let refusal = Fault::Answer(400, refusal.to_owned());
    setting.api.fault_times(1, "PATCH", "/pipelineruns/x", refusal);
    let told = setting.type_in("cancel pr/x").ended_with(0);
    assert!(told.starts_with("pipelinerun/x: accepted: what runs is ended"), "{told}");
    assert_eq!(deeds(&setting), ["rehearsed", "changed", "told"]);
    assert_eq!(setting.codes("one"), [9, 9]);
}
