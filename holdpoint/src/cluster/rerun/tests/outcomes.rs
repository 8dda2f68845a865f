//! Which tasks run again.

use super::*;

const OK: (&str, &str) = ("True", "Succeeded");
const CANCELLED: (&str, &str) = ("False", "TaskRunCancelled");
const IGNORED: (&str, &str) = ("False", "FailureIgnored");

fn again(rerun: &Rerun) -> Vec<(&str, Why)> {
    rerun.again.iter().map(|(name, why)| (name.as_str(), *why)).collect()
}

fn skipped(mut run: Value, reasons: &[(&str, &str)]) -> Value {
    let skipped: Vec<_> =
        reasons.iter().map(|(name, reason)| json!({ "name": name, "reason": reason })).collect();
    run["status"]["skippedTasks"] = json!(skipped);
    run
}

#[test]
fn what_succeeded_is_kept_and_nothing_waits_for_it() {
    let run = failed_tasks(json!([
        { "name": "a" },
        { "name": "b", "runAfter": ["a"] },
        { "name": "c", "runAfter": ["a", "b"] },
        { "name": "d", "runAfter": ["b", "c"], "retries": 3, "newer": [null] },
    ]));
    let children = [good("a", json!({})), good("b", json!({})), bad("c")];
    let rerun = retried(&run, &children);
    assert_eq!(rerun.kept, ["a", "b"]);
    assert_eq!(again(&rerun), [("c", Why::Failed), ("d", Why::NotBegun)]);
    let expected = json!([
        { "name": "c" },
        { "name": "d", "runAfter": ["c"], "retries": 3, "newer": [null] },
    ]);
    assert_eq!(tasks(&rerun), expected.as_array().unwrap().as_slice());
}

#[test]
fn a_cancelled_run_begins_where_it_was_and_is_not_cancelled_again() {
    let spec = json!({
        "status": "CancelledRunFinally",
        "statusMessage": "why",
        "pipelineSpec": { "tasks": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] },
    });
    let run = skipped(ended(spec, "Cancelled"), &[("c", "PipelineRun was gracefully cancelled")]);
    let children = [good("a", json!({})), child("b", CANCELLED, json!([]))];
    let rerun = retried(&run, &children);
    assert_eq!(again(&rerun), [("b", Why::Cancelled), ("c", Why::NotBegun)]);
    let spec = json!({ "pipelineSpec": { "tasks": [{ "name": "b" }, { "name": "c" }] } });
    assert_eq!(rerun.object["spec"], spec);
}

#[test]
fn a_matrix_is_kept_only_where_all_of_it_succeeded() {
    let matrix = json!({ "params": [{ "name": "os", "value": ["x", "y", "z"] }] });
    let run = failed_tasks(json!([{ "name": "a", "matrix": matrix }, { "name": "b" }]));
    let part = |ends: &[(&str, &str)]| {
        let numbered =
            |(at, end): (usize, &(&str, &str))| numbered(child("a", *end, json!([])), at);
        retried(&run, &ends.iter().enumerate().map(numbered).collect::<Vec<_>>())
    };
    let not_all = part(&[OK, OK]);
    let why = Why::Matrix { succeeded: 2, runs: 3 };
    assert_eq!(again(&not_all), [("a", why), ("b", Why::NotBegun)], "one was never made");
    let all = part(&[OK, OK, OK]);
    assert_eq!(
        (all.kept.as_slice(), again(&all)),
        (&["a".to_owned()][..], vec![("b", Why::NotBegun)])
    );
    let some = part(&[OK, IGNORED, OK]);
    assert_eq!(some.kept, ["a"], "its failure was ignored");
    let some = part(&[OK, CANCELLED, OK]);
    assert_eq!(again(&some), [("a", why), ("b", Why::NotBegun)]);
    assert_eq!(tasks(&some)[0]["matrix"], matrix);
    assert_eq!(why.to_string(), "2 of its 3 runs succeeded, and all run again");
}

#[test]
fn what_when_skipped_is_asked_again_with_the_same_values() {
    let when = json!([{ "input": "$(tasks.a.results.r)", "operator": "in", "values": ["yes"] }]);
    let run = failed_tasks(json!([
        { "name": "a" },
        { "name": "b", "when": when },
        { "name": "ordered", "runAfter": ["b"] },
        { "name": "needs", "params": [{ "name": "p", "value": "$(tasks.b.results.r)" }] },
    ]));
    let reasons =
        [("b", "When Expressions evaluated to false"), ("needs", "PipelineRun was stopping")];
    let rerun =
        retried(&skipped(run, &reasons), &[good("a", json!({ "r": "no" })), bad("ordered")]);
    let expected = [("b", Why::Skipped), ("ordered", Why::Failed), ("needs", Why::NotBegun)];
    assert_eq!(again(&rerun), expected);
    let when = json!([{ "input": "no", "operator": "in", "values": ["yes"] }]);
    assert_eq!(tasks(&rerun)[0]["when"], when);
    assert_eq!(tasks(&rerun)[1]["runAfter"], json!(["b"]));
    assert_eq!(tasks(&rerun)[2]["params"][0]["value"], "$(tasks.b.results.r)");
}

#[test]
fn a_failure_that_was_ignored_is_done_and_says_so_to_finally() {
    let mut run = failed(json!({ "pipelineSpec": {
        "tasks": [
            { "name": "lint", "onError": "$(params.lenient)" },
            { "name": "test", "params": [{ "name": "p", "value": "$(tasks.lint.results.found)" }] },
        ],
        "finally": [{ "name": "tell", "params": [
            { "name": "lint", "value": "$(tasks.lint.status) $(tasks.lint.reason)" },
            { "name": "test", "value": "$(tasks.test.status)" },
            { "name": "all", "value": "$(tasks.status)" },
        ] }],
    } }));
    run["status"]["pipelineSpec"] = json!({ "tasks": [{ "name": "lint", "onError": "continue" }] });
    let found = json!([{ "name": "found", "value": "3" }]);
    let rerun = retried(&run, &[child("lint", ("False", "Failed"), found), bad("test")]);
    assert_eq!(rerun.kept, ["lint"]);
    assert_eq!(tasks(&rerun)[0]["params"][0]["value"], "3");
    let told = &rerun.object["spec"]["pipelineSpec"]["finally"][0]["params"];
    let expected = json!([
        { "name": "lint", "value": "Failed Failed" },
        { "name": "test", "value": "$(tasks.test.status)" },
        { "name": "all", "value": "Failed" },
    ]);
    assert_eq!(told, &expected);
}

#[test]
fn an_ignored_failure_runs_again_where_a_result_of_it_is_missed() {
    let run = failed_tasks(json!([
        { "name": "lint", "onError": "continue" },
        { "name": "report", "params": [{ "name": "p", "value": "$(tasks.lint.results.found)" }] },
    ]));
    let rerun = retried(&run, &[child("lint", IGNORED, json!([]))]);
    assert_eq!(again(&rerun), [("lint", Why::Failed), ("report", Why::NotBegun)]);
    assert_eq!(tasks(&rerun)[1]["params"][0]["value"], "$(tasks.lint.results.found)");
}

#[test]
fn finally_tasks_become_tasks_where_nothing_else_is_left() {
    let run = failed(json!({ "pipelineSpec": {
        "tasks": [{ "name": "a" }],
        "finally": [{ "name": "f", "when": [
            { "input": "$(tasks.status)", "operator": "in", "values": ["Succeeded"] },
            { "input": "$(tasks.a.status)", "operator": "in", "values": ["Succeeded"] },
        ] }],
        "results": [{ "name": "r", "value": "$(finally.f.results.r)" }],
    } }));
    let rerun = retried(&run, &[good("a", json!({})), bad("f")]);
    assert_eq!(again(&rerun), [("f", Why::Finally)]);
    let held = json!({ "input": "Succeeded", "operator": "in", "values": ["Succeeded"] });
    let expected = json!({
        "tasks": [{ "name": "f", "when": [held, held] }],
        "results": [{ "name": "r", "value": "$(tasks.f.results.r)" }],
    });
    assert_eq!(rerun.object["spec"]["pipelineSpec"], expected);
    assert_eq!(rerun.notes, ["nothing but finally tasks is left: they run as its tasks"]);
}

#[test]
fn a_run_that_never_found_its_pipeline_is_the_same_again() {
    let spec =
        json!({ "pipelineRef": { "name": "gone" }, "params": [{ "name": "p", "value": "v" }] });
    let rerun = retried(&failed(spec.clone()), &[]);
    assert_eq!(rerun.object["spec"], spec);
    assert_eq!(rerun.object["metadata"]["name"], "ci-retry-1");
    assert!(rerun.again.is_empty() && rerun.kept.is_empty() && rerun.notes.len() == 1);
}

#[test]
fn the_pipeline_that_was_found_is_the_one_that_runs_again() {
    let mut run = failed(
        json!({ "pipelineRef": { "name": "p" }, "params": [{ "name": "p", "value": "v" }] }),
    );
    let resolved = json!({ "params": [{ "name": "p" }], "tasks": [{ "name": "a" }, { "name": "b", "displayName": "b of ci" }] });
    run["status"]["pipelineSpec"] = resolved;
    let rerun = retried(&run, &[good("a", json!({}))]);
    let spec = json!({
        "params": [{ "name": "p", "value": "v" }],
        "pipelineSpec": { "params": [{ "name": "p" }], "tasks": [{ "name": "b", "displayName": "b of ci" }] },
    });
    assert_eq!(rerun.object["spec"], spec);
    let note = "where the pipeline says $(context.pipelineRun.name) or .uid, those of ci stay";
    assert_eq!(rerun.notes, [note]);
}

#[test]
fn an_earlier_run_of_the_same_name_has_no_say() {
    let run = failed_tasks(json!([{ "name": "a" }]));
    let mut earlier = good("a", json!({}));
    earlier["metadata"]["ownerReferences"][0]["uid"] = json!("another");
    let rerun = retried(&run, &[earlier]);
    assert_eq!(again(&rerun), [("a", Why::NotBegun)]);
}

#[test]
fn settings_of_tasks_that_are_kept_go_and_all_others_stay() {
    let mut spec = json!({
        "params": [{ "name": "p", "value": ["v"] }],
        "timeouts": { "pipeline": "1h", "tasks": "30m", "finally": "5m" },
        "taskRunTemplate": { "podTemplate": { "nodeSelector": { "disk": "ssd" } } },
        "taskRunSpecs": [
            { "pipelineTaskName": "a", "serviceAccountName": "builder" },
            { "pipelineTaskName": "b", "serviceAccountName": "tester" },
        ],
        "managedBy": "someone",
        "newer": { "field": [1, 2] },
        "pipelineSpec": { "tasks": [{ "name": "a" }, { "name": "b" }] },
    });
    let rerun = retried(&failed(spec.clone()), &[good("a", json!({})), bad("b")]);
    spec["taskRunSpecs"].as_array_mut().unwrap().remove(0);
    spec["pipelineSpec"]["tasks"].as_array_mut().unwrap().remove(0);
    assert_eq!(rerun.object["spec"], spec);
}
