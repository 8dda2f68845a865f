//! The run that retries one which failed or was cancelled (TEP-0065): a new PipelineRun with only the
//! tasks that did not succeed, and finally. What succeeded is not run again; its results stand as
//! values wherever they are referred to.
//!
//! Nothing is asked or created here: objects as the API server gives them go in, one comes out. Of
//! what is not known here, everything is carried over as it is.
//!
//! The way of a run: `outcome` says what became of each
//! task (of a `matrix`: of all its runs), `pipeline` takes out what is kept and has `put` replace the references by `values`,
//! `workspaces` looks which data are still there, `identity` names the new run.

mod identity;
mod matrix;
mod outcome;
mod pipeline;
mod put;
mod refusal;
mod values;
mod workspaces;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use self::outcome::Outcome;
use self::pipeline::Remade;
use self::values::Values;
use self::workspaces::{Carried, Tasks};
use super::children::{Children, End, end};
use super::look::{list, name, text};

pub use self::identity::{ATTEMPT, KEPT, KEPT_RESULTS, ORIGIN, RETRY_OF};
pub use self::outcome::Why;
pub use self::refusal::Refusal;

/// A run that retries another, to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct Rerun {
    /// The PipelineRun.
    pub object: Value,
    /// The tasks that run again, in the order of the pipeline, finally tasks last.
    pub again: Vec<(String, Why)>,
    /// The tasks that do not.
    pub kept: Vec<String>,
    /// A sentence for everything that cannot be carried over: ask before it is created.
    pub losses: Vec<String>,
    /// A sentence for everything else that a person should know.
    pub notes: Vec<String>,
    /// The claims of the old run's own volumes that the new one mounts. Where one is gone, ask again
    /// with its name in `gone`.
    pub claims: Vec<String>,
}

/// The run that retries `run`, given the TaskRuns (and CustomRuns and PipelineRuns) that were made
/// for it, and the names of claims that are known to be gone.
///
/// # Errors
/// The run succeeded or has not ended; whether a task succeeded cannot be known; a value is
/// referred to that is not there, or that Tekton would not leave as it is; a custom task or a
/// pipeline in the pipeline would have to run again.
pub fn rerun(run: &Value, children: &[Value], gone: &[String]) -> Result<Rerun, Refusal> {
    check(run)?;
    let children = Children::new(run, children);
    if let Some(child) = children.open() {
        return Err(Refusal::Ending { run: name(run).to_owned(), child });
    }
    let Some(pipeline) = pipeline_of(run) else { return as_it_was(run, children) };
    let mut outcomes = outcomes(pipeline, run, children)?;
    let (made, values) = without_kept(pipeline, &mut outcomes)?;
    if list(&made.pipeline, "/tasks").is_empty() {
        return Err(Refusal::NothingLeft { run: name(run).to_owned() });
    }
    let mut spec = spec(run, &made, &values)?;
    let tasks = Tasks { run, pipeline, outcomes: &outcomes, children, gone };
    let Carried { losses, notes, claims } =
        workspaces::carry(items(&mut spec, "workspaces"), tasks);
    let kept: Vec<String> = values.in_order(pipeline);
    let metadata = identity::metadata(run, &kept, &made.results)?;
    Ok(Rerun {
        object: object(run, spec, metadata),
        again: again(pipeline, &outcomes),
        kept,
        losses: losses.into_iter().chain(lost_results(&made)).collect(),
        notes: notes.into_iter().chain(surprises(run, &made)).collect(),
        claims,
    })
}

/// That the object is a run that ended without success.
fn check(run: &Value) -> Result<(), Refusal> {
    let (version, kind) = (text(run, "/apiVersion"), text(run, "/kind"));
    if (version, kind) != ("tekton.dev/v1", "PipelineRun") {
        return Err(Refusal::Kind { found: format!("a {kind} of {version}") });
    }
    let run_name = name(run).to_owned();
    match end(run) {
        End::Succeeded => Err(Refusal::Succeeded { run: run_name }),
        End::Open => Err(Refusal::Running { run: run_name }),
        End::Failed | End::Cancelled => Ok(()),
    }
}

/// The pipeline that ran: the one that the run was created with, else the one that Tekton found by
/// its reference and noted. (In Tekton's copy variables are replaced already, and the name of the
/// old run stands where the pipeline asks for that of its run.)
fn pipeline_of(run: &Value) -> Option<&Value> {
    ["/spec/pipelineSpec", "/status/pipelineSpec"]
        .into_iter()
        .find_map(|place| run.pointer(place).filter(|pipeline| pipeline.is_object()))
}

/// A run that failed before its pipeline was found: nothing of it ran.
fn as_it_was(run: &Value, children: Children<'_>) -> Result<Rerun, Refusal> {
    if !children.are_none() {
        return Err(Refusal::NoPipeline { run: name(run).to_owned() });
    }
    let note =
        "the run ended before its pipeline was found: the new one is the same from the start";
    Ok(Rerun {
        object: object(run, own_spec(run), identity::metadata(run, &[], &Map::new())?),
        again: Vec::new(),
        kept: Vec::new(),
        losses: Vec::new(),
        notes: vec![note.to_owned()],
        claims: Vec::new(),
    })
}

fn outcomes(
    pipeline: &Value,
    run: &Value,
    children: Children<'_>,
) -> Result<Vec<(String, Outcome)>, Refusal> {
    list(pipeline, "/finally").iter().try_for_each(outcome::not_foreign)?;
    let named = |task: &Value| {
        outcome::of(task, run, children).map(|outcome| (text(task, "/name").to_owned(), outcome))
    };
    list(pipeline, "/tasks").iter().map(named).collect()
}

/// The pipeline without what is kept. A task whose failure was ignored is kept as long as it has what
/// others ask of it; otherwise it is run again.
fn without_kept(
    pipeline: &Value,
    outcomes: &mut [(String, Outcome)],
) -> Result<(Remade, Values), Refusal> {
    loop {
        let values = Values::of(outcomes);
        let refusal = match pipeline::remade(pipeline, &values) {
            Ok(made) => return Ok((made, values)),
            Err(refusal) => refusal,
        };
        let Refusal::Reference { task, .. } = &refusal else { return Err(refusal) };
        let needed = outcomes.iter_mut().find(|(name, outcome)| {
            name == task && matches!(outcome, Outcome::Kept(kept) if kept.failed)
        });
        match needed {
            Some((_, outcome)) => *outcome = Outcome::Again(Why::Failed),
            None => return Err(refusal),
        }
    }
}

/// What the run was asked for, less what ended it.
fn own_spec(run: &Value) -> Map<String, Value> {
    let mut spec = run.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    spec.remove("status");
    spec.remove("statusMessage");
    spec
}

fn spec(run: &Value, made: &Remade, values: &Values) -> Result<Map<String, Value>, Refusal> {
    let mut spec = own_spec(run);
    spec.remove("pipelineRef");
    spec.insert("pipelineSpec".to_owned(), made.pipeline.clone());
    // Tekton refuses those of a task that the pipeline does not have.
    if let Some(Value::Array(task_specs)) = spec.get_mut("taskRunSpecs") {
        task_specs.retain(|it| !values.kept.contains_key(text(it, "/pipelineTaskName")));
    }
    for binding in items(&mut spec, "workspaces") {
        let user = format!("workspace `{}`", text(binding, "/name"));
        put::put(binding, values, &user)?;
    }
    Ok(spec)
}

fn items<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut [Value] {
    fields.get_mut(name).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

/// The new object: fields of the old one that are not known here stay, what the server and Tekton
/// wrote goes.
fn object(run: &Value, spec: Map<String, Value>, metadata: Value) -> Value {
    let mut fields = run.as_object().cloned().unwrap_or_default();
    fields.remove("status");
    fields.insert("metadata".to_owned(), metadata);
    fields.insert("spec".to_owned(), Value::Object(spec));
    Value::Object(fields)
}

fn again(pipeline: &Value, outcomes: &[(String, Outcome)]) -> Vec<(String, Why)> {
    let tasks = outcomes.iter().filter_map(|(name, outcome)| match outcome {
        Outcome::Again(why) => Some((name.clone(), *why)),
        Outcome::Kept(_) => None,
    });
    let finally = list(pipeline, "/finally").iter();
    tasks.chain(finally.map(|task| (text(task, "/name").to_owned(), Why::Finally))).collect()
}

fn lost_results(made: &Remade) -> impl Iterator<Item = String> {
    let known = made.results.keys().map(|name| {
        format!(
            "result `{name}` of the pipeline comes from what is kept, so the new run does not give \
             it; its value is written in the annotation {KEPT_RESULTS}"
        )
    });
    let unknown = made
        .lost
        .iter()
        .map(|(name, problem)| format!("the new run does not give result `{name}`: {problem}"));
    known.chain(unknown)
}

fn surprises(run: &Value, made: &Remade) -> Vec<String> {
    let mut notes = Vec::new();
    if made.finally_moved {
        notes.push("nothing but finally tasks is left: they run as its tasks".to_owned());
    }
    let old = name(run);
    let is_found = run.pointer("/spec/pipelineSpec").is_none();
    if is_found && made.pipeline.to_string().contains(old) {
        notes.push(format!(
            "where the pipeline says $(context.pipelineRun.name) or .uid, those of {old} stay"
        ));
    }
    notes
}
