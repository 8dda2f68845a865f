//! The steps as they stand in the file, each with what the template adds.

use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem, choice};
use super::schema::{self, Schema};
use super::when::When;
use super::yaml::{Node, Text, Value};

/// A step of the file, its variables not yet replaced.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) command: Option<Vec<Text>>,
    pub(super) args: Option<Vec<Text>>,
    pub(super) script: Option<Text>,
    pub(super) env: Vec<(String, Text)>,
    pub(super) working_dir: Option<Text>,
    pub(super) on_error: Option<Text>,
    pub(super) timeout: Option<Text>,
    pub(super) when: Vec<When>,
    pub(super) results: Vec<String>,
    pub(super) stdout_path: Option<Text>,
    pub(super) stderr_path: Option<Text>,
    pub(super) mounts: Vec<At>,
    pub(super) workspaces: Vec<At>,
    pub(super) finally: bool,
}

/// A volume or workspace, and where a step wants it.
#[derive(Clone, Debug)]
pub(super) struct At {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) path: Option<Text>,
}

impl Source {
    /// `` step `build` ``, for messages.
    pub(super) fn label(&self) -> String {
        format!("step `{}`", self.name)
    }
}

/// Reads the steps of a task or the containers of a Pod.
///
/// # Errors
/// There are none, a field is unknown or refused, a name is wrong or used twice.
pub(super) fn read(
    nodes: &[Node],
    schema: &Schema,
    template: Option<&Node>,
    notes: &mut Notes,
) -> Checked<Vec<Source>> {
    let template = match template {
        Some(node) => source(node, &schema::STEP_TEMPLATE, notes)
            .map_err(|problem| problem.of("stepTemplate"))?,
        None => Source::default(),
    };
    let mut steps: Vec<Source> = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let name = name(node, place)?;
        let place = |problem: Problem| problem.of(&format!("step `{name}`"));
        let step = Source { name: name.clone(), ..source(node, schema, notes).map_err(place)? };
        if steps.iter().any(|other| other.name == name) {
            return Err(Problem::at(step.line, "another step has that name").of(&step.label()));
        }
        steps.push(step.over(&template));
    }
    Ok(steps)
}

/// Marks the steps that are named on the command line as finally steps, and checks that all such
/// steps come last.
///
/// # Errors
/// A name is of no step, or an ordinary step follows.
pub(super) fn mark_finally(steps: &mut [Source], names: &[String], line: usize) -> Checked<()> {
    for name in names {
        if !steps.iter().any(|step| step.name == *name) {
            let have = choice("steps", steps.iter().map(|step| &step.name));
            let message = format!("there is no step `{name}` (--finally); the task has {have}");
            return Err(Problem::at(line, message));
        }
    }
    for step in steps.iter_mut() {
        step.finally |= names.contains(&step.name);
    }
    let mut from_first = steps.iter().skip_while(|step| !step.finally);
    let Some(first) = from_first.next() else { return Ok(()) };
    let Some(after) = from_first.find(|step| !step.finally) else { return Ok(()) };
    let message = format!("finally steps come last; put `{}` before it", after.name);
    Err(Problem::at(first.line, message).of(&first.label()))
}

/// The step's name, which is a DNS label; `unnamed-N` where it has none.
fn name(node: &Node, place: usize) -> Checked<String> {
    let name = match node.get("name").map(|name| (&name.value, name.line)) {
        None | Some((Value::Null, _)) => return Ok(format!("unnamed-{place}")),
        Some((Value::Text(text), _)) if text.value.is_empty() => {
            return Ok(format!("unnamed-{place}"));
        }
        Some((Value::Text(text), _)) => text,
        Some((_, line)) => return Err(Problem::at(line, "the name of a step must be text")),
    };
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_dashed = name.value.starts_with('-') || name.value.ends_with('-');
    if name.value.len() > 63 || is_dashed || !name.value.chars().all(is_label) {
        let rule = "lower-case letters, digits and - inside, at most 63";
        let message = format!("`{}` cannot be a step's name: {rule}", name.value);
        return Err(Problem::at(name.line, message));
    }
    Ok(name.value.clone())
}

fn source(node: &Node, schema: &Schema, notes: &mut Notes) -> Checked<Source> {
    let fields = Fields::read(node, schema, notes)?;
    let conditions = fields.list("when")?.iter().map(|node| When::read(node, notes));
    let when = conditions.collect::<Checked<_>>()?;
    Ok(Source {
        name: String::new(),
        line: fields.line,
        command: fields.texts("command")?,
        args: fields.texts("args")?,
        script: fields.text("script")?.filter(|script| !script.value.trim().is_empty()),
        env: env(&fields, notes)?,
        working_dir: fields.text("workingDir")?,
        on_error: fields.text("onError")?,
        timeout: fields.text("timeout")?,
        when,
        results: results(&fields, notes)?,
        stdout_path: output(&fields, "stdoutConfig", notes)?,
        stderr_path: output(&fields, "stderrConfig", notes)?,
        mounts: mounts(&fields, notes)?,
        workspaces: workspaces(&fields, notes)?,
        finally: fields.boolean("finally")?,
    })
}

impl Source {
    /// The step with what it has not said itself from the template. Tekton's way: lists of the
    /// command are taken as a whole, variables one by one, a script wins over a command.
    fn over(mut self, template: &Self) -> Self {
        if self.script.is_none() && self.command.is_none() {
            self.command.clone_from(&template.command);
        }
        self.args = self.args.or_else(|| template.args.clone());
        self.working_dir = self.working_dir.or_else(|| template.working_dir.clone());
        let mut env = template.env.clone();
        for (name, value) in self.env {
            match env.iter_mut().find(|(other, _)| *other == name) {
                Some(entry) => entry.1 = value,
                None => env.push((name, value)),
            }
        }
        let same_place = |at: &At| {
            let path = |at: &At| at.path.as_ref().map(|text| text.value.clone());
            self.mounts.iter().any(|own| path(own) == path(at))
        };
        let more: Vec<At> = template.mounts.iter().filter(|at| !same_place(at)).cloned().collect();
        self.mounts.extend(more);
        Self { env, ..self }
    }
}

fn env(fields: &Fields<'_>, notes: &mut Notes) -> Checked<Vec<(String, Text)>> {
    let mut env = Vec::new();
    for node in fields.list("env")? {
        let entry = Fields::read(node, &schema::ENV, notes).map_err(|problem| problem.of("env"))?;
        let name = entry.required_text("name")?;
        if name.value.contains(['=', '\0']) {
            let message = format!("`{}` cannot be the name of a variable", name.value);
            return Err(Problem::at(name.line, message));
        }
        let empty = Text { line: entry.line, ..Text::default() };
        let of = |problem: Problem| problem.of(&format!("env `{}`", name.value));
        let value = entry.text("value").map_err(of)?.unwrap_or(empty);
        env.push((name.value, value));
    }
    Ok(env)
}

fn results(fields: &Fields<'_>, notes: &mut Notes) -> Checked<Vec<String>> {
    let mut results = Vec::new();
    for node in fields.list("results")? {
        let result = Fields::read(node, &schema::STEP_RESULT, notes)?;
        let name = super::results::name(&result)?;
        if results.contains(&name) {
            return Err(Problem::at(result.line, format!("result `{name}` is declared twice")));
        }
        results.push(name);
    }
    Ok(results)
}

fn output(fields: &Fields<'_>, name: &str, notes: &mut Notes) -> Checked<Option<Text>> {
    let Some(node) = fields.get(name) else { return Ok(None) };
    let config = Fields::read(node, &schema::OUTPUT, notes).map_err(|problem| problem.of(name))?;
    config.text("path")
}

fn mounts(fields: &Fields<'_>, notes: &mut Notes) -> Checked<Vec<At>> {
    let read = |node| {
        let mount = Fields::read(node, &schema::VOLUME_MOUNT, notes)?;
        let path = Some(mount.required_text("mountPath")?);
        Ok(At { name: mount.required_text("name")?.value, line: mount.line, path })
    };
    fields.list("volumeMounts")?.iter().map(read).collect()
}

fn workspaces(fields: &Fields<'_>, notes: &mut Notes) -> Checked<Vec<At>> {
    let read = |node| {
        let workspace = Fields::read(node, &schema::STEP_WORKSPACE, notes)?;
        let name = workspace.required_text("name")?.value;
        Ok(At { name, line: workspace.line, path: workspace.text("mountPath")? })
    };
    fields.list("workspaces")?.iter().map(read).collect()
}
