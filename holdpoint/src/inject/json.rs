//! JSON as a tree, where it is no YAML: documents in a row, and characters in two halves.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::task::yaml::{Entry, Node, Text, Value};

/// The documents of a text; all that one holds is on the line on which it begins.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, serde_json::Error> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Tree>();
    let mut nodes = Vec::new();
    loop {
        let rest = text.get(documents.byte_offset()..).unwrap_or_default();
        let begin = text.len() - rest.trim_start().len();
        let Some(tree) = documents.next() else { return Ok(nodes) };
        let mut node = Node { line: 0, value: tree?.0 };
        put_on_line(&mut node, 1 + text[..begin].matches('\n').count());
        nodes.push(node);
    }
}

fn put_on_line(node: &mut Node, line: usize) {
    node.line = line;
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| put_on_line(item, line)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.line = line;
            put_on_line(&mut entry.node, line);
        }),
        Value::Text(text) => text.line = line,
        Value::Null | Value::Typed(_) => {}
    }
}

struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Tree)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Typed(truth.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Typed(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Typed(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Typed(serde_json::Value::from(number).to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(Text { value: text.to_owned(), line: 0, block: false }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(Tree(value)) = items.next_element()? {
            nodes.push(Node { line: 0, value });
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((key, Tree(value))) = fields.next_entry::<String, _>()? {
            if entries.iter().any(|entry| entry.key == key) {
                return Err(A::Error::custom(format!("`{key}` is here twice")));
            }
            entries.push(Entry { key, line: 0, node: Node { line: 0, value } });
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::inject::value::of_node;

    #[test]
    fn documents_in_a_row_are_read_with_their_lines() {
        let nodes = parse("{\"z\": [1, -1, 1.5, true, null],\n \"a\": \"\\ud83d\\ude00\"}\n\n[]{}")
            .unwrap();
        assert_eq!(nodes.iter().map(|node| node.line).collect::<Vec<_>>(), [1, 4, 4]);
        let wanted = serde_json::json!({ "z": [1, -1, 1.5, true, null], "a": "\u{1f600}" });
        assert_eq!(of_node(&nodes[0]), wanted);
        let Value::Map(entries) = &nodes[0].value else { panic!("{nodes:?}") };
        assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["z", "a"]);
    }

    #[test]
    fn what_is_no_json_is_told() {
        for text in ["{\"a\": 1, \"a\": 2}", "{} {", "{a: 1}", "{\"a\": \"\\ud83d\"}"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(" \n").unwrap().is_empty());
    }
}
