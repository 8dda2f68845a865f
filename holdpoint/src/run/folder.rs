//! The folder of a run: Tekton's layout as the steps see it, what they wrote, and what other
//! commands need to find the run and talk to it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chrono::Utc;
use entrypoint::state::{State, timestamp};
use serde::{Deserialize, Serialize};

use super::sandbox::View;
use super::summary::Status;
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
    /// Its steps, in order.
    pub steps: Vec<Place>,
}

/// A step, and where and with what it starts, for whoever wants to look around there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The folder where its command starts, as the step sees it.
    pub folder: PathBuf,
    /// Its environment beyond that of the run.
    pub env: Vec<(String, String)>,
}

/// What is kept of how a run ended: the part of its outcome that others read.
#[derive(Debug, Deserialize)]
struct Ending {
    status: Status,
}

impl Record {
    /// The record of a run of this process that begins now.
    pub fn new(run: &str, name: &str, steps: Vec<Place>) -> Self {
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
    /// A run's folder that is there.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
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

    /// How the run ended; none where it is live, or was killed.
    pub fn status(&self) -> Option<Status> {
        self.read::<Ending>("outcome.json").ok().map(|ending| ending.status)
    }

    /// Keeps how the run ended.
    pub fn set_outcome(&self, outcome: &impl Serialize) -> Result<(), Error> {
        self.write("outcome.json", outcome)
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

    /// Removes it with all that is in it.
    pub fn remove(&self) {
        if fs::remove_dir_all(&self.path).is_err() {
            unlock_folders(&self.path);
            // What still cannot be removed is found by whoever looks; nobody waits for it here.
            drop(fs::remove_dir_all(&self.path));
        }
    }

    /// Makes what is in a new run's folder, and takes its lock.
    pub fn begin(self) -> Result<(Self, Alive), Error> {
        for folder in TREE {
            let folder = self.path.join(folder);
            fs::create_dir_all(&folder).map_err(|error| Error::file(&folder, error))?;
        }
        let path = self.lock();
        let lock = File::create(&path).map_err(|error| Error::file(&path, error))?;
        lock.lock().map_err(|error| Error::file(&path, error))?;
        Ok((self, Alive { _lock: lock }))
    }

    /// Whether the process that looks after the run is there.
    pub fn is_live(&self) -> bool {
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

/// Steps may leave folders that even their owner may not write to, as Go's module cache has them.
fn unlock_folders(folder: &Path) {
    drop(fs::set_permissions(folder, fs::Permissions::from_mode(0o700)));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.for_each(|entry| unlock_folders(&entry.path()));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_run_is_live_as_long_as_its_lock_is_held() {
        let home = tempfile::tempdir().unwrap();
        let (folder, alive) = RunFolder::at(home.path()).begin().unwrap();
        assert!(folder.is_live());
        drop(alive);
        assert!(!folder.is_live());
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
