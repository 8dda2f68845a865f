//! Putting the values of what is kept into all that refers to them.

use serde_json::Value;

use super::refusal::Refusal;
use super::values::{Found, Values};
use crate::task::reference::{Reference, find, whole};

const TASKS: &[&str] = &["tasks"];
/// What Tekton replaces in a pipeline.
const WORDS: &[&str] = &["params", "tasks", "context", "workspaces", "finally"];

/// Puts values into everything below `place`, of which messages speak as `user`.
///
/// # Errors
/// A value is not there, or Tekton would take a part of it as a variable.
pub(super) fn put(place: &mut Value, values: &Values, user: &str) -> Result<(), Refusal> {
    Put { values, user }.anywhere(place)
}

/// Whether anything below `place` refers to a task at all: to one that runs again, once values are
/// put in.
pub(super) fn refers(place: &Value) -> bool {
    match place {
        Value::String(text) => find(text, &["tasks", "finally"]).is_some(),
        Value::Array(items) => items.iter().any(refers),
        Value::Object(fields) => fields.values().any(refers),
        _ => false,
    }
}

struct Put<'a> {
    values: &'a Values,
    user: &'a str,
}

impl Put<'_> {
    fn anywhere(&self, place: &mut Value) -> Result<(), Refusal> {
        match place {
            Value::String(text) => *text = self.text(text)?,
            Value::Array(items) => *items = self.items(items)?,
            Value::Object(fields) => {
                // Nothing is replaced in a text for people.
                for (name, field) in fields.iter_mut().filter(|(name, _)| *name != "description") {
                    match (name.as_str(), &mut *field) {
                        ("value", Value::String(text)) => *field = self.value(text)?,
                        // The keys of an object are the user's own, `description` too.
                        ("value", Value::Object(keys)) => {
                            keys.values_mut().try_for_each(|key| self.anywhere(key))?;
                        }
                        (_, field) => self.anywhere(field)?,
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The value of a param: one that is an array or an object as a whole stays one.
    fn value(&self, text: &str) -> Result<Value, Refusal> {
        match self.whole(text)? {
            Some(value) => Ok(value),
            None => self.text(text).map(Value::String),
        }
    }

    /// An item that is an array as a whole gives its items.
    fn items(&self, items: &[Value]) -> Result<Vec<Value>, Refusal> {
        let mut all = Vec::new();
        for item in items {
            match item.as_str().map(|text| self.whole(text)).transpose()?.flatten() {
                Some(Value::Array(inner)) => all.extend(inner),
                _ => {
                    let mut item = item.clone();
                    self.anywhere(&mut item)?;
                    all.push(item);
                }
            }
        }
        Ok(all)
    }

    /// The array or object that a text is as a whole.
    fn whole(&self, text: &str) -> Result<Option<Value>, Refusal> {
        let found = whole(text, TASKS).map(|reference| self.find(&reference)).transpose()?;
        let Some(Found::Whole(value)) = found else { return Ok(None) };
        strings(&value).try_for_each(|text| self.same_variables(text, &[]))?;
        Ok(Some(value))
    }

    fn text(&self, text: &str) -> Result<String, Refusal> {
        let (mut replaced, mut rest, mut left) = (String::new(), text, Vec::new());
        while let Some((start, reference)) = find(rest, WORDS) {
            let (before, after) = rest.split_at(start);
            replaced.push_str(before);
            match self.find(&reference)? {
                Found::Text(value) => replaced.push_str(&value),
                Found::Same => {
                    left.push(reference.text);
                    replaced.push_str(reference.text);
                }
                Found::Whole(_) => {
                    let problem = "it is an array or an object, and must stand alone there";
                    return Err(self.wrong(&reference, (String::new(), problem.to_owned())));
                }
            }
            rest = after.get(reference.text.len()..).unwrap_or_default();
        }
        replaced.push_str(rest);
        self.same_variables(&replaced, &left)?;
        Ok(replaced)
    }

    fn find(&self, reference: &Reference<'_>) -> Result<Found, Refusal> {
        match reference.word {
            "tasks" => self.values.find(reference).map_err(|wrong| self.wrong(reference, wrong)),
            _ => Ok(Found::Same),
        }
    }

    fn wrong(&self, reference: &Reference<'_>, (task, problem): (String, String)) -> Refusal {
        let (user, reference) = (self.user.to_owned(), reference.text.to_owned());
        Refusal::Reference { user, reference, task, problem }
    }

    /// That a text has these variables and no others: none came in with a value.
    fn same_variables(&self, text: &str, expected: &[&str]) -> Result<(), Refusal> {
        let (mut rest, mut expected) = (text, expected.iter());
        while let Some((start, reference)) = find(rest, WORDS) {
            if expected.next() != Some(&reference.text) {
                let text = reference.text.to_owned();
                return Err(Refusal::Variable { user: self.user.to_owned(), text });
            }
            rest = rest.get(start + reference.text.len()..).unwrap_or_default();
        }
        Ok(())
    }
}

/// The strings of an array or an object.
fn strings(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter().filter_map(Value::as_str)),
        Value::Object(keys) => Box::new(keys.values().filter_map(Value::as_str)),
        _ => Box::new(std::iter::empty()),
    }
}
