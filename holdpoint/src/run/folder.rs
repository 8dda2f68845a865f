//! The folder of a run: Tekton's layout as the steps see it, what they wrote, and what other
//! commands need to find the run and talk to it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use chrono::{Local, Utc};
use entrypoint::state::{State, timestamp};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::sandbox::View;
use crate::error::Error;

/// What a run says of itself to other commands: `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The id of the run.
    pub run: String,
    /// The name of the Task, TaskRun or Pod.
    pub name: String,
    /// The process that looks after it.
    pub pid: u32,
    /// When it began (RFC 3339, UTC, milliseconds).
    pub started_at: String,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
}

impl Record {
    /// The record of a run of this process that begins now.
    pub fn new(run: &str, name: &str, steps: Vec<String>) -> Self {
        let (run, name) = (run.to_owned(), name.to_owned());
        Self { run, name, pid: std::process::id(), started_at: timestamp(Utc::now()), steps }
    }
}

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// Held as long as the run is live.
#[derive(Debug)]
pub struct Alive {
    _lock: File,
}

impl RunFolder {
    /// Makes the folder of a new run and takes its lock.
    pub fn create(name: &str) -> Result<(Self, Alive), Error> {
        let runs = runs()?;
        loop {
            let path = runs.join(new_id(name));
            match fs::create_dir(&path) {
                Ok(()) => return Self { path }.begin(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::file(&path, error)),
            }
        }
    }

    /// A run's folder that is there.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Every run of this user that is live, with its record, newest first.
    pub fn live() -> Result<Vec<(Self, Record)>, Error> {
        let runs = runs()?;
        let entries = fs::read_dir(&runs).map_err(|error| Error::file(&runs, error))?;
        let folders = entries.flatten().map(|entry| Self::at(&entry.path()));
        let mut live: Vec<_> = folders
            .filter(Self::is_live)
            .filter_map(|folder| folder.record().ok().map(|record| (folder, record)))
            .collect();
        live.sort_by(|(_, one), (_, other)| other.started_at.cmp(&one.started_at));
        Ok(live)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id: the folder's name.
    pub fn id(&self) -> String {
        crate::file_name(&self.path)
    }

    /// What steps see as `/tekton`.
    pub fn tekton(&self) -> PathBuf {
        self.path.join("tekton")
    }

    /// What steps see as `/workspace`.
    pub fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// An empty folder, on which each step's view is built.
    pub fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// The folder of a workspace or volume that was given none.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.path.join("volumes").join(name)
    }

    /// The files of a step: its post file and those named after it.
    pub fn step(&self, index: usize) -> PathBuf {
        self.tekton().join("run").join(index.to_string())
    }

    /// The post file of a step, or with a suffix a file named after it.
    pub fn post(&self, index: usize, suffix: &str) -> PathBuf {
        self.step(index).join(format!("out{suffix}"))
    }

    /// What a step said last of itself; none before it has said anything.
    pub fn state(&self, index: usize) -> Option<State> {
        serde_json::from_slice(&fs::read(self.post(index, ".state")).ok()?).ok()
    }

    /// The variables that substitution changed for a step that is held; none where it is not.
    pub fn held_environment(&self, index: usize) -> Vec<(OsString, OsString)> {
        let block = fs::read(self.post(index, ".env")).unwrap_or_default();
        let variable = |line: &[u8]| {
            let equals = line.iter().position(|byte| *byte == b'=')?;
            let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
            Some((text(&line[..equals]), text(&line[equals + 1..])))
        };
        block.split(|byte| *byte == 0).filter_map(variable).collect()
    }

    /// All that a step has written to its output.
    pub fn log(&self, step: &str) -> PathBuf {
        self.path.join("logs").join(format!("{step}.log"))
    }

    /// The run's own account of itself.
    pub fn record(&self) -> Result<Record, Error> {
        self.read("run.json")
    }

    /// Writes the run's account of itself.
    pub fn set_record(&self, record: &Record) -> Result<(), Error> {
        self.write("run.json", record)
    }

    /// What its steps see.
    pub fn view(&self) -> Result<View, Error> {
        self.read("view.json")
    }

    /// Writes what its steps are to see.
    pub fn set_view(&self, view: &View) -> Result<(), Error> {
        self.write("view.json", view)
    }

    /// Puts a request or marker of a person beside a step's post file, whole or not at all.
    pub fn put(&self, index: usize, name: &str, text: &str) -> Result<(), Error> {
        let folder = self.step(index);
        let (draft, path) = (folder.join(format!(".{name}.draft")), folder.join(name));
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| Error::file(&path, error))
    }

    /// Removes it with all that is in it: a run that never began.
    pub fn remove(&self) {
        // What cannot be removed is found by whoever looks at the folder; the error that led here
        // matters more.
        drop(fs::remove_dir_all(&self.path));
    }

    fn begin(self) -> Result<(Self, Alive), Error> {
        for folder in TREE {
            let folder = self.path.join(folder);
            fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
        }
        let path = self.lock();
        let lock = File::create(&path).map_err(|error| Error::file(&path, error))?;
        lock.lock().map_err(|error| Error::file(&path, error))?;
        Ok((self, Alive { _lock: lock }))
    }

    fn is_live(&self) -> bool {
        File::open(self.lock())
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, Error> {
        let path = self.path.join(name);
        let text = fs::read(&path).map_err(|error| Error::file(&path, error))?;
        serde_json::from_slice(&text).map_err(|error| Error::file(&path, error.into()))
    }

    fn write(&self, name: &str, content: &impl Serialize) -> Result<(), Error> {
        let (draft, path) = (self.path.join(format!(".{name}")), self.path.join(name));
        serde_json::to_vec_pretty(content)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|error| Error::file(&path, error))
    }
}

/// What is made in each run's folder.
const TREE: [&str; 12] = [
    "logs",
    "root",
    "volumes",
    "workspace",
    "tekton/artifacts",
    "tekton/bin",
    "tekton/creds",
    "tekton/downward",
    "tekton/results",
    "tekton/run",
    "tekton/scripts",
    "tekton/steps",
];

/// The folder of all runs of this user, made where it is missing.
fn runs() -> Result<PathBuf, Error> {
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("holdpoint"));
    let ours = state.unwrap_or_else(|| format!("/tmp/holdpoint-{}", geteuid()).into());
    let runs = ours.join("runs");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&runs);
    made.map_err(|error| Error::file(&runs, error))?;
    let owner = fs::metadata(&ours).map_err(|error| Error::file(&ours, error))?.uid();
    if owner != geteuid().as_raw() {
        let error = "belongs to another user; set XDG_STATE_HOME to a folder of your own";
        return Err(Error::file(&ours, io::Error::other(error)));
    }
    // Binds and messages want the path without symbolic links.
    fs::canonicalize(&runs).map_err(|error| Error::file(&runs, error))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// An id that reads well and sorts by time: `repair-20261121-101502-3f`.
fn new_id(name: &str) -> String {
    let chance = RandomState::new().hash_one(std::process::id()) & 0xff;
    format!("{}-{}-{chance:02x}", plain(name), Local::now().format("%Y%m%d-%H%M%S"))
}

/// The name of a file as part of an id: lower-case letters, digits and dashes.
fn plain(name: &str) -> String {
    let stem = Path::new(name).file_stem().unwrap_or(OsStr::new("")).to_string_lossy();
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let plain: String = stem.chars().map(kept).take(40).collect();
    match plain.trim_matches('-') {
        "" => "run".to_owned(),
        plain => plain.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_name_of_a_file_becomes_part_of_an_id() {
        for (name, plain_name) in [
            ("repair.yaml", "repair"),
            ("dir/My Task.yml", "my-task"),
            ("-", "run"),
            ("", "run"),
            ("ü.yaml", "run"),
        ] {
            assert_eq!(plain(name), plain_name, "{name}");
        }
    }

    #[test]
    fn a_run_is_live_as_long_as_its_lock_is_held() {
        let home = tempfile::tempdir().unwrap();
        let (folder, alive) = RunFolder::at(home.path()).begin().unwrap();
        assert!(folder.is_live());
        drop(alive);
        assert!(!folder.is_live());
    }

    #[test]
    fn the_environment_of_a_hold_is_read_as_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(home.path());
        fs::create_dir_all(folder.step(0)).unwrap();
        folder.put(0, "out.env", "A=1\0B=x=y\nz\0").unwrap();
        let variables = [("A", "1"), ("B", "x=y\nz")];
        assert_eq!(folder.held_environment(0), variables.map(|(a, b)| (a.into(), b.into())));
        assert_eq!(folder.held_environment(1), []);
    }

    #[test]
    fn what_is_put_beside_a_post_file_is_there_whole() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(home.path());
        fs::create_dir_all(folder.step(2)).unwrap();
        folder.put(2, "abort", "enough").unwrap();
        assert_eq!(fs::read_to_string(home.path().join("tekton/run/2/abort")).unwrap(), "enough");
        assert_eq!(fs::read_dir(folder.step(2)).unwrap().count(), 1);
    }
}
