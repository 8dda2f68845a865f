//! A PipelineRun that failed is retried by a new one.

use holdpoint_tests::{Fault, fixture};
use serde_json::{Value, json};

use super::runs::{ended, run_path, running};
use super::setting::{NAMESPACE, STEPS, Setting, labelled, pod};
use crate::terminal::Terminal;

const RETRIED: &str =
    include_str!("../../../holdpoint/src/cluster/rerun/tests/pipelinerun-failed-retry.json");

/// The run of the fixtures that failed; none where they are not there.
pub(super) fn failed() -> Option<Setting> {
    let (run, task_runs) = (
        fixture("cluster/pipelinerun-failed.json")?,
        fixture("cluster/taskruns-of-pipelinerun-failed.json")?,
    );
    let setting = Setting::new();
    setting.api.put(run);
    for task_run in task_runs["items"].as_array().unwrap() {
        setting.api.put(task_run.clone());
    }
    Some(setting)
}

fn new(setting: &Setting, name: &str) -> Option<Value> {
    setting.api.get(&run_path("pipelineruns", name))
}

#[test]
fn the_run_of_a_real_cluster_is_retried() {
    let Some(setting) = failed() else { return };
    let told = setting.type_in("retry pr/fx-pipeline").ended_with(0);
    let expected = "\
pipelinerun/fx-pipeline-retry-1: created: attempt 2 of fx-pipeline
TASK    RUNS   WHY
build   no     it is done
test    again  it failed
deploy  again  it never began
notify  again  it is a finally task
next: holdpoint attach pipelinerun/fx-pipeline-retry-1 -n default
";
    assert_eq!(told, expected);
    let expected: Value = serde_json::from_str(RETRIED).unwrap();
    let posts = setting.api.requests().into_iter().filter(|it| it.method == "POST");
    assert_eq!(posts.map(|it| it.body).collect::<Vec<_>>(), [expected]);

    let told = setting.type_in("retry pr/fx-pipeline").ended_with(3);
    let why = "it was retried before, as pipelinerun/fx-pipeline-retry-1: retry that one, with \
               `holdpoint retry pr/fx-pipeline-retry-1 -n default`";
    assert_eq!(told, format!("pipelinerun/fx-pipeline: rejected: {why}\n"));
}

#[test]
fn a_dry_run_shows_the_object_and_makes_none() {
    let Some(setting) = failed() else { return };
    let expected: Value = serde_json::from_str(RETRIED).unwrap();
    let json = setting.type_in("retry pr/fx-pipeline --dry-run -o json");
    assert_eq!(json.json(), expected);
    let yaml = setting.type_in("retry pr/fx-pipeline --dry-run -o yaml").ended_with(0);
    assert!(yaml.starts_with("apiVersion: tekton.dev/v1\nkind: PipelineRun\n"), "{yaml}");
    assert!(
        yaml.contains("\n      params:\n      - name: i\n        value: img@sha256:1\n"),
        "{yaml}"
    );
    assert_eq!(setting.type_in("retry pr/fx-pipeline --dry-run").ended_with(0), yaml);
    assert!(setting.api.requests().iter().all(|it| it.method == "GET"));
}

#[test]
fn an_answer_is_json_where_a_program_asks() {
    let Some(setting) = failed() else { return };
    let json = setting.type_in("retry pr/fx-pipeline -o json").json();
    let expected = json!({
        "namespace": "default",
        "run": "pipelinerun/fx-pipeline-retry-1",
        "verb": "retry",
        "outcome": "created",
        "message": "attempt 2 of fx-pipeline",
        "kept": ["build"],
        "again": [
            { "task": "test", "why": "it failed" },
            { "task": "deploy", "why": "it never began" },
            { "task": "notify", "why": "it is a finally task" },
        ],
        "losses": [],
        "notes": [],
    });
    assert_eq!(json, expected);
    let refused = setting.type_in("retry pr/fx-pipeline -o json");
    assert_eq!((refused.code, &refused.json()["outcome"]), (Some(3), &json!("rejected")));
}

#[test]
fn the_name_of_the_new_run_can_be_had_alone() {
    let Some(setting) = failed() else { return };
    let name = "pipelinerun/fx-pipeline-retry-1\n";
    assert_eq!(setting.type_in("retry pr/fx-pipeline --dry-run -o name").ended_with(0), name);
    assert_eq!(setting.type_in("retry pr/fx-pipeline -o name").ended_with(0), name);
    let again = setting.type_in("retry pr/fx-pipeline -o name");
    assert_eq!((again.code, again.stdout.as_str()), (Some(3), ""), "{again:?}");
    assert!(again.stderr.contains("rejected: it was retried before"), "{again:?}");
    let Some(setting) = failed() else { return };
    let late = setting.type_in("retry pr/fx-pipeline -o name --timeout 1ms");
    assert_eq!((late.code, late.stdout.as_str()), (Some(5), name), "{late:?}");
    assert!(late.stderr.contains("timed-out: it has not ended yet"), "{late:?}");
}

/// The end of the new run is told by its exit code.
#[test]
fn the_new_run_is_waited_for() {
    for (status, reason, code) in [("True", "Succeeded", 0), ("False", "Failed", 1)] {
        let Some(setting) = failed() else { return };
        let path = run_path("pipelineruns", "fx-pipeline-retry-1");
        let told = std::thread::scope(|scope| {
            scope.spawn(|| {
                holdpoint_tests::eventually("the new run is there", || setting.api.get(&path));
                setting.api.merge(&path, ended(status, reason));
            });
            setting.type_in("retry pr/fx-pipeline --wait").ended_with(code)
        });
        assert!(
            told.contains(&format!(
                "\npipelinerun/fx-pipeline-retry-1: ended: {reason}\nTASK    ENDED"
            )),
            "{told}"
        );
    }
    for bound in ["--timeout", "--wait"] {
        let Some(setting) = failed() else { return };
        let told = setting.type_in(&format!("retry pr/fx-pipeline {bound} 1ms")).ended_with(5);
        let end = "-retry-1: timed-out: it has not ended yet\n\
                   next: holdpoint status pipelinerun/fx-pipeline-retry-1 -n default\n";
        assert!(told.ends_with(end), "{told}");
    }
}

#[test]
fn a_run_that_is_held_has_its_step_retried() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    let held = pod("one", &[("breakpoint", "on-failure")], &STEPS);
    setting.run(labelled(held, "tekton.dev/pipelineRun", "x"));
    setting.reaches("one", 0, "held-failed");
    let told = setting.type_in("retry pr/x -- /bin/true").ended_with(0);
    assert!(told.starts_with("pod/one build: accepted: "), "{told}");
    assert_eq!(setting.codes("one"), [0, 0]);
}

#[test]
fn what_cannot_be_retried_says_why() {
    let Some(setting) = failed() else { return };
    let told = setting.type_in("retry pr/fx-pipeline -- make").ended_with(3);
    assert!(told.contains("another command can be given at a held step alone"), "{told}");
    let told = setting.type_in("retry pr/fx-pipeline --until held").ended_with(3);
    assert!(told.contains("what --until says can be waited for at a held step alone"), "{told}");
    setting.api.delete(&run_path("taskruns", "fx-pipeline-build"));
    let told = setting.type_in("retry pr/fx-pipeline").ended_with(3);
    assert!(
        told.contains("task `build` ran as taskrun/fx-pipeline-build, which is gone"),
        "{told}"
    );
    setting.api.merge(&run_path("pipelineruns", "fx-pipeline"), ended("True", "Succeeded"));
    let told = setting.type_in("retry pr/fx-pipeline").ended_with(3);
    assert_eq!(
        told,
        "pipelinerun/fx-pipeline: rejected: pipelinerun/fx-pipeline succeeded: there is nothing to retry\n"
    );
    assert_eq!(new(&setting, "fx-pipeline-retry-1"), None);
}

/// A run whose tasks share a volume that Tekton made for it, with claim `pvc-1`.
fn sharing() -> Setting {
    let setting = Setting::new();
    let uses = json!([{ "name": "w" }]);
    let mut run = running("PipelineRun", "x");
    run["metadata"]["uid"] = json!("1");
    run["spec"] = json!({
        "workspaces": [{ "name": "w", "volumeClaimTemplate": { "spec": {} } }],
        "pipelineSpec": {
            "workspaces": uses,
            "tasks": [{ "name": "a", "workspaces": uses }, { "name": "b", "workspaces": uses }],
        },
    });
    run["status"] = ended("False", "Failed")["status"].clone();
    setting.api.put(run);
    let mut a = labelled(running("TaskRun", "x-a"), "tekton.dev/pipelineRun", "x");
    a = labelled(a, "tekton.dev/pipelineTask", "a");
    a["metadata"]["ownerReferences"] = json!([{ "kind": "PipelineRun", "name": "x", "uid": "1" }]);
    a["spec"]["workspaces"] =
        json!([{ "name": "w", "persistentVolumeClaim": { "claimName": "pvc-1" } }]);
    a["status"] = ended("True", "Succeeded")["status"].clone();
    setting.api.put(a);
    setting
}

fn workspace(setting: &Setting) -> Value {
    new(setting, "x-retry-1").unwrap()["spec"]["workspaces"][0].clone()
}

#[test]
fn a_volume_that_is_still_there_is_mounted() {
    let setting = sharing();
    setting.api.put(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "pvc-1", "namespace": NAMESPACE },
    }));
    let told = setting.type_in("retry pr/x");
    assert!(
        told.stderr.starts_with("holdpoint: note: workspace `w` is the volume of pipelinerun/x"),
        "{told:?}"
    );
    told.ended_with(0);
    assert_eq!(
        workspace(&setting),
        json!({ "name": "w", "persistentVolumeClaim": { "claimName": "pvc-1" } })
    );
}

#[test]
fn a_loss_is_told_before_anything_is_created_and_must_be_taken() {
    let setting = sharing();
    let loss =
        "workspace `w` gets a new volume: the old one is gone, and with it what `a` left in it";
    let told = setting.type_in("retry pr/x");
    assert_eq!(told.stderr, format!("holdpoint: lost: {loss}\n"));
    let told = told.ended_with(3);
    let why =
        format!("one thing cannot be carried over: {loss}; give --yes to retry it all the same");
    assert_eq!(told, format!("pipelinerun/x: rejected: {why}\n"));
    assert_eq!(new(&setting, "x-retry-1"), None);
    setting.type_in("retry pr/x --dry-run").ended_with(0);
    assert_eq!(new(&setting, "x-retry-1"), None);
    setting.type_in("retry pr/x --yes").ended_with(0);
    assert_eq!(workspace(&setting), json!({ "name": "w", "volumeClaimTemplate": { "spec": {} } }));
}

#[test]
fn on_a_terminal_a_loss_is_asked_about() {
    for (key, created) in [("n\n", false), ("\n", false), ("y\n", true)] {
        let setting = sharing();
        let mut terminal = Terminal::start(setting.command(&["retry", "pr/x"]));
        terminal.wait_for("lost: workspace `w` gets a new volume");
        terminal.wait_for("retry pipelinerun/x all the same? [y/N] ");
        terminal.press(key);
        terminal.wait_for(if created {
            "pipelinerun/x-retry-1: created"
        } else {
            "not retried: nothing was created"
        });
        assert_eq!(terminal.end(), Some(if created { 0 } else { 3 }));
        assert_eq!(new(&setting, "x-retry-1").is_some(), created, "{key:?}");
    }
}

#[test]
fn a_claim_that_may_not_be_read_is_said_to_be_unknown() {
    let setting = sharing();
    setting.api.fault("GET", "/persistentvolumeclaims", Fault::forbidden());
    let told = setting.type_in("retry pr/x").ended_with(3);
    assert!(
        told.contains(
            "whether claim pvc-1 is still there is not known: cannot read persistentvolumeclaim/pvc-1: forbidden"
        ),
        "{told}"
    );
}

#[test]
fn a_run_that_may_not_be_created_is_told() {
    let Some(setting) = failed() else { return };
    setting.api.fault("POST", "/pipelineruns", Fault::forbidden());
    let told = setting.type_in("retry pr/fx-pipeline");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr.contains("cannot create pipelinerun/fx-pipeline-retry-1: forbidden"),
        "{told:?}"
    );
    setting.api.heal();
    setting.api.fault("GET", "/taskruns", Fault::forbidden());
    let told = setting.type_in("retry pr/fx-pipeline");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("cannot list taskruns: forbidden"), "{told:?}");
}

#[test]
fn a_run_that_cannot_be_read_now_has_no_step_retried() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    let held = pod("one", &[("breakpoint", "on-failure")], &STEPS);
    setting.run(labelled(held, "tekton.dev/pipelineRun", "x"));
    setting.reaches("one", 0, "held-failed");
    setting.api.fault("GET", "/pipelineruns/x", Fault::Answer(500, "away".to_owned()));
    let told = setting.type_in("retry pr/x");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(told.stderr.contains("cannot read pipelinerun/x: away"), "{told:?}");
    assert_eq!(setting.executed(), Vec::<String>::new());
    setting.api.heal();
    setting.api.fault("GET", "/pipelineruns/x", Fault::forbidden());
    setting.type_in("retry pr/x").ended_with(0);
}

#[test]
fn another_run_of_the_new_ones_name_is_no_retry() {
    let setting = sharing();
    setting.api.put(running("PipelineRun", "x-retry-1"));
    let told = setting.type_in("retry pr/x --yes").ended_with(3);
    assert!(told.contains("there is another run of this name: wait for its end"), "{told}");
}
