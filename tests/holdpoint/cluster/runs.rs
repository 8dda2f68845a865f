//! Whole runs: stopped, cancelled, paused and aborted by the object, and at once in their pods.

use std::thread;

use holdpoint_tests::{Fault, Request, eventually};
use serde_json::{Value, json};

use super::setting::{NAMESPACE, STEPS, Setting, labelled, path, pod};

/// The path of a run's object.
pub(super) fn run_path(plural: &str, name: &str) -> String {
    format!("/apis/tekton.dev/v1/namespaces/{NAMESPACE}/{plural}/{name}")
}

/// A PipelineRun or a TaskRun that runs.
pub(super) fn running(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": {},
        "status": {
            "startTime": "2026-11-21T06:12:52Z",
            "conditions": [{ "type": "Succeeded", "status": "Unknown", "reason": "Running" }],
        },
    })
}

/// What becomes of its status at its end.
pub(super) fn ended(status: &str, reason: &str) -> Value {
    json!({ "status": { "conditions": [{ "type": "Succeeded", "status": status, "reason": reason }] } })
}

/// The run `pr/x` with a held pod `one` of a task of it.
pub(super) fn held() -> Setting {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    run_held(&setting, "one", "tasks");
    setting
}

pub(super) fn run_held(setting: &Setting, name: &str, member_of: &str) {
    let pod =
        labelled(pod(name, &[("breakpoint", "on-failure")], &STEPS), "tekton.dev/pipelineRun", "x");
    setting.run(labelled(pod, "tekton.dev/memberOf", member_of));
    setting.reaches(name, 0, "held-failed");
}

/// Does as Tekton: once `spec.status` says so, the run ends like this.
pub(super) fn with_tekton<T>(
    setting: &Setting,
    path: &str,
    change: Value,
    ask: impl FnOnce() -> T,
) -> T {
    once_told(setting, path, || drop(setting.api.merge(path, change)), ask)
}

/// Acts once `spec.status` of a run has been set.
pub(super) fn once_told<T>(
    setting: &Setting,
    path: &str,
    act: impl FnOnce() + Send,
    ask: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        scope.spawn(|| {
            eventually(&format!("{path} has a status to follow"), || {
                setting.api.get(path)?["spec"]["status"].as_str().map(drop)
            });
            act();
        });
        ask()
    })
}

/// The patches that change something.
pub(super) fn patches(setting: &Setting) -> Vec<Request> {
    let requests = setting.api.requests().into_iter();
    requests.filter(|it| it.method == "PATCH" && it.asked("dryRun").is_empty()).collect()
}

#[test]
fn each_ending_sets_its_status_and_tells_the_pods() {
    for (line, status, effect, codes) in [
        (
            "stop pr/x",
            "StoppedRunFinally",
            "what runs ends with its step, then finally tasks run",
            [7, 1],
        ),
        (
            "cancel-finally pr/x",
            "CancelledRunFinally",
            "what runs is ended, then finally tasks run",
            [9, 9],
        ),
        ("cancel pr/x", "Cancelled", "what runs is ended, and nothing more runs", [9, 9]),
        ("cancel-run pr/x", "Cancelled", "what runs is ended, and nothing more runs", [9, 9]),
    ] {
        let setting = held();
        let told = setting.type_in(line).ended_with(0);
        let mut lines = told.lines();
        assert_eq!(lines.next(), Some(format!("pipelinerun/x: accepted: {effect}").as_str()));
        assert!(lines.next().unwrap().starts_with("pod/one: accepted: "), "{told}");
        assert_eq!(setting.codes("one"), codes, "{line}");
        let run = setting.api.get(&run_path("pipelineruns", "x")).unwrap();
        assert_eq!(run["spec"], json!({ "status": status }));
        let made: Vec<_> = patches(&setting).into_iter().map(|it| it.body).collect();
        let [made] = made.as_slice() else { panic!("{made:?}") };
        assert_eq!(made[0]["path"], "/metadata/resourceVersion");
        assert_eq!(made[1], json!({ "op": "add", "path": "/spec/status", "value": status }));
        assert_eq!(patches(&setting)[0].content_type, "application/json-patch+json");
    }
}

#[test]
fn a_status_that_is_there_is_replaced() {
    let setting = held();
    let mut pending = running("PipelineRun", "x");
    pending["spec"]["status"] = json!("StoppedRunFinally");
    setting.api.put(pending);
    setting.type_in("cancel-finally pr/x").ended_with(0);
    assert_eq!(patches(&setting).len(), 1);
    assert_eq!(patches(&setting)[0].body[1]["op"], "replace");
    let told = setting.type_in("cancel-finally pr/x").ended_with(0);
    assert!(told.starts_with("pipelinerun/x: accepted: it was told so before: "), "{told}");
    let told = setting.type_in("stop pr/x").ended_with(3);
    let why = "not stop-finally: it is being ended already, and sooner (CancelledRunFinally)";
    assert_eq!(told, format!("pipelinerun/x: rejected: {why}\n"));
    assert_eq!(patches(&setting).len(), 1);
}

#[test]
fn finally_tasks_are_let_alone_unless_all_is_to_end() {
    let setting = held();
    run_held(&setting, "after", "finally");
    let told = setting.type_in("stop pr/x").ended_with(0);
    assert!(!told.contains("pod/after"), "{told}");
    assert_eq!(setting.codes("one"), [7, 1]);
    assert_eq!(setting.state("after", 0).unwrap()["phase"], "held-failed");
    let told = setting.type_in("cancel pr/x").ended_with(0);
    assert!(told.contains("pod/after: accepted: "), "{told}");
    assert_eq!(setting.codes("after"), [9, 9]);
}

#[test]
fn only_a_run_that_runs_is_ended() {
    let setting = Setting::new();
    let mut over = running("PipelineRun", "over");
    over["status"] = ended("True", "Completed")["status"].clone();
    setting.api.put(over);
    let mut young = running("PipelineRun", "young");
    young["status"] = json!({});
    setting.api.put(young);
    for verb in ["stop", "cancel-finally", "cancel", "abort", "pause", "resume"] {
        let told = setting.ask(&[verb, "pr/over"]).ended_with(3);
        assert_eq!(told, "pipelinerun/over: too-late: it has ended (Completed)\n");
    }
    for (verb, named) in [("stop", "stop-finally"), ("cancel-finally", "cancel-finally")] {
        let told = setting.ask(&[verb, "pr/young"]).ended_with(3);
        let why = "it has not begun: cancel it, or wait until it runs";
        assert_eq!(told, format!("pipelinerun/young: rejected: not {named}: {why}\n"));
    }
    assert_eq!(patches(&setting), []);
    setting.type_in("cancel pr/young").ended_with(0);
    let told = setting.type_in("stop pr/none");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr
            .contains("cannot read pipelinerun/none: pipelineruns.tekton.dev \"none\" not found"),
        "{told:?}"
    );
}

#[test]
fn a_task_run_is_cancelled_by_its_own_status() {
    let setting = Setting::new();
    setting.api.put(running("TaskRun", "x"));
    setting.run(labelled(
        pod("one", &[("breakpoint", "on-failure")], &STEPS),
        "tekton.dev/taskRun",
        "x",
    ));
    setting.reaches("one", 0, "held-failed");
    setting.type_in("cancel tr/x superseded").ended_with(0);
    assert_eq!(setting.codes("one"), [9, 9]);
    let run = setting.api.get(&run_path("taskruns", "x")).unwrap();
    assert_eq!(run["spec"]["status"], "TaskRunCancelled");
    let asked = setting.executed().into_iter().find(|it| it.starts_with("cancel-run")).unwrap();
    assert!(asked.ends_with(" superseded"), "{asked}");
}

#[test]
fn a_step_of_a_run_is_still_cancelled_alone() {
    let setting = held();
    let told = setting.type_in("cancel pr/x --step build").ended_with(0);
    assert!(told.starts_with("pod/one build: accepted: "), "{told}");
    assert_eq!(patches(&setting), []);
}

/// An annotation of an object.
fn annotation(setting: &Setting, path: &str, name: &str) -> Value {
    setting.api.get(path).unwrap()["metadata"]["annotations"][format!("holdpoint.dev/{name}")]
        .clone()
}

#[test]
fn a_pause_is_inherited_by_what_tekton_makes_later() {
    let setting = held();
    for (name, condition) in [("open", ("Unknown", "Pending")), ("over", ("True", "Succeeded"))] {
        let mut task_run = labelled(running("TaskRun", name), "tekton.dev/pipelineRun", "x");
        task_run["status"] = ended(condition.0, condition.1)["status"].clone();
        setting.api.put(task_run);
    }
    let waiting = labelled(pod("waiting", &[], &STEPS), "tekton.dev/pipelineRun", "x");
    setting.api.put(waiting);
    let of_run = run_path("pipelineruns", "x");
    let of = |name: &str| annotation(&setting, &run_path("taskruns", name), "pause");

    let told = setting.type_in("pause pr/x look first").ended_with(0);
    let effect = "what runs goes on, and no further step begins until resume";
    assert!(told.starts_with(&format!("pipelinerun/x: accepted: {effect}\n")), "{told}");
    assert!(told.contains("\npod/waiting: accepted: its steps have not begun, and will find annotation holdpoint.dev/pause=\"look first\"\n"), "{told}");
    assert!(told.ends_with("next: holdpoint resume pipelinerun/x -n default\n"), "{told}");
    assert_eq!(annotation(&setting, &of_run, "pause"), "look first");
    assert_eq!((of("open"), of("over")), (json!("look first"), Value::Null));
    assert_eq!(annotation(&setting, &path("waiting"), "pause"), "look first");
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "paused");

    setting.type_in("resume pr/x").ended_with(0);
    assert_eq!(annotation(&setting, &of_run, "pause"), Value::Null);
    assert_eq!(
        (of("open"), annotation(&setting, &path("waiting"), "pause")),
        (Value::Null, Value::Null)
    );
    assert_eq!(setting.codes("one"), [0, 0]);
    assert_eq!(setting.api.get(&of_run).unwrap()["spec"], json!({}));
}

#[test]
fn a_pause_that_a_pod_inherited_ends_too() {
    let setting = Setting::new();
    setting.api.put(running("PipelineRun", "x"));
    let paused = pod("one", &[("pause", "look first")], &[("build", "true")]);
    setting.run(labelled(paused, "tekton.dev/pipelineRun", "x"));
    setting.reaches("one", 0, "paused");
    setting.type_in("resume pr/x").ended_with(0);
    assert_eq!(setting.codes("one"), [0]);
    assert_eq!(annotation(&setting, &path("one"), "pause"), Value::Null);
}

#[test]
fn an_abort_is_inherited_too() {
    let setting = held();
    run_held(&setting, "after", "finally");
    let told = setting.type_in("abort pr/x --by annotate").ended_with(0);
    assert!(told.contains("what runs ends with its step, and nothing more runs"), "{told}");
    assert_eq!((setting.codes("one"), setting.codes("after")), (vec![7, 1], vec![7, 1]));
    assert_eq!(annotation(&setting, &run_path("pipelineruns", "x"), "abort"), "true");
    assert_eq!(annotation(&setting, &path("one"), "abort"), "true");
}

#[test]
fn a_reason_that_would_be_none_is_refused_before_anything_changes() {
    let setting = held();
    let told = setting.type_in("pause pr/x no");
    assert_eq!(told.code, Some(2), "{told:?}");
    let why = "pause \"no\": in an annotation this word says that there is no pause";
    assert!(told.stderr.contains(why), "{told:?}");
    assert_eq!(patches(&setting), []);
}

#[test]
fn the_end_is_waited_for_and_the_tasks_are_shown() {
    let setting = held();
    let path = run_path("pipelineruns", "x");
    let mut end = ended("False", "Cancelled");
    end["status"]["pipelineSpec"] = json!({ "tasks": [{ "name": "build" }, { "name": "test" }], "finally": [{ "name": "tell" }] });
    end["status"]["skippedTasks"] =
        json!([{ "name": "test", "reason": "PipelineRun was stopping" }]);
    end["status"]["childReferences"] = json!([{
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "x-build", "pipelineTaskName": "build",
    }]);
    let mut build = running("TaskRun", "x-build");
    build["status"] = ended("False", "TaskRunCancelled")["status"].clone();
    build["status"]["startTime"] = json!("2026-11-21T06:12:00Z");
    build["status"]["completionTime"] = json!("2026-11-21T06:13:05Z");
    setting.api.put(build);
    let told = with_tekton(&setting, &path, end, || setting.type_in("cancel pr/x --wait"));
    let told = told.ended_with(0);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "pipelinerun/x: accepted: what runs is ended, and nothing more runs");
    assert!(lines[1].starts_with("pod/one: accepted: "), "{told}");
    let terminated = "pipelinerun/x: terminated: it was running, and ended after ";
    assert!(lines[2].starts_with(terminated) && lines[2].ends_with(" (Cancelled)"), "{told}");
    let table = [
        "TASK   ENDED      TIME       REASON",
        "build  cancelled  1 min 5 s  TaskRunCancelled",
        "test   skipped    -          PipelineRun was stopping",
        "tell   not-begun  -",
        "next: holdpoint retry pipelinerun/x -n default",
    ];
    assert_eq!(lines[3..], table, "{told}");
}

#[test]
fn a_time_that_passes_is_told() {
    let setting = held();
    let told = setting.type_in("stop pr/x --timeout 1ms").ended_with(5);
    let late =
        "timed-out: what runs ends with its step, then finally tasks run; it has not ended yet";
    assert!(told.contains(&format!("\npipelinerun/x: {late}\n")), "{told}");
    let told = setting.type_in("stop pr/x --wait 1ms").ended_with(5);
    assert!(told.contains(&format!("\npipelinerun/x: {late}\n")), "{told}");
    let json = setting.type_in("stop pr/x --timeout 1ms -o json").json();
    assert_eq!(
        (&json[0]["outcome"], &json[0]["run"]),
        (&json!("timed-out"), &json!("pipelinerun/x"))
    );
    assert_eq!(json[0]["pods"], json!([]), "they have ended by then");
}

#[test]
fn alone_wait_is_for_runs() {
    let setting = Setting::held();
    for line in ["pause pod/one --wait", "cancel pod/one --wait", "stop @latest --wait"] {
        let told = setting.type_in(line);
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.stderr.contains("--wait needs a duration here"), "{told:?}");
    }
    setting.type_in("fail pod/one --wait 5s").ended_with(0);
}

#[test]
fn the_latest_run_is_meant_as_a_whole() {
    let setting = held();
    let told = setting.type_in("stop @latest").ended_with(0);
    assert!(told.starts_with("pipelinerun/x: accepted: "), "{told}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let setting = held();
    let told = setting.type_in("stop pr/x --dry-run").ended_with(0);
    let first = "pipelinerun/x: dry-run: would set spec.status to StoppedRunFinally: what runs ends with \
                 its step, then finally tasks run";
    assert_eq!(told.lines().next(), Some(first));
    assert!(told.contains("\npod/one: dry-run: would run in container build: "), "{told}");
    let told = setting.type_in("cancel pr/x --dry-run").ended_with(0);
    assert!(told.contains("dry-run: would set spec.status to Cancelled: "), "{told}");
    assert!(setting.api.requests().iter().all(|it| it.method == "GET"), "nothing is rehearsed");
    let told = setting.type_in("pause pr/x --dry-run").ended_with(0);
    assert!(told.contains("dry-run: would annotate it and its TaskRuns: "), "{told}");
    assert_eq!((patches(&setting), setting.executed()), (vec![], vec![]));
}

#[test]
fn who_may_not_change_the_run_changes_nothing() {
    let setting = held();
    setting.api.fault("PATCH", "/pipelineruns/x", Fault::forbidden());
    let told = setting.type_in("cancel pr/x").ended_with(4);
    let first = "pipelinerun/x: unanswered: cannot set spec.status of pipelinerun/x to Cancelled: forbidden";
    assert!(told.starts_with(first) && told.contains("ask for a role that allows it"), "{told}");
    assert_eq!(setting.executed(), Vec::<String>::new());
}

#[test]
fn pods_that_cannot_be_told_end_with_their_task() {
    let setting = held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("stop pr/x").ended_with(0);
    assert!(
        told.contains("\npod/one: unanswered: commands in pods are not allowed to you"),
        "{told}"
    );
    let told = setting.type_in("pause pr/x").ended_with(4);
    assert!(told.contains("try --by annotate"), "{told}");
}

#[test]
fn a_pod_that_tekton_took_away_needs_no_answer() {
    let setting = held();
    setting.api.fault("GET", "/exec", Fault::Answer(404, "pods \"one\" not found".to_owned()));
    setting.api.fault_times(1, "GET", "/pods/one", Fault::Answer(404, "not found".to_owned()));
    let told = setting.type_in("cancel pr/x").ended_with(0);
    assert!(told.contains("\npod/one: accepted: the pod is gone\n"), "{told}");
}

#[test]
fn a_run_that_ends_meanwhile_is_said_to() {
    let setting = held();
    let path = run_path("pipelineruns", "x");
    let webhook = "admission webhook denied the request: Once the PipelineRun is complete, no updates are allowed";
    setting.api.fault("PATCH", "/pipelineruns/x", Fault::Answer(400, webhook.to_owned()));
    let told = thread::scope(|scope| {
        scope.spawn(|| {
            eventually("the run was to be changed", || {
                (!patches(&setting).is_empty()).then_some(())
            });
            setting.api.merge(&path, ended("True", "Succeeded"));
        });
        setting.api.fault("GET", "/pipelineruns/x", Fault::Slow(std::time::Duration::from_secs(1)));
        setting.type_in("stop pr/x").ended_with(3)
    });
    assert_eq!(told, "pipelinerun/x: too-late: it has ended (Succeeded)\n");
}

#[test]
fn an_api_server_that_goes_away_for_a_while_is_waited_for() {
    let setting = held();
    let path = run_path("pipelineruns", "x");
    let away = || {
        setting.api.fault_times(1, "GET", "/pipelineruns/x", Fault::Drop);
        let busy = Fault::Answer(503, "away".to_owned());
        setting.api.fault_times(1, "GET", "/pipelineruns/x", busy);
        setting.api.merge(&path, ended("False", "Cancelled"));
    };
    let told = once_told(&setting, &path, away, || setting.type_in("stop pr/x --wait"));
    let told = told.ended_with(0);
    assert!(told.contains("\npipelinerun/x: ended: after "), "{told}");
}

#[test]
fn a_run_that_is_deleted_meanwhile_is_gone() {
    let setting = held();
    let path = run_path("pipelineruns", "x");
    let delete = || setting.api.delete(&path);
    let told = once_told(&setting, &path, delete, || setting.type_in("cancel pr/x --wait"));
    let told = told.ended_with(0);
    assert!(told.contains("\npipelinerun/x: ended: it is gone\n"), "{told}");
}

#[test]
fn an_answer_has_the_form_that_is_asked_for() {
    let setting = held();
    assert_eq!(setting.type_in("pause pr/x -o name").ended_with(0), "pipelinerun/x\n");
    let yaml = setting.type_in("resume pr/x -o yaml").ended_with(0);
    assert!(yaml.contains("run: pipelinerun/x\n") && yaml.contains("pod: one\n"), "{yaml}");
    let told = setting.type_in("retry pod/one --step test -o name");
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""), "{told:?}");
    assert!(told.stderr.starts_with("holdpoint: pod/one test: rejected: "), "{told:?}");
    assert_eq!(setting.type_in("retry pod/one -o name").ended_with(0), "pod/one\n");
    setting.reaches("one", 0, "held-failed");
    assert_eq!(setting.type_in("stop pr/x -o name").ended_with(0), "pipelinerun/x\n");
    let told = setting.type_in("cancel pr -l app=none -o name");
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), ""), "{told:?}");
}

#[test]
fn help_says_how_the_endings_differ() {
    let setting = Setting::new();
    for verb in ["stop", "cancel-finally", "abort", "cancel", "cancel-run"] {
        let help = setting.ask(&[verb, "--help"]).ended_with(0);
        for line in [
            "  stop            StoppedRunFinally    what runs ends with its step, then finally tasks run\n",
            "  cancel-finally  CancelledRunFinally  what runs is ended, then finally tasks run\n",
            "  abort                                what runs ends with its step, and nothing more runs\n",
            "  cancel          Cancelled            what runs is ended, and nothing more runs\n",
        ] {
            assert!(help.contains(line), "{verb}: {help}");
        }
    }
}
