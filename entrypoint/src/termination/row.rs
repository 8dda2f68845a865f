//! One row of a termination message and its type (1.4).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The keys of Holdpoint's own rows begin with this; no result can have such a name.
pub const OWN_PREFIX: &str = "holdpoint.dev/";

/// One row: a result, an artifact, or something that the controller is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// A result's name, an artifact's path, or a word such as `StartedAt`.
    #[serde(default)]
    pub key: String,
    /// The content, as text.
    #[serde(default)]
    pub value: String,
    /// What the row is.
    #[serde(default, rename = "type", skip_serializing_if = "RowType::is_absent")]
    pub kind: RowType,
    /// The size of a content that was left unread, since no message can hold it: such a row counts
    /// in what is reported and is never written. Otherwise 0.
    #[serde(skip)]
    pub unread_bytes: u64,
}

impl Row {
    /// A row with its content.
    pub fn new(key: impl Into<String>, value: impl Into<String>, kind: RowType) -> Self {
        Self { key: key.into(), value: value.into(), kind, unread_bytes: 0 }
    }

    /// A row whose content is too large to be read.
    pub fn unread(key: impl Into<String>, bytes: u64, kind: RowType) -> Self {
        Self { key: key.into(), value: String::new(), kind, unread_bytes: bytes }
    }

    /// The size of the content in bytes, read or not.
    pub fn size_bytes(&self) -> u64 {
        self.unread_bytes + self.value.len() as u64
    }

    /// Whether the row is one of Holdpoint's own, which are the first to go.
    pub fn is_own(&self) -> bool {
        self.kind == RowType::Internal && self.key.starts_with(OWN_PREFIX)
    }
}

/// The type of a row, written as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowType {
    /// 1: a result of the task.
    TaskResult,
    /// 3: what the entrypoint tells the controller.
    Internal,
    /// 4: a result of the step.
    StepResult,
    /// 5: the provenance of the step's artifacts.
    StepArtifacts,
    /// 6: the provenance of the task's artifacts.
    TaskArtifacts,
    /// Any other number in what was there before; 0 stands for none and is not written.
    Other(i64),
}

/// What an old row with an unknown word for its type is.
const UNKNOWN: RowType = RowType::Other(10);

impl RowType {
    const KNOWN: [(i64, &'static str, Self); 5] = [
        (1, "TaskRunResult", Self::TaskResult),
        (3, "InternalTektonResult", Self::Internal),
        (4, "StepResult", Self::StepResult),
        (5, "StepArtifactsResult", Self::StepArtifacts),
        (6, "TaskRunArtifactsResult", Self::TaskArtifacts),
    ];

    fn from_number(number: i64) -> Self {
        let known = Self::KNOWN.iter().find(|(known, ..)| *known == number);
        known.map_or(Self::Other(number), |(.., kind)| *kind)
    }

    fn from_word(word: &str) -> Self {
        let known = Self::KNOWN.iter().find(|(_, known, _)| *known == word);
        known.map_or(UNKNOWN, |(.., kind)| *kind)
    }

    fn number(self) -> i64 {
        match self {
            Self::TaskResult => 1,
            Self::Internal => 3,
            Self::StepResult => 4,
            Self::StepArtifacts => 5,
            Self::TaskArtifacts => 6,
            Self::Other(number) => number,
        }
    }

    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for RowType {
    fn default() -> Self {
        Self::Other(0)
    }
}

impl Serialize for RowType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.number())
    }
}

/// Older entrypoints wrote the type as a word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Word(String),
}

impl<'de> Deserialize<'de> for RowType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<Written>::deserialize(deserializer)? {
            Some(Written::Number(number)) => Self::from_number(number),
            Some(Written::Word(word)) => Self::from_word(&word),
            None => Self::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_type_is_read_as_number_or_word_and_written_as_number() {
        let cases = [
            ("1", "1"),
            ("3", "3"),
            ("4", "4"),
            ("5", "5"),
            ("6", "6"),
            ("2", "2"),
            ("-7", "-7"),
            (r#""TaskRunResult""#, "1"),
            (r#""InternalTektonResult""#, "3"),
            (r#""StepResult""#, "4"),
            (r#""StepArtifactsResult""#, "5"),
            (r#""TaskRunArtifactsResult""#, "6"),
            (r#""PipelineResourceResult""#, "10"),
        ];
        for (read, written) in cases {
            let kind: RowType = serde_json::from_str(read).unwrap();
            assert_eq!(serde_json::to_string(&kind).unwrap(), written, "{read}");
        }
        for bad in ["1.5", "true", "[1]", "{}"] {
            assert!(serde_json::from_str::<RowType>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_is_three_fields_in_the_order_of_the_contract() {
        let row = Row::new("a", "x\n\"<", RowType::TaskResult);
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, r#"{"key":"a","value":"x\n\"<","type":1}"#);
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }

    #[test]
    fn missing_fields_are_empty_and_a_missing_type_stays_missing() {
        for text in [r#"{"value":"v"}"#, r#"{"value":"v","type":null,"resourceName":"r"}"#] {
            let row: Row = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"key":"","value":"v"}"#);
        }
    }

    #[test]
    fn only_internal_rows_are_holdpoints_own() {
        assert!(Row::new("holdpoint.dev/x", "", RowType::Internal).is_own());
        assert!(!Row::new("holdpoint.dev/x", "", RowType::TaskResult).is_own());
        assert!(!Row::new("StartedAt", "", RowType::Internal).is_own());
    }
}
