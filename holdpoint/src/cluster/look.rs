//! Looking into objects as the API server gave them: what is not there is empty.

use serde_json::Value;

/// The text at a JSON pointer.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The names of an object: `metadata.name`.
pub(crate) fn name(value: &Value) -> &str {
    text(value, "/metadata/name")
}

/// An annotation or a label; its key may hold a `/`.
pub(crate) fn mark<'a>(value: &'a Value, kind: &str, key: &str) -> Option<&'a str> {
    value.pointer("/metadata")?.get(kind)?.get(key)?.as_str()
}

/// The item of a list with this `name`.
pub(crate) fn named<'a>(items: &'a [Value], name: &str) -> Option<&'a Value> {
    items.iter().find(|item| text(item, "/name") == name)
}

/// `taskrun/NAME`: an object as messages name it.
pub(crate) fn called(kind: &str, name: &str) -> String {
    format!("{}/{name}", kind.to_ascii_lowercase())
}
