//! From the text of a file to a [`Plan`]: a Task, a TaskRun or a Pod is read, checked and filled
//! with what it is given. Nothing is started here and no folder is made.
//!
//! The way of a file: `yaml` gives a tree with lines, `document` and `definition` find what
//! is run, `fields` reads maps against the tables of `schema`, `params` and `workspaces`
//! take what is given, `steps` holds what stands in the file, `resolve` replaces the
//! `variables`.

mod definition;
mod document;
mod fields;
mod kubernetes;
mod mounts;
mod params;
pub(crate) mod problem;
pub(crate) mod reference;
mod resolve;
mod results;
mod schema;
mod steps;
mod variables;
mod volumes;
mod when;
mod workspaces;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use thiserror::Error;

use self::definition::Definition;
use self::document::{Documents, Kind};
use self::fields::{Fields, Notes};
use self::mounts::Mounts;
use self::params::{Given, Params};
use self::problem::{Checked, Problem};
use self::reference::TEKTONS_WORDS;
use self::resolve::Shared;
use self::steps::Source as StepSource;
use self::variables::{Context, Known, Variables};
use self::workspaces::Givers;
use crate::plan::{Layout, Plan, TaskResult};

/// The text to run.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// How messages name it: the path, or `<stdin>`.
    pub name: &'a str,
    /// All of it: YAML or JSON, one document or several.
    pub text: &'a str,
}

/// What the command line gives to a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-p name=value`, in order: again for each item of an array, JSON for objects.
    pub params: Vec<(String, String)>,
    /// `-w name=DIR`: absolute folders.
    pub workspaces: Vec<(String, PathBuf)>,
    /// `--env NAME=VALUE`: for every step; it wins over the step's own value of that name.
    pub env: Vec<(String, String)>,
    /// `--name`: which document is run.
    pub name: Option<String>,
    /// `--finally`: steps that run also after a failure or a stop.
    pub finally: Vec<String>,
}

/// Why a file cannot be run: where, what is wrong, and the way out.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{file}:{line}: {message}")]
pub struct TaskError {
    /// How the file was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// A lower-case fragment.
    pub message: String,
}

/// Plans the run of a file: its only Task or Pod, its only TaskRun, or the one that is named.
///
/// # Errors
/// The first thing that keeps the file from being run as Tekton would run it.
pub fn plan(
    source: &Source<'_>,
    options: &Options,
    layout: &Layout,
    run_name: &str,
) -> Result<Plan, TaskError> {
    Planner { options, layout, run_name }
        .plan(source.text)
        .map_err(|problem| problem.in_file(source.name))
}

struct Planner<'a> {
    options: &'a Options,
    layout: &'a Layout,
    run_name: &'a str,
}

/// What a Task or a Pod comes to, before its steps are made ready.
struct Parts<'a> {
    name: String,
    steps: Vec<StepSource>,
    results: Vec<results::Source>,
    shared: Shared<'a>,
    mounts: Mounts<'a>,
}

impl<'a> Planner<'a> {
    fn plan(&self, text: &str) -> Checked<Plan> {
        let nodes = yaml::parse(text)?;
        let documents = Documents::of(&nodes)?;
        let chosen = documents.chosen(self.options.name.as_deref())?;
        let mut notes = Notes::default();
        let definition = Definition::of(chosen, &documents, &mut notes)?;
        let parts = match chosen.kind {
            Kind::Pod => self.pod(&definition, &mut notes)?,
            Kind::Task | Kind::TaskRun => self.task(&definition, &mut notes)?,
        };
        finish(parts, notes)
    }

    fn task(&self, definition: &Definition<'_>, notes: &mut Notes) -> Checked<Parts<'a>> {
        let spec = Fields::read(definition.spec, &schema::TASK, notes)?;
        let declares = definition.declares;
        let given = Given { values: definition.params, declares };
        let params = Params::resolve(&spec, &given, &self.options.params, notes)?;
        let typed = &self.options.workspaces;
        let givers = Givers { bindings: definition.bindings, declares, typed };
        let mut mounts = Mounts::new(self.layout);
        let workspaces = workspaces::resolve(&spec, &givers, &mut mounts, notes)?;
        let template = spec.get("stepTemplate");
        let steps = self.steps(&spec, "steps", &schema::STEP, template, notes)?;
        let results = results::read(spec.list("results")?, notes)?;
        let variables = Variables {
            words: TEKTONS_WORDS,
            params,
            workspaces,
            results: results.iter().map(|result| result.name.clone()).collect(),
            steps: known(&steps),
            context: Context {
                run: self.run_name.to_owned(),
                task: definition.task.clone(),
                namespace: definition.namespace.clone(),
            },
            layout: self.layout,
        };
        let volumes = volumes::read(spec.list("volumes")?, notes)?;
        let shared = Shared { variables, volumes, env: &self.options.env };
        Ok(Parts { name: definition.name.clone(), steps, results, shared, mounts })
    }

    /// A Pod has no variables of Tekton's; Kubernetes' own are replaced.
    fn pod(&self, definition: &Definition<'_>, notes: &mut Notes) -> Checked<Parts<'a>> {
        let spec = Fields::read(definition.spec, &schema::POD, notes)?;
        if !self.options.params.is_empty() || !self.options.workspaces.is_empty() {
            return Err(Problem::at(spec.line, "a Pod has no params (-p) and no workspaces (-w)"));
        }
        let steps = self.steps(&spec, "containers", &schema::CONTAINER, None, notes)?;
        let variables = Variables {
            words: &[],
            params: Params::default(),
            workspaces: Vec::new(),
            results: Vec::new(),
            steps: known(&steps),
            context: Context::default(),
            layout: self.layout,
        };
        let volumes = volumes::read(spec.list("volumes")?, notes)?;
        let shared = Shared { variables, volumes, env: &self.options.env };
        let (name, mounts) = (definition.name.clone(), Mounts::new(self.layout));
        Ok(Parts { name, steps, results: Vec::new(), shared, mounts })
    }

    fn steps(
        &self,
        spec: &Fields<'_>,
        field: &str,
        schema: &schema::Schema,
        template: Option<&yaml::Node>,
        notes: &mut Notes,
    ) -> Checked<Vec<StepSource>> {
        let mut steps = steps::read(spec.list(field)?, schema, template, notes)?;
        let line = spec.line_of(field);
        if steps.is_empty() {
            return Err(Problem::at(line, format!("`{field}` is missing or empty")));
        }
        steps::mark_finally(&mut steps, &self.options.finally, line)?;
        Ok(steps)
    }
}

fn known(steps: &[StepSource]) -> Vec<Known> {
    let of = |step: &StepSource| Known { name: step.name.clone(), results: step.results.clone() };
    steps.iter().map(of).collect()
}

fn finish(parts: Parts<'_>, mut notes: Notes) -> Checked<Plan> {
    let Parts { name, steps: sources, results, shared, mut mounts } = parts;
    let mut steps = Vec::new();
    for (place, source) in sources.iter().enumerate() {
        let step = resolve::step(source, place, &shared, &mut mounts, &mut notes);
        steps.push(step.map_err(|problem| problem.of(&source.label()))?);
    }
    let results = results.into_iter().map(|result| task_result(result, &shared.variables));
    let results = results.collect::<Checked<_>>()?;
    Ok(Plan { name, steps, results, mounts: mounts.into_list(), notes: notes.into_sentences() })
}

fn task_result(result: results::Source, variables: &Variables<'_>) -> Checked<TaskResult> {
    let place = |message, line| Problem::at(line, message).of(&format!("result `{}`", result.name));
    let from_step = match &result.value {
        Some(text) => {
            let found = variables.step_result(&text.value);
            Some(found.map_err(|message: String| place(message, text.line))?)
        }
        None => None,
    };
    Ok(TaskResult { name: result.name, from_step })
}
