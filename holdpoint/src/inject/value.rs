//! From the tree of a file to JSON, and what became of it back into the tree, so that all that did
//! not change stands where and as it stood.

use serde_json::{Map, Number, Value as Json};

use crate::task::yaml::{Entry, Node, Text, Value};

/// The JSON that Kubernetes takes this YAML for.
pub(super) fn of_node(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Typed(word) => of_word(word),
        Value::Text(text) => Json::String(text.value.clone()),
        Value::List(items) => items.iter().map(of_node).collect(),
        Value::Map(entries) => {
            let pair = |entry: &Entry| (entry.key.clone(), of_node(&entry.node));
            Json::Object(entries.iter().map(pair).collect::<Map<_, _>>())
        }
    }
}

/// The tree changed to hold `json`: what is the same stays as it was written, keys keep their order,
/// and new ones come last.
pub(super) fn put_into(node: &Node, json: &Json) -> Node {
    let value = match (&node.value, json) {
        _ if of_node(node) == *json => node.value.clone(),
        (Value::Map(entries), Json::Object(fields)) => changed_map(entries, fields),
        (Value::List(items), Json::Array(values)) => changed_list(items, values),
        _ => return new(json, node.line),
    };
    Node { line: node.line, value }
}

fn changed_map(entries: &[Entry], fields: &Map<String, Json>) -> Value {
    let kept = entries.iter().filter_map(|entry| {
        let node = put_into(&entry.node, fields.get(&entry.key)?);
        Some(Entry { node, ..entry.clone() })
    });
    let is_new = |key: &str| entries.iter().all(|entry| entry.key != key);
    let added = fields.iter().filter(|(key, _)| is_new(key));
    let added = added.map(|(key, json)| entry(key, json));
    Value::Map(kept.chain(added).collect())
}

/// What is added to a list stands before all of it or behind all of it.
fn changed_list(items: &[Node], values: &[Json]) -> Value {
    let name = |json: Option<&Json>| json.and_then(|json| json.get("name")).cloned();
    let begins_alike = name(items.first().map(of_node).as_ref()) == name(values.first());
    let added = values.len().saturating_sub(items.len());
    let first = if begins_alike { 0 } else { added };
    let item = |(at, json): (usize, &Json)| {
        let before = at.checked_sub(first).and_then(|at| items.get(at));
        before.map_or_else(|| new(json, 0), |node| put_into(node, json))
    };
    Value::List(values.iter().enumerate().map(item).collect())
}

fn entry(key: &str, json: &Json) -> Entry {
    Entry { key: key.to_owned(), line: 0, node: new(json, 0) }
}

/// The tree of JSON that stands at this line.
pub(super) fn new(json: &Json, line: usize) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(_) | Json::Number(_) => Value::Typed(json.to_string()),
        Json::String(text) => Value::Text(Text { value: text.clone(), line, block: false }),
        Json::Array(items) => Value::List(items.iter().map(|item| new(item, line)).collect()),
        Json::Object(fields) => {
            Value::Map(fields.iter().map(|(key, json)| entry(key, json)).collect())
        }
    };
    Node { line, value }
}

/// A word that YAML 1.1, which Kubernetes reads, takes for a number or a truth value.
fn of_word(word: &str) -> Json {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Json::Bool(true),
        "false" | "no" | "off" => Json::Bool(false),
        _ => number(word).map_or_else(|| Json::String(word.to_owned()), Json::Number),
    }
}

fn number(word: &str) -> Option<Number> {
    let word = word.replace('_', "");
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.strip_prefix('+').unwrap_or(&word)),
    };
    let magnitude = match digits.strip_prefix('0') {
        Some(rest) => {
            let hexadecimal = rest.strip_prefix('x').map(|rest| i128::from_str_radix(rest, 16));
            let octal = || i128::from_str_radix(rest, 8);
            if rest.is_empty() { Ok(0) } else { hexadecimal.unwrap_or_else(octal) }
        }
        None => digits.parse::<i128>(),
    };
    match magnitude {
        Ok(magnitude) => Number::from_i128(sign * magnitude),
        Err(_) => word.parse().ok().and_then(Number::from_f64),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::task::yaml::parse;

    fn node(text: &str) -> Node {
        parse(text).unwrap().remove(0)
    }

    #[test]
    fn words_are_what_kubernetes_takes_them_for() {
        let cases = [
            ("yes", json!(true)),
            ("OFF", json!(false)),
            ("0644", json!(420)),
            ("0x1F", json!(31)),
            ("0", json!(0)),
            ("-1_000", json!(-1000)),
            ("089", json!(89.0)),
            ("1.5", json!(1.5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("'1'", json!("1")),
            ("!!str 1", json!("1")),
            ("1m", json!("1m")),
            ("~", json!(null)),
        ];
        for (text, wanted) in cases {
            assert_eq!(of_node(&node(&format!("- {text}"))), json!([wanted]), "{text}");
        }
    }

    #[test]
    fn what_is_the_same_stays_as_it_was_written() {
        let before =
            node("z: 0644\nlist: [{name: a, x: yes}, {name: b}]\nwords: [one, two]\ngone: 1");
        let after = json!({
            "z": 420,
            "list": [{ "name": "new" }, { "name": "a", "x": true, "w": 1 }, { "name": "b" }],
            "words": ["zero", "one", "two"],
            "more": {},
        });
        let changed = put_into(&before, &after);
        assert_eq!(of_node(&changed), after);
        let written = crate::inject::write::yaml(&[changed]);
        let wanted = "z: 0644\nlist:\n- name: new\n- name: a\n  x: yes\n  w: 1\n- name: b\n\
                      words:\n- zero\n- one\n- two\nmore: {}\n";
        assert_eq!(written, wanted);
    }

    #[test]
    fn what_is_added_behind_moves_nothing() {
        let before = node("- {name: a, x: 0644}");
        let changed = put_into(&before, &json!([{ "name": "a", "x": 420 }, { "name": "b" }]));
        assert_eq!(crate::inject::write::yaml(&[changed]), "- name: a\n  x: 0644\n- name: b\n");
    }
}
