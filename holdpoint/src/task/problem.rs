//! What is wrong with a file, and on which line.

use super::TaskError;

/// A problem of the file that is read; its name is added at the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// A value, or what keeps it from being one.
pub(crate) type Checked<T> = Result<T, Problem>;

impl Problem {
    /// A problem on a line.
    pub(crate) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }

    /// The same, saying whose it is: ``step `build` ``.
    pub(super) fn of(self, owner: &str) -> Self {
        Self { message: format!("{owner}: {}", self.message), ..self }
    }

    /// The same, saying in which file.
    pub(crate) fn in_file(self, file: &str) -> TaskError {
        TaskError { file: file.to_owned(), line: self.line, message: self.message }
    }
}

/// `params: a, b`, or `no params`: what there is to choose from.
pub(super) fn choice<S: AsRef<str>>(what: &str, names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { format!("no {what}") } else { format!("{what}: {}", names.join(", ")) }
}

/// ``; did you mean `x`?`` where a known name is close to what was written, else nothing.
pub(super) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|name| {
            (strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()), name)
        })
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min()
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}
