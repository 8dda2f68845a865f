//! The results of a task.

use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem};
use super::schema;
use super::yaml::{Node, Text};

/// A result of the file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// Which step's result it is taken from.
    pub(super) value: Option<Text>,
}

/// Reads the results of a task.
///
/// # Errors
/// A name is wrong or used twice, a type is unknown.
pub(super) fn read(nodes: &[Node], notes: &mut Notes) -> Checked<Vec<Source>> {
    let mut results: Vec<Source> = Vec::new();
    for node in nodes {
        let fields = Fields::read(node, &schema::RESULT, notes)?;
        let name = name(&fields)?;
        if results.iter().any(|other| other.name == name) {
            return Err(Problem::at(fields.line, format!("result `{name}` is declared twice")));
        }
        let of = |problem: Problem| problem.of(&format!("result `{name}`"));
        let value = fields.text("value").map_err(of)?;
        results.push(Source { name, value });
    }
    Ok(results)
}

/// The name of a result, which is the name of a file; its type is checked with it.
///
/// # Errors
/// The name or the type is wrong.
pub(super) fn name(fields: &Fields<'_>) -> Checked<String> {
    let name = fields.required_text("name")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts = name.value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !starts || !name.value.chars().all(is_plain) {
        let rule = "letters, digits, - _ and ., a letter, digit or _ first";
        let message = format!("`{}` cannot be a result's name: {rule}", name.value);
        return Err(Problem::at(name.line, message));
    }
    if let Some(kind) = fields.text("type")?
        && !matches!(kind.value.as_str(), "string" | "array" | "object")
    {
        let message = format!(
            "result `{}`: `type` must be string, array or object, not `{}`",
            name.value, kind.value
        );
        return Err(Problem::at(kind.line, message));
    }
    Ok(name.value)
}
