//! What holds for every pipeline, however its tasks ended.

use proptest::prelude::*;

use super::*;

/// How a task ended, where its turn came.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Succeeded,
    Ignored,
    Failed,
    Cancelled,
    NotBegun,
}

#[derive(Clone, Debug)]
struct Task {
    /// Indices of earlier tasks, each with the way of depending on it.
    parents: Vec<(usize, usize)>,
    fate: Fate,
    newer: bool,
}

impl Task {
    fn is_done(&self) -> bool {
        matches!(self.fate, Fate::Succeeded | Fate::Ignored)
    }
}

fn called(index: usize) -> String {
    format!("t{index}")
}

/// Tasks that depend on earlier ones, and began only after those were done.
fn dag() -> impl Strategy<Value = Vec<Task>> {
    let fate = prop_oneof![
        4 => Just(Fate::Succeeded),
        1 => Just(Fate::Ignored),
        1 => Just(Fate::Failed),
        1 => Just(Fate::Cancelled),
        1 => Just(Fate::NotBegun),
    ];
    let task = (
        proptest::collection::vec((any::<prop::sample::Index>(), 0..7_usize), 0..3),
        fate,
        any::<bool>(),
    );
    proptest::collection::vec(task, 1..8).prop_map(|tasks| {
        let mut dag: Vec<Task> = Vec::new();
        for (at, (parents, mut fate, newer)) in tasks.into_iter().enumerate() {
            let parents: Vec<_> = parents
                .into_iter()
                .filter(|_| at > 0)
                .map(|(parent, way)| (parent.index(at), way))
                .collect();
            if parents.iter().any(|(parent, _)| !dag[*parent].is_done()) {
                fate = Fate::NotBegun;
            }
            dag.push(Task { parents, fate, newer });
        }
        dag
    })
}

/// A reference to a parent: an array's item of its own, or a text.
fn reference(parent: usize, way: usize) -> String {
    let parent = called(parent);
    match way {
        1 => format!("$(tasks.{parent}.results.text)"),
        2 => format!("$(tasks.{parent}.results['text'])/$(params.p)"),
        3 => format!("$(tasks.{parent}.results.list[*])"),
        4 => format!("$(tasks.{parent}.results.list[1])"),
        5 => format!("$(tasks.{parent}.results.object.key)"),
        _ => format!("$(tasks.{parent}.results[\"text\"])"),
    }
}

fn pipeline_task(at: usize, task: &Task) -> Value {
    let values: Vec<_> = task
        .parents
        .iter()
        .filter(|(_, way)| *way > 0)
        .map(|(parent, way)| reference(*parent, *way))
        .collect();
    let after: Vec<_> =
        task.parents.iter().filter(|(_, way)| *way == 0).map(|it| called(it.0)).collect();
    let mut written = json!({
        "name": called(at),
        "params": [{ "name": "p", "value": values }, { "name": "k", "value": { "k": values.first() } }],
        "taskSpec": { "steps": [{ "args": values, "script": "echo $(params.p) $(date)" }] },
    });
    if values.iter().any(|value| value.contains("[*]")) {
        written["params"].as_array_mut().unwrap().pop();
    }
    if !after.is_empty() {
        written["runAfter"] = json!(after);
    }
    if task.fate == Fate::Ignored {
        written["onError"] = json!("continue");
    }
    if task.newer {
        written["newer"] = json!({ "deep": [null, 1] });
    }
    written
}

fn run(dag: &[Task]) -> Value {
    let tasks: Vec<_> = dag.iter().enumerate().map(|(at, task)| pipeline_task(at, task)).collect();
    let finally = |at: usize| {
        json!({
            "name": format!("f{at}"),
            "when": [{ "input": format!("$(tasks.t{at}.status)"), "operator": "notin", "values": [reference(at, 1)] }],
            "params": [{ "name": "all", "value": "$(tasks.status)" }],
        })
    };
    let spec_of = |at: usize| json!({ "pipelineTaskName": called(at), "newer": at });
    failed(json!({
        "pipelineSpec": {
            "params": [{ "name": "p", "default": "d" }],
            "tasks": tasks,
            "finally": (0..dag.len()).map(finally).collect::<Vec<_>>(),
        },
        "taskRunSpecs": (0..dag.len()).map(spec_of).collect::<Vec<_>>(),
        "newer": { "field": true },
    }))
}

fn children(dag: &[Task]) -> Vec<Value> {
    let results = |at: usize| {
        json!([
            { "name": "text", "value": format!("text-{at}") },
            { "name": "list", "value": [format!("x-{at}"), format!("y-{at}")] },
            { "name": "object", "value": { "key": format!("key-{at}") } },
        ])
    };
    let made = |(at, task): (usize, &Task)| {
        let end = match task.fate {
            Fate::Succeeded => ("True", "Succeeded"),
            Fate::Ignored | Fate::Failed => ("False", "Failed"),
            Fate::Cancelled => ("False", "TaskRunCancelled"),
            Fate::NotBegun => return None,
        };
        Some(child(&called(at), end, results(at)))
    };
    dag.iter().enumerate().filter_map(made).collect()
}

/// What the new pipeline should be, found in another way: in the text of the old one.
fn expected(run: &Value, dag: &[Task]) -> Value {
    let mut pipeline = run["spec"]["pipelineSpec"].clone();
    let kept: Vec<_> = (0..dag.len()).filter(|at| dag[*at].is_done()).collect();
    let is_kept = |name: &Value| kept.iter().any(|at| name == &json!(called(*at)));
    let tasks = pipeline["tasks"].as_array_mut().unwrap();
    tasks.retain(|task| !is_kept(&task["name"]));
    for task in tasks.iter_mut() {
        if let Some(after) = task["runAfter"].as_array_mut() {
            after.retain(|name| !is_kept(name));
        }
        if task["runAfter"].as_array().is_none_or(Vec::is_empty) {
            task.as_object_mut().unwrap().remove("runAfter");
        }
    }
    let mut text = pipeline.to_string();
    for at in &kept {
        let status = if dag[*at].fate == Fate::Ignored { "Failed" } else { "Succeeded" };
        for (from, to) in [
            (format!("$(tasks.t{at}.results.text)"), format!("text-{at}")),
            (format!("$(tasks.t{at}.results['text'])"), format!("text-{at}")),
            (format!("$(tasks.t{at}.results[\\\"text\\\"])"), format!("text-{at}")),
            (format!("\"$(tasks.t{at}.results.list[*])\""), format!("\"x-{at}\",\"y-{at}\"")),
            (format!("$(tasks.t{at}.results.list[1])"), format!("y-{at}")),
            (format!("$(tasks.t{at}.results.object.key)"), format!("key-{at}")),
            (format!("$(tasks.t{at}.status)"), status.to_owned()),
        ] {
            text = text.replace(&from, &to);
        }
    }
    if dag.iter().any(|task| task.fate == Fate::Ignored) {
        text = text.replace("$(tasks.status)", "Failed");
    } else if kept.len() == dag.len() {
        text = text.replace("$(tasks.status)", "Succeeded");
    }
    let mut pipeline: Value = serde_json::from_str(&text).unwrap();
    if kept.len() == dag.len() {
        pipeline["tasks"] = pipeline.as_object_mut().unwrap().remove("finally").unwrap();
    }
    pipeline
}

proptest! {
    #[test]
    fn the_new_run_has_exactly_what_was_not_done(dag in dag()) {
        let run = run(&dag);
        let rerun = retried(&run, &children(&dag));
        let done: Vec<_> = (0..dag.len()).filter(|at| dag[*at].is_done()).map(called).collect();
        prop_assert_eq!(&rerun.kept, &done);
        let mut spec = run["spec"].clone();
        spec["pipelineSpec"] = expected(&run, &dag);
        spec["taskRunSpecs"].as_array_mut().unwrap().retain(|it| {
            !done.iter().any(|name| it["pipelineTaskName"] == json!(name))
        });
        prop_assert_eq!(rerun.object["spec"].to_string(), spec.to_string());
        let written = rerun.object.to_string();
        for name in done {
            let left = format!("$(tasks.{name}.");
            prop_assert!(!written.contains(&left), "{} is left in {}", left, written);
        }
    }

    #[test]
    fn a_chain_of_retries_keeps_its_origin(dag in dag(), retries in 1..4_usize) {
        let mut run = run(&dag);
        let mut children = children(&dag);
        for attempt in 1..=retries {
            let rerun = retried(&run, &children);
            let expected = [format!("ci-retry-{attempt}"), "ci".to_owned(), (attempt + 1).to_string()];
            let metadata = &rerun.object["metadata"];
            let found = [&metadata["name"], &metadata["annotations"][ORIGIN], &metadata["labels"][ATTEMPT]];
            prop_assert_eq!(found.map(|it| it.as_str().unwrap().to_owned()), expected);
            prop_assert_eq!(&metadata["annotations"][RETRY_OF], &run["metadata"]["name"]);
            run = rerun.object;
            run["status"] = json!({ "conditions": [condition("False", "Failed")] });
            children.clear();
        }
    }
}
