//! The pods of a manifest: pods themselves and the templates of pods, in whatever kind of object they
//! are, in lists too. All that is no pod stays as it is.

use controller_shim::{Injection, Settings, inject};

use super::value;
use crate::task::yaml::{Entry, Node, Value};

/// The documents of a file with their pods injected, and what became of each pod.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) documents: Vec<Node>,
    pub(super) pods: Vec<Pod>,
}

/// What became of a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pod {
    /// Where it begins.
    pub(super) line: usize,
    /// The kind and name of the object around it.
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// What became of a pod, with what is to be said of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Injected(Vec<String>),
    /// For this reason it stays as it was.
    Left(&'static str, Vec<String>),
    Refused(String),
}

impl Manifest {
    /// Injects every pod.
    pub(super) fn inject(documents: &[Node], settings: &Settings) -> Self {
        let mut walk = Walk { settings, object: String::new(), pods: Vec::new() };
        let documents = documents.iter().map(|node| walk.node(node, false)).collect();
        Self { documents, pods: walk.pods }
    }
}

struct Walk<'a> {
    settings: &'a Settings,
    /// The innermost object with a kind and a name.
    object: String,
    pods: Vec<Pod>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, is_template: bool) -> Node {
        let outside = self.object.clone();
        if let Some(name) = object_name(node) {
            self.object = name;
        }
        let walked = if is_pod(node, is_template) { self.pod(node) } else { self.inside(node) };
        self.object = outside;
        walked
    }

    fn inside(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::List(items) => {
                Value::List(items.iter().map(|item| self.node(item, false)).collect())
            }
            Value::Map(entries) => {
                let entry = |entry: &Entry| {
                    let node = self.node(&entry.node, entry.key == "template");
                    Entry { node, ..entry.clone() }
                };
                Value::Map(entries.iter().map(entry).collect())
            }
            other => other.clone(),
        };
        Node { line: node.line, value }
    }

    fn pod(&mut self, node: &Node) -> Node {
        let (outcome, pod) = match inject(&value::of_node(node), self.settings) {
            Injection::Injected { pod, warnings, .. } => {
                (Outcome::Injected(warnings), value::put_into(node, &pod))
            }
            Injection::Untouched { reason, warnings } => {
                (Outcome::Left(reason, warnings), node.clone())
            }
            Injection::Refused(message) => (Outcome::Refused(message), node.clone()),
        };
        self.pods.push(Pod { line: node.line, name: self.object.clone(), outcome });
        pod
    }
}

/// A pod, or a template with containers: that of a Job, a CronJob and others.
fn is_pod(node: &Node, is_template: bool) -> bool {
    let containers = node.get("spec").and_then(|spec| spec.get("containers"));
    let has_containers = containers.is_some_and(|it| matches!(it.value, Value::List(_)));
    has_containers && (is_template || text(node.get("kind")) == Some("Pod"))
}

/// Whether it is an object that Tekton makes pods for.
pub(super) fn is_tektons(node: &Node) -> bool {
    text(node.get("apiVersion")).is_some_and(|version| version.starts_with("tekton.dev/"))
}

/// Whether the annotation that asks is anywhere in it.
pub(super) fn asks_somewhere(node: &Node) -> bool {
    let annotations = node.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let inner: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        Value::Map(entries) => entries.iter().map(|entry| &entry.node).collect(),
        _ => Vec::new(),
    };
    annotations.is_some_and(|it| it.get("holdpoint.dev/inject").is_some())
        || inner.into_iter().any(asks_somewhere)
}

/// `Job build`.
fn object_name(node: &Node) -> Option<String> {
    let metadata = node.get("metadata")?;
    let name = text(metadata.get("name").or_else(|| metadata.get("generateName")))?;
    Some(format!("{} {name}", text(node.get("kind"))?))
}

fn text(node: Option<&Node>) -> Option<&str> {
    match &node?.value {
        Value::Text(text) => Some(&text.value),
        Value::Typed(word) => Some(word),
        _ => None,
    }
}
