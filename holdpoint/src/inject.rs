//! `holdpoint inject`: does to a manifest what the webhook of the cluster would do to its pods, so
//! that it can be read, kept and applied where there is no webhook.

mod json;
mod manifest;
mod value;
mod write;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};

use controller_shim::Settings;
use serde_json::Value as Json;
use similar::TextDiff;

use crate::args::{Format, InjectArguments};
use crate::error::Error;
use crate::exit::Exit;
use crate::print_text;
use crate::task::problem::Checked;
use crate::task::yaml::{self, Node};
use manifest::{Manifest, Outcome, Pod};

/// Something was refused, as with the verbs.
const REFUSED: Exit = Exit::Code(3);
/// With `--diff`: there is a difference, as with `diff`.
const DIFFERENT: Exit = Exit::Code(1);

/// Injects and prints. Nothing is printed on stdout where a pod is refused, so that nothing is applied.
pub fn inject(arguments: &InjectArguments) -> Result<Exit, Error> {
    let (name, text) = read(arguments)?;
    let before = parse(&text).map_err(|problem| Error::Task(problem.in_file(&name)))?;
    let settings = Settings { image: arguments.image.clone(), delivery: arguments.delivery };
    let Manifest { documents, pods } = Manifest::inject(&before, &settings);
    let lines = pods.iter().flat_map(|pod| told(&name, pod)).chain(idle(&name, &documents, &pods));
    for line in lines {
        let _ = writeln!(io::stderr(), "holdpoint: {line}");
    }
    if pods.iter().any(|pod| matches!(pod.outcome, Outcome::Refused(_))) {
        return Ok(REFUSED);
    }
    let format = arguments.output.unwrap_or_else(|| format_of(&text));
    let (old, new) = (written(&before, format), written(&documents, format));
    if !arguments.diff {
        print_text(&new)?;
        return Ok(Exit::Success);
    }
    print_text(&difference(&name, &old, &new))?;
    Ok(if old == new { Exit::Success } else { DIFFERENT })
}

/// Objects as YAML documents, written as manifests are.
pub(crate) fn yaml(objects: &[Json]) -> String {
    write::yaml(&objects.iter().map(value::of_json).collect::<Vec<_>>())
}

/// An object as JSON, written as manifests are.
pub(crate) fn json(object: &Json) -> String {
    write::json(&[value::of_json(object)])
}

fn read(arguments: &InjectArguments) -> Result<(String, String), Error> {
    match arguments.filename.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
            Ok((path.display().to_string(), text))
        }
        None if arguments.filename.is_none() && io::stdin().is_terminal() => {
            Err(Error::Usage("name a manifest with -f, or send one to stdin".to_owned()))
        }
        None => {
            let text =
                io::read_to_string(io::stdin()).map_err(Error::system("cannot read stdin"))?;
            Ok(("<stdin>".to_owned(), text))
        }
    }
}

/// JSON is YAML for the most part.
fn parse(text: &str) -> Checked<Vec<Node>> {
    yaml::parse(text).or_else(|problem| match format_of(text) {
        Format::Json => json::parse(text).map_err(|_| problem),
        Format::Yaml => Err(problem),
    })
}

/// What is to be said of a pod.
fn told(file: &str, pod: &Pod) -> Vec<String> {
    let place = format!("{file}:{}: {}", pod.line, pod.name);
    let line = |text: &String| format!("{place}: {text}");
    match &pod.outcome {
        Outcome::Injected(warnings) | Outcome::Left(_, warnings) => {
            warnings.iter().map(line).collect()
        }
        Outcome::Refused(message) => vec![line(message)],
    }
}

/// A sentence where there was nothing to do.
fn idle(file: &str, documents: &[Node], pods: &[Pod]) -> Option<String> {
    let left = |pod: &Pod| match pod.outcome {
        Outcome::Left(reason, _) => Some(reason),
        _ => None,
    };
    let reasons: Option<Vec<_>> = pods.iter().map(left).collect();
    let reasons = reasons?;
    let why = if reasons.is_empty() && documents.iter().any(manifest::is_tektons) {
        "Tekton makes its pods in the cluster, where the webhook injects them"
    } else if reasons.is_empty() {
        "there is no pod in it"
    } else if reasons.contains(&"already-injected") {
        "its pods are injected already"
    } else if reasons.contains(&"not-asked") && documents.iter().any(manifest::asks_somewhere) {
        "the annotation holdpoint.dev/inject belongs to the template of its pods"
    } else if reasons.contains(&"not-asked") {
        "no pod in it asks by the annotation holdpoint.dev/inject: \"true\""
    } else {
        "its pods stay as they are"
    };
    Some(format!("{file}: nothing to inject: {why}"))
}

/// What was JSON stays JSON.
fn format_of(text: &str) -> Format {
    if text.trim_start().starts_with(['{', '[']) { Format::Json } else { Format::Yaml }
}

fn written(documents: &[Node], format: Format) -> String {
    match format {
        Format::Yaml => write::yaml(documents),
        Format::Json => write::json(documents),
    }
}

/// A unified diff. Both sides are written anew, so that comments and spacing are no difference.
fn difference(file: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().header(file, &format!("{file} (injected)")).to_string()
}
