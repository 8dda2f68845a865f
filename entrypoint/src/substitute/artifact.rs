//! The values of an artifact as a line of JSON, byte for byte as Tekton's encoder writes it:
//! sorted keys, no spaces, the characters that HTML knows escaped, an empty `uri` or `digest` left
//! out. Members that Tekton does not know are kept.

use std::path::Path;

use serde_json::Value;

use super::reference::Side;
use super::source::Unresolved;

/// The values of the first artifact of that name: `null` where it has none.
///
/// # Errors
/// The provenance is no JSON, or has no such artifact.
pub(super) fn values(
    path: &Path,
    provenance: &[u8],
    side: Side,
    name: &str,
) -> Result<String, Unresolved> {
    let parsed: Value = serde_json::from_slice(provenance)
        .map_err(|source| Unresolved::NotJson { path: path.to_owned(), source })?;
    let artifacts = parsed[side.word()].as_array();
    let mut found = artifacts.into_iter().flatten().filter(|artifact| artifact["name"] == *name);
    let artifact = found.next().ok_or_else(|| Unresolved::NoSuchArtifact {
        path: path.to_owned(),
        side: side.word(),
        name: name.to_owned(),
    })?;
    Ok(encode(artifact["values"].clone()))
}

fn encode(mut values: Value) -> String {
    for member in values.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        member.retain(|key, value| !(["digest", "uri"].contains(&key.as_str()) && is_empty(value)));
    }
    // Members are kept as they came where another package turns on `preserve_order`.
    values.sort_all_objects();
    escape(&values.to_string())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// In JSON these characters stand in strings only, so each may be replaced wherever it is.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn found(provenance: &str, side: Side, name: &str) -> Result<String, String> {
        values(Path::new("p.json"), provenance.as_bytes(), side, name).map_err(|e| e.to_string())
    }

    #[test]
    fn values_are_encoded_as_tekton_does() {
        for (given, expected) in [
            (
                r#"[ {"uri": "pkg:a", "digest": {"sha512": "2", "sha256": "1"}} ]"#,
                r#"[{"digest":{"sha256":"1","sha512":"2"},"uri":"pkg:a"}]"#,
            ),
            (r#"[{"uri":"u"},{"digest":{"a":"1"}}]"#, r#"[{"uri":"u"},{"digest":{"a":"1"}}]"#),
            (r#"[{"uri":"","digest":{}},{"uri":null}]"#, "[{},{}]"),
            (r#"[{"z":{"b":"","a":2},"uri":"u"}]"#, r#"[{"uri":"u","z":{"a":2,"b":""}}]"#),
            (r#"["b","a"]"#, r#"["b","a"]"#),
            ("[]", "[]"),
            ("null", "null"),
            (
                "[{\"uri\":\"<a>&\u{2028}\u{2029}é'\\u0001\\u007f\\n\\t\\\"\\\\\\/\"}]",
                "[{\"uri\":\"\\u003ca\\u003e\\u0026\\u2028\\u2029é'\\u0001\u{7f}\\n\\t\\\"\\\\/\"}]",
            ),
        ] {
            let provenance = format!(r#"{{"outputs":[{{"name":"x","values":{given}}}]}}"#);
            assert_eq!(found(&provenance, Side::Outputs, "x").unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn the_first_of_the_name_on_that_side_is_taken() {
        let provenance = r#"{"inputs":[{"name":"x","values":["in"]}],
            "outputs":[{"name":"y"},{"name":"x","values":["out"]},{"name":"x","values":["no"]}]}"#;
        assert_eq!(found(provenance, Side::Inputs, "x").unwrap(), r#"["in"]"#);
        assert_eq!(found(provenance, Side::Outputs, "x").unwrap(), r#"["out"]"#);
        assert_eq!(found(provenance, Side::Outputs, "y").unwrap(), "null");
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (provenance, reason) in [
            ("", "p.json is no JSON"),
            ("{", "p.json is no JSON"),
            ("[]", "no artifact \"x\" among its outputs"),
            ("{}", "no artifact \"x\" among its outputs"),
            (r#"{"outputs":null}"#, "no artifact \"x\""),
            (r#"{"outputs":{"name":"x"}}"#, "no artifact \"x\""),
            (r#"{"outputs":["x",1,{"name":"X"}]}"#, "no artifact \"x\""),
            (r#"{"inputs":[{"name":"x"}]}"#, "no artifact \"x\""),
        ] {
            let error = found(provenance, Side::Outputs, "x").unwrap_err();
            assert!(error.contains(reason), "{provenance}: {error}");
        }
        let deep = format!("{{\"outputs\":{}", "[".repeat(100_000));
        assert!(found(&deep, Side::Outputs, "x").unwrap_err().contains("no JSON"));
    }
}
