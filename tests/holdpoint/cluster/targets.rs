//! Which pods a target means.

use serde_json::json;

use super::setting::{STEPS, Setting, labelled, pod};

const ON_FAILURE: [(&str, &str); 1] = [("breakpoint", "on-failure")];

fn held(setting: &Setting, name: &str, label: (&str, &str)) {
    setting.run(labelled(pod(name, &ON_FAILURE, &STEPS), label.0, label.1));
    setting.reaches(name, 0, "held-failed");
}

#[test]
fn runs_are_found_by_the_labels_of_their_pods() {
    for (label, target) in [
        ("tekton.dev/taskRun", "tr/x"),
        ("tekton.dev/pipelineRun", "pipelineruns/x"),
        ("batch.kubernetes.io/job-name", "job/x"),
        ("job-name", "job/x"),
    ] {
        let setting = Setting::new();
        held(&setting, "one", (label, "x"));
        held(&setting, "two", (label, "y"));
        setting.ask(&["continue", target]).ended_with(0);
        assert_eq!(setting.codes("one"), [0, 0], "{target}");
        assert_eq!(setting.state("two", 0).unwrap()["phase"], "held-failed");
    }
}

#[test]
fn a_task_run_without_a_label_names_its_pod() {
    let setting = Setting::held();
    setting.api.put(json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": "x", "namespace": "default"},
        "status": {"podName": "one"},
    }));
    setting.type_in("continue tr/x").ended_with(0);
    assert_eq!(setting.codes("one"), [0, 0]);
}

#[test]
fn several_held_pods_are_told_and_all_live_ones_are_marked() {
    let setting = Setting::new();
    for name in ["one", "two"] {
        held(&setting, name, ("job-name", "x"));
    }
    let told = setting.type_in("retry job/x").ended_with(3);
    assert!(
        told.starts_with("rejected: several steps are held (pod/one build: held-failed"),
        "{told}"
    );
    assert!(told.contains("; pod/two build: held-failed"), "{told}");
    let json = setting.type_in("retry job/x -o json").json();
    let rows = json.as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| (&row["pod"], &row["outcome"])).collect();
    assert_eq!(rows, [(&"one".into(), &"rejected".into()), (&"two".into(), &"rejected".into())]);
    let told = setting.type_in("stop job/x --finally").ended_with(0);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("pod/one: accepted: "), "{told}");
    assert!(lines[1].starts_with("pod/two: accepted: "), "{told}");
    assert_eq!((setting.codes("one"), setting.codes("two")), (vec![7, 1], vec![7, 1]));
}

#[test]
fn the_worst_of_several_codes_counts() {
    let setting = Setting::new();
    for name in ["one", "two"] {
        held(&setting, name, ("job-name", "x"));
    }
    let forbidden = holdpoint_tests::Fault::forbidden();
    setting.api.fault("GET", "pods/two/exec", forbidden);
    let told = setting.type_in("stop job/x").ended_with(4);
    assert!(
        told.contains("pod/one: accepted: ") && told.contains("pod/two: unanswered: "),
        "{told}"
    );
    setting.api.heal();
    setting.type_in("stop job/x").ended_with(0);
}

#[test]
fn the_latest_is_the_newest_live_run() {
    let setting = Setting::new();
    for (name, second) in [("old", 1), ("new", 2), ("over", 3)] {
        let annotations = if name == "over" { &[][..] } else { &ON_FAILURE };
        let mut pod = labelled(pod(name, annotations, &STEPS), "app", "a");
        pod["metadata"]["creationTimestamp"] = json!(format!("2026-11-21T10:00:0{second}Z"));
        setting.run(pod);
    }
    setting.codes("over");
    for name in ["old", "new"] {
        setting.reaches(name, 0, "held-failed");
    }
    let told = setting.type_in("continue @latest -A").ended_with(0);
    assert!(told.starts_with("pod/new build: accepted: "), "{told}");
    setting.codes("new");
    let told = setting.type_in("continue @latest -l app=a").ended_with(0);
    assert!(told.starts_with("pod/old build: accepted: "), "{told}");
    setting.codes("old");
    let none = setting.type_in("continue @latest");
    assert!(
        none.stderr.contains("@latest: no live run with steps in namespace default"),
        "{none:?}"
    );
    assert_eq!(none.code, Some(4));
}

#[test]
fn a_selector_takes_all_of_a_kind() {
    let setting = Setting::new();
    for name in ["one", "two"] {
        held(&setting, name, ("commit", "c1"));
    }
    held(&setting, "three", ("commit", "c2"));
    setting.type_in("abort pods -l commit=c1").ended_with(0);
    assert_eq!((setting.codes("one"), setting.codes("two")), (vec![7, 1], vec![7, 1]));
    assert_eq!(setting.state("three", 0).unwrap()["phase"], "held-failed");
    let none = setting.type_in("abort pods -l commit=c3");
    assert!(
        none.stderr.contains("no pod with commit=c3 in namespace default has a pod"),
        "{none:?}"
    );
    setting.type_in("fail pod/three").ended_with(0);
}

#[test]
fn runs_are_selected_by_their_own_labels() {
    let setting = Setting::new();
    held(&setting, "one", ("tekton.dev/taskRun", "x"));
    setting.api.put(json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": "x", "namespace": "default", "labels": {"commit": "c1"}},
    }));
    setting.type_in("abort tr -l commit=c1").ended_with(0);
    assert_eq!(setting.codes("one"), [7, 1]);
}

#[test]
fn what_is_not_there_is_told() {
    let setting = Setting::new();
    setting.api.put(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", "namespace": "default"},
        "spec": {"containers": [{"name": "a", "command": ["sleep"]}]},
    }));
    setting.api.put(json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "young", "namespace": "default"},
    }));
    for (line, problem) in [
        ("retry pod/none", "cannot read pod/none in namespace default: pods \"none\" not found"),
        ("retry tr/none -n ci", "cannot read taskrun/none in namespace ci: taskruns.tekton.dev"),
        ("retry pod/plain", "pod/plain: no container of it runs the step entrypoint"),
        (
            "retry pr/young",
            "pipelinerun/young has no pod yet; `kubectl describe pipelinerun/young -n default`",
        ),
    ] {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(4), "{told:?}");
        assert!(told.stderr.contains(problem), "{line}: {told:?}");
    }
}

#[test]
fn nothing_given_never_means_everything() {
    let setting = Setting::held();
    for (flag, value, way_out) in [
        ("-l", "", "it would take every object: give LABELS, as in app=x"),
        ("-l", " , ", "it would take every object: give LABELS, as in app=x"),
        ("-n", " ", "give a name, leave -n out for that of the context, or look in all with -A"),
    ] {
        let told = setting.ask(&["cancel-run", "pods", flag, value]);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains(way_out), "{told:?}");
    }
    assert!(setting.api.requests().iter().all(|request| !request.path.ends_with("/exec")));
}
