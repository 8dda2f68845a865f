//! From the command line to the exit code: a subcommand, a verb, or a step (contract 1.1, 1.3).

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

use crate::args::{self, Args, ArgsError};
use crate::config::{self, Config, PLATFORM_COMMANDS};
use crate::creds::{self, Credentials};
use crate::driver::Driver;
use crate::log;
use crate::look::{Eyes, Places};
use crate::os::child;
use crate::os::files::{self, PostInode, Stage, folder_of, with_ending};
use crate::os::lock::{Alive, Life, LifeWatch};
use crate::os::signals::Signals;
use crate::paths::Paths;
use crate::perform::Performer;
use crate::step::{Commands, Rules};
use crate::subcommand;
use crate::verb;

/// Where the entrypoint finds itself.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The contract's fixed places.
    pub paths: Paths,
    /// What a person types before a verb here.
    pub program: String,
}

/// Exit codes of Go programs for a command line that cannot be.
const USAGE: i32 = 2;

impl Setup {
    /// In a container; `program` is how the entrypoint was called.
    pub fn installed(program: Option<OsString>) -> Self {
        let program = program.unwrap_or_else(|| "entrypoint".into());
        Self { paths: Paths::installed(), program: program.to_string_lossy().into_owned() }
    }

    fn commands(&self) -> Commands {
        let scripts = self.paths.debug_scripts();
        if scripts.join("debug-retry").exists() {
            return Commands::Scripts(scripts);
        }
        Commands::Program(self.program.clone())
    }
}

/// Does what the command line asks, and gives the code to exit with.
pub fn main(arguments: Vec<OsString>, setup: &Setup) -> i32 {
    let signals = match Signals::catch_all() {
        Ok(signals) => signals,
        Err(e) => {
            let problem = format!("cannot catch signals: {e}");
            return give_up(args::post_file_of(&arguments).as_deref(), &problem, 1);
        }
    };
    match args::parse(&arguments) {
        Err(ArgsError::Help) => {
            let _ = std::io::stdout().write_all(args::usage().as_bytes());
            0
        }
        Err(e) => {
            let problem = format!("{e}\n{}", args::usage());
            give_up(args::post_file_of(&arguments).as_deref(), &problem, USAGE)
        }
        Ok(args) if args.entrypoint.is_empty() => match other_call(&args, setup) {
            Some(call) => {
                signals.release();
                call()
            }
            None => step(args, setup, &signals),
        },
        Ok(args) => step(args, setup, &signals),
    }
}

/// A subcommand or a verb, which count only as the first word.
fn other_call<'a>(args: &Args, setup: &'a Setup) -> Option<Box<dyn FnOnce() -> i32 + 'a>> {
    if let Some(subcommand) = subcommand::parse(&args.words) {
        return Some(Box::new(move || match subcommand.run(&setup.paths) {
            Ok(()) => 0,
            Err(e) => {
                log::line(&e.to_string());
                1
            }
        }));
    }
    let (word, words) = verb::parse(&args.words)?;
    let (words, behind) = (words.to_vec(), args.command_args.clone());
    Some(Box::new(move || verb::main(word, &words, &behind, &setup.paths)))
}

fn step(args: Args, setup: &Setup, signals: &Signals) -> i32 {
    let post = Some(PathBuf::from(&args.post_file)).filter(|post| !post.as_os_str().is_empty());
    post_on_panic(post.as_deref());
    let commands = std::env::var_os(PLATFORM_COMMANDS);
    let checked = Config::new(args, &setup.paths).and_then(|config| {
        let command = config::command(&config, commands.as_deref(), &config::platform())?;
        Ok((config, command))
    });
    match checked {
        Ok((config, command)) => run_step(&config, command, setup, signals),
        Err(e) => give_up(post.as_deref(), &e.to_string(), 1),
    }
}

/// The order of 1.3, as far as it comes before the wait.
fn run_step(
    config: &Config,
    command: Option<Vec<OsString>>,
    setup: &Setup,
    signals: &Signals,
) -> i32 {
    let post = config.post_file.as_deref();
    if std::process::id() != 1 {
        child::adopt_orphans();
    }
    make_metadata_folders(config.step_metadata_dir.as_deref());
    let stage = post.map(|post| Stage::new(post, config.step_metadata_dir.as_deref()));
    let inode = post.zip(stage.as_ref()).map(|(post, stage)| PostInode::prepare(post, stage));
    let _alive = post.map(announce);
    let credentials = match Credentials::read(&config.credentials, &setup.paths) {
        Ok(credentials) => credentials,
        Err(e) => return fail(post, &format!("{e}\n{}", args::usage()), USAGE),
    };
    write_credentials(&credentials, &setup.paths);

    let places = Places {
        post,
        waits: &config.wait_files,
        wait_for_content: config.wait_file_content,
        control: &config.control_dirs,
        paths: &setup.paths,
    };
    let performer = Performer::new(config, &setup.paths, signals, command, inode, stage);
    match Driver::new(rules(config, setup), Eyes::new(&places), signals, performer) {
        Ok(driver) => driver.run(),
        Err(e) => fail(post, &format!("cannot watch files: {e}"), 1),
    }
}

fn announce(post: &Path) -> Option<Alive> {
    let path = with_ending(post, ".alive");
    Alive::announce(&path)
        .map_err(|e| {
            let path = path.display();
            log::line(&format!("cannot lock {path} ({e}): if this step dies, nobody will know"));
        })
        .ok()
}

fn write_credentials(credentials: &Credentials, paths: &Paths) {
    let written = credentials.write(paths);
    let copied = creds::copy_to_home(paths, std::env::var_os("HOME").as_deref());
    for warning in written.into_iter().chain(copied) {
        log::line(&warning.to_string());
    }
}

fn make_metadata_folders(metadata: Option<&Path>) {
    let Some(metadata) = metadata else { return };
    for folder in ["results", "artifacts"].map(|name| metadata.join(name)) {
        if let Err(e) = files::make_open_folder(&folder) {
            log::line(&format!("cannot make {}: {e}", folder.display()));
        }
    }
}

fn rules(config: &Config, setup: &Setup) -> Rules {
    Rules {
        name: one_line(
            config.step_name.clone().unwrap_or_else(|| name_of_step(config, &setup.paths)),
        ),
        finally: config.finally,
        on_error: config.on_error,
        hold_before: config.debug_before_step,
        hold_on_failure: config.breakpoint_on_failure,
        hold_after: config.debug_after_step,
        timeout: config.timeout.and_then(|timeout| timeout.to_unsigned()),
        kill_grace: config.kill_grace,
        wait_timeout: config.wait_timeout,
        breakpoint_timeout: config.breakpoint_timeout,
        commands: setup.commands(),
    }
}

/// It stands in messages, each of which is one line.
fn one_line(name: String) -> String {
    name.replace(char::is_control, " ")
}

/// The link in `/tekton/steps` to the step's metadata folder tells its name (2.3).
fn name_of_step(config: &Config, paths: &Paths) -> String {
    let metadata = config.step_metadata_dir.as_deref();
    let links = paths.steps().read_dir().into_iter().flatten().flatten();
    let named = links
        .filter(|link| std::fs::read_link(link.path()).ok().as_deref() == metadata)
        .filter_map(|link| Some(link.file_name().to_str()?.strip_prefix("step-")?.to_owned()))
        .find(|_| metadata.is_some());
    named.or_else(|| config.post_file.as_deref().map(name_of_post)).unwrap_or("step".to_owned())
}

/// The folder's name where that is a number, as in `/tekton/run/3/out`; else the file's.
fn name_of_post(post: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let folder = last(folder_of(post)).filter(|name| name.parse::<u64>().is_ok());
    folder.or_else(|| last(post)).unwrap_or_default()
}

/// Ends before there is a step. A command line with a mistake must not end another entrypoint's step.
fn give_up(post: Option<&Path>, problem: &str, code: i32) -> i32 {
    fail(post.filter(|post| !is_another_steps(post)), problem, code)
}

/// Ends a step that never got as far as waiting: whoever waits for it must hear of it.
fn fail(post: Option<&Path>, problem: &str, code: i32) -> i32 {
    log::line(problem.trim_end());
    if let Some(post) = post
        && let Err(e) = PostInode::prepare(post, &Stage::new(post, None)).post(".err")
    {
        log::line(&format!("cannot post {e}"));
    }
    code
}

fn is_another_steps(post: &Path) -> bool {
    let lock = with_ending(post, ".alive");
    LifeWatch::new(lock).look() == Life::Alive && Pid::this() != Pid::from_raw(1)
}

/// A panic is a mistake of ours; those who wait must not pay for it.
fn post_on_panic(post: Option<&Path>) {
    let post = post.map(Path::to_owned);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if let Some(post) = &post
            && !post.exists()
        {
            let _ = PostInode::prepare(post, &Stage::new(post, None)).post(".err");
        }
        std::process::exit(1);
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::process::Command;
    use std::thread;

    use super::*;

    const FOLDER: &str = "HOLDPOINT_TEST_PANIC_IN";

    /// A step in `folder` that waits for ever, in a process that panics meanwhile.
    fn panic_while_a_step_waits(folder: &Path) {
        let post = folder.join("out");
        let alive = with_ending(&post, ".alive");
        thread::spawn(move || {
            while !alive.exists() {
                thread::yield_now();
            }
            panic!("a mistake of ours");
        });
        let words = [
            "-post_file".into(),
            post.into(),
            "-wait_file".into(),
            folder.join("wait").into(),
            "-termination_path".into(),
            folder.join("message").into(),
            "-wait_timeout=10s".into(),
            "-entrypoint=true".into(),
        ];
        let setup = Setup { paths: Paths::under(folder), program: "entrypoint".into() };
        std::process::exit(100 + main(words.into(), &setup));
    }

    /// The guard ends the process, so this test runs itself in another one.
    #[test]
    fn a_panic_posts_a_failure_where_nothing_is_posted() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return panic_while_a_step_waits(Path::new(&folder));
        }
        for posted in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let post = folder.path().join("out");
            if posted {
                std::fs::write(&post, "").unwrap();
            }
            let test = "run::tests::a_panic_posts_a_failure_where_nothing_is_posted";
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env(FOLDER, folder.path())
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{told}");
            assert!(told.contains("a mistake of ours"), "{told}");
            assert_eq!(with_ending(&post, ".err").exists(), !posted, "{told}");
        }
    }
}
