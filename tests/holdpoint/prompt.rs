//! The one-key prompt, on a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::runner::Home;

/// A run on a terminal of its own.
struct Terminal {
    person: File,
    terminal: OwnedFd,
    child: Child,
    shown: String,
}

impl Terminal {
    fn run(home: &Home, flags: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        let side = || Stdio::from(pty.slave.try_clone().unwrap());
        let words: Vec<_> = ["run", "task.yaml"].iter().chain(flags).copied().collect();
        let mut command = home.holdpoint(&words);
        command.stdin(side()).stdout(side()).stderr(side());
        command.env("SHELL", "/bin/sh").env("TERM", "xterm");
        let child = command.spawn().unwrap();
        Self { person: pty.master.into(), terminal: pty.slave, child, shown: String::new() }
    }

    /// Reads what is shown until the text has come, and gives all up to its end.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(start) = self.shown.find(text) {
                let rest = self.shown.split_off(start + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let mut sources = [PollFd::new(self.person.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut sources, 30_000_u16), Ok(1), "no `{text}` in: {}", self.shown);
            let mut bytes = [0; 4096];
            let read = self.person.read(&mut bytes).unwrap();
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    fn takes_single_keys(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_flags.contains(LocalFlags::ICANON)
    }

    fn end(mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        assert!(!self.takes_single_keys(), "the terminal is as it was");
        code
    }
}

/// A test that failed leaves nothing behind: the steps end with their run.
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_step_is_looked_at_repaired_and_retried_by_single_keys() {
    let home = Home::new();
    home.task(&[("one", "echo trying; cat ok"), ("two", "echo second")]);
    let mut terminal = Terminal::run(&home, &["--breakpoint", "on-failure"]);
    let shown = terminal.wait_for("[r]etry  [c]ontinue  [f]ail  [s]hell  [q]uit ?");
    assert!(shown.contains("held"), "{shown}");
    assert!(shown.contains("\u{1b}["), "a terminal gets colours");
    assert!(terminal.takes_single_keys());
    terminal.press("x");
    terminal.press("s");
    terminal.wait_for("[s]hell");
    terminal.press("pwd; touch ok; exit\n");
    terminal.wait_for("/workspace");
    terminal.wait_for("[q]uit ?");
    terminal.press("r");
    terminal.wait_for("second");
    terminal.wait_for("succeeded");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn each_key_ends_the_hold_in_its_own_way() {
    for (key, code, word) in [("c", 0, "succeeded"), ("f", 7, "failed"), ("q", 7, "aborted")] {
        let home = Home::new();
        home.task(&[("one", "exit 7"), ("two", "true")]);
        let mut terminal = Terminal::run(&home, &["--breakpoint", "on-failure", "--no-color"]);
        let shown = terminal.wait_for("[q]uit ?");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        terminal.press(key);
        terminal.wait_for(&format!(": {word} after"));
        assert_eq!(terminal.end(), Some(code), "{key}");
    }
}

#[test]
fn a_hold_that_is_ended_elsewhere_gives_the_terminal_back() {
    let home = Home::new();
    home.task(&[("one", "exit 7")]);
    let mut terminal = Terminal::run(&home, &["--breakpoint", "on-failure"]);
    terminal.wait_for("[q]uit ?");
    home.verb(&["continue"]).ended_with(0);
    terminal.wait_for("after");
    assert_eq!(terminal.end(), Some(0));
}
