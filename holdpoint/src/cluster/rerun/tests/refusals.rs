//! Runs that are not retried, and what is said.

use super::*;

fn refusal(run: &Value, children: &[Value]) -> String {
    match rerun(run, children, &[]) {
        Err(refusal) => refusal.to_string(),
        Ok(rerun) => panic!("not refused: {:#}", rerun.object),
    }
}

/// What is said where `b` follows `a`, which left a result, and refers to it like this.
fn refused(value: &str, result: Value) -> String {
    let params = json!([{ "name": "p", "value": value }]);
    let run = failed_tasks(json!([{ "name": "a" }, { "name": "b", "params": params }]));
    refusal(&run, &[good("a", json!({ "r": result }))])
}

#[test]
fn only_a_run_that_ended_without_success_is_retried() {
    let run = failed_tasks(json!([{ "name": "a" }]));
    let with = |condition: Value| {
        let mut run = run.clone();
        run["status"]["conditions"] = condition;
        run
    };
    let over = "pipelinerun/ci succeeded: there is nothing to retry";
    assert_eq!(refusal(&with(json!([condition("True", "Completed")])), &[]), over);
    let open = "pipelinerun/ci has not ended: wait for it, or end it with `holdpoint cancel pr/ci`";
    assert_eq!(refusal(&with(json!([condition("Unknown", "Running")])), &[]), open);
    assert_eq!(refusal(&with(json!([])), &[]), open);
    let ending = "taskrun/ci-a of pipelinerun/ci has not ended yet: try again when it has";
    assert_eq!(refusal(&run, &[child("a", ("Unknown", "Running"), json!([]))]), ending);
    let kind = "a TaskRun of tekton.dev/v1 cannot be retried: name a PipelineRun of tekton.dev/v1";
    assert_eq!(refusal(&bad("a"), &[]), kind);
}

#[test]
fn nothing_is_guessed() {
    let mut run = failed_tasks(json!([{ "name": "a" }]));
    let reference = json!({ "kind": "TaskRun", "name": "ci-a", "pipelineTaskName": "a" });
    run["status"]["childReferences"] = json!([reference]);
    let gone = "task `a` ran as taskrun/ci-a, which is gone: whether it succeeded cannot be known; \
                start its pipeline anew";
    assert_eq!(refusal(&run, &[]), gone);
    let mut run = failed(json!({ "pipelineRef": { "name": "p" } }));
    run["status"]["childReferences"] = json!([reference]);
    let unknown = "pipelinerun/ci has no status.pipelineSpec, though tasks of it ran; start its \
                   pipeline anew";
    assert_eq!(refusal(&run, &[]), unknown);
}

#[test]
fn where_all_is_done_nothing_is_left() {
    let run = failed_tasks(json!([{ "name": "a" }]));
    let left = "every task of pipelinerun/ci is done, and it has no finally tasks: nothing is left \
                to run again; start its pipeline anew";
    assert_eq!(refusal(&run, &[good("a", json!({}))]), left);
}

#[test]
fn a_value_that_is_not_there() {
    let table = [
        (
            "$(tasks.a.results.image)",
            json!("x"),
            "task `a` succeeded without a result `image` (its results: r)",
        ),
        (
            "$(tasks.a.results.r[2])",
            json!(["x"]),
            "task `a` has no such part of its result `r` (it is [\"x\"])",
        ),
        (
            "$(tasks.a.results.r.key)",
            json!({ "k": "v" }),
            "task `a` has no such part of its result `r` (it is {\"k\":\"v\"})",
        ),
        (
            "$(tasks.a.results.r[*])",
            json!("x"),
            "task `a` has no such part of its result `r` (it is \"x\")",
        ),
        (
            "$(tasks.a.outputs.image)",
            json!("x"),
            "task `a` left no such artifact among its outputs",
        ),
    ];
    for (value, result, problem) in table {
        let expected =
            format!("task `b` refers to {value}, but {problem}; start its pipeline anew");
        assert_eq!(refused(value, result), expected);
    }
    let inside = "task `b` refers to $(tasks.a.results.r[*]), but it is an array or an object, and \
                  must stand alone there; start its pipeline anew";
    assert_eq!(refused("all: $(tasks.a.results.r[*])", json!(["x"])), inside);
}

#[test]
fn a_value_in_which_tekton_would_replace_something() {
    let reference = "$(tasks.a.results.r)";
    let table = [
        (reference, json!("$(params.secret)"), "$(params.secret)"),
        (reference, json!("x $(tasks.a.results.r) y"), "$(tasks.a.results.r)"),
        (reference, json!(["x", "$(context.pipelineRun.uid)"]), "$(context.pipelineRun.uid)"),
        (reference, json!({ "k": "$(workspaces.w.bound)" }), "$(workspaces.w.bound)"),
        ("$(tasks.a.results.r)(params.x)", json!("$"), "$(params.x)"),
    ];
    for (value, result, variable) in table {
        let expected = format!(
            "task `b`: with the results of what succeeded put in, `{variable}` would be taken as a \
             variable, and replaced once more; start its pipeline anew"
        );
        assert_eq!(refused(value, result), expected);
    }
    let params = json!([{ "name": "p", "value": reference }]);
    let run = failed_tasks(json!([{ "name": "a" }, { "name": "b", "params": params }]));
    let rerun = retried(&run, &[good("a", json!({ "r": "$(date) $HOME $$" }))]);
    assert_eq!(tasks(&rerun)[0]["params"][0]["value"], "$(date) $HOME $$", "the shell's own stay");
}

#[test]
fn custom_tasks_and_pipelines_in_pipelines_do_not_run_again() {
    let custom = json!({ "name": "c", "taskRef": { "apiVersion": "x.dev/v1", "kind": "Wait", "name": "w" } });
    let spec = json!({ "name": "c", "taskSpec": { "apiVersion": "x.dev/v1", "kind": "Wait" } });
    let nested = json!({ "name": "c", "pipelineRef": { "name": "p" } });
    let is_custom = "a custom task (x.dev/v1 Wait)";
    for (task, what) in
        [(custom.clone(), is_custom), (spec, is_custom), (nested, "a pipeline of its own")]
    {
        let expected = format!(
            "task `c` is {what}, and would have to run again: what a second run of it means is not \
             known; start its pipeline anew"
        );
        assert_eq!(refusal(&failed_tasks(json!([task])), &[]), expected);
        let finally = json!({ "tasks": [{ "name": "a" }], "finally": [task] });
        assert_eq!(refusal(&failed(json!({ "pipelineSpec": finally })), &[]), expected);
    }
    let mut done = good("c", json!({ "r": "v" }));
    done["kind"] = json!("CustomRun");
    let done = [done];
    let b = |value: &str| json!({ "name": "b", "params": [{ "name": "p", "value": value }] });
    let run = failed_tasks(json!([custom, b("$(tasks.c.status)")]));
    assert_eq!(tasks(&retried(&run, &done))[0]["params"][0]["value"], "Succeeded");
    let expected = "task `b` refers to $(tasks.c.results.r), but task `c` is a custom task \
                    (x.dev/v1 Wait), and what it left is not known; start its pipeline anew";
    let run = failed_tasks(json!([custom, b("$(tasks.c.results.r)")]));
    assert_eq!(refusal(&run, &done), expected);
}

#[test]
fn marks_of_an_earlier_retry_that_cannot_be_read() {
    for (key, value, problem) in
        [(ATTEMPT, "many", "it is no number"), (KEPT_RESULTS, "[", "it is no JSON object")]
    {
        let mut run = failed_tasks(json!([{ "name": "a" }]));
        run["metadata"]["annotations"] = json!({ key: value });
        let expected =
            format!("{key} of pipelinerun/ci is {value:?}: {problem}; correct it, or take it away");
        assert_eq!(refusal(&run, &[]), expected);
    }
}
