//! The forms in which answers and tables are printed: `-o`.

use clap::ValueEnum;
use serde::Serialize;

use crate::inject;

/// For whom something is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Print {
    /// For a person
    #[default]
    Text,
    /// With more columns: the tables of a cluster
    Wide,
    /// Only what can be typed as a target, a line each
    Name,
    /// For a program
    Json,
    /// The same as YAML
    Yaml,
}

impl Print {
    /// The word as it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Wide => "wide",
            Self::Name => "name",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// Whether a person reads it, to whom the next command is told.
    pub fn is_for_a_person(self) -> bool {
        matches!(self, Self::Text | Self::Wide)
    }

    /// The text of this for a program; none where the form is none for programs.
    pub fn written(self, told: &(impl Serialize + ?Sized)) -> Option<String> {
        let value = || serde_json::to_value(told).unwrap_or_default();
        match self {
            Self::Json => Some(serde_json::to_string(told).unwrap_or_default()),
            Self::Yaml => Some(inject::yaml(&[value()]).trim_end().to_owned()),
            Self::Text | Self::Wide | Self::Name => None,
        }
    }
}
