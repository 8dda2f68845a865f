//! A run that has begun. Dropped before its end, as by a test that fails, it is killed with all of its
//! processes.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::expected::Expected;
use crate::processes;
use crate::sandbox::Sandbox;
use crate::step::Step;
use crate::tree::{self, Tree};
use crate::wait::{DEADLINE, eventually, within};

/// A run that has begun.
#[derive(Debug)]
pub struct Running<'a> {
    sandbox: &'a Sandbox,
    name: String,
    folder: Option<String>,
    expected: Expected,
    before: Tree,
    child: Child,
    output: [PathBuf; 2],
}

/// A run that has ended as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl<'a> Running<'a> {
    pub(crate) fn start(step: Step<'a>) -> Self {
        let sandbox = step.sandbox;
        let before = tree::below(sandbox.root(), &checked_folder(sandbox, step.folder.as_deref()));
        let file = |stream| {
            let (file, path) = tempfile::Builder::new()
                .prefix(&format!("{}-{stream}-", step.name))
                .tempfile_in(sandbox.output())
                .and_then(|file| file.keep().map_err(Into::into))
                .unwrap();
            (file, path)
        };
        let ((stdout, stdout_path), (stderr, stderr_path)) = (file("stdout"), file("stderr"));
        let child = step.process().stdout(stdout).stderr(stderr).spawn();
        Self {
            sandbox,
            child: child.unwrap_or_else(|e| panic!("cannot start step {}: {e}", step.name)),
            name: step.name,
            folder: step.folder,
            expected: step.expected,
            before,
            output: [stdout_path, stderr_path],
        }
    }

    /// The process that was started.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Sends a signal to the entrypoint, and to it alone.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// The step's state; none where it has written none yet.
    pub fn state(&self) -> Option<Value> {
        let text = self.sandbox.read(&format!("tekton/run/{}/out.state", self.name))?;
        Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("state {text:?}: {e}")))
    }

    /// Waits until the step's state shows this phase, and gives the state.
    #[track_caller]
    pub fn reaches(&self, phase: &str) -> Value {
        eventually(&format!("step {} is {phase}", self.name), || {
            self.state().filter(|state| state["phase"] == phase)
        })
    }

    /// Waits until stderr has this text.
    #[track_caller]
    pub fn says(&self, text: &str) {
        eventually(&format!("step {} says {text:?}", self.name), || {
            self.stderr().contains(text).then_some(())
        });
    }

    /// The entrypoint, where the started process is a program that runs it as its one child.
    #[track_caller]
    pub fn wrapped_pid(&self) -> Pid {
        let pid = self.pid();
        eventually("the program under test runs", || {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            let child: i32 = children.split_whitespace().next()?.parse().ok()?;
            let program = fs::read_link(format!("/proc/{child}/exe")).ok()?;
            (program == self.sandbox.program()).then(|| Pid::from_raw(child))
        })
    }

    /// Waits until the sandbox has this file.
    #[track_caller]
    pub fn makes(&self, below: &str) {
        eventually(below, || self.sandbox.has(below).then_some(()));
    }

    /// What it has written to stdout by now.
    pub fn stdout(&self) -> String {
        self.text(0)
    }

    /// What it has written to stderr by now.
    pub fn stderr(&self) -> String {
        self.text(1)
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills the entrypoint without a word, and nothing else. What it leaves is not checked.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end and gives its exit code. What it left is not checked.
    #[track_caller]
    pub fn end(mut self) -> i32 {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            panic!("step {} has not ended within {DEADLINE:?}\n{}", self.name, self.report());
        };
        status.code().or_else(|| Some(128 + status.signal()?)).unwrap()
    }

    /// Waits for its end, and checks all that it left.
    #[track_caller]
    pub fn finish(mut self) -> Ran {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            panic!("step {} has not ended within {DEADLINE:?}\n{}", self.name, self.report());
        };
        let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap();
        let ran = Ran { stdout: self.stdout(), stderr: self.stderr() };
        let mut problems = self.expected.check_output(code, &ran.stdout, &ran.stderr);
        let folder = checked_folder(self.sandbox, self.folder.as_deref());
        let after = tree::below(self.sandbox.root(), &folder);
        problems.extend(self.expected.check_files(&self.before, &after));
        let left = processes::of(self.sandbox.root(), Some(&self.name));
        problems.extend(
            left.into_iter().map(|pid| format!("left running: {}", processes::describe(pid))),
        );
        assert!(
            problems.is_empty(),
            "step {}:\n{}\n{}",
            self.name,
            problems.join("\n"),
            self.report()
        );
        ran
    }

    fn text(&self, stream: usize) -> String {
        let bytes = fs::read(&self.output[stream]).unwrap_or_default();
        self.sandbox.plain(&String::from_utf8_lossy(&bytes))
    }

    fn report(&self) -> String {
        let state = self.state().map(|state| state.to_string()).unwrap_or_default();
        format!("stdout: {:?}\nstderr: {}\nstate: {state}", self.stdout(), self.stderr())
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            processes::end_all(self.sandbox.root());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The step's own folder where it was started among others, else the whole sandbox.
fn checked_folder(sandbox: &Sandbox, folder: Option<&str>) -> PathBuf {
    folder.map_or(sandbox.root().to_owned(), |folder| sandbox.path(folder))
}
