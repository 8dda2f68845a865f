//! What earlier steps left behind, put into this step's command, environment, when expressions
//! and script (1.7).
//!
//! A reference ends at the first `)`. A value that was put in is not looked at again. Where Tekton
//! gives up the whole command over one reference, only that reference is left as it stands here.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

use self::reference::{Part, Piece, Reference, Side, Target, pieces};
use self::result::{Content, Value};

mod artifact;
mod reference;
mod result;
mod script;
mod source;

/// Why a step cannot run with what was referred to.
#[derive(Debug, Error)]
pub enum SubstituteError {
    /// An item was asked for that the array does not have.
    #[error("{reference}: index out of range: {} holds {length} items, counted from 0", path.display())]
    IndexOutOfRange {
        /// The reference as it stands.
        reference: String,
        /// The file of the result.
        path: PathBuf,
        /// How many items it has.
        length: usize,
    },
    /// The script with its artifacts put in could not be written anywhere.
    #[error(
        "cannot copy the script {} to put artifacts into it ({failures}): \
         set TMPDIR to a writable folder whose files may be executed",
        script.display()
    )]
    ScriptCopy {
        /// The script as it was given.
        script: PathBuf,
        /// Each folder that was tried, and why it would not do.
        failures: String,
    },
}

/// An environment after substitution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Every variable, in the order given.
    pub variables: Vec<(OsString, OsString)>,
    /// Those whose value is another now.
    pub changed: Vec<(OsString, OsString)>,
}

impl Environment {
    fn add(&mut self, name: OsString, before: OsString, after: Vec<u8>) {
        let after = OsString::from_vec(after);
        if after != before {
            self.changed.push((name.clone(), after.clone()));
        }
        self.variables.push((name, after));
    }
}

/// Replaces references by what the steps below one folder left, and remembers what to warn of.
#[derive(Debug)]
pub struct Substitution<'a> {
    steps: &'a Path,
    warnings: Vec<String>,
    said: HashSet<String>,
}

/// Where a reference stands, which says what becomes of `[*]` and of results.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Environment,
    Script,
}

impl<'a> Substitution<'a> {
    /// References are looked up in `steps`, which holds a folder or link `step-NAME` for each step.
    pub fn new(steps: &'a Path) -> Self {
        Self { steps, warnings: Vec::new(), said: HashSet::new() }
    }

    /// What to log: a line for each reference that was left as it stands or became empty though
    /// there was something, in order and once each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The command and its arguments. An argument that is nothing but `$(…[*])` becomes one
    /// argument for each item, or one empty argument where there are none.
    ///
    /// # Errors
    /// An index out of range.
    pub fn command(&mut self, command: Vec<OsString>) -> Result<Vec<OsString>, SubstituteError> {
        let mut arguments = Vec::with_capacity(command.len());
        for argument in command {
            let expanded = self.expand(argument.as_bytes())?;
            arguments.extend(expanded.into_iter().map(OsString::from_vec));
        }
        Ok(arguments)
    }

    /// The values of an environment; names stay. A variable holds no list, so `[*]` is empty in it.
    ///
    /// # Errors
    /// An index out of range.
    pub fn environment(
        &mut self,
        variables: Vec<(OsString, OsString)>,
    ) -> Result<Environment, SubstituteError> {
        let mut environment = Environment::default();
        for (name, before) in variables {
            let after = self.fill(before.as_bytes(), Place::Environment)?;
            environment.add(name, before, after);
        }
        Ok(environment)
    }

    /// The same, as far as it goes: a value that cannot be is left as it stands.
    pub fn environment_as_it_can_be(
        &mut self,
        variables: Vec<(OsString, OsString)>,
    ) -> Environment {
        let mut environment = Environment::default();
        for (name, before) in variables {
            let after = self.fill(before.as_bytes(), Place::Environment).unwrap_or_else(|fault| {
                self.warn(format!("{} is left as it stands: {fault}", name.display()));
                before.as_bytes().to_vec()
            });
            environment.add(name, before, after);
        }
        environment
    }

    /// A text that stays one: CEL, or the input of a when expression. `[*]` is left as it stands;
    /// bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// An index out of range.
    pub fn text(&mut self, text: &str) -> Result<String, SubstituteError> {
        self.fill(text.as_bytes(), Place::Argument).map(into_text)
    }

    /// One of the values of a when expression, which `[*]` turns into several, as in a command.
    ///
    /// # Errors
    /// An index out of range.
    pub fn values(&mut self, value: &str) -> Result<Vec<String>, SubstituteError> {
        Ok(self.expand(value.as_bytes())?.into_iter().map(into_text).collect())
    }

    /// Where `command` is a single file in `scripts` that refers to artifacts: the path of a copy
    /// with mode 0755 that has them, in the first of `folders` that can hold one. It is the
    /// caller's to remove. Else `None`, and the command stays.
    ///
    /// # Errors
    /// No folder can hold the copy.
    pub fn script(
        &mut self,
        scripts: &Path,
        command: &[OsString],
        folders: &[&Path],
    ) -> Result<Option<PathBuf>, SubstituteError> {
        let [only] = command else { return Ok(None) };
        let path = Path::new(only);
        if path.parent() != Some(scripts) {
            return Ok(None);
        }
        let Some(before) = self.read_script(path) else { return Ok(None) };
        let after = self.fill(&before, Place::Script)?;
        if after == before {
            return Ok(None);
        }
        script::copy(path, &after, folders).map(Some)
    }

    fn read_script(&mut self, path: &Path) -> Option<Vec<u8>> {
        match source::read(path) {
            Ok(text) => Some(text),
            Err(reason) => {
                self.warn(format!("artifacts are not put into the script: {reason}"));
                None
            }
        }
    }

    fn expand(&mut self, argument: &[u8]) -> Result<Vec<Vec<u8>>, SubstituteError> {
        let [Piece::Reference(reference)] = pieces(argument)[..] else {
            return Ok(vec![self.fill(argument, Place::Argument)?]);
        };
        Ok(match self.resolve(&reference)? {
            Some(Value::One(text)) => vec![text],
            Some(Value::Every(items)) if items.is_empty() => vec![Vec::new()],
            Some(Value::Every(items)) => items.into_iter().map(String::into_bytes).collect(),
            None => vec![argument.to_vec()],
        })
    }

    fn fill(&mut self, text: &[u8], place: Place) -> Result<Vec<u8>, SubstituteError> {
        let mut filled = Vec::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.extend_from_slice(text),
                Piece::Reference(reference) => {
                    filled.extend(self.replace(reference, place)?.iter())
                }
                Piece::Malformed(raw) => {
                    self.leave(&shorten(raw), reference::FORMS);
                    filled.extend_from_slice(raw);
                }
            }
        }
        Ok(filled)
    }

    fn replace<'t>(
        &mut self,
        reference: Reference<'t>,
        place: Place,
    ) -> Result<Cow<'t, [u8]>, SubstituteError> {
        let kept = Cow::Borrowed(reference.raw.as_bytes());
        if let Some(reason) = reason_to_keep(&reference, place) {
            self.leave(reference.raw, reason);
            return Ok(kept);
        }
        Ok(match self.resolve(&reference)? {
            Some(Value::One(text)) => Cow::Owned(text),
            Some(Value::Every(items)) => {
                if !items.is_empty() {
                    self.empty(
                        reference.raw,
                        "a variable holds no list: ask for an item, as in [0]",
                    );
                }
                Cow::Owned(Vec::new())
            }
            None => kept,
        })
    }

    fn resolve(&mut self, reference: &Reference<'_>) -> Result<Option<Value>, SubstituteError> {
        let step = self.steps.join(format!("step-{}", reference.step));
        match reference.target {
            Target::Result { name, part } => {
                self.result(reference.raw, step.join("results").join(name), part)
            }
            Target::Artifact { side, name } => {
                let provenance = step.join("artifacts/provenance.json");
                Ok(self.artifact(reference.raw, &provenance, side, name))
            }
        }
    }

    fn result(
        &mut self,
        raw: &str,
        path: PathBuf,
        part: Part<'_>,
    ) -> Result<Option<Value>, SubstituteError> {
        let content = match source::read(&path) {
            Ok(bytes) => Content::parse(bytes),
            Err(reason) => {
                self.leave(raw, reason);
                return Ok(None);
            }
        };
        let (asked, held) = (part.asks_for(), content.kind());
        if asked != held {
            self.empty(raw, format_args!("{} holds {held}, not {asked}", path.display()));
        }
        let selected = content.select(part).map_err(|length| {
            let reference = raw.to_owned();
            SubstituteError::IndexOutOfRange { reference, path, length }
        });
        selected.map(Some)
    }

    fn artifact(&mut self, raw: &str, path: &Path, side: Side, name: &str) -> Option<Value> {
        let found = source::read(path).and_then(|file| artifact::values(path, &file, side, name));
        match found {
            Ok(json) => Some(Value::One(json.into_bytes())),
            Err(reason) => {
                self.leave(raw, reason);
                None
            }
        }
    }

    fn leave(&mut self, raw: &str, reason: impl std::fmt::Display) {
        self.warn(format!("{raw} is left as it stands: {reason}"));
    }

    fn empty(&mut self, raw: &str, reason: impl std::fmt::Display) {
        self.warn(format!("{raw} becomes the empty string: {reason}"));
    }

    fn warn(&mut self, warning: String) {
        if self.said.insert(warning.clone()) {
            self.warnings.push(warning);
        }
    }
}

/// What stands in the way of replacing a reference at this place, whatever it refers to.
fn reason_to_keep(reference: &Reference<'_>, place: Place) -> Option<&'static str> {
    match (place, reference.target) {
        (Place::Argument, Target::Result { part: Part::Every, .. }) => {
            Some("[*] must be the whole argument")
        }
        (Place::Script, Target::Result { .. }) => {
            Some("a script takes no results: hand it over in a variable of the step's env")
        }
        _ => None,
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Enough of a text to know it again in a log.
fn shorten(text: &[u8]) -> String {
    const SHOWN: usize = 120;
    String::from_utf8_lossy(text).chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
