//! Where the values of what is kept stand in the new run.

use super::*;

fn results() -> Value {
    json!({
        "image": "img@sha256:1",
        "list": ["x", "y"],
        "empty": [],
        "object": { "url": "u", "commit": "c" },
        "dotted.name": "d",
        "quoted": "it's \"q\" \\ \n",
    })
}

/// What becomes of a part of a task, `name` apart.
fn filled(part: Value) -> Value {
    let mut task = json!({ "name": "b" });
    task.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    let run = failed_tasks(json!([{ "name": "a" }, { "name": "other" }, task]));
    let rerun = retried(&run, &[good("a", results())]);
    let mut filled = tasks(&rerun)[1].clone();
    filled.as_object_mut().unwrap().remove("name");
    filled
}

fn param(value: &Value) -> Value {
    filled(json!({ "params": [{ "name": "p", "value": value }] }))["params"][0]["value"].clone()
}

#[test]
fn params_of_every_type() {
    let table = [
        (json!("$(tasks.a.results.image)"), json!("img@sha256:1")),
        (json!("$(tasks.a.results['image'])"), json!("img@sha256:1")),
        (json!("$(tasks.a.results[\"image\"])"), json!("img@sha256:1")),
        (
            json!("<$(tasks.a.results.image)|$(tasks.a.results.image)>"),
            json!("<img@sha256:1|img@sha256:1>"),
        ),
        (json!("$(tasks.a.results['dotted.name'])"), json!("d")),
        (json!("$(tasks.a.results.dotted.name)"), json!("d")),
        (json!("$(tasks.a.results.quoted)"), json!("it's \"q\" \\ \n")),
        (json!("$(tasks.a.results.list[1])"), json!("y")),
        (json!("$(tasks.a.results['list'][0])"), json!("x")),
        (json!("$(tasks.a.results.list[*])"), json!(["x", "y"])),
        (json!("$(tasks.a.results.list)"), json!(["x", "y"])),
        (json!("$(tasks.a.results.empty[*])"), json!([])),
        (json!("$(tasks.a.results.object[*])"), json!({ "url": "u", "commit": "c" })),
        (json!("$(tasks.a.results.object.commit)"), json!("c")),
        (
            json!(["1", "$(tasks.a.results.list[*])", "$(tasks.a.results.image)"]),
            json!(["1", "x", "y", "img@sha256:1"]),
        ),
        (json!(["$(tasks.a.results.empty[*])"]), json!([])),
        (
            json!({ "description": "$(tasks.a.results.image)", "value": "$(tasks.a.results.image)" }),
            json!({ "description": "img@sha256:1", "value": "img@sha256:1" }),
        ),
        (
            json!({ "k": "$(tasks.a.results.object.url)/$(params.x)" }),
            json!({ "k": "u/$(params.x)" }),
        ),
        (
            json!("$(tasks.other.results.r) $(params.p) $(context.pipelineRun.name)"),
            json!("$(tasks.other.results.r) $(params.p) $(context.pipelineRun.name)"),
        ),
        (
            json!("$(tasks.a.nothing) $(tasks.a) $(date) $(tasks a)"),
            json!("$(tasks.a.nothing) $(tasks.a) $(date) $(tasks a)"),
        ),
    ];
    for (before, after) in table {
        assert_eq!(param(&before), after, "{before}");
    }
}

#[test]
fn every_place_where_tekton_would_put_them() {
    let image = "$(tasks.a.results.image)";
    let before = json!({
        "displayName": format!("test {image}"),
        "description": format!("takes {image}"),
        "taskRef": { "name": "$(tasks.a.results.object.url)", "params": [{ "name": "n", "value": image }] },
        "matrix": {
            "params": [{ "name": "m", "value": "$(tasks.a.results.list[*])" }, { "name": "n", "value": [image] }],
            "include": [{ "name": "i", "params": [{ "name": "o", "value": image }] }],
        },
        "workspaces": [{ "name": "w", "subPath": "$(tasks.a.results.object.commit)/x" }],
        "taskSpec": { "steps": [{
            "script": format!("echo {image} $(tasks.a.results.list[0]) $(params.p)"),
            "args": ["-x", "$(tasks.a.results.list[*])"],
            "env": [{ "name": "E", "value": image }],
        }] },
    });
    let after = json!({
        "displayName": "test img@sha256:1",
        "description": "takes $(tasks.a.results.image)",
        "taskRef": { "name": "u", "params": [{ "name": "n", "value": "img@sha256:1" }] },
        "matrix": {
            "params": [{ "name": "m", "value": ["x", "y"] }, { "name": "n", "value": ["img@sha256:1"] }],
            "include": [{ "name": "i", "params": [{ "name": "o", "value": "img@sha256:1" }] }],
        },
        "workspaces": [{ "name": "w", "subPath": "c/x" }],
        "taskSpec": { "steps": [{
            "script": "echo img@sha256:1 x $(params.p)",
            "args": ["-x", "x", "y"],
            "env": [{ "name": "E", "value": "img@sha256:1" }],
        }] },
    });
    assert_eq!(filled(before), after);
}

#[test]
fn when_keeps_its_meaning_also_where_an_array_is_empty() {
    let when = |value: Value| filled(json!({ "when": [value] })).get("when").cloned();
    let table = [
        (
            json!({ "input": "$(tasks.a.results.image)", "operator": "in", "values": ["v", "$(tasks.a.results.list[*])"] }),
            Some(json!([{ "input": "img@sha256:1", "operator": "in", "values": ["v", "x", "y"] }])),
        ),
        (
            json!({ "input": "i", "operator": "notin", "values": ["$(tasks.a.results.empty[*])"] }),
            None,
        ),
        (
            json!({ "input": "i", "operator": "in", "values": ["$(tasks.a.results.empty[*])"] }),
            Some(json!([{ "input": "false", "operator": "in", "values": ["true"] }])),
        ),
        (
            json!({ "cel": "'$(tasks.a.results.image)'.startsWith('img') && $(tasks.a.matrix.length) == 1" }),
            Some(json!([{ "cel": "'img@sha256:1'.startsWith('img') && 1 == 1" }])),
        ),
    ];
    for (before, after) in table {
        assert_eq!(when(before.clone()), after, "{before}");
    }
}

#[test]
fn results_of_a_matrix_are_arrays_in_the_order_of_its_runs() {
    let run = failed_tasks(json!([
        { "name": "m", "matrix": {} },
        { "name": "b", "params": [
            { "name": "all", "value": "$(tasks.m.results.r[*])" },
            { "name": "runs", "value": "$(tasks.m.matrix.length)" },
            { "name": "some", "value": "$(tasks.m.matrix.s.length)" },
        ] },
    ]));
    let children = [
        numbered(good("m", json!({ "r": "2" })), 2),
        numbered(good("m", json!({ "r": "0", "s": "s" })), 0),
        numbered(good("m", json!({ "r": "1" })), 1),
    ];
    let rerun = retried(&run, &children);
    let params = &tasks(&rerun)[0]["params"];
    let expected = [json!(["0", "1", "2"]), json!("3"), json!("1")];
    assert_eq!([0, 1, 2].map(|at| params[at]["value"].clone()), expected);
}

#[test]
fn artifacts_are_the_json_of_their_values() {
    let run = failed_tasks(json!([{ "name": "a" }, { "name": "b", "taskSpec": { "steps": [
        { "script": "echo '$(tasks.a.outputs)' '$(tasks.a.inputs.src)'" },
    ] } }]));
    let mut a = good("a", json!({}));
    a["status"]["artifacts"] = json!({
        "inputs": [{ "name": "other", "values": [] }, { "name": "src", "values": [{ "uri": "git" }] }],
        "outputs": [{ "name": "image", "values": [{ "uri": "pkg", "digest": { "sha256": "1" } }] }],
    });
    let rerun = retried(&run, &[a]);
    let script = &tasks(&rerun)[0]["taskSpec"]["steps"][0]["script"];
    assert_eq!(script, r#"echo '[{"digest":{"sha256":"1"},"uri":"pkg"}]' '[{"uri":"git"}]'"#);
}

#[test]
fn finally_tasks_and_bindings_of_workspaces_have_them_too() {
    let run = failed(json!({
        "workspaces": [{ "name": "w", "persistentVolumeClaim": { "claimName": "$(tasks.a.results.claim)" } }],
        "pipelineSpec": {
            "tasks": [{ "name": "a" }, { "name": "b" }],
            "finally": [{
                "name": "f",
                "when": [{ "input": "$(tasks.a.status)", "operator": "in", "values": ["Succeeded"] }],
                "params": [
                    { "name": "x", "value": ["$(tasks.a.results.claim)", "$(tasks.a.reason)", "$(tasks.status)"] },
                    { "name": "y", "value": { "k": "$(tasks.a.results.claim)-$(tasks.b.results.r)" } },
                ],
            }],
        },
    }));
    let rerun = retried(&run, &[good("a", json!({ "claim": "pvc-1" })), bad("b")]);
    let spec = &rerun.object["spec"];
    assert_eq!(spec["workspaces"][0]["persistentVolumeClaim"]["claimName"], "pvc-1");
    let expected = json!([{
        "name": "f",
        "when": [{ "input": "Succeeded", "operator": "in", "values": ["Succeeded"] }],
        "params": [
            { "name": "x", "value": ["pvc-1", "Succeeded", "$(tasks.status)"] },
            { "name": "y", "value": { "k": "pvc-1-$(tasks.b.results.r)" } },
        ],
    }]);
    assert_eq!(spec["pipelineSpec"]["finally"], expected);
}

#[test]
fn results_of_the_pipeline_that_are_known_stand_in_an_annotation() {
    let run = failed(json!({ "pipelineSpec": {
        "tasks": [{ "name": "a" }, { "name": "b" }],
        "results": [
            { "name": "image", "description": "d", "value": "$(tasks.a.results.image)" },
            { "name": "list", "type": "array", "value": "$(tasks.a.results.list[*])" },
            { "name": "both", "value": "$(tasks.a.results.image) $(tasks.b.results.r)" },
            { "name": "own", "value": "$(tasks.b.results.r)" },
            { "name": "missing", "value": "$(tasks.a.results.nothing)" },
        ],
    } }));
    let rerun = retried(&run, &[good("a", results()), bad("b")]);
    let expected = json!([
        { "name": "both", "value": "img@sha256:1 $(tasks.b.results.r)" },
        { "name": "own", "value": "$(tasks.b.results.r)" },
    ]);
    assert_eq!(rerun.object["spec"]["pipelineSpec"]["results"], expected);
    let written = &rerun.object["metadata"]["annotations"][KEPT_RESULTS];
    assert_eq!(written, r#"{"image":"img@sha256:1","list":["x","y"]}"#);
    let losses = [
        "result `image` of the pipeline comes from what is kept, so the new run does not give it; \
         its value is written in the annotation holdpoint.dev/kept-results",
        "result `list` of the pipeline comes from what is kept, so the new run does not give it; \
         its value is written in the annotation holdpoint.dev/kept-results",
        "the new run does not give result `missing`: task `a` succeeded without a result `nothing` \
         (its results: dotted.name, empty, image, list, object, quoted)",
    ];
    assert_eq!(rerun.losses, losses);
}
