//! What a test says that a run leaves behind, and how that is compared with what it left.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::pattern::matches;
use crate::tree::{Entry, Tree};

/// The post file of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// `P`.
    Done,
    /// `P.err`.
    Failed,
    /// Neither of them.
    Nothing,
}

/// A row of the termination message: key, pattern of the value, type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(String, String, u8);

/// A row of any type.
pub fn row(key: &str, value: &str, kind: u8) -> Row {
    Row(key.to_owned(), value.to_owned(), kind)
}

/// A task result.
pub fn result(key: &str, value: &str) -> Row {
    row(key, value, 1)
}

/// A row of type 3.
pub fn internal(key: &str, value: &str) -> Row {
    row(key, value, 3)
}

/// A step result.
pub fn step_result(key: &str, value: &str) -> Row {
    row(key, value, 4)
}

/// The row that is in every message.
pub fn started_at() -> Row {
    internal("StartedAt", "…-…-…T…:…:….…Z")
}

/// What is expected of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: Vec<String>,
    pub(crate) any_stderr: bool,
    pub(crate) rows: Vec<Row>,
    pub(crate) files: BTreeMap<String, Leaf>,
}

/// What is expected of one place.
#[derive(Clone, Debug)]
pub(crate) enum Leaf {
    /// A file whose content is as the pattern says.
    Text(String),
    /// Anything at all.
    Anything,
    /// A folder.
    Folder,
    /// A termination message with the expected rows.
    Message,
    /// The state of a step that has ended.
    FinishedState,
}

impl Expected {
    /// What is wrong with the output and the code.
    pub(crate) fn check_output(&self, code: i32, stdout: &str, stderr: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if code != self.code {
            problems.push(format!("exit code {code}, expected {}", self.code));
        }
        if !matches(&self.stdout, stdout) {
            problems.push(format!("stdout {stdout:?}, expected {:?}", self.stdout));
        }
        let lines: Vec<&str> = stderr.lines().collect();
        let is_expected = lines.len() == self.stderr.len()
            && self.stderr.iter().zip(&lines).all(|(pattern, line)| matches(pattern, line));
        if !is_expected && !self.any_stderr {
            problems.push(format!("stderr {lines:#?}, expected {:#?}", self.stderr));
        }
        if stderr.contains("panicked") {
            problems.push("it panicked".to_owned());
        }
        problems
    }

    /// What is wrong with the files, given those that were there before.
    pub(crate) fn check_files(&self, before: &Tree, after: &Tree) -> Vec<String> {
        let mut problems = Vec::new();
        for (path, entry) in after {
            match self.files.get(path) {
                Some(leaf) => problems.extend(self.check_leaf(path, leaf, entry)),
                None if before.get(path) == Some(entry) => {}
                None => problems.push(format!("unexpected: {path}: {}", shown(entry))),
            }
        }
        let gone = before.keys().filter(|path| !after.contains_key(*path));
        problems.extend(gone.map(|path| format!("gone: {path}")));
        let missing = self.files.keys().filter(|path| !after.contains_key(*path));
        problems.extend(missing.map(|path| format!("missing: {path}")));
        problems
    }

    fn check_leaf(&self, path: &str, leaf: &Leaf, entry: &Entry) -> Option<String> {
        let wrong = |wanted: &str| Some(format!("{path} is {}, expected {wanted}", shown(entry)));
        let text = match entry {
            Entry::File(content) => Some(String::from_utf8_lossy(content)),
            _ => None,
        };
        match (leaf, text) {
            (Leaf::Anything, _) => None,
            (Leaf::Folder, _) if *entry == Entry::Folder => None,
            (Leaf::Text(pattern), Some(text)) if matches(pattern, &text) => None,
            (Leaf::Message, Some(text)) if self.is_message(&text) => None,
            (Leaf::FinishedState, Some(text)) if is_finished(&text) => None,
            (Leaf::Message, _) => wrong(&format!("{:?}", self.rows)),
            _ => wrong(&format!("{leaf:?}")),
        }
    }

    fn is_message(&self, text: &str) -> bool {
        let Ok(rows) = serde_json::from_str::<Vec<Value>>(text) else { return false };
        rows.len() == self.rows.len() && rows.iter().zip(&self.rows).all(is_row)
    }
}

fn is_row((found, Row(key, value, kind)): (&Value, &Row)) -> bool {
    found["key"] == key.as_str()
        && matches(value, found["value"].as_str().unwrap_or_default())
        && found["type"] == *kind
        && found.as_object().is_some_and(|row| row.len() == 3)
}

fn is_finished(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|state| state["phase"] == "finished")
}

fn shown(entry: &Entry) -> String {
    match entry {
        Entry::File(content) => format!("{:?}", String::from_utf8_lossy(content)),
        other => format!("{other:?}"),
    }
}
