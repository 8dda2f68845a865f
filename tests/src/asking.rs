//! Verbs, as a person types them at a step (2.7). They have no checked files: the step whose files
//! they write has.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::wait::{DEADLINE, within};

/// A verb that was typed and has not ended.
#[derive(Debug)]
pub struct Asking {
    words: String,
    child: Child,
    output: File,
}

/// What a verb said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit code: 0 accepted, 3 rejected, 4 nobody answered.
    pub code: i32,
    /// What it wrote, to stdout and to stderr.
    pub text: String,
}

impl Sandbox {
    /// Types a verb at the step with this number, and waits for its end.
    #[track_caller]
    pub fn ask<W: AsRef<OsStr>>(&self, number: usize, words: impl IntoIterator<Item = W>) -> Said {
        self.start_asking(number, words).end(self)
    }

    /// The same without waiting.
    #[track_caller]
    pub fn start_asking<W: AsRef<OsStr>>(
        &self,
        number: usize,
        words: impl IntoIterator<Item = W>,
    ) -> Asking {
        let mut words = words.into_iter().map(|word| word.as_ref().to_owned());
        let verb = words.next().expect("a verb");
        let post = self.at(&format!("tekton/run/{number}/out"));
        let call = self.call([verb, "-post_file".into(), post.into()]).flags(words);
        let output = tempfile::tempfile_in(self.output()).unwrap();
        let stream = || Stdio::from(output.try_clone().unwrap());
        let mut process = call.process();
        let words = format!("{process:?}");
        let child = process.stdout(stream()).stderr(stream()).spawn().unwrap();
        Asking { words, child, output }
    }
}

impl Asking {
    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self, sandbox: &Sandbox) -> Said {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            let _ = self.child.kill();
            panic!("not ended within {DEADLINE:?}: {}", self.words);
        };
        let mut text = Vec::new();
        self.output.rewind().unwrap();
        self.output.read_to_end(&mut text).unwrap();
        let text = sandbox.plain(&String::from_utf8_lossy(&text));
        Said { code: status.code().unwrap_or(-1), text }
    }
}

impl Said {
    /// What it wrote, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{:?}: {e}", self.text))
    }
}
