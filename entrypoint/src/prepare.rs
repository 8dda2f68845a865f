//! Making a command ready to start: substitution and when expressions (contract 1.7, 1.8).

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::log;
use crate::os::files::folder_of;
use crate::paths::Paths;
use crate::substitute::{Environment, SubstituteError, Substitution};
use crate::when;

/// A command that can be started.
#[derive(Debug)]
pub struct Ready {
    /// The program and its arguments.
    pub words: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Those variables of it that substitution changed.
    pub changed: Vec<(OsString, OsString)>,
    /// A script with its artifacts in it, taken away at the end.
    script_copy: Option<PathBuf>,
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(copy) = self.script_copy.take() {
            let _ = std::fs::remove_file(copy);
        }
    }
}

/// Substitutes and evaluates; nothing where the when expressions do not hold.
///
/// # Errors
/// What is wrong with a flag, a reference or an expression, for a person.
pub fn prepare(
    config: &Config,
    paths: &Paths,
    command: Vec<OsString>,
) -> Result<Option<Ready>, String> {
    check_timeout(config)?;
    warning(paths, |substitution| {
        let fault = |e: SubstituteError| e.to_string();
        let words = substitution.command(command).map_err(fault)?;
        let environment = substitution.environment(own_environment()).map_err(fault)?;
        if !is_wanted(substitution, config.when_expressions.as_deref())? {
            return Ok(None);
        }
        ready(substitution, config, paths, words, environment).map(Some)
    })
}

/// The same for another command that a person asks for in the step's place (2.6): whatever is wrong
/// with that one's words, its environment or its when expressions does not keep this one back.
///
/// # Errors
/// What is wrong with a flag or with a reference in these words, for a person.
pub fn prepare_other(
    config: &Config,
    paths: &Paths,
    command: Vec<OsString>,
) -> Result<Ready, String> {
    check_timeout(config)?;
    warning(paths, |substitution| {
        let words = substitution.command(command).map_err(|e| e.to_string())?;
        let environment = substitution.environment_as_it_can_be(own_environment());
        ready(substitution, config, paths, words, environment)
    })
}

/// The variables that substitution changes, as far as it goes, for a hold at which no command was
/// prepared. Nothing is warned of: that is the turn's to do.
pub fn changed_variables(paths: &Paths) -> Vec<(OsString, OsString)> {
    let steps = paths.steps();
    Substitution::new(&steps).environment_as_it_can_be(own_environment()).changed
}

fn check_timeout(config: &Config) -> Result<(), String> {
    match config.timeout.filter(|timeout| timeout.is_negative()) {
        Some(timeout) => {
            Err(format!("-timeout {timeout} is negative; give a length of time, or 0s for none"))
        }
        None => Ok(()),
    }
}

/// Substitutes, and tells what there is to warn of, whatever comes of it.
fn warning<T>(paths: &Paths, substitute: impl FnOnce(&mut Substitution<'_>) -> T) -> T {
    let steps = paths.steps();
    let mut substitution = Substitution::new(&steps);
    let done = substitute(&mut substitution);
    for warning in substitution.warnings() {
        log::line(warning);
    }
    done
}

fn own_environment() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

fn ready(
    substitution: &mut Substitution<'_>,
    config: &Config,
    paths: &Paths,
    mut words: Vec<OsString>,
    Environment { variables, changed }: Environment,
) -> Result<Ready, String> {
    let folders = copy_folders(config);
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let script_copy =
        substitution.script(&paths.scripts(), &words, &folders).map_err(|e| e.to_string())?;
    if let Some(copy) = &script_copy {
        words = vec![copy.clone().into_os_string()];
    }
    Ok(Ready { words, environment: variables, changed, script_copy })
}

fn is_wanted(substitution: &mut Substitution<'_>, json: Option<&str>) -> Result<bool, String> {
    let Some(json) = json else { return Ok(true) };
    let expressions = when::parse(json).map_err(|e| e.to_string())?;
    let substitution = RefCell::new(substitution);
    let mut one = |text: &str| substitution.borrow_mut().text(text);
    let mut many = |text: &str| substitution.borrow_mut().values(text);
    let substituted: Result<Vec<_>, _> =
        expressions.into_iter().map(|expression| expression.map(&mut one, &mut many)).collect();
    when::all_hold(&substituted.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}

/// Where a copy of a script may go: the root and the scripts' own folder may be read-only.
fn copy_folders(config: &Config) -> Vec<PathBuf> {
    let metadata = config.step_metadata_dir.clone();
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let post = config.post_file.as_deref().map(|post| folder_of(post).to_owned());
    [metadata, temporary, Some("/tmp".into()), post].into_iter().flatten().collect()
}

/// Variables as `/proc/PID/environ` has them: `NAME=value`, each with a NUL byte behind it.
pub fn environment_block(variables: &[(OsString, OsString)]) -> Vec<u8> {
    let variable = |(name, value): &(OsString, OsString)| {
        [name.as_os_str(), OsStr::new("="), value, OsStr::new("\0")].map(OsStr::as_bytes).concat()
    };
    variables.iter().flat_map(variable).collect()
}
