//! A folder of a test's own, with the tree of `/tekton` below it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::processes;
use crate::step::Step;

/// A folder that stands for the root of a container. When it goes, so does every process in it.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    output: TempDir,
    program: PathBuf,
}

impl Sandbox {
    /// An empty one, in which `program` is the binary under test.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let folder = || tempfile::Builder::new().prefix("holdpoint-").tempdir().unwrap();
        let sandbox = Self { root: folder(), output: folder(), program: program.into() };
        sandbox.open(sandbox.root());
        sandbox
    }

    /// A step in `/tekton/run/N`, with the flags that Tekton gives to each: `-post_file`,
    /// `-termination_path` and `-step_metadata_dir`, all in that folder. It is expected to succeed
    /// without a word.
    pub fn step(&self, number: usize) -> Step<'_> {
        self.open(&self.folder(&format!("tekton/run/{number}")));
        Step::numbered(self, number)
    }

    /// Any other command line of the binary. It is expected to succeed without a word or a trace.
    pub fn call<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Step<'_> {
        Step::plain(self, words)
    }

    /// Another program than the binary, in the same place and with the same environment, to compare.
    pub fn other(&self, program: impl AsRef<OsStr>) -> Step<'_> {
        Step::other(self, program.as_ref())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path in it.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root().join(below)
    }

    /// The same as a word of a command line.
    pub fn at(&self, below: &str) -> String {
        self.path(below).to_str().unwrap().to_owned()
    }

    /// Makes a folder and what is missing above it.
    pub fn folder(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("cannot make {below}: {e}"));
        path
    }

    /// Writes a file at once: beside its place, then renamed. Makes the folders above it.
    pub fn write(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        let mut beside = tempfile::NamedTempFile::new_in(self.output.path()).unwrap();
        std::io::Write::write_all(&mut beside, content.as_ref()).unwrap();
        beside.as_file().set_permissions(Permissions::from_mode(0o644)).unwrap();
        beside.persist(&path).unwrap_or_else(|e| panic!("cannot write {below}: {e}"));
        path
    }

    /// Writes a script that can be run.
    pub fn script(&self, below: &str, content: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        by_another_process("printf %s \"$0\" > \"$1\" && chmod 755 \"$1\"", content, &path);
        path
    }

    /// Makes a link, or swaps it atomically.
    pub fn link(&self, below: &str, target: impl AsRef<Path>) {
        let beside = self.path(format!("{below}.beside"));
        symlink(target, &beside).unwrap();
        fs::rename(beside, self.path(below)).unwrap();
    }

    /// Sets a file's or a folder's mode.
    pub fn set_mode(&self, below: &str, mode: u32) {
        fs::set_permissions(self.path(below), Permissions::from_mode(mode)).unwrap();
    }

    /// A file's or a folder's mode.
    pub fn mode(&self, below: &str) -> u32 {
        fs::metadata(self.path(below)).unwrap().permissions().mode() & 0o7777
    }

    /// Whether something is there.
    pub fn has(&self, below: &str) -> bool {
        self.path(below).symlink_metadata().is_ok()
    }

    /// A file's text; none where there is no file.
    pub fn read(&self, below: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&fs::read(self.path(below)).ok()?).into_owned())
    }

    /// The words that steps with [`Step::logging`] have written, in their order.
    pub fn log(&self) -> Vec<String> {
        self.read(LOG).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// A text without the sandbox's folder in its paths.
    pub fn plain(&self, text: &str) -> String {
        text.replace(self.root().to_str().unwrap(), "")
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// A copy of the binary that everybody can get at, wherever it was built.
    pub(crate) fn public_program(&self) -> PathBuf {
        let copy = self.output().join("program");
        if !copy.exists() {
            self.open(self.output());
            by_another_process("cp \"$0\" \"$1\" && chmod 755 \"$1\"", &self.program, &copy);
        }
        copy
    }

    /// Where the output of processes is kept: it is no file of theirs.
    pub(crate) fn output(&self) -> &Path {
        self.output.path()
    }

    /// Steps run as different users, as in a pod.
    fn open(&self, folder: &Path) {
        fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        processes::end_all(self.root());
    }
}

/// Makes a file that can be run. The kernel runs none that somebody has open for writing, and every
/// process that another thread is about to start has all that this one has open.
fn by_another_process(script: &str, from: impl AsRef<OsStr>, to: &Path) {
    let mut shell = Command::new("/bin/sh");
    let status = shell.args(["-c", script]).arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cannot write {}", to.display());
}

/// The log to which steps append.
pub(crate) const LOG: &str = "log";
