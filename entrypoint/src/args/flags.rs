//! The table of the flags, and how each kind of value is read.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Args, ArgsError};
use crate::creds::CredentialKind;
use crate::go_duration::{self, GoDuration};

/// Every flag, in the order of the usage text.
pub const FLAGS: &[Flag] = &[
    Flag::new("entrypoint", "CMD", Kind::Path(|args| &mut args.entrypoint), "the command to run"),
    Flag::new(
        "wait_file",
        "A,B",
        Kind::Paths(|args| &mut args.wait_files),
        "wait for these files, in order",
    ),
    Flag::new(
        "wait_file_content",
        "",
        Kind::Switch(|args| &mut args.wait_file_content),
        "wait until the files are not empty",
    ),
    Flag::new(
        "post_file",
        "P",
        Kind::Path(|args| &mut args.post_file),
        "made at the end: P, or P.err for a failure",
    ),
    Flag::new(
        "termination_path",
        "F",
        Kind::Path(|args| &mut args.termination_path),
        "the termination message (default /tekton/termination)",
    ),
    Flag::new(
        "results",
        "A,B",
        Kind::Texts(|args| &mut args.results),
        "results of the task, by name",
    ),
    Flag::new(
        "step_results",
        "A,B",
        Kind::Texts(|args| &mut args.step_results),
        "results of the step, by name",
    ),
    Flag::new(
        "when_expressions",
        "JSON",
        Kind::Text(|args| &mut args.when_expressions),
        "run only where all of them hold",
    ),
    Flag::new(
        "timeout",
        "DURATION",
        Kind::Duration(|args| &mut args.timeout),
        "end the command after it, as in 1h2m3.5s (0s: no limit)",
    ),
    Flag::new(
        "stdout_path",
        "F",
        Kind::Path(|args| &mut args.stdout_path),
        "append a copy of standard output to F",
    ),
    Flag::new(
        "stderr_path",
        "F",
        Kind::Path(|args| &mut args.stderr_path),
        "append a copy of standard error to F",
    ),
    Flag::new(
        "breakpoint_on_failure",
        "",
        Kind::Switch(|args| &mut args.breakpoint_on_failure),
        "hold the step where it fails",
    ),
    Flag::new(
        "debug_before_step",
        "",
        Kind::Switch(|args| &mut args.debug_before_step),
        "hold before the command",
    ),
    Flag::new(
        "debug_after_step",
        "",
        Kind::Switch(|args| &mut args.debug_after_step),
        "hold after the command, whatever came of it",
    ),
    Flag::new(
        "on_error",
        "WORD",
        Kind::Text(|args| &mut args.on_error),
        "after a failure: continue or stopAndFail (default)",
    ),
    Flag::new(
        "step_metadata_dir",
        "D",
        Kind::Path(|args| &mut args.step_metadata_dir),
        "where the step's own results, artifacts and exit code go",
    ),
    Flag::new(
        "step_name",
        "NAME",
        Kind::Text(|args| &mut args.step_name),
        "what the step is called in its state",
    ),
    Flag::new(
        "result_from",
        "WORD",
        Kind::Text(|args| &mut args.result_from),
        "results go by termination-message (default) or sidecar-logs",
    ),
    Flag::new(
        "compress_termination_message",
        "",
        Kind::Switch(|args| &mut args.compress_termination_message),
        "write the message compressed where that is shorter",
    ),
    Flag::new(
        "finally",
        "",
        Kind::Switch(|args| &mut args.finally),
        "take the turn also after a failure",
    ),
    Flag::new(
        "control_dir",
        "A,B",
        Kind::Paths(|args| &mut args.control_dirs),
        "more folders to look in for markers",
    ),
    Flag::new(
        "kill_grace",
        "DURATION",
        Kind::Span(|args| &mut args.kill_grace),
        "from SIGTERM to SIGKILL (default 10s)",
    ),
    Flag::new(
        "wait_timeout",
        "DURATION",
        Kind::Span(|args| &mut args.wait_timeout),
        "give up waiting after it (default: never)",
    ),
    Flag::new(
        "breakpoint_timeout",
        "DURATION",
        Kind::Span(|args| &mut args.breakpoint_timeout),
        "end a hold after it (default: never)",
    ),
    Flag::new(
        "basic-git",
        "NAME=URL",
        Kind::Credential(CredentialKind::BasicGit),
        "git credentials from secret NAME; may be repeated, as those below",
    ),
    Flag::new(
        "ssh-git",
        "NAME=HOST",
        Kind::Credential(CredentialKind::SshGit),
        "an ssh key for git from secret NAME",
    ),
    Flag::new(
        "basic-docker",
        "NAME=URL",
        Kind::Credential(CredentialKind::BasicDocker),
        "registry credentials from secret NAME",
    ),
    Flag::new(
        "docker-config",
        "NAME",
        Kind::Credential(CredentialKind::DockerConfig),
        "a config.json for docker from secret NAME",
    ),
    Flag::new(
        "docker-cfg",
        "NAME",
        Kind::Credential(CredentialKind::DockerCfg),
        "a .dockercfg for docker from secret NAME",
    ),
    Flag::new(
        "enable_spire",
        "",
        Kind::Switch(|args| &mut args.enable_spire),
        "not supported: results cannot be signed yet",
    ),
    Flag::new(
        "spire_socket_path",
        "S",
        Kind::Path(|args| &mut args.spire_socket_path),
        "ignored, since nothing is signed",
    ),
];

/// One flag: what it is called, what it takes and where its value goes.
#[derive(Clone, Copy)]
pub struct Flag {
    /// The name, without a dash.
    pub name: &'static str,
    /// What stands for the value in the usage text; empty for a switch.
    pub placeholder: &'static str,
    /// What it takes, and the field that keeps it.
    pub kind: Kind,
    /// One line for the usage text.
    pub help: &'static str,
}

/// What a flag takes, with the field of [`Args`] that keeps it.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Text, which must be UTF-8.
    Text(fn(&mut Args) -> &mut String),
    /// A path or a command: any bytes.
    Path(fn(&mut Args) -> &mut OsString),
    /// Texts between commas.
    Texts(fn(&mut Args) -> &mut Vec<String>),
    /// Paths between commas.
    Paths(fn(&mut Args) -> &mut Vec<PathBuf>),
    /// A boolean, true where it stands alone.
    Switch(fn(&mut Args) -> &mut bool),
    /// A duration that may be negative.
    Duration(fn(&mut Args) -> &mut GoDuration),
    /// A duration that may not be negative.
    Span(fn(&mut Args) -> &mut Duration),
    /// A credential; each one is kept.
    Credential(CredentialKind),
}

/// The usage text, a line for each flag.
pub fn usage() -> String {
    let left = |flag: &Flag| format!("  -{} {}", flag.name, flag.placeholder);
    let width = FLAGS.iter().map(|flag| left(flag).len()).max().unwrap_or_default();
    let lines = FLAGS.iter().map(|flag| format!("{:width$}  {}\n", left(flag), flag.help));
    let head = "Usage of entrypoint: entrypoint [FLAG…] [-- ARGUMENT…]\n";
    std::iter::once(head.to_owned()).chain(lines).collect()
}

impl Flag {
    const fn new(
        name: &'static str,
        placeholder: &'static str,
        kind: Kind,
        help: &'static str,
    ) -> Self {
        Self { name, placeholder, kind, help }
    }

    pub(super) fn named(name: &[u8]) -> Result<&'static Self, ArgsError> {
        match FLAGS.iter().find(|flag| flag.name.as_bytes() == name) {
            Some(flag) => Ok(flag),
            None if matches!(name, b"h" | b"help") => Err(ArgsError::Help),
            None => Err(ArgsError::NotDefined(String::from_utf8_lossy(name).into_owned())),
        }
    }

    fn invalid(&self, value: &OsStr, reason: impl ToString) -> ArgsError {
        let reason = reason.to_string();
        ArgsError::Invalid { flag: self.name, value: value.to_owned(), reason }
    }

    pub(super) fn text<'a>(&self, value: &'a OsStr) -> Result<&'a str, ArgsError> {
        value.to_str().ok_or_else(|| self.invalid(value, "it must be UTF-8"))
    }

    pub(super) fn duration(&self, value: &OsStr) -> Result<GoDuration, ArgsError> {
        go_duration::parse(self.text(value)?).map_err(|error| self.invalid(value, error))
    }

    pub(super) fn span(&self, value: &OsStr) -> Result<Duration, ArgsError> {
        let duration = self.duration(value)?;
        duration.to_unsigned().ok_or_else(|| self.invalid(value, "it must not be negative"))
    }

    pub(super) fn boolean(&self, value: &OsStr) -> Result<bool, ArgsError> {
        match value.as_bytes() {
            b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
            b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
            _ => Err(ArgsError::NotBoolean { flag: self.name, value: value.to_owned() }),
        }
    }
}
