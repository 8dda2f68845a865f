//! Workspaces: what is still there, and what is gone.

use super::*;

/// `a` is kept and `b` runs again; both use the workspace, `b` in one of the ways that there are.
fn run_with(binding: &Value, b: &Value) -> Value {
    let mut bound = json!({ "name": "w" });
    bound.as_object_mut().unwrap().extend(binding.as_object().unwrap().clone());
    let mut again = json!({ "name": "b" });
    again.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
    failed(json!({
        "workspaces": [bound],
        "pipelineSpec": {
            "workspaces": [{ "name": "w" }],
            "tasks": [{ "name": "a", "workspaces": [{ "name": "src", "workspace": "w" }] }, again],
        },
    }))
}

fn uses() -> Value {
    json!({ "workspaces": [{ "name": "w" }] })
}

fn bound_to(claim: &str) -> Value {
    let mut a = good("a", json!({}));
    a["spec"] = json!({ "workspaces": [
        { "name": "src", "persistentVolumeClaim": { "claimName": claim }, "subPath": "x" },
    ] });
    a
}

#[test]
fn what_outlives_a_run_is_kept_as_it_is() {
    for binding in [
        json!({ "persistentVolumeClaim": { "claimName": "c" }, "subPath": "s" }),
        json!({ "configMap": { "name": "c" } }),
        json!({ "secret": { "secretName": "c" } }),
        json!({ "projected": { "sources": [] } }),
        json!({ "csi": { "driver": "d" } }),
        json!({ "newer": {} }),
    ] {
        let run = run_with(&binding, &uses());
        let rerun = retried(&run, &[bound_to("c")]);
        assert_eq!(rerun.object["spec"]["workspaces"], run["spec"]["workspaces"]);
        assert!(rerun.losses.is_empty() && rerun.claims.is_empty(), "{:?}", rerun.losses);
    }
}

#[test]
fn an_empty_folder_is_a_loss_only_where_one_left_something_that_another_may_look_for() {
    let loss = "workspace `w` is an emptyDir: what `a` left in it is gone";
    let empty = json!({ "emptyDir": {} });
    let mentions = json!({ "taskSpec": { "steps": [{ "script": "ls $(workspaces.w.path)" }] } });
    for (b, expected) in [(uses(), vec![loss]), (mentions, vec![loss]), (json!({}), vec![])] {
        let rerun = retried(&run_with(&empty, &b), &[bound_to("")]);
        assert_eq!(rerun.losses, expected, "{b}");
    }
    let rerun = retried(&run_with(&empty, &uses()), &[bad("a")]);
    assert!(rerun.losses.is_empty(), "nobody is kept");
    let mut run = run_with(&empty, &json!({}));
    run["spec"]["pipelineSpec"]["finally"] =
        json!([{ "name": "f", "workspaces": [{ "name": "w" }] }]);
    assert_eq!(retried(&run, &[bound_to("")]).losses, [loss]);
}

#[test]
fn a_volume_that_tekton_made_is_mounted_while_it_is_there() {
    let template = json!({ "volumeClaimTemplate": { "spec": {} }, "subPath": "s" });
    let run = run_with(&template, &uses());
    let rerun = retried(&run, &[bound_to("pvc-1")]);
    let mounted =
        json!([{ "name": "w", "persistentVolumeClaim": { "claimName": "pvc-1" }, "subPath": "s" }]);
    assert_eq!(rerun.object["spec"]["workspaces"], mounted);
    assert_eq!(rerun.claims, ["pvc-1"]);
    let note = "workspace `w` is the volume of pipelinerun/ci, claim pvc-1: do not delete that run \
                before this one has ended, or its volume goes with it";
    assert_eq!(rerun.notes, [note]);
    assert!(rerun.losses.is_empty());
}

#[test]
fn a_volume_that_is_gone_is_a_loss_and_made_anew() {
    let template = json!({ "volumeClaimTemplate": { "spec": {} } });
    let run = run_with(&template, &uses());
    let loss =
        "workspace `w` gets a new volume: the old one is gone, and with it what `a` left in it";
    let gone = rerun(&run, &[bound_to("pvc-1")], &["pvc-1".to_owned()]).unwrap();
    let unknown = retried(&run, &[good("a", json!({}))]);
    for rerun in [gone, unknown] {
        assert_eq!(rerun.losses, [loss]);
        assert_eq!(rerun.object["spec"]["workspaces"], run["spec"]["workspaces"]);
        assert!(rerun.claims.is_empty() && rerun.notes.is_empty());
    }
    let fresh = run_with(&template, &json!({}));
    assert_eq!(
        retried(&fresh, &[bound_to("pvc-1")]).object["spec"]["workspaces"],
        run["spec"]["workspaces"]
    );
}
