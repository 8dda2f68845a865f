//! The programs that the tests type: `holdpoint` and `kubectl`.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What a process said, and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    pub(crate) fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Its stdout; a failure fails the test.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        self.ended_with(0)
    }

    /// Its stdout; another exit code fails the test.
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.stdout
    }

    /// What it printed, which is JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let printed = serde_json::from_str(&self.stdout);
        printed.unwrap_or_else(|why| panic!("{why}: {self:#?}"))
    }
}

/// `holdpoint`, given all of an input.
pub(crate) fn holdpoint(words: &[&str], input: &str) -> Told {
    run(Command::new(env!("CARGO_BIN_EXE_holdpoint")).args(words), input)
}

/// `holdpoint`, with an input that does not end before it does.
pub(crate) fn holdpoint_typing(words: &[&str], input: &str) -> Told {
    let mut child = spawn(Command::new(env!("CARGO_BIN_EXE_holdpoint")).args(words));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    let told = told(child);
    drop(stdin);
    told
}

pub(crate) fn kubectl(words: &[&str]) -> Told {
    kubectl_with(words, "")
}

pub(crate) fn kubectl_with(words: &[&str], input: &str) -> Told {
    run(Command::new("kubectl").args(words), input)
}

fn run(command: &mut Command, input: &str) -> Told {
    let mut child = spawn(command);
    // One that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    told(child)
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn told(child: Child) -> Told {
    let told = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { code: told.status.code(), stdout: text(told.stdout), stderr: text(told.stderr) }
}
