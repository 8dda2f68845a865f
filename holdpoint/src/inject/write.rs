//! A tree as YAML or JSON, its keys in the order in which they stand.
//!
//! A text is written plain only where every reader of YAML takes it for text; several lines become a
//! block; all else is quoted as in JSON, which is YAML too.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::value;
use crate::task::yaml::{Node, Value, Word, word};

/// All documents, with `---` between them.
pub(super) fn yaml(documents: &[Node]) -> String {
    let text = |node: &Node| whole(node).into_iter().map(|line| line + "\n").collect::<String>();
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

/// The lines of a document. A block that is not set in would go on behind the next `---`.
fn whole(node: &Node) -> Vec<String> {
    match &node.value {
        Value::Text(text) => vec![one_line(&text.value)],
        _ => lines(node),
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
                let key = format!("{}:", one_line(&entry.key));
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

fn one_line(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
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
    begins_well
        && text.chars().all(inside)
        && !breaks_off
        && word(&text.to_ascii_lowercase()) == Word::Text
}

/// Digits with the letters of exponents, of other bases and of times are still no text to every reader.
fn is_no_numeral(letter: char) -> bool {
    letter.is_ascii_alphabetic() && !"abcdefoxtzABCDEFOXTZ".contains(letter)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::task::yaml::parse;

    /// Texts that look like something else in YAML.
    const TREACHEROUS: [&str; 51] = [
        "",
        " ",
        "a ",
        " a",
        "~",
        "null",
        "Null",
        "yes",
        "Off",
        "n",
        "Y",
        "true",
        "1",
        "-1",
        "+1",
        "0644",
        "0x1F",
        "0b11",
        "0o17",
        "1e3",
        "1_000",
        ".5",
        ".inf",
        "1:20",
        "2001-01-01",
        "2001-01-01T10:00:00Z",
        "<<",
        "=",
        "-",
        "--",
        "---",
        "...",
        "- a",
        "-a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "a,b",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        "\"a\"\\",
    ];

    fn text(value: &str) -> Node {
        value::put_into(&Node { line: 1, value: Value::Null }, &value.into())
    }

    /// The JSON that is read from what is written.
    fn again(nodes: &[Node], write: fn(&[Node]) -> String) -> Vec<serde_json::Value> {
        parse(&write(nodes)).unwrap().iter().map(value::of_node).collect()
    }

    #[test]
    fn a_treacherous_text_is_quoted() {
        for treacherous in TREACHEROUS {
            let node = tree(&serde_json::json!({ treacherous: [treacherous] }));
            let written = yaml(std::slice::from_ref(&node));
            assert_eq!(
                again(std::slice::from_ref(&node), yaml),
                [value::of_node(&node)],
                "{written}"
            );
            let plain = written.contains(&format!("- {treacherous}\n"));
            assert_eq!(plain, ["-a", "a,b"].contains(&treacherous), "{written}");
        }
    }

    #[test]
    fn what_is_text_beyond_doubt_stays_plain() {
        for plain in ["a", "a b", "/bin/sh", "500m", "16Mi", "10m", "a=b", "x:1", "-wait_file", "é"]
        {
            assert_eq!(text_lines(plain), [plain]);
        }
    }

    #[test]
    fn several_lines_are_a_block() {
        let cases = [
            ("a\nb\n", &["|", "a", "b"][..]),
            ("a\n\n\tb: #\nc", &["|-", "a", "", "\tb: #", "c"]),
            (" a\nb", &["\" a\\nb\""]),
            ("\n", &["\"\\n\""]),
            ("a\n\n", &["\"a\\n\\n\""]),
            ("a\r\nb", &["\"a\\u000d\\nb\""]),
        ];
        for (written, lines) in cases {
            assert_eq!(text_lines(written), lines);
        }
    }

    /// Some of them are line breaks to some readers.
    #[test]
    fn what_is_not_seen_is_escaped() {
        for odd in ['\u{7}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{fffe}'] {
            let escape = format!("\\u{:04x}", u32::from(odd));
            assert_eq!(text_lines(&format!("a{odd}b\nc")), [format!("\"a{escape}b\\nc\"")]);
        }
    }

    #[test]
    fn a_document_that_is_text_ends_where_it_ends() {
        let written = yaml(&[text("a\nb\n"), text("c")]);
        assert_eq!(written, "\"a\\nb\\n\"\n---\nc\n");
    }

    #[test]
    fn the_shape_is_that_of_kubectl() {
        let written = "a:\n  b:\n  - c: 0644\n    d:\n    - - e\n      - null\n    g: |\n      h\n\n      i\n\
                       j: {}\nk: []\n---\n- l\n";
        assert_eq!(yaml(&parse(written).unwrap()), written);
    }

    #[test]
    fn json_keeps_the_order_of_keys() {
        let nodes = parse("{b: 0x10, a: [yes, '1', ~]}").unwrap();
        let written = json(&nodes).split_whitespace().collect::<String>();
        assert_eq!(written, r#"{"b":16,"a":[true,"1",null]}"#);
    }

    fn tree(json: &serde_json::Value) -> Node {
        value::put_into(&Node { line: 1, value: Value::Null }, json)
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let word = prop_oneof![
            proptest::sample::select(TREACHEROUS.to_vec()).prop_map(str::to_owned),
            "[ -~\n\t\u{85}\u{a0}é\u{2028}]{0,12}",
            "\\PC{0,6}",
        ];
        let leaf = prop_oneof![
            word.clone().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<bool>().prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let map = proptest::collection::btree_map(word.clone(), inner.clone(), 0..4);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
                map.prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(json in any_json(), other in any_json()) {
            // A document that is null is none.
            let wanted: Vec<_> = [json, other].into_iter().filter(|it| !it.is_null()).collect();
            let nodes: Vec<_> = wanted.iter().map(tree).collect();
            prop_assert_eq!(again(&nodes, yaml), wanted);
        }
    }

    #[test]
    fn a_plain_text_is_what_it_says() {
        assert_eq!(yaml(&[text("a")]), "a\n");
    }
}
