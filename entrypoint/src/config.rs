//! What the flags mean together: the checked configuration of a step, and its command (1.1, 2.3).

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::args::Args;
use crate::creds::CredentialFlag;
use crate::go_duration::GoDuration;
use crate::os::files::absolute;
use crate::paths::Paths;
use crate::results::ResultsFrom;
use crate::step::OnError;

/// The variable that holds a command for each platform, as JSON.
pub const PLATFORM_COMMANDS: &str = "TEKTON_PLATFORM_COMMANDS";

/// How a step was told to behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `-entrypoint`: the command, without which the environment names it.
    pub entrypoint: Option<OsString>,
    /// What comes after `--`.
    pub command_args: Vec<OsString>,
    /// W: what to wait for, in order.
    pub wait_files: Vec<PathBuf>,
    /// Whether a W counts only once it is not empty.
    pub wait_file_content: bool,
    /// P: what to post at the end.
    pub post_file: Option<PathBuf>,
    /// The termination message.
    pub termination_path: PathBuf,
    /// The names of the task's results.
    pub results: Vec<String>,
    /// The names of the step's results.
    pub step_results: Vec<String>,
    /// By which way results leave the pod.
    pub results_from: ResultsFrom,
    /// Whether the termination message may be compressed.
    pub compress_termination_message: bool,
    /// The when expressions, as JSON that is not yet looked into.
    pub when_expressions: Option<String>,
    /// The limit of the command. A negative one is an error of the step, not of the flags (1.6).
    pub timeout: Option<GoDuration>,
    /// Where a copy of standard output goes.
    pub stdout_path: Option<PathBuf>,
    /// Where a copy of standard error goes.
    pub stderr_path: Option<PathBuf>,
    /// Whether a failure holds the step.
    pub breakpoint_on_failure: bool,
    /// Whether the step is held before its command.
    pub debug_before_step: bool,
    /// Whether the step is held after its command.
    pub debug_after_step: bool,
    /// What a failure means to the run.
    pub on_error: OnError,
    /// Where the step's own results, artifacts and exit code go.
    pub step_metadata_dir: Option<PathBuf>,
    /// The name of the step, where it was given.
    pub step_name: Option<String>,
    /// Whether the step's turn comes also after a failure.
    pub finally: bool,
    /// Control folders beside those that follow from P.
    pub control_dirs: Vec<PathBuf>,
    /// How long a group has between SIGTERM and SIGKILL.
    pub kill_grace: Duration,
    /// How long to wait for W; without it, for ever.
    pub wait_timeout: Option<Duration>,
    /// How long a hold may last; without it, for ever.
    pub breakpoint_timeout: Option<Duration>,
    /// The credential flags, in the order given.
    pub credentials: Vec<CredentialFlag>,
}

/// Why a parsed command line gives no step. The exit code is 1.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Signing was asked for, and would be left out.
    #[error(
        "-enable_spire is not supported: results would go out unsigned; \
         set enforce-nonfalsifiability to none, or use Tekton's own entrypoint"
    )]
    Spire,
    /// Neither a flag nor the environment names a command.
    #[error("no command: -entrypoint is not given, and {PLATFORM_COMMANDS} is not set")]
    NoCommand,
    /// The variable holds something else than commands.
    #[error("{PLATFORM_COMMANDS} is no JSON object of commands by platform: {0}")]
    BadPlatformCommands(#[from] serde_json::Error),
    /// The variable has no command for this platform.
    #[error("could not find command for platform {platform:?}: {PLATFORM_COMMANDS} has {known:?}")]
    NoCommandForPlatform {
        /// The platform of this binary.
        platform: String,
        /// The platforms that have a command.
        known: Vec<String>,
    },
}

impl Config {
    /// Checks what was typed.
    ///
    /// # Errors
    /// Fails where signing by SPIRE is asked for.
    pub fn new(args: Args, paths: &Paths) -> Result<Self, ConfigError> {
        if args.enable_spire {
            return Err(ConfigError::Spire);
        }
        Ok(Self {
            entrypoint: given(args.entrypoint),
            command_args: args.command_args,
            wait_files: args.wait_files.into_iter().map(absolute).collect(),
            wait_file_content: args.wait_file_content,
            post_file: given(args.post_file).map(PathBuf::from).map(absolute),
            termination_path: given(args.termination_path)
                .map_or_else(|| paths.termination(), PathBuf::from),
            results: args.results,
            step_results: args.step_results,
            results_from: results_from(&args.result_from),
            compress_termination_message: args.compress_termination_message,
            when_expressions: Some(args.when_expressions).filter(|json| !json.is_empty()),
            timeout: Some(args.timeout).filter(|timeout| !timeout.is_zero()),
            stdout_path: given(args.stdout_path).map(PathBuf::from),
            stderr_path: given(args.stderr_path).map(PathBuf::from),
            breakpoint_on_failure: args.breakpoint_on_failure,
            debug_before_step: args.debug_before_step,
            debug_after_step: args.debug_after_step,
            on_error: on_error(&args.on_error),
            step_metadata_dir: given(args.step_metadata_dir).map(PathBuf::from),
            step_name: Some(args.step_name).filter(|name| !name.is_empty()),
            finally: args.finally,
            control_dirs: args.control_dirs.into_iter().map(absolute).collect(),
            kill_grace: args.kill_grace,
            wait_timeout: limit(args.wait_timeout),
            breakpoint_timeout: limit(args.breakpoint_timeout),
            credentials: args.credentials,
        })
    }
}

/// The platform of this binary, as images name it, with its variant where it has one.
pub fn platform() -> String {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64/v8",
        "arm" if cfg!(target_feature = "v7") => "arm/v7",
        "arm" => "arm/v6",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        other => other, // s390x, riscv64 and others have one name everywhere
    };
    format!("linux/{architecture}")
}

/// The command of a step with its arguments, or nothing where there is nothing to run.
/// `platform_commands` is the value of [`PLATFORM_COMMANDS`], `platform` that of [`platform()`].
///
/// # Errors
/// Fails where neither the flags nor the environment name a command for the platform.
pub fn command(
    config: &Config,
    platform_commands: Option<&OsStr>,
    platform: &str,
) -> Result<Option<Vec<OsString>>, ConfigError> {
    let mut command = match &config.entrypoint {
        Some(entrypoint) => vec![entrypoint.clone()],
        None => of_platform(platform_commands, platform)?,
    };
    command.extend(config.command_args.iter().cloned());
    Ok(Some(command).filter(|command| !command.is_empty()))
}

fn of_platform(json: Option<&OsStr>, platform: &str) -> Result<Vec<OsString>, ConfigError> {
    let json = json.filter(|json| !json.is_empty()).ok_or(ConfigError::NoCommand)?;
    // Go writes a list without items as null.
    let commands: BTreeMap<String, Option<Vec<String>>> = serde_json::from_slice(json.as_bytes())?;
    let without_variant = platform.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let command = commands.get(platform).or_else(|| commands.get(&without_variant));
    match command {
        Some(command) => Ok(command.iter().flatten().map(OsString::from).collect()),
        None => Err(ConfigError::NoCommandForPlatform {
            platform: platform.to_owned(),
            known: commands.into_keys().collect(),
        }),
    }
}

fn on_error(word: &str) -> OnError {
    match word {
        "continue" => OnError::Continue,
        _ => OnError::StopAndFail,
    }
}

/// An unknown word loses no result.
fn results_from(word: &str) -> ResultsFrom {
    match word {
        "sidecar-logs" => ResultsFrom::SidecarLogs,
        _ => ResultsFrom::TerminationMessage,
    }
}

fn given(value: OsString) -> Option<OsString> {
    Some(value).filter(|value| !value.is_empty())
}

/// As with `-timeout`, `0s` is no limit.
fn limit(span: Duration) -> Option<Duration> {
    Some(span).filter(|span| !span.is_zero())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::args;
    use crate::creds::CredentialKind;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Config::new(args::parse(&arguments).unwrap(), &Paths::under(Path::new("/")))
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let wanted = Config {
            entrypoint: None,
            command_args: vec![],
            wait_files: vec![],
            wait_file_content: false,
            post_file: None,
            termination_path: "/tekton/termination".into(),
            results: vec![],
            step_results: vec![],
            results_from: ResultsFrom::TerminationMessage,
            compress_termination_message: false,
            when_expressions: None,
            timeout: None,
            stdout_path: None,
            stderr_path: None,
            breakpoint_on_failure: false,
            debug_before_step: false,
            debug_after_step: false,
            on_error: OnError::StopAndFail,
            step_metadata_dir: None,
            step_name: None,
            finally: false,
            control_dirs: vec![],
            kill_grace: Duration::from_secs(10),
            wait_timeout: None,
            breakpoint_timeout: None,
            credentials: vec![],
        };
        assert_eq!(config(&[]).unwrap(), wanted);
        let empty = [
            "-entrypoint=",
            "-wait_file=,",
            "-post_file=",
            "-termination_path=",
            "-results=,,",
            "-step_results=",
            "-when_expressions=",
            "-timeout=0s",
            "-stdout_path=",
            "-stderr_path=",
            "-on_error=Continue",
            "-result_from=sidecar",
            "-step_metadata_dir=",
            "-step_name=",
            "-control_dir=,",
            "-wait_timeout=0",
            "-breakpoint_timeout=0s",
            "-enable_spire=false",
            "-spire_socket_path=/run/spire.sock",
            "words",
        ];
        assert_eq!(config(&empty).unwrap(), wanted);
    }

    #[test]
    fn what_is_given_is_kept() {
        let given = [
            "-entrypoint=sh",
            "-wait_file=/v,/w",
            "-wait_file_content",
            "-post_file=/p",
            "-termination_path=/t",
            "-results=r",
            "-step_results=s,u",
            "-result_from=sidecar-logs",
            "-compress_termination_message",
            "-when_expressions=[]",
            "-timeout=-1s",
            "-stdout_path=/o",
            "-stderr_path=/e",
            "-breakpoint_on_failure",
            "-debug_before_step",
            "-debug_after_step",
            "-on_error=continue",
            "-step_metadata_dir=/d",
            "-step_name=build",
            "-finally",
            "-control_dir=/c",
            "-kill_grace=0s",
            "-wait_timeout=1s",
            "-breakpoint_timeout=2s",
            "-docker-cfg=secret",
            "--",
            "argument",
        ];
        let docker = CredentialFlag { kind: CredentialKind::DockerCfg, value: "secret".into() };
        let wanted = Config {
            entrypoint: Some("sh".into()),
            command_args: vec!["argument".into()],
            wait_files: vec!["/v".into(), "/w".into()],
            wait_file_content: true,
            post_file: Some("/p".into()),
            termination_path: "/t".into(),
            results: vec!["r".into()],
            step_results: vec!["s".into(), "u".into()],
            results_from: ResultsFrom::SidecarLogs,
            compress_termination_message: true,
            when_expressions: Some("[]".into()),
            timeout: Some(GoDuration::from_nanoseconds(-1_000_000_000)),
            stdout_path: Some("/o".into()),
            stderr_path: Some("/e".into()),
            breakpoint_on_failure: true,
            debug_before_step: true,
            debug_after_step: true,
            on_error: OnError::Continue,
            step_metadata_dir: Some("/d".into()),
            step_name: Some("build".into()),
            finally: true,
            control_dirs: vec!["/c".into()],
            kill_grace: Duration::ZERO,
            wait_timeout: Some(Duration::from_secs(1)),
            breakpoint_timeout: Some(Duration::from_secs(2)),
            credentials: vec![docker],
        };
        assert_eq!(config(&given).unwrap(), wanted);
    }

    type Change = fn(&mut Config);

    #[test]
    fn each_switch_alone_is_kept_in_its_own_place() {
        let cases: [(&str, Change); 6] = [
            ("-wait_file_content", |config| config.wait_file_content = true),
            ("-compress_termination_message", |config| config.compress_termination_message = true),
            ("-breakpoint_on_failure", |config| config.breakpoint_on_failure = true),
            ("-debug_before_step", |config| config.debug_before_step = true),
            ("-debug_after_step", |config| config.debug_after_step = true),
            ("-finally", |config| config.finally = true),
        ];
        for (flag, change) in cases {
            let mut wanted = config(&[]).unwrap();
            change(&mut wanted);
            assert_eq!(config(&[flag]).unwrap(), wanted, "{flag}");
        }
    }

    #[test]
    fn signing_is_refused() {
        let error = config(&["-enable_spire"]).unwrap_err().to_string();
        assert!(error.starts_with("-enable_spire is not supported"), "{error}");
    }

    type Words<'a> = &'a [&'a str];

    const COMMANDS: &str = r#"{
        "linux/amd64": ["amd", "", "x y"], "linux/arm64": ["arm64"], "linux/arm/v7": ["v7"],
        "linux/arm": ["arm"], "linux/s390x": [], "linux/ppc64le": null
    }"#;

    #[test]
    fn the_command_is_that_of_the_flag_or_of_the_platform() {
        let env = Some(COMMANDS);
        let cases: [(Words, Option<&str>, &str, Option<Words>); 11] = [
            (&["-entrypoint=a"], None, "linux/amd64", Some(&["a"])),
            (&["-entrypoint=a", "--", "", "b"], env, "linux/amd64", Some(&["a", "", "b"])),
            (&["-entrypoint=a"], Some("no JSON"), "linux/amd64", Some(&["a"])),
            (&["-finally"], env, "linux/amd64", Some(&["amd", "", "x y"])),
            (&["-finally", "--", "c"], env, "linux/amd64", Some(&["amd", "", "x y", "c"])),
            (&[], env, "linux/arm64/v8", Some(&["arm64"])),
            (&[], env, "linux/arm/v7", Some(&["v7"])),
            (&[], env, "linux/arm/v6", Some(&["arm"])),
            (&["-finally", "--", "c", "d"], env, "linux/s390x", Some(&["c", "d"])),
            (&[], env, "linux/s390x", None),
            (&[], env, "linux/ppc64le", None),
        ];
        for (arguments, env, platform, wanted) in cases {
            let config = config(arguments).unwrap();
            let command = command(&config, env.map(OsStr::new), platform).unwrap();
            let wanted = wanted.map(|words| words.iter().map(OsString::from).collect());
            assert_eq!(command, wanted, "{arguments:?} on {platform}");
        }
    }

    #[test]
    fn no_command_says_why() {
        let cases: [(Option<&[u8]>, &str); 8] = [
            (None, "no command: -entrypoint is not given, and TEKTON_PLATFORM_COMMANDS is not set"),
            (Some(b""), "no command: -entrypoint is not given"),
            (Some(b"{"), "TEKTON_PLATFORM_COMMANDS is no JSON object of commands by platform: EOF"),
            (Some(b"[]"), "TEKTON_PLATFORM_COMMANDS is no JSON object of commands by platform: "),
            (Some(br#"{"linux/386": "sh"}"#), "TEKTON_PLATFORM_COMMANDS is no JSON object"),
            (Some(b"{\"linux/386\": [\"\xff\"]}"), "TEKTON_PLATFORM_COMMANDS is no JSON object"),
            (Some(b"{}"), r#"could not find command for platform "linux/386": TEKTON_PLATFORM"#),
            (
                Some(br#"{"linux": ["a"], "linux/386/v1": []}"#),
                "could not find command for platform \"linux/386\": \
                 TEKTON_PLATFORM_COMMANDS has [\"linux\", \"linux/386/v1\"]",
            ),
        ];
        let config = config(&["-finally", "--", "argument"]).unwrap();
        for (env, message) in cases {
            let error = command(&config, env.map(OsStr::from_bytes), "linux/386").unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }

    #[test]
    fn the_platform_is_named_as_images_name_it() {
        let platform = platform();
        let parts: Vec<_> = platform.split('/').collect();
        assert!(matches!(parts.len(), 2 | 3) && parts[0] == "linux", "{platform}");
        assert!(!["x86_64", "aarch64", "x86", "powerpc64"].contains(&parts[1]), "{platform}");
    }
}
