//! Reading a map of the file against the table of its fields.

use super::problem::{Checked, Problem, suggestion};
use super::schema::{Schema, Support};
use super::yaml::{Entry, Node, Text, Value};

/// What a person is told once: what is ignored, and what is other than in a cluster.
#[derive(Debug, Default)]
pub(super) struct Notes {
    ignored: Vec<String>,
    notes: Vec<String>,
}

impl Notes {
    /// Adds a sentence.
    pub(super) fn add(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn ignore(&mut self, field: String) {
        if !self.ignored.contains(&field) {
            self.ignored.push(field);
        }
    }

    /// All sentences; the one on ignored fields comes first.
    pub(super) fn into_sentences(mut self) -> Vec<String> {
        if !self.ignored.is_empty() {
            let fields = self.ignored.join(", ");
            let note = format!("ignored, since steps are processes of this machine: {fields}");
            self.notes.insert(0, note);
        }
        self.notes
    }
}

/// A map whose fields are all known and supported.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// Where the map begins.
    pub(super) line: usize,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Checks the fields of a map.
    ///
    /// # Errors
    /// It is no map, or a field is unknown or refused.
    pub(super) fn read(node: &'a Node, schema: &Schema, notes: &mut Notes) -> Checked<Self> {
        let Value::Map(entries) = &node.value else {
            return Err(Problem::at(node.line, format!("a map is needed, not {}", node.kind())));
        };
        for entry in entries {
            check(entry, schema, notes)?;
        }
        Ok(Self { line: node.line, entries })
    }

    /// The value of a field; null counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let is_it = |entry: &&Entry| entry.key == name && entry.node.value != Value::Null;
        self.entries.iter().find(is_it).map(|entry| &entry.node)
    }

    /// The line of a field; that of the map where it is not there.
    pub(super) fn line_of(&self, name: &str) -> usize {
        let entry = self.entries.iter().find(|entry| entry.key == name);
        entry.map_or(self.line, |entry| entry.line)
    }

    /// A field that holds text.
    pub(super) fn text(&self, name: &str) -> Checked<Option<Text>> {
        self.get(name).map(|node| text(name, node)).transpose()
    }

    /// A field that holds text and must be there.
    pub(super) fn required_text(&self, name: &str) -> Checked<Text> {
        let missing = || Problem::at(self.line, format!("`{name}` is missing"));
        self.text(name)?.filter(|text| !text.value.is_empty()).ok_or_else(missing)
    }

    /// A field that holds a truth value; false where it is not there.
    pub(super) fn boolean(&self, name: &str) -> Checked<bool> {
        let Some(node) = self.get(name) else { return Ok(false) };
        match &node.value {
            Value::Typed(word) if word == "true" => Ok(true),
            Value::Typed(word) if word == "false" => Ok(false),
            _ => Err(Problem::at(node.line, format!("`{name}` must be true or false"))),
        }
    }

    /// A field that holds a list; empty where it is not there.
    pub(super) fn list(&self, name: &str) -> Checked<&'a [Node]> {
        let Some(node) = self.get(name) else { return Ok(&[]) };
        match &node.value {
            Value::List(items) => Ok(items),
            _ => {
                let message = format!("`{name}` must be a list, not {}", node.kind());
                Err(Problem::at(node.line, message))
            }
        }
    }

    /// A field that holds a list of texts.
    pub(super) fn texts(&self, name: &str) -> Checked<Option<Vec<Text>>> {
        let items = self.list(name)?.iter().map(|node| text(name, node)).collect::<Checked<_>>()?;
        Ok(self.get(name).map(|_| items))
    }
}

fn check(entry: &Entry, schema: &Schema, notes: &mut Notes) -> Checked<()> {
    let field = &entry.key;
    match schema.support(field) {
        Some(Support::Used | Support::Silent) => Ok(()),
        Some(_) if entry.node.value == Value::Null => Ok(()),
        Some(Support::Ignored) => {
            notes.ignore(format!("{}{field}", schema.owner));
            Ok(())
        }
        Some(Support::Refused(way_out)) => {
            let message = format!("field `{field}` is not supported here: {way_out}");
            Err(Problem::at(entry.line, message))
        }
        None => {
            let suggestion = suggestion(field, schema.fields());
            Err(Problem::at(entry.line, format!("unknown field `{field}`{suggestion}")))
        }
    }
}

fn text(name: &str, node: &Node) -> Checked<Text> {
    let message = match &node.value {
        Value::Text(text) => return Ok(text.clone()),
        Value::Typed(word) => format!("`{name}` must be text: put quotes around {word}"),
        _ => format!("`{name}` must be text, not {}", node.kind()),
    };
    Err(Problem::at(node.line, message))
}
