//! From a step of the file to one that can be started: variables replaced, values checked.

use entrypoint::go_duration;

use super::fields::Notes;
use super::kubernetes::expand;
use super::mounts::{Mounts, path_in};
use super::problem::{Checked, Problem};
use super::steps::Source;
use super::variables::{Field, Site, Variables};
use super::yaml::Text;
use super::{volumes, when};
use crate::plan::{Action, Step};

/// What all steps share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) variables: Variables<'a>,
    /// The names of the volumes.
    pub(super) volumes: Vec<String>,
    /// What was given with `--env`: it wins over the steps' own.
    pub(super) env: &'a [(String, String)],
}

/// Makes the step at a place of the order ready to be started.
///
/// # Errors
/// A variable is unknown, a value wrong, or there is nothing to run.
pub(super) fn step(
    source: &Source,
    place: usize,
    shared: &Shared<'_>,
    mounts: &mut Mounts<'_>,
    notes: &mut Notes,
) -> Checked<Step> {
    let variables = &shared.variables;
    let late = Site { step: place, field: Field::Late };
    let early = Site { step: place, field: Field::Early };
    volumes::mount(source, early, variables, &shared.volumes, mounts, notes)?;
    let env = env(source, shared, late)?;
    let text =
        |text: &Option<Text>| text.as_ref().map(|text| variables.text(text, early)).transpose();
    let seen = |path: String| path_in(variables.layout, &path);
    let output = |path: String| seen(path).display().to_string();
    let working_dir = text(&source.working_dir)?.filter(|path| !path.is_empty());
    let step = Step {
        name: source.name.clone(),
        action: action(source, place, variables, &env)?,
        working_dir: working_dir.map(seen),
        continue_on_error: continues(source, text(&source.on_error)?.as_deref())?,
        timeout: timeout(source, text(&source.timeout)?)?,
        when: when::json(&source.when, variables, late)?,
        results: source.results.clone(),
        stdout_path: text(&source.stdout_path)?.map(output),
        stderr_path: text(&source.stderr_path)?.map(output),
        finally: source.finally,
        env,
    };
    without_nul(&step).map_err(|message| Problem::at(source.line, message))?;
    Ok(step)
}

fn env(source: &Source, shared: &Shared<'_>, site: Site) -> Checked<Vec<(String, String)>> {
    let mut env = shared.env.to_vec();
    let is_given = |name: &str| shared.env.iter().any(|(given, _)| given == name);
    for (name, value) in source.env.iter().filter(|(name, _)| !is_given(name)) {
        let value = shared.variables.text(value, site)?;
        let value = expand(&value, |name| lookup(&env, name));
        env.push((name.clone(), value));
    }
    Ok(env)
}

/// The later one wins.
fn lookup<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    env.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn action(
    source: &Source,
    place: usize,
    variables: &Variables<'_>,
    env: &[(String, String)],
) -> Checked<Action> {
    let late = Site { step: place, field: Field::Late };
    let words = |texts: &Option<Vec<Text>>| -> Checked<Vec<String>> {
        let words = variables.texts(texts.as_deref().unwrap_or_default(), late)?;
        Ok(words.iter().map(|word| expand(word, |name| lookup(env, name))).collect())
    };
    let (command, args) = (words(&source.command)?, words(&source.args)?);
    let wrong = |message: &str| Err(Problem::at(source.line, message));
    match &source.script {
        Some(_) if !command.is_empty() => wrong("it has both `command` and `script`: take one out"),
        Some(script) => {
            let text = variables.text(script, Site { step: place, field: Field::Script })?;
            let text = with_interpreter(text).map_err(|it| Problem::at(script.line, it))?;
            Ok(Action::Script { text, args })
        }
        None if command.is_empty() => wrong(
            "it has neither `command` nor `script`: what its image would run cannot be known \
             here; add a `command`",
        ),
        None if command.first().is_some_and(String::is_empty) => {
            wrong("its `command` begins with an empty word: name a program")
        }
        None => Ok(Action::Command(command.into_iter().chain(args).collect())),
    }
}

/// The script with a `#!` line: its own, or that which Tekton gives it.
fn with_interpreter(script: String) -> Result<String, String> {
    let trimmed = script.trim_start();
    if trimmed.starts_with("#!win") {
        return Err("a script for Windows cannot run here".to_owned());
    }
    if trimmed.starts_with("#!") {
        return Ok(trimmed.to_owned());
    }
    Ok(format!("#!/bin/sh\nset -e\n{script}"))
}

fn continues(source: &Source, on_error: Option<&str>) -> Checked<bool> {
    match on_error {
        Some("continue") => Ok(true),
        None | Some("stopAndFail" | "") => Ok(false),
        Some(other) => {
            let line = source.on_error.as_ref().map_or(source.line, |text| text.line);
            let message = format!("`onError` must be continue or stopAndFail, not `{other}`");
            Err(Problem::at(line, message))
        }
    }
}

fn timeout(source: &Source, timeout: Option<String>) -> Checked<Option<String>> {
    let Some(timeout) = timeout else { return Ok(None) };
    if go_duration::parse(&timeout).is_ok_and(|duration| !duration.is_negative()) {
        return Ok(Some(timeout));
    }
    let line = source.timeout.as_ref().map_or(source.line, |text| text.line);
    Err(Problem::at(line, format!("`timeout` must be like 1h30m or 2.5s, not `{timeout}`")))
}

/// No process can be given a NUL character.
fn without_nul(step: &Step) -> Result<(), String> {
    let words = match &step.action {
        Action::Command(words) => words,
        Action::Script { args, .. } => args,
    };
    let env = step.env.iter().flat_map(|(name, value)| [name, value]);
    if words.iter().chain(env).any(|word| word.contains('\0')) {
        return Err("a NUL character is in its command, args or env".to_owned());
    }
    Ok(())
}
