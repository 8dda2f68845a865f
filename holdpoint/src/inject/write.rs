//! A tree as YAML or JSON, its keys in the order in which they stand.
//!
//! A text is written plain only where every reader of YAML takes it for text; several lines become a
//! block; all else is quoted as in JSON, which is YAML too.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::value;
use crate::task::yaml::{Node, Value};

/// All documents, with `---` between them.
pub(super) fn yaml(documents: &[Node]) -> String {
    let text = |node: &Node| lines(node).into_iter().map(|line| line + "\n").collect::<String>();
    documents.iter().map(text).collect::<Vec<_>>().join("---\n")
}

/// All documents, one behind the other.
pub(super) fn json(documents: &[Node]) -> String {
    let text = |node| serde_json::to_string_pretty(&Ordered(node)).unwrap_or_default() + "\n";
    documents.iter().map(text).collect()
}

struct Ordered<'a>(&'a Node);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::List(items) => serializer.collect_seq(items.iter().map(Ordered)),
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    map.serialize_entry(&entry.key, &Ordered(&entry.node))?;
                }
                map.end()
            }
            _ => value::of_node(self.0).serialize(serializer),
        }
    }
}

/// The lines of a value; those behind the first are set in below what the first stands on.
fn lines(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Null => vec!["null".to_owned()],
        Value::Typed(word) => vec![word.clone()],
        Value::Text(text) => text_lines(&text.value),
        Value::List(items) if items.is_empty() => vec!["[]".to_owned()],
        Value::Map(entries) if entries.is_empty() => vec!["{}".to_owned()],
        Value::List(items) => items.iter().flat_map(|item| below("-", lines(item))).collect(),
        Value::Map(entries) => entries
            .iter()
            .flat_map(|entry| {
                let key = format!("{}:", key(&entry.key));
                let lines = lines(&entry.node);
                match &entry.node.value {
                    Value::List(items) if !items.is_empty() => [vec![key], lines].concat(),
                    Value::Map(entries) if !entries.is_empty() => {
                        std::iter::once(key).chain(lines.iter().map(|it| indented(it))).collect()
                    }
                    _ => below(&key, lines),
                }
            })
            .collect(),
    }
}

/// The first line behind the head, the others below it.
fn below(head: &str, lines: Vec<String>) -> Vec<String> {
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    std::iter::once(format!("{head} {first}")).chain(lines.map(|line| indented(&line))).collect()
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("  {line}") }
}

fn key(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { quoted(key) }
}

fn text_lines(text: &str) -> Vec<String> {
    if is_plain(text) {
        return vec![text.to_owned()];
    }
    match block(text) {
        Some(lines) => lines,
        None => vec![quoted(text)],
    }
}

/// The text as a `|` block: of several lines, the first of which is neither blank nor set in.
fn block(text: &str) -> Option<Vec<String>> {
    let (body, head) = match text.strip_suffix('\n') {
        Some(body) => (body, "|"),
        None => (text, "|-"),
    };
    let is_odd = |c: char| !matches!(c, '\n' | '\t') && needs_escape(c);
    let begins_oddly = body.is_empty() || body.starts_with([' ', '\t', '\n']);
    if !text.contains('\n') || begins_oddly || body.ends_with('\n') || text.contains(is_odd) {
        return None;
    }
    Some(std::iter::once(head).chain(body.split('\n')).map(str::to_owned).collect())
}

/// Whether no reader could take it for anything but this text.
fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "_-./:@+=,$()% ".contains(c);
    let mut letters = text.chars();
    let begins_well = match (letters.next(), letters.next()) {
        (Some('-'), Some(second)) => second.is_ascii_alphabetic(),
        (Some(first), _) if first.is_ascii_digit() => text.contains(is_no_numeral),
        (Some(first), _) => first.is_alphabetic() || "/_".contains(first),
        (None, _) => false,
    };
    let breaks_off = text.contains(": ") || text.ends_with([':', ' ']);
    begins_well && text.chars().all(inside) && !breaks_off && !is_word_of_yaml(text)
}

/// Digits with the letters of exponents and of other bases are still a number.
fn is_no_numeral(letter: char) -> bool {
    letter.is_ascii_alphabetic() && !"abcdefoxABCDEFOX".contains(letter)
}

fn is_word_of_yaml(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        c if needs_escape(c) => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// What YAML does not count as printable, or takes for a line break; all of it is below U+FFFF.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
