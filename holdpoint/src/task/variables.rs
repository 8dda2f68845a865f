//! Tekton's variables: what each stands for, and where it may stand.

use super::params::{Params, Value};
use super::problem::{Checked, Problem, choice};
use super::reference::{self, Reference, Segment, find, whole};
use super::workspaces::Workspace;
use super::yaml::Text;
use crate::plan::Layout;

/// All that variables can stand for.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    /// The words that variables begin with; none in a Pod.
    pub(super) words: &'static [&'static str],
    pub(super) params: Params,
    pub(super) workspaces: Vec<Workspace>,
    /// The names of the task's results.
    pub(super) results: Vec<String>,
    /// The steps, in order.
    pub(super) steps: Vec<Known>,
    pub(super) context: Context,
    pub(super) layout: &'a Layout,
}

/// What others may know of a step.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) results: Vec<String>,
}

/// What `$(context.…)` says.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) run: String,
    pub(super) task: String,
    pub(super) namespace: String,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The place of the step in the order.
    pub(super) step: usize,
    pub(super) field: Field,
}

/// What kind of field a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A command, an argument, the value of a variable, a when expression: the entrypoint replaces
    /// step results there.
    Late,
    Script,
    /// Anything else: it must be known before the run.
    Early,
}

/// What a variable is replaced by.
#[derive(Debug, PartialEq, Eq)]
enum Replacement {
    Text(String),
    Array(Vec<String>),
    /// Nothing: the entrypoint does it.
    Later,
}

impl Variables<'_> {
    /// A text with its variables replaced. What they are replaced by is not looked at again.
    ///
    /// # Errors
    /// A variable is unknown, or cannot stand here.
    pub(super) fn text(&self, text: &Text, site: Site) -> Checked<String> {
        let mut replaced = String::with_capacity(text.value.len());
        let mut rest = text.value.as_str();
        while let Some((offset, reference)) = find(rest, self.words) {
            let (before, after) = rest.split_at(offset);
            replaced.push_str(before);
            let line = text.line_at(text.value.len() - after.len());
            let value = self.value(&reference, site).and_then(|value| value.inside(&reference));
            replaced.push_str(&value.map_err(|message| Problem::at(line, message))?);
            rest = after.get(reference.text.len()..).unwrap_or_default();
        }
        Ok(replaced + rest)
    }

    /// Texts with their variables replaced; one that is an array as a whole gives its items.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub(super) fn texts(&self, texts: &[Text], site: Site) -> Checked<Vec<String>> {
        let mut replaced = Vec::new();
        for text in texts {
            let array = whole(&text.value, self.words).map(|it| self.value(&it, site));
            match array {
                Some(Ok(Replacement::Array(items))) => replaced.extend(items),
                _ => replaced.push(self.text(text, site)?),
            }
        }
        Ok(replaced)
    }

    /// The step and the result that `$(steps.s.results.x)` names, as the value of a task's result.
    ///
    /// # Errors
    /// The text is something else, or there is no such result.
    pub(super) fn step_result(&self, text: &str) -> Result<(String, String), String> {
        let reference = whole(text, self.words);
        let path = reference.and_then(|it| it.path.filter(|_| it.word == "steps"));
        let Some([Segment::Name(step), Segment::Name("results"), Segment::Name(result)]) =
            path.as_deref()
        else {
            return Err(format!("`value` must be like $(steps.STEP.results.RESULT), not `{text}`"));
        };
        self.known_result(step, result, self.steps.len())?;
        Ok(((*step).to_owned(), (*result).to_owned()))
    }

    fn value(&self, reference: &Reference<'_>, site: Site) -> Result<Replacement, String> {
        let unreadable = || format!("{} is no variable of Tekton's", reference.text);
        let path = reference.path.as_deref().ok_or_else(unreadable)?;
        match (reference.word, path) {
            ("params", path) | ("inputs", [Segment::Name("params"), path @ ..]) => {
                self.param(reference, path)
            }
            ("results", [names @ .., Segment::Name("path")]) => self.result(reference, names),
            ("workspaces", [names @ .., Segment::Name(what)]) => {
                self.workspace(reference, names, what)
            }
            ("step", path) => self.own(reference, path, site),
            ("steps", [Segment::Name(step), rest @ ..]) => self.other(reference, step, rest, site),
            ("context", path) => self.context(reference, path),
            ("credentials", [Segment::Name("path")]) => Ok(self.below_tekton("creds")),
            ("tasks", _) => Err(format!(
                "{} is of a Pipeline; a task has it from a param, which -p gives",
                reference.text
            )),
            _ => Err(unknown(reference, "")),
        }
    }

    fn below_tekton(&self, path: &str) -> Replacement {
        Replacement::Text(self.layout.tekton.join(path).display().to_string())
    }

    fn param(
        &self,
        reference: &Reference<'_>,
        path: &[Segment<'_>],
    ) -> Result<Replacement, String> {
        let (names, _) = reference::names(path);
        // A name with dots may be written without quotes; the longest one that is known counts.
        let found = (1..=names.len()).rev().find_map(|count| {
            let name = names.get(..count)?.join(".");
            Some((self.params.get(&name)?, name, path.get(count..)?))
        });
        let have = || format!("; the task has {}", choice("params", self.params.names()));
        let (value, name, rest) = found.ok_or_else(|| unknown(reference, &have()))?;
        let text = |text: &str| Ok(Replacement::Text(text.to_owned()));
        let wrong = |message: String| Err(format!("{}: {message}", reference.text));
        match (value, rest) {
            (Value::Text(value), []) => text(value),
            (Value::Text(_), _) => wrong(format!("`{name}` is a string: write $(params.{name})")),
            (Value::Array(items), [] | [Segment::All]) => Ok(Replacement::Array(items.clone())),
            (Value::Array(items), [Segment::Index(index)]) => match items.get(*index) {
                Some(item) => text(item),
                None => wrong(format!("`{name}` has {} items, counted from 0", items.len())),
            },
            (Value::Array(_), _) => {
                wrong(format!("`{name}` is an array: write $(params.{name}[0])"))
            }
            (Value::Object(pairs), [Segment::Name(key)]) => {
                match pairs.iter().find(|(own, _)| own == key) {
                    Some((_, value)) => text(value),
                    None => wrong(format!("`{name}` has {}", keys(pairs))),
                }
            }
            (Value::Object(pairs), _) => wrong(format!(
                "`{name}` is an object: write $(params.{name}.KEY); it has {}",
                keys(pairs)
            )),
        }
    }

    fn result(
        &self,
        reference: &Reference<'_>,
        path: &[Segment<'_>],
    ) -> Result<Replacement, String> {
        let name = joined(path);
        if self.results.contains(&name) {
            return Ok(self.below_tekton(&format!("results/{name}")));
        }
        Err(unknown(reference, &format!("; the task has {}", choice("results", &self.results))))
    }

    fn workspace(
        &self,
        reference: &Reference<'_>,
        path: &[Segment<'_>],
        what: &str,
    ) -> Result<Replacement, String> {
        let name = joined(path);
        let names = || choice("workspaces", self.workspaces.iter().map(|it| &it.name));
        let found = self.workspaces.iter().find(|workspace| workspace.name == name);
        let workspace =
            found.ok_or_else(|| unknown(reference, &format!("; the task has {}", names())))?;
        let seen = workspace.path.as_ref().map(|path| path.display().to_string());
        match what {
            "path" => Ok(Replacement::Text(seen.unwrap_or_default())),
            "bound" => Ok(Replacement::Text(seen.is_some().to_string())),
            "volume" | "claim" => Ok(Replacement::Text(String::new())),
            _ => Err(unknown(reference, "; a workspace has path, bound, volume, claim")),
        }
    }

    /// `$(step.…)`: of the step itself.
    fn own(
        &self,
        reference: &Reference<'_>,
        path: &[Segment<'_>],
        site: Site,
    ) -> Result<Replacement, String> {
        let Some(step) = self.steps.get(site.step) else { return Err(unknown(reference, "")) };
        let folder = format!("steps/step-{}", step.name);
        match path {
            [Segment::Name("results"), names @ .., Segment::Name("path")] => {
                let name = joined(names);
                if step.results.contains(&name) {
                    return Ok(self.below_tekton(&format!("{folder}/results/{name}")));
                }
                let have = choice("results of its own", &step.results);
                Err(unknown(reference, &format!("; the step has {have}")))
            }
            [Segment::Name("artifacts"), Segment::Name("path")] => {
                Ok(self.below_tekton(&format!("{folder}/artifacts/provenance.json")))
            }
            _ => Err(unknown(reference, "")),
        }
    }

    /// `$(steps.…)`: of a step before.
    fn other(
        &self,
        reference: &Reference<'_>,
        step: &str,
        rest: &[Segment<'_>],
        site: Site,
    ) -> Result<Replacement, String> {
        let about = |message: String| format!("{}: {message}", reference.text);
        match rest {
            [Segment::Name("exitCode"), Segment::Name("path")] => {
                let name = step.strip_prefix("step-").unwrap_or(step);
                self.known_step(name, site.step).map_err(about)?;
                Ok(self.below_tekton(&format!("steps/step-{name}/exitCode")))
            }
            [Segment::Name("results"), Segment::Name(result), ..] => {
                if site.field != Field::Late {
                    return Err(about(too_early(site.field)));
                }
                self.known_result(step, result, site.step).map_err(about)?;
                Ok(Replacement::Later)
            }
            [Segment::Name("outputs" | "inputs"), Segment::Name(_)] => {
                if site.field == Field::Early {
                    return Err(about(too_early(site.field)));
                }
                self.known_step(step, site.step).map_err(about)?;
                Ok(Replacement::Later)
            }
            _ => Err(unknown(reference, "")),
        }
    }

    /// A step that comes before the one at `until`.
    fn known_step(&self, name: &str, until: usize) -> Result<&Known, String> {
        match self.steps.iter().position(|step| step.name == name) {
            Some(place) if place < until => {
                self.steps.get(place).ok_or_else(|| format!("there is no step `{name}`"))
            }
            Some(_) => Err(format!("step `{name}` does not come before this one")),
            None => {
                let names = choice("steps", self.steps.iter().map(|step| &step.name));
                Err(format!("there is no step `{name}`; the task has {names}"))
            }
        }
    }

    fn known_result(&self, step: &str, result: &str, until: usize) -> Result<(), String> {
        let known = self.known_step(step, until)?;
        if known.results.iter().any(|own| own == result) {
            return Ok(());
        }
        Err(format!("step `{step}` has {}", choice("results of its own", &known.results)))
    }

    fn context(
        &self,
        reference: &Reference<'_>,
        path: &[Segment<'_>],
    ) -> Result<Replacement, String> {
        let value = match path {
            [Segment::Name("taskRun"), Segment::Name("name" | "uid")] => &self.context.run,
            [Segment::Name("taskRun"), Segment::Name("namespace")] => &self.context.namespace,
            [Segment::Name("task"), Segment::Name("name")] => &self.context.task,
            [Segment::Name("task"), Segment::Name("retry-count")] => "0",
            _ => {
                let have = "; there are context.taskRun.name, .namespace, .uid, \
                            context.task.name and .retry-count";
                return Err(unknown(reference, have));
            }
        };
        Ok(Replacement::Text(value.to_owned()))
    }
}

impl Replacement {
    /// What stands for it inside a longer text.
    fn inside(self, reference: &Reference<'_>) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Later => Ok(reference.text.to_owned()),
            Self::Array(_) => Err(format!(
                "{} is an array: it must be a whole item of command, args or when values; \
                 [0] behind the name gives its first item",
                reference.text
            )),
        }
    }
}

fn too_early(field: Field) -> String {
    match field {
        Field::Script => "a script cannot hold it: give it to the script in an env".to_owned(),
        _ => "only command, args, env and when can hold it".to_owned(),
    }
}

fn unknown(reference: &Reference<'_>, way_out: &str) -> String {
    format!("unknown variable {}{way_out}", reference.text)
}

fn keys(pairs: &[(String, String)]) -> String {
    choice("keys", pairs.iter().map(|(key, _)| key))
}

fn joined(path: &[Segment<'_>]) -> String {
    let (names, rest) = reference::names(path);
    if rest.is_empty() { names.join(".") } else { String::new() }
}
