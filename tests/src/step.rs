//! The builder: a command line, where and as whom it runs, and what is expected of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::expected::{Expected, Leaf, Post, Row, started_at};
use crate::processes::{ROOT, STEP, with_default_signals};
use crate::running::{Ran, Running};
use crate::sandbox::{LOG, Sandbox};

/// A run of the binary that has not begun.
#[derive(Debug)]
pub struct Step<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) name: String,
    pub(crate) folder: Option<String>,
    pub(crate) expected: Expected,
    program: OsString,
    arguments: Vec<OsString>,
    command: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    wrapper: Vec<OsString>,
    working_folder: Option<PathBuf>,
    user: Option<u32>,
}

impl<'a> Step<'a> {
    pub(crate) fn numbered(sandbox: &'a Sandbox, number: usize) -> Self {
        let folder = format!("tekton/run/{number}");
        let place = |name: &str| sandbox.at(&format!("{folder}/{name}"));
        let flags = [
            ("-post_file", place("out")),
            ("-termination_path", place("termination")),
            ("-step_metadata_dir", place("status")),
        ];
        let mut step = Self::plain(sandbox, flags.iter().flat_map(|(f, v)| [*f, v.as_str()]));
        step.name = number.to_string();
        for (name, leaf) in [
            ("out.alive", Leaf::Text(String::new())),
            ("out.state", Leaf::FinishedState),
            ("status", Leaf::Folder),
            ("status/results", Leaf::Folder),
            ("status/artifacts", Leaf::Folder),
        ] {
            step.expected.files.insert(format!("{folder}/{name}"), leaf);
        }
        step.folder = Some(folder);
        step.posts(Post::Done).exit_code_file("0").rows([started_at()])
    }

    pub(crate) fn plain<W: AsRef<OsStr>>(
        sandbox: &'a Sandbox,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        Self {
            sandbox,
            name: "call".to_owned(),
            folder: None,
            expected: Expected::default(),
            program: sandbox.program().into(),
            arguments: words.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            command: Vec::new(),
            environment: Vec::new(),
            wrapper: Vec::new(),
            working_folder: None,
            user: None,
        }
    }

    pub(crate) fn other(sandbox: &'a Sandbox, program: &OsStr) -> Self {
        Self { program: program.to_owned(), ..Self::plain(sandbox, [""; 0]) }
    }

    /// Adds words before `--`.
    pub fn flags<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.arguments.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// The command: the first word goes to `-entrypoint`, the others behind `--`.
    pub fn command<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// The same, for a line of shell.
    pub fn shell(self, script: &str) -> Self {
        self.command(["/bin/sh", "-c", script])
    }

    /// A command that appends these words, a line each, to the sandbox's log.
    pub fn logging(self, words: &str) -> Self {
        let log = self.sandbox.at(LOG);
        self.shell(&format!("for word in {words}; do echo $word >> {log}; done"))
    }

    /// Waits for the step with this number.
    pub fn after(self, number: usize) -> Self {
        let wait = self.sandbox.at(&format!("tekton/run/{number}/out"));
        self.flags(["-wait_file", &wait])
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable away.
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.push((name.into(), None));
        self
    }

    /// Runs it by another program, which gets the binary and its arguments as its last words.
    pub fn by<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.wrapper = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Runs it in this folder of the sandbox.
    pub fn in_folder(mut self, below: &str) -> Self {
        self.working_folder = Some(self.sandbox.path(below));
        self
    }

    /// Runs it as another user, with a group of the same number and no others. Only root can.
    pub fn as_user(mut self, id: u32) -> Self {
        self.program = self.sandbox.public_program().into();
        self.user = Some(id);
        self
    }

    /// Expects this exit code.
    pub fn exits(mut self, code: i32) -> Self {
        self.expected.code = code;
        self
    }

    /// Expects a failed post, this exit code, and no `exitCode` file.
    pub fn fails(self, code: i32) -> Self {
        self.exits(code).posts(Post::Failed).without("status/exitCode")
    }

    /// Expects this post file.
    pub fn posts(mut self, post: Post) -> Self {
        let (done, failed) = (self.place("out"), self.place("out.err"));
        self.expected.files.remove(&done);
        self.expected.files.remove(&failed);
        let empty = Leaf::Text(String::new());
        match post {
            Post::Done => self.expected.files.insert(done, empty),
            Post::Failed => self.expected.files.insert(failed, empty),
            Post::Nothing => None,
        };
        self
    }

    /// Expects this content in the `exitCode` file.
    pub fn exit_code_file(self, content: &str) -> Self {
        self.leaves("status/exitCode", content)
    }

    /// Expects a termination message of exactly these rows.
    pub fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Self {
        self.expected.rows = rows.into_iter().collect();
        self.expect("termination", Leaf::Message)
    }

    /// Expects this on stdout; `…` stands for any text.
    pub fn stdout(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.expected.stdout);
        self
    }

    /// Expects one more line on stderr; `…` stands for any text.
    pub fn stderr(mut self, pattern: &str) -> Self {
        self.expected.stderr.push(pattern.to_owned());
        self
    }

    /// Does not look at what is on stderr, a panic apart.
    pub fn any_stderr(mut self) -> Self {
        self.expected.any_stderr = true;
        self
    }

    /// Expects a file with this content; `…` stands for any text. The path is below the step's folder,
    /// or below the sandbox where it begins with `/` or there is no step.
    pub fn leaves(self, path: &str, pattern: &str) -> Self {
        self.expect(path, Leaf::Text(pattern.to_owned()))
    }

    /// Expects a folder.
    pub fn leaves_folder(self, path: &str) -> Self {
        self.expect(path, Leaf::Folder)
    }

    /// Expects something in this place, whatever it is.
    pub fn leaves_something(self, path: &str) -> Self {
        self.expect(path, Leaf::Anything)
    }

    /// Expects nothing new in this place.
    pub fn without(mut self, path: &str) -> Self {
        let place = self.place(path);
        self.expected.files.remove(&place);
        self
    }

    /// Expects none of the files that a step leaves, as where it ends before it is one.
    pub fn without_traces(mut self) -> Self {
        self.expected.files.clear();
        self
    }

    /// Runs it to its end, and checks it and all files of the sandbox.
    #[track_caller]
    pub fn run(mut self) -> Ran {
        self.folder = None;
        self.start().finish()
    }

    /// Starts it. What it leaves in its own folder is checked by [`Running::finish`].
    #[track_caller]
    pub fn start(self) -> Running<'a> {
        Running::start(self)
    }

    pub(crate) fn process(&self) -> Command {
        let mut words = with_default_signals();
        words.extend(self.wrapper.iter().cloned());
        words.push(self.program.clone());
        words.extend(self.arguments.iter().cloned());
        if let Some((program, arguments)) = self.command.split_first() {
            words.extend(["-entrypoint".into(), program.clone(), "--".into()]);
            words.extend(arguments.iter().cloned());
        }
        let mut process = Command::new(&words[0]);
        process.args(&words[1..]).stdin(Stdio::null()).process_group(0);
        process.current_dir(self.working_folder.as_deref().unwrap_or(self.sandbox.root()));
        self.set_environment(&mut process);
        if let Some(id) = self.user {
            process.uid(id).gid(id);
        }
        process
    }

    fn set_environment(&self, process: &mut Command) {
        process
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        process.env(ROOT, self.sandbox.root()).env(STEP, &self.name);
        for (name, value) in &self.environment {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
    }

    fn expect(mut self, path: &str, leaf: Leaf) -> Self {
        let place = self.place(path);
        self.expected.files.insert(place, leaf);
        self
    }

    fn place(&self, path: &str) -> String {
        match (&self.folder, path.strip_prefix('/')) {
            (_, Some(below)) => below.to_owned(),
            (Some(folder), None) => format!("{folder}/{path}"),
            (None, None) => path.to_owned(),
        }
    }
}
