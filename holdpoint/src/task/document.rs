//! Which document of a file is run, and which Task it means.

use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem, choice};
use super::schema;
use super::yaml::{Node, Value};

/// The kinds of documents that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    TaskRun,
    Pod,
}

/// A document that can be run, or that one means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    pub(super) kind: Kind,
    pub(super) node: &'a Node,
}

/// What every kind of document has.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) spec: &'a Node,
}

impl<'a> Document<'a> {
    /// Reads what every kind of document has.
    pub(super) fn header(&self, notes: &mut Notes) -> Checked<Header<'a>> {
        let fields = Fields::read(self.node, &schema::DOCUMENT, notes)?;
        let missing = || Problem::at(self.node.line, "`spec` is missing");
        let spec = fields.get("spec").ok_or_else(missing)?;
        let name = self.name();
        if !is_name(&name) {
            let message = format!("`{name}` cannot be a name: lower-case letters, digits, - and .");
            return Err(Problem::at(self.node.line, message));
        }
        let namespace = metadata(self.node, "namespace").unwrap_or("default").to_owned();
        Ok(Header { name, namespace, spec })
    }

    /// Its name; the kind, in lower case, where it has none.
    pub(super) fn name(&self) -> String {
        let generated = metadata(self.node, "generateName").map(|it| it.trim_end_matches('-'));
        let kind = format!("{:?}", self.kind).to_lowercase();
        metadata(self.node, "name").or(generated).map_or(kind, str::to_owned)
    }
}

/// All documents of a file that can be run or named.
#[derive(Debug)]
pub(super) struct Documents<'a> {
    list: Vec<Document<'a>>,
}

impl<'a> Documents<'a> {
    /// Sorts out what a file holds.
    ///
    /// # Errors
    /// A document is no object of Kubernetes', has a version that is not known, or none can be run.
    pub(super) fn of(nodes: &'a [Node]) -> Checked<Self> {
        let mut list = Vec::new();
        for node in nodes {
            list.extend(kind(node)?.map(|kind| Document { kind, node }));
        }
        if nodes.is_empty() {
            return Err(Problem::at(1, "there is nothing in it"));
        }
        if list.is_empty() {
            let others = nodes.iter().filter_map(|node| word(node, "kind"));
            let message = format!("no Task, TaskRun or Pod is here; {}", choice("kinds", others));
            return Err(Problem::at(nodes.first().map_or(1, |node| node.line), message));
        }
        Ok(Self { list })
    }

    /// The one to run: the one of that name, or the only one.
    ///
    /// # Errors
    /// There is none of that name, or several to choose from.
    pub(super) fn chosen(&self, name: Option<&str>) -> Checked<Document<'a>> {
        let runnable = self.runnable();
        let first_line = self.list.first().map_or(1, |document| document.node.line);
        let Some(name) = name else {
            return match runnable.as_slice() {
                [only] => Ok(*only),
                [_, second, ..] => {
                    let message =
                        format!("{}; pick one with --name", names("several to run", &runnable));
                    Err(Problem::at(second.node.line, message))
                }
                [] => Err(Problem::at(first_line, "nothing to run is here")),
            };
        };
        let named = |document: &&Document<'_>| document.name() == name;
        let found = runnable.iter().find(named).or_else(|| self.list.iter().find(named));
        let missing = || format!("`{name}` (--name) is not here; {}", names("it has", &runnable));
        found.copied().ok_or_else(|| Problem::at(first_line, missing()))
    }

    /// The Task of that name.
    pub(super) fn task(&self, name: &str) -> Option<Document<'a>> {
        let is_it =
            |document: &&Document<'_>| document.kind == Kind::Task && document.name() == name;
        self.list.iter().find(is_it).copied()
    }

    /// The names of all Tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = String> {
        self.list.iter().filter(|document| document.kind == Kind::Task).map(Document::name)
    }

    /// Tasks are definitions where a file has a TaskRun.
    fn runnable(&self) -> Vec<Document<'a>> {
        let has_run = self.list.iter().any(|document| document.kind == Kind::TaskRun);
        let stays = |document: &&Document<'_>| !has_run || document.kind != Kind::Task;
        self.list.iter().filter(stays).copied().collect()
    }
}

fn names(what: &str, documents: &[Document<'_>]) -> String {
    choice(what, documents.iter().map(Document::name))
}

/// The kind of a document; none where it is of a kind that cannot be run.
fn kind(node: &Node) -> Checked<Option<Kind>> {
    if !matches!(node.value, Value::Map(_)) {
        let message = format!("a document must be a map with `kind`, not {}", node.kind());
        return Err(Problem::at(node.line, message));
    }
    let missing = || Problem::at(node.line, "`kind` is missing; it is Task, TaskRun or Pod");
    let (kind, versions) = match word(node, "kind").ok_or_else(missing)? {
        "Task" => (Kind::Task, &["tekton.dev/v1", "tekton.dev/v1beta1"][..]),
        "TaskRun" => (Kind::TaskRun, &["tekton.dev/v1", "tekton.dev/v1beta1"][..]),
        "Pod" => (Kind::Pod, &["v1"][..]),
        _ => return Ok(None),
    };
    let version = word(node, "apiVersion").unwrap_or_default();
    if versions.contains(&version) {
        return Ok(Some(kind));
    }
    let line = node.get("apiVersion").map_or(node.line, |node| node.line);
    let known = versions.join(" or ");
    Err(Problem::at(line, format!("`apiVersion` of a {kind:?} must be {known}, not `{version}`")))
}

/// Names are also those of folders, so what Kubernetes refuses is refused here too.
fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_inside = name.chars().all(|c| is_word(c) || c == '-' || c == '.');
    is_inside && name.starts_with(is_word) && name.ends_with(is_word)
}

fn metadata<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    word(node.get("metadata")?, key)
}

fn word<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match &node.get(key)?.value {
        Value::Text(text) => Some(&text.value),
        Value::Typed(word) => Some(word),
        _ => None,
    }
}
