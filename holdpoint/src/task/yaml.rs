//! YAML (and JSON, which is YAML) as a tree that knows its lines, so that every error can name one.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::problem::{Checked, Problem};

mod word;

pub(crate) use word::{Word, word};

/// More values than any Task has, and what aliases of aliases reach quickly.
const MAX_NODES: usize = 100_000;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Its line, counted from 1.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// What YAML takes for a number or a truth value, as it was written.
    Typed(String),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) node: Node,
}

/// A text and where it begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text {
    pub(crate) value: String,
    /// The line of its first character that is no line break.
    pub(crate) line: usize,
    /// Whether its lines are lines of the file, as in a `|` block.
    pub(crate) block: bool,
}

impl Text {
    /// The line of the file that holds the byte at `offset`.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let breaks = |text: &str| text.matches('\n').count();
        let before = self.value.get(..offset).unwrap_or_default();
        let blank = self.value.len() - self.value.trim_start_matches('\n').len();
        if self.block { self.line + breaks(before).saturating_sub(blank) } else { self.line }
    }
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// What this is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Typed(_) => "a number or a truth value",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.node.size()).sum(),
            _ => 0,
        }
    }
}

/// The documents of a file; empty ones are left out.
///
/// # Errors
/// The line and the reason, where the text is not YAML.
pub(crate) fn parse(text: &str) -> Checked<Vec<Node>> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| Problem::at(error.marker().line(), error.info().to_owned()))?;
        tree.take(event, span)?;
    }
    Ok(tree.documents)
}

/// The tree so far: what is open, innermost last.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    documents: Vec<Node>,
    nodes: usize,
}

struct Open {
    anchor: usize,
    node: Node,
    /// In a map: the key that waits for its value.
    key: Option<Key>,
    /// In a map: what its merge keys (`<<`) name.
    merges: Vec<Node>,
}

enum Key {
    Named(String, usize),
    Merge,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Checked<()> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), line)?;
                self.add(Node { line, value }, anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node =
                    node.ok_or_else(|| Problem::at(line, "an alias within its own anchor"))?;
                self.nodes += node.size();
                if self.nodes > MAX_NODES {
                    let message = format!("aliases make over {MAX_NODES} values of it");
                    return Err(Problem::at(line, message));
                }
                self.add(node, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", line)?;
                self.begin(line, Value::List(Vec::new()), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", line)?;
                self.begin(line, Value::Map(Vec::new()), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.add(merged(open.node, open.merges)?, open.anchor),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, line: usize, value: Value, anchor: usize) -> Checked<()> {
        let node = Node { line, value };
        self.open.push(Open { anchor, node, key: None, merges: Vec::new() });
        Ok(())
    }

    /// Puts a whole node into what is open around it.
    fn add(&mut self, node: Node, anchor: usize) -> Checked<()> {
        self.nodes += 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.extend((node.value != Value::Null).then_some(node));
            return Ok(());
        };
        match (&mut open.node.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(entries), Some(Key::Named(key, line))) => insert(entries, key, line, node)?,
            (_, Some(Key::Merge)) => open.merges.push(node),
            (_, _) => open.key = Some(key_of(&node)?),
        }
        Ok(())
    }
}

/// A number or a truth value becomes the text that Kubernetes makes of it: `0644` is the key `420`.
fn key_of(node: &Node) -> Checked<Key> {
    let named = |key: String| Ok(Key::Named(key, node.line));
    match &node.value {
        Value::Text(text) => named(text.value.clone()),
        Value::Typed(text) => match word(text) {
            Word::Merge => Ok(Key::Merge),
            Word::Bool(truth) => named(truth.to_string()),
            Word::Number(number) => named(number.to_string()),
            Word::Null | Word::Text => named(text.clone()),
        },
        _ => Err(Problem::at(node.line, format!("a key must be text, not {}", node.kind()))),
    }
}

fn insert(entries: &mut Vec<Entry>, key: String, line: usize, node: Node) -> Checked<()> {
    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
        let message = format!("`{key}` is here twice, first on line {}", first.line);
        return Err(Problem::at(line, message));
    }
    entries.push(Entry { key, line, node });
    Ok(())
}

/// A map with what its merge keys (`<<`) name; its own keys win.
fn merged(mut node: Node, merges: Vec<Node>) -> Checked<Node> {
    let Value::Map(entries) = &mut node.value else { return Ok(node) };
    let maps = merges.into_iter().flat_map(|merge| match merge.value {
        Value::List(items) => items,
        value => vec![Node { line: merge.line, value }],
    });
    for map in maps {
        let kind = map.kind();
        let Value::Map(more) = map.value else {
            return Err(Problem::at(map.line, format!("`<<` takes a map, not {kind}")));
        };
        let is_new = |entry: &Entry| !entries.iter().any(|own| own.key == entry.key);
        let more: Vec<Entry> = more.into_iter().filter(is_new).collect();
        entries.extend(more);
    }
    Ok(node)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Checked<Value> {
    let as_text = || {
        let block = style == ScalarStyle::Literal;
        Value::Text(Text { value: text.to_owned(), line, block })
    };
    let plain = if style == ScalarStyle::Plain { word(text) } else { Word::Text };
    let is_tagged =
        |suffix: &str| tag.is_some_and(|it| it.is_yaml_core_schema() && it.suffix == suffix);
    if is_tagged("str") {
        return Ok(as_text());
    }
    let fitting = match plain {
        Word::Null => "null",
        Word::Bool(_) => "bool",
        Word::Number(ref number) if number.is_f64() => "float",
        Word::Number(_) => "int",
        Word::Merge => "merge",
        Word::Text => "",
    };
    check_tag(tag, fitting, line)?;
    Ok(match plain {
        Word::Null => Value::Null,
        Word::Bool(_) | Word::Number(_) | Word::Merge => Value::Typed(text.to_owned()),
        Word::Text => as_text(),
    })
}

/// A tag may say what is so without it, and nothing else.
fn check_tag(tag: Option<&Tag>, fitting: &str, line: usize) -> Checked<()> {
    let Some(tag) = tag else { return Ok(()) };
    let name = match tag.is_yaml_core_schema() {
        true if tag.suffix == fitting => return Ok(()),
        true => format!("!!{}", tag.suffix),
        false => tag.to_string(),
    };
    let message = format!("the tag `{name}` cannot be followed: write the value as it is meant");
    Err(Problem::at(line, message))
}
