//! Runs the real `holdpoint` in a home of its own. Every wait is bounded, none is a sleep.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// No wait of a test lasts longer; one that does is a failure.
const LIMIT: Duration = Duration::from_secs(30);

/// A home with files in it, where runs keep their folders.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A Task of these steps, each a name and a script.
    pub(crate) fn task(&self, steps: &[(&str, &str)]) -> PathBuf {
        self.task_with("", steps)
    }

    /// The same with fields of the Task's spec before the steps.
    pub(crate) fn task_with(&self, spec: &str, steps: &[(&str, &str)]) -> PathBuf {
        let mut text = format!(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: tried}}\nspec:\n{spec}  steps:\n"
        );
        for (name, script) in steps {
            let script = serde_json::to_string(script).unwrap();
            text.push_str(&format!("  - name: {name}\n    script: {script}\n"));
        }
        self.file("task.yaml", &text)
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A script that says `ready`, waits until it is unblocked by this name, and goes on with `then`.
    pub(crate) fn blocks_on(&self, name: &str, then: &str) -> String {
        let pipe = self.path(name);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        format!("echo ready; read -r word < {}; echo $word; {then}", pipe.display())
    }

    /// Lets that script go on.
    pub(crate) fn unblock(&self, name: &str) {
        fs::write(self.path(name), "unblocked\n").unwrap();
    }

    /// Waits until so many steps of the live run have said something of themselves.
    pub(crate) fn wait_for_steps(&self, steps: usize) {
        let deadline = Instant::now() + LIMIT;
        while self.verb(&["status", "-o", "json"]).json().as_array().unwrap().len() < steps {
            assert!(Instant::now() < deadline, "some steps never said anything");
        }
    }

    /// The folder of the one run that is here.
    pub(crate) fn run_folder(&self) -> PathBuf {
        let mut runs = fs::read_dir(self.path("state/holdpoint/runs")).unwrap();
        runs.next().unwrap().unwrap().path()
    }

    /// A command of `holdpoint` that keeps its runs here.
    pub(crate) fn holdpoint(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        self.here(Command::new(binary()), arguments)
    }

    /// Another command with the same surroundings.
    pub(crate) fn here(&self, mut command: Command, arguments: &[impl AsRef<OsStr>]) -> Command {
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// Runs `holdpoint run task.yaml` with these flags to its end.
    pub(crate) fn run(&self, flags: &[&str]) -> Finished {
        self.start(flags).finish()
    }

    pub(crate) fn start(&self, flags: &[&str]) -> Running {
        let words: Vec<_> = ["run", "task.yaml"].into_iter().chain(flags.iter().copied()).collect();
        Running::start(self.holdpoint(&words))
    }

    /// Gives a verb to the run that is live.
    pub(crate) fn verb(&self, words: &[&str]) -> Finished {
        Running::start(self.holdpoint(words)).finish()
    }
}

pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_holdpoint")
}

/// A process, its stdout and stderr as they come.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<(Stream, String)>,
    seen: Vec<(Stream, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let stdout: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let stderr: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
        for (stream, source) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            let send = send.clone();
            thread::spawn(move || {
                for line in BufReader::new(source).lines() {
                    if send.send((stream, line.unwrap())).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for the next line that contains the text.
    pub(crate) fn wait_for(&mut self, text: &str) {
        assert!(self.has_line(text), "no line with `{text}` came, but these: {:#?}", self.seen);
    }

    /// The same; false where it ended without such a line.
    pub(crate) fn has_line(&mut self, text: &str) -> bool {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((stream, line)) = self.lines.recv_timeout(left) else { return false };
            let found = line.contains(text);
            self.seen.push((stream, line));
            if found {
                return true;
            }
        }
    }

    /// Sends a signal to its group, as a terminal does on Ctrl-C.
    pub(crate) fn signal(&self, signal: Signal) {
        killpg(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Waits for the end. Both streams end with the last process that holds them, so nothing that
    /// the run started can have outlived it.
    pub(crate) fn finish(mut self) -> Finished {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill().unwrap();
                    panic!("it never ended: {:#?}", self.seen);
                }
            }
        }
        let status = self.child.wait().unwrap();
        let of = |stream| {
            let lines = self.seen.iter().filter(|(it, _)| *it == stream);
            lines.map(|(_, line)| format!("{line}\n")).collect()
        };
        Finished { code: status.code(), stdout: of(Stream::Stdout), stderr: of(Stream::Stderr) }
    }
}

/// A test that failed leaves nothing behind.
impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The second signal ends it at once, with all that it started.
            let _ = kill(self.pid(), Signal::SIGINT);
            let _ = kill(self.pid(), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

/// What came of a process.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Fails unless it ended with this code; then its stdout.
    pub(crate) fn ended_with(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.stdout
    }

    /// The lines that a step wrote.
    pub(crate) fn lines_of(&self, step: &str) -> Vec<&str> {
        let of_step = |line: &'_ str| line.split_once(" | ").is_some_and(|it| it.0.trim() == step);
        let lines = self.stdout.lines().filter(|line| of_step(line));
        lines.filter_map(|line| line.split_once(" | ").map(|it| it.1)).collect()
    }
}

/// Whether a process is running whose command line contains the text.
pub(crate) fn is_running(text: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let line = |path: &Path| fs::read(path.join("cmdline")).unwrap_or_default();
    entries
        .map(|entry| String::from_utf8_lossy(&line(&entry.path())).replace('\0', " "))
        .any(|line| line.contains(text))
}
