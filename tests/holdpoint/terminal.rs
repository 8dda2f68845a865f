//! A command on a terminal, and the person before it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Stdio};

use holdpoint_tests::{open_terminal, resize_terminal};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, OutputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::Pid;

pub(crate) struct Terminal {
    person: File,
    terminal: File,
    child: Child,
    shown: String,
}

impl Terminal {
    /// Starts a command that reads and writes there.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_into(None, command)
    }

    /// The same with stdout going into a file.
    pub(crate) fn start_into(file: Option<File>, mut command: Command) -> Self {
        let (person, terminal) = open_terminal().unwrap();
        resize_terminal(&person, 80, 24);
        let side = || Stdio::from(terminal.try_clone().unwrap());
        command.stdin(side()).stdout(file.map_or_else(side, Stdio::from)).stderr(side());
        command.env("SHELL", "/bin/sh");
        if command.get_envs().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm");
        }
        let child = command.spawn().unwrap();
        Self { person, terminal, child, shown: String::new() }
    }

    /// Reads what is shown until the text has come, and gives all up to its end.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
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

    pub(crate) fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes it so many columns and rows large.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        resize_terminal(&self.person, columns, rows);
        self.signal(Signal::SIGWINCH);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub(crate) fn takes_single_keys(&self) -> bool {
        !tcgetattr(&self.terminal).unwrap().local_flags.contains(LocalFlags::ICANON)
    }

    pub(crate) fn is_raw(&self) -> bool {
        let mode = tcgetattr(&self.terminal).unwrap();
        self.takes_single_keys()
            && !mode.local_flags.contains(LocalFlags::ISIG)
            && !mode.output_flags.contains(OutputFlags::OPOST)
    }

    /// What a shell does with it that has it for a while.
    pub(crate) fn take_lines(&self) {
        let mut mode = tcgetattr(&self.terminal).unwrap();
        mode.local_flags.insert(LocalFlags::ICANON);
        tcsetattr(&self.terminal, SetArg::TCSANOW, &mode).unwrap();
    }

    /// Waits for the end of the command, and gives its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        assert!(!self.takes_single_keys() && !self.is_raw(), "the terminal is as it was");
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
