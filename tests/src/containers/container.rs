//! A container that runs. Dropped before its end, as by a test that fails, it is killed with all that is
//! in it.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::bundle::Bundle;
use super::node::Node;
use crate::asking::Said;
use crate::wait::{DEADLINE, eventually, within};

/// A step's container that runs.
#[derive(Debug)]
pub struct Container<'a> {
    node: &'a Node,
    /// What it is called, for messages.
    name: String,
    bundle: Bundle,
    child: Child,
    output: File,
    terminal: Option<OwnedFd>,
}

/// A container that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code: 128 + the signal's number where it was killed.
    pub code: i32,
    /// What it wrote, to stdout and to stderr.
    pub output: String,
}

/// A program beside the step, as `kubectl exec` starts one. Dropped, it is killed.
#[derive(Debug)]
pub struct Session {
    words: String,
    child: Child,
    output: File,
}

impl<'a> Container<'a> {
    #[track_caller]
    pub(super) fn start(node: &'a Node, name: String, bundle: Bundle) -> Self {
        let folder = node.folder(&format!("bundles/{}", bundle.id));
        bundle.write(&folder);
        let mut runc = bundle.runc(&node.path("runc"));
        runc.args(["run", "--bundle"]).arg(&folder).arg(&bundle.id).process_group(0);
        let output = tempfile::tempfile().unwrap();
        let terminal = attach(&mut runc, &output, bundle.terminal);
        let child = runc.spawn().unwrap();
        Self { node, name, bundle, child, output, terminal }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a program in it, as its user and with its environment, to the end.
    #[track_caller]
    pub fn exec<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Said {
        self.session(words).end()
    }

    /// Runs a verb by the installed entrypoint.
    #[track_caller]
    pub fn verb<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Said {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.exec(std::iter::once(super::pod::ENTRYPOINT.to_owned()).chain(words))
    }

    /// Runs a debug script, which the kernel starts.
    #[track_caller]
    pub fn script<W: AsRef<str>>(&self, name: &str, words: impl IntoIterator<Item = W>) -> Said {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        self.exec(std::iter::once(format!("/tekton/debug/scripts/{name}")).chain(words))
    }

    /// The same as [`Self::exec`], with this on its standard input.
    #[track_caller]
    pub fn exec_reading<W: AsRef<str>>(
        &self,
        words: impl IntoIterator<Item = W>,
        input: &str,
    ) -> Said {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        file.rewind().unwrap();
        self.open_session(words, file.into()).end()
    }

    /// Starts a program in it, and does not wait for its end.
    #[track_caller]
    pub fn session<W: AsRef<str>>(&self, words: impl IntoIterator<Item = W>) -> Session {
        self.open_session(words, Stdio::null())
    }

    fn open_session<W: AsRef<str>>(
        &self,
        words: impl IntoIterator<Item = W>,
        input: Stdio,
    ) -> Session {
        let mut runc = self.runc();
        runc.args(["exec", &self.bundle.id]).args(words.into_iter().map(|w| w.as_ref().to_owned()));
        let output = tempfile::tempfile().unwrap();
        let stream = || Stdio::from(output.try_clone().unwrap());
        let words = format!("{runc:?}");
        let child = runc.stdin(input).stdout(stream()).stderr(stream()).spawn().unwrap();
        Session { words, child, output }
    }

    /// Its PID 1, as the machine numbers it.
    #[track_caller]
    pub fn process_one(&self) -> Pid {
        let told = self.runc().args(["state", &self.bundle.id]).output().unwrap().stdout;
        let told: Value = serde_json::from_slice(&told).expect("a container that runs");
        Pid::from_raw(i32::try_from(told["pid"].as_i64().unwrap()).unwrap())
    }

    /// Sends PID 1 these signals, one right behind the other.
    #[track_caller]
    pub fn signal(&self, signals: impl IntoIterator<Item = Signal>) {
        let pid = self.process_one();
        signals.into_iter().for_each(|signal| kill(pid, signal).unwrap());
    }

    /// Types into its terminal.
    #[track_caller]
    pub fn types(&self, keys: &[u8]) {
        nix::unistd::write(self.terminal.as_ref().expect("a terminal"), keys).unwrap();
    }

    /// The step's state; none where it has written none yet.
    pub fn state(&self) -> Option<Value> {
        let path = self.bundle.on_machine(&format!("{}.state", self.bundle.post_file()?))?;
        let text = fs::read_to_string(path).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|e| panic!("state {text:?}: {e}")))
    }

    /// Waits until the step's state is as wanted, and gives it.
    #[track_caller]
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = within(DEADLINE, || {
            let state = self.state().filter(|state| wanted(state));
            let over = state.is_none() && self.child.try_wait().unwrap().is_some();
            over.then_some(None).or_else(|| state.map(Some))
        });
        let told = self.told();
        found
            .flatten()
            .unwrap_or_else(|| panic!("{} is not {what}: {:?}\n{told}", self.name, self.state()))
    }

    /// Waits until the step's state shows this phase, and gives the state.
    #[track_caller]
    pub fn reaches(&mut self, phase: &str) -> Value {
        self.until(phase, |state| state["phase"] == phase)
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ends(mut self) -> Ended {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            panic!("{} has not ended: {:?}\n{}", self.name, self.state(), self.told());
        };
        Ended { code: code(status), output: self.told() }
    }

    /// What it has written by now.
    pub fn told(&self) -> String {
        contents(&self.output)
    }

    /// Waits until it has written this text.
    #[track_caller]
    pub fn says(&self, text: &str) {
        self.comes(&format!("{text:?}"), || self.told().contains(text));
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn comes(&self, what: &str, is_so: impl Fn() -> bool) {
        eventually(&format!("{what} of {}", self.name), || is_so().then_some(()));
    }

    /// Waits until the programs that run in it, as the words of `ps` tell them, are as wanted.
    #[track_caller]
    pub fn shows_processes(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        self.comes(what, || {
            let told = self.exec(["/bin/ps", "-o", "pid,ppid,stat,args"]).text;
            let lines: Vec<_> = told.lines().skip(1).map(str::to_owned).collect();
            wanted(&lines)
        });
    }

    fn runc(&self) -> Command {
        self.bundle.runc(&self.node.path("runc"))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.runc().args(["delete", "--force", &self.bundle.id]).output();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Session {
    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Said {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            panic!("not ended within {DEADLINE:?}: {}\n{}", self.words, contents(&self.output));
        };
        Said { code: code(status), text: contents(&self.output) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gives `runc` its streams; a terminal of the container is one end of a terminal of ours.
fn attach(runc: &mut Command, output: &File, terminal: bool) -> Option<OwnedFd> {
    if !terminal {
        let stream = || Stdio::from(output.try_clone().unwrap());
        runc.stdin(Stdio::null()).stdout(stream()).stderr(stream());
        return None;
    }
    let ends = nix::pty::openpty(None, None).unwrap();
    let stream = || Stdio::from(ends.slave.try_clone().unwrap());
    runc.stdin(stream()).stdout(stream()).stderr(stream());
    Some(ends.master)
}

/// Reads at places of its own: those who write share the file's.
fn contents(file: &File) -> String {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap()
}
