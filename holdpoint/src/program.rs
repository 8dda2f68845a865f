//! The names that this binary goes by: its own, and that of kubectl's plugin.

use std::ffi::OsStr;
use std::path::Path;

/// Under which name it was started. The plugin speaks to clusters alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `holdpoint`.
    Holdpoint,
    /// `kubectl-holdpoint`, which kubectl starts as `kubectl holdpoint`.
    Plugin,
}

impl Program {
    /// That of a command line's first word.
    pub fn of(word: Option<&OsStr>) -> Self {
        let name = word.and_then(|word| Path::new(word).file_name());
        if name == Some(OsStr::new("kubectl-holdpoint")) { Self::Plugin } else { Self::Holdpoint }
    }

    /// What a person types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holdpoint => "holdpoint",
            Self::Plugin => "kubectl holdpoint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_is_known_by_its_file() {
        for (word, name) in [
            ("/usr/local/bin/kubectl-holdpoint", "kubectl holdpoint"),
            ("kubectl-holdpoint", "kubectl holdpoint"),
            ("./holdpoint", "holdpoint"),
            ("kubectl-holdpoint/holdpoint", "holdpoint"),
        ] {
            assert_eq!(Program::of(Some(OsStr::new(word))).name(), name, "{word}");
        }
        assert_eq!(Program::of(None), Program::Holdpoint);
    }
}
