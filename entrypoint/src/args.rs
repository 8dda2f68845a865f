//! What was typed: the command line in the syntax of Go's `flag` package (1.1, 2.3).
//!
//! One table feeds the parser and the usage text. A value is only read here; what the values mean
//! together is for `config`. Subcommands and verbs parse the words that are left over.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::creds::CredentialFlag;
use crate::go_duration::GoDuration;

mod flags;

pub use flags::{FLAGS, Flag, Kind, usage};

/// The command line as it was typed. A flag that is not there leaves its field empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are the flags, and `FLAGS` says what each is for
pub struct Args {
    pub entrypoint: OsString,
    pub wait_files: Vec<PathBuf>,
    pub wait_file_content: bool,
    pub post_file: OsString,
    pub termination_path: OsString,
    pub results: Vec<String>,
    pub step_results: Vec<String>,
    pub when_expressions: String,
    pub timeout: GoDuration,
    pub stdout_path: OsString,
    pub stderr_path: OsString,
    pub breakpoint_on_failure: bool,
    pub debug_before_step: bool,
    pub debug_after_step: bool,
    pub on_error: String,
    pub step_metadata_dir: OsString,
    pub step_name: String,
    pub result_from: String,
    pub compress_termination_message: bool,
    pub finally: bool,
    pub control_dirs: Vec<PathBuf>,
    pub kill_grace: Duration,
    pub wait_timeout: Duration,
    pub breakpoint_timeout: Duration,
    pub credentials: Vec<CredentialFlag>,
    pub enable_spire: bool,
    pub spire_socket_path: OsString,
    /// What is left over before `--`, from the first word on: a subcommand or a verb, or nothing.
    pub words: Vec<OsString>,
    /// The arguments of the user's command: all that comes after the first `--`.
    pub command_args: Vec<OsString>,
}

/// Why a command line cannot be parsed. All but `Help` exit with 2, and all come with the usage.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgsError {
    /// The usage was asked for: exit 0.
    #[error("help requested")]
    Help,
    /// An argument begins as a flag, and is none.
    #[error("bad flag syntax: {0}")]
    BadSyntax(String),
    /// A name that is not in [`FLAGS`].
    #[error("flag provided but not defined: -{0}")]
    NotDefined(String),
    /// The last argument is a flag whose value is missing.
    #[error("flag needs an argument: -{0}")]
    MissingValue(&'static str),
    /// A switch with a value that is no boolean.
    #[error("invalid boolean value {value:?} for -{flag}: parse error, use true or false")]
    NotBoolean {
        /// The flag's name.
        flag: &'static str,
        /// What was given.
        value: OsString,
    },
    /// A value that the flag cannot take.
    #[error("invalid value {value:?} for flag -{flag}: {reason}")]
    Invalid {
        /// The flag's name.
        flag: &'static str,
        /// What was given.
        value: OsString,
        /// What is wrong with it.
        reason: String,
    },
}

/// Parses the arguments, the program's own name not among them.
///
/// # Errors
/// Stops at the first argument that cannot be parsed, as Go does.
pub fn parse(arguments: &[OsString]) -> Result<Args, ArgsError> {
    let (before, command_args) = split(arguments);
    let mut args = Args {
        kill_grace: Duration::from_secs(10),
        command_args: command_args.to_vec(),
        ..Args::default()
    };
    let mut rest = before.iter();
    while let Some(argument) = rest.as_slice().first() {
        let Some(name_and_value) = without_dashes(argument)? else { break };
        rest.next();
        if name_and_value.is_empty() {
            break; // `--`
        }
        args.set(name_and_value, &mut rest)?;
    }
    args.words = rest.cloned().collect();
    Ok(args)
}

/// The post file of a command line that may not parse: somebody waits for it all the same. Only
/// what comes before the first `--` is looked at; the last one counts.
pub fn post_file_of(arguments: &[OsString]) -> Option<PathBuf> {
    let (before, _) = split(arguments);
    let mut found = None;
    for (index, argument) in before.iter().enumerate() {
        let Ok(Some(name_and_value)) = without_dashes(argument) else { continue };
        let value = match split_at_byte(name_and_value, b'=') {
            (b"post_file", Some(value)) => Some(OsStr::from_bytes(value)),
            (b"post_file", None) => before.get(index + 1).map(OsString::as_os_str),
            _ => None,
        };
        found = value.or(found);
    }
    found.filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl Args {
    /// Takes in one flag, with its value from behind the `=` or from the next argument.
    fn set(
        &mut self,
        name_and_value: &[u8],
        rest: &mut std::slice::Iter<'_, OsString>,
    ) -> Result<(), ArgsError> {
        let (name, attached) = split_at_byte(name_and_value, b'=');
        let attached = attached.map(OsStr::from_bytes);
        let flag = Flag::named(name)?;
        let value = match attached {
            Some(value) => value,
            None if matches!(flag.kind, Kind::Switch(_)) => OsStr::new("true"),
            None => rest.next().ok_or(ArgsError::MissingValue(flag.name))?,
        };
        self.set_value(flag, value)
    }

    fn set_value(&mut self, flag: &'static Flag, value: &OsStr) -> Result<(), ArgsError> {
        match flag.kind {
            Kind::Text(field) => *field(self) = flag.text(value)?.to_owned(),
            Kind::Path(field) => *field(self) = value.to_owned(),
            Kind::Texts(field) => *field(self) = texts(flag.text(value)?),
            Kind::Paths(field) => *field(self) = paths(value),
            Kind::Switch(field) => *field(self) = flag.boolean(value)?,
            Kind::Duration(field) => *field(self) = flag.duration(value)?,
            Kind::Span(field) => *field(self) = flag.span(value)?,
            Kind::Credential(kind) => {
                let value = flag.text(value)?.to_owned();
                self.credentials.push(CredentialFlag { kind, value });
            }
        }
        Ok(())
    }
}

/// Splits at the first `--`, unless it is the very first argument: then all of it is ours.
fn split(arguments: &[OsString]) -> (&[OsString], &[OsString]) {
    match arguments.iter().position(|argument| argument == "--") {
        None | Some(0) => (arguments, &[]),
        Some(index) => (&arguments[..index], &arguments[index + 1..]),
    }
}

/// What follows the one or two dashes of a flag: nothing for `--`. `None` where it is no flag.
fn without_dashes(argument: &OsStr) -> Result<Option<&[u8]>, ArgsError> {
    let name = match argument.as_bytes() {
        b"-" => return Ok(None),
        b"--" => return Ok(Some(b"")),
        [b'-', b'-', name @ ..] | [b'-', name @ ..] => name,
        _ => return Ok(None),
    };
    match name {
        [] | [b'-' | b'=', ..] => {
            Err(ArgsError::BadSyntax(argument.to_string_lossy().into_owned()))
        }
        _ => Ok(Some(name)),
    }
}

fn split_at_byte(bytes: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == separator) {
        Some(index) => (&bytes[..index], Some(&bytes[index + 1..])),
        None => (bytes, None),
    }
}

fn texts(list: &str) -> Vec<String> {
    list.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn paths(list: &OsStr) -> Vec<PathBuf> {
    let items = list.as_bytes().split(|byte| *byte == b',').filter(|item| !item.is_empty());
    items.map(|item| PathBuf::from(OsStr::from_bytes(item))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::creds::CredentialKind;

    fn words(arguments: &[&str]) -> Vec<OsString> {
        arguments.iter().map(OsString::from).collect()
    }

    fn parsed(arguments: &[&str]) -> Args {
        parse(&words(arguments)).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    fn error(arguments: &[&str]) -> String {
        parse(&words(arguments)).unwrap_err().to_string()
    }

    fn expected(change: impl FnOnce(&mut Args)) -> Args {
        let mut args = parsed(&[]);
        change(&mut args);
        args
    }

    fn credential(kind: CredentialKind, value: &str) -> Vec<CredentialFlag> {
        vec![CredentialFlag { kind, value: value.to_owned() }]
    }

    /// What each flag is given, and what that changes in the arguments.
    type Case = (&'static str, &'static str, fn(&mut Args));

    const VALUES: &[Case] = &[
        ("entrypoint", "/bin/sh", |args| args.entrypoint = "/bin/sh".into()),
        ("wait_file", ",/a,,/b", |args| args.wait_files = vec!["/a".into(), "/b".into()]),
        ("wait_file_content", "true", |args| args.wait_file_content = true),
        ("post_file", "/p", |args| args.post_file = "/p".into()),
        ("termination_path", "/t", |args| args.termination_path = "/t".into()),
        ("results", "a,b,", |args| args.results = vec!["a".into(), "b".into()]),
        ("step_results", "c", |args| args.step_results = vec!["c".into()]),
        ("when_expressions", "[]", |args| args.when_expressions = "[]".into()),
        ("timeout", "-1.5s", |args| args.timeout = GoDuration::from_nanoseconds(-1_500_000_000)),
        ("stdout_path", "/o", |args| args.stdout_path = "/o".into()),
        ("stderr_path", "/e", |args| args.stderr_path = "/e".into()),
        ("breakpoint_on_failure", "true", |args| args.breakpoint_on_failure = true),
        ("debug_before_step", "true", |args| args.debug_before_step = true),
        ("debug_after_step", "true", |args| args.debug_after_step = true),
        ("on_error", "continue", |args| args.on_error = "continue".into()),
        ("step_metadata_dir", "/d", |args| args.step_metadata_dir = "/d".into()),
        ("step_name", "build", |args| args.step_name = "build".into()),
        ("result_from", "sidecar-logs", |args| args.result_from = "sidecar-logs".into()),
        ("compress_termination_message", "true", |args| args.compress_termination_message = true),
        ("finally", "true", |args| args.finally = true),
        ("control_dir", "/c,/d", |args| args.control_dirs = vec!["/c".into(), "/d".into()]),
        ("kill_grace", "300ms", |args| args.kill_grace = Duration::from_millis(300)),
        ("wait_timeout", "1m", |args| args.wait_timeout = Duration::from_secs(60)),
        ("breakpoint_timeout", "2h", |args| args.breakpoint_timeout = Duration::from_secs(7200)),
        ("basic-git", "s=u", |args| {
            args.credentials = credential(CredentialKind::BasicGit, "s=u");
        }),
        ("ssh-git", "s=h", |args| args.credentials = credential(CredentialKind::SshGit, "s=h")),
        ("basic-docker", "s=u", |args| {
            args.credentials = credential(CredentialKind::BasicDocker, "s=u");
        }),
        ("docker-config", "s", |args| {
            args.credentials = credential(CredentialKind::DockerConfig, "s");
        }),
        ("docker-cfg", "s", |args| {
            args.credentials = credential(CredentialKind::DockerCfg, "s");
        }),
        ("enable_spire", "true", |args| args.enable_spire = true),
        ("spire_socket_path", "/s", |args| args.spire_socket_path = "/s".into()),
    ];

    #[test]
    fn every_flag_of_the_table_is_tried() {
        let names = |flags: &mut dyn Iterator<Item = &'static str>| {
            let mut names: Vec<_> = flags.collect();
            names.sort_unstable();
            names
        };
        assert_eq!(
            names(&mut VALUES.iter().map(|(name, ..)| *name)),
            names(&mut FLAGS.iter().map(|flag| flag.name)),
        );
    }

    #[test]
    fn every_flag_goes_where_it_belongs_in_every_form() {
        for (name, value, change) in VALUES {
            let wanted = expected(change);
            assert_eq!(parsed(&[&format!("-{name}={value}")]), wanted, "{name}");
            assert_eq!(parsed(&[&format!("--{name}={value}")]), wanted, "{name}");
            let is_switch = *value == "true";
            let apart = [format!("-{name}"), (*value).to_owned()];
            let apart: Vec<&str> = apart.iter().map(String::as_str).collect();
            assert_eq!(parsed(&apart[..if is_switch { 1 } else { 2 }]), wanted, "{name}");
        }
    }

    #[test]
    fn booleans_are_those_of_go() {
        for word in ["1", "t", "T", "true", "TRUE", "True"] {
            assert!(parsed(&[&format!("-finally={word}")]).finally, "{word}");
        }
        for word in ["0", "f", "F", "false", "FALSE", "False"] {
            assert!(!parsed(&["-finally", &format!("-finally={word}")]).finally, "{word}");
        }
        let args = parsed(&["-finally", "false", "-timeout", "1s"]);
        assert!(args.finally, "a switch takes no word after it");
        assert_eq!(args.words, words(&["false", "-timeout", "1s"]));
    }

    #[test]
    fn the_last_value_counts_and_credentials_add_up() {
        assert_eq!(parsed(&["-results", "a", "-results=b"]).results, ["b"]);
        assert_eq!(parsed(&["-post_file", "a", "-post_file="]).post_file, "");
        let args = parsed(&["-ssh-git=a=b", "-basic-git=c=d", "-ssh-git=e=f"]);
        let values: Vec<_> = args.credentials.into_iter().map(|flag| flag.value).collect();
        assert_eq!(values, ["a=b", "c=d", "e=f"]);
    }

    #[test]
    fn a_value_may_look_like_anything() {
        let args = parsed(&["-entrypoint", "-x", "-when_expressions=a=b=c", "-step_name", ""]);
        assert_eq!(args.entrypoint, "-x");
        assert_eq!(args.when_expressions, "a=b=c");
        assert_eq!(parsed(&["-entrypoint", "-"]).entrypoint, "-");
        assert_eq!(parsed(&["-entrypoint", "-h"]).entrypoint, "-h");
    }

    #[test]
    fn arguments_are_split_at_the_first_double_dash() {
        let cases: [(&[&str], &[&str], &[&str]); 9] = [
            (&[], &[], &[]),
            (&["-finally", "--", "a", "", "--", "b"], &[], &["a", "", "--", "b"]),
            (&["-finally", "--"], &[], &[]),
            (&["cp", "a", "b", "--", "c"], &["cp", "a", "b"], &["c"]),
            (&["retry", "-o", "json", "--", "c"], &["retry", "-o", "json"], &["c"]),
            (&["--", "a", "--", "b"], &["a", "--", "b"], &[]),
            (&["--", "-finally"], &["-finally"], &[]),
            (&["-", "-finally", "--", "a"], &["-", "-finally"], &["a"]),
            (&["", "--", ""], &[""], &[""]),
        ];
        for (arguments, left_over, command_args) in cases {
            let args = parsed(arguments);
            assert_eq!(args.words, words(left_over), "{arguments:?}");
            assert_eq!(args.command_args, words(command_args), "{arguments:?}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_says_so_in_the_words_of_go() {
        let cases: [(&[&str], &str); 21] = [
            (&["-foo"], "flag provided but not defined: -foo"),
            (&["--foo=bar", "-h"], "flag provided but not defined: -foo"),
            (&["-Finally"], "flag provided but not defined: -Finally"),
            (&["-post_file ", "p"], "flag provided but not defined: -post_file "),
            (&["-post_file"], "flag needs an argument: -post_file"),
            (&["-wait_file", "--", "a"], "flag needs an argument: -wait_file"),
            (&["---x"], "bad flag syntax: ---x"),
            (&["-=x"], "bad flag syntax: -=x"),
            (&["--=x"], "bad flag syntax: --=x"),
            (&["-h"], "help requested"),
            (&["-help"], "help requested"),
            (&["--help"], "help requested"),
            (&["-finally", "--h=x", "-foo"], "help requested"),
            (
                &["-finally=yes"],
                r#"invalid boolean value "yes" for -finally: parse error, use true or false"#,
            ),
            (
                &["-finally="],
                r#"invalid boolean value "" for -finally: parse error, use true or false"#,
            ),
            (
                &["-timeout", "5"],
                r#"invalid value "5" for flag -timeout: time: missing unit in duration "5""#,
            ),
            (&["-timeout="], r#"invalid value "" for flag -timeout: time: invalid duration """#),
            (
                &["-kill_grace=3d"],
                r#"invalid value "3d" for flag -kill_grace: time: unknown unit "d" in duration "3d""#,
            ),
            (
                &["-kill_grace=-1s"],
                r#"invalid value "-1s" for flag -kill_grace: it must not be negative"#,
            ),
            (
                &["-wait_timeout=-1s"],
                r#"invalid value "-1s" for flag -wait_timeout: it must not be negative"#,
            ),
            (
                &["-breakpoint_timeout=-1s"],
                r#"invalid value "-1s" for flag -breakpoint_timeout: it must not be negative"#,
            ),
        ];
        for (arguments, message) in cases {
            assert_eq!(error(arguments), message, "{arguments:?}");
        }
        assert_eq!(parse(&words(&["-h"])), Err(ArgsError::Help));
    }

    #[test]
    fn other_bytes_than_utf8_survive_in_paths_alone() {
        let with = |head: &str| OsString::from_vec([head.as_bytes(), b"a\xff,b"].concat());
        let parse = |head: &str| parse(&[with(head), "--".into(), with("")]);
        let path = parse("-post_file=").unwrap();
        assert_eq!(path.post_file, with(""));
        assert_eq!(path.command_args, [with("")]);
        let list = parse("-wait_file=").unwrap();
        assert_eq!(list.wait_files[0].as_os_str().as_bytes(), b"a\xff");
        assert_eq!(parse("").unwrap().words, [with("")]);
        for flag in ["step_name", "results", "when_expressions", "timeout", "basic-git"] {
            let message = parse(&format!("-{flag}=")).unwrap_err().to_string();
            let wanted = format!(r#"invalid value "a\xFF,b" for flag -{flag}: it must be UTF-8"#);
            assert_eq!(message, wanted);
        }
        assert_eq!(
            parse("-x").unwrap_err().to_string(),
            "flag provided but not defined: -xa\u{fffd},b"
        );
    }

    #[test]
    fn the_post_file_is_found_where_nothing_else_is() {
        let cases: [(&[&str], Option<&str>); 10] = [
            (&["-foo", "-post_file", "/p", "--", "x"], Some("/p")),
            (&["---", "--post_file=/p"], Some("/p")),
            (&["-timeout", "-post_file", "/p"], Some("/p")),
            (&["-foo", "word", "--post_file", "/p"], Some("/p")),
            (&["-post_file=/a", "-post_file=/b=c"], Some("/b=c")),
            (&["-post_file=/a", "-post_file"], Some("/a")),
            (&["-foo", "--", "-post_file", "/p"], None),
            (&["-post_file", "--", "/p"], None),
            (&["-post_file="], None),
            (&["post_file=/p"], None),
        ];
        for (arguments, path) in cases {
            assert_eq!(post_file_of(&words(arguments)), path.map(PathBuf::from), "{arguments:?}");
        }
    }

    #[test]
    fn the_usage_has_a_line_for_every_flag() {
        let text = usage();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), FLAGS.len() + 1);
        for (line, flag) in lines[1..].iter().zip(FLAGS) {
            assert!(line.starts_with(&format!("  -{} {}", flag.name, flag.placeholder)), "{line}");
            assert!(line.ends_with(flag.help) && line.len() <= 120, "{line}");
        }
    }
}
