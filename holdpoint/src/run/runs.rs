//! All runs of this user: where their folders are, which are live, and which are old enough to go.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::Local;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::geteuid;

use super::folder::{Alive, Record, RunFolder};
use crate::error::Error;

/// How long a run that has ended is kept.
const KEPT: Duration = Duration::from_hours(24);

/// Makes the folder of a new run and takes its lock.
pub fn create(name: &str) -> Result<(RunFolder, Alive), Error> {
    let runs = root()?;
    loop {
        let path = runs.join(new_id(name));
        match fs::create_dir(&path) {
            Ok(()) => return RunFolder::at(&path).begin(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file(&path, error)),
        }
    }
}

/// Every run that has begun, with its record, newest first.
pub fn all() -> Result<Vec<(RunFolder, Record)>, Error> {
    let with_record = |folder: RunFolder| folder.record().ok().map(|record| (folder, record));
    let mut all: Vec<_> = folders()?.filter_map(with_record).collect();
    all.sort_by(|(_, one), (_, other)| other.started_at.cmp(&one.started_at));
    Ok(all)
}

/// Those that are live.
pub fn live() -> Result<Vec<(RunFolder, Record)>, Error> {
    let mut runs = all()?;
    runs.retain(|(folder, _)| folder.is_live());
    Ok(runs)
}

/// Removes what ended a day ago, unless somebody is still in there.
pub fn clean_up() -> Result<(), Error> {
    let now = SystemTime::now();
    let is_old = |folder: &RunFolder| {
        let age = last_change(folder).and_then(|last| now.duration_since(last).ok());
        age.is_some_and(|age| age >= KEPT)
    };
    for folder in folders()?.filter(|folder| is_old(folder) && !folder.is_live()) {
        let unused = File::open(folder.path()).is_ok_and(|it| it.try_lock().is_ok());
        if unused {
            folder.remove();
        }
    }
    Ok(())
}

/// Keeps the folder of a run from being cleaned up for as long as this process and those that it
/// becomes or starts are there.
pub fn keep(folder: &RunFolder) -> Result<File, Error> {
    let hold = || -> io::Result<File> {
        let opened = File::open(folder.path())?;
        opened.lock_shared()?;
        fcntl(&opened, FcntlArg::F_SETFD(FdFlag::empty()))?;
        Ok(opened)
    };
    hold().map_err(|error| Error::file(folder.path(), error))
}

/// When the run itself or one of its steps wrote something last. A run that was killed has no end
/// of its own that could be asked for.
fn last_change(folder: &RunFolder) -> Option<SystemTime> {
    let steps = fs::read_dir(folder.tekton().join("run")).into_iter().flatten().flatten();
    let paths = steps.map(|entry| entry.path()).chain([folder.path().to_owned()]);
    paths.filter_map(|path| fs::metadata(path).and_then(|it| it.modified()).ok()).max()
}

fn folders() -> Result<impl Iterator<Item = RunFolder>, Error> {
    let runs = root()?;
    let entries = fs::read_dir(&runs).map_err(|error| Error::file(&runs, error))?;
    Ok(entries.flatten().map(|entry| RunFolder::at(&entry.path())))
}

/// The folder of all runs of this user, made where it is missing.
fn root() -> Result<PathBuf, Error> {
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("holdpoint"));
    let ours = state.unwrap_or_else(|| format!("/tmp/holdpoint-{}", geteuid()).into());
    let runs = ours.join("runs");
    let unusable = |why: &str| {
        let why = format!("{why}; set XDG_STATE_HOME to a folder of your own");
        Error::file(&ours, io::Error::other(why))
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&runs);
    made.map_err(|error| unusable(&error.to_string()))?;
    let owner = fs::metadata(&ours).map_err(|error| unusable(&error.to_string()))?.uid();
    if owner != geteuid().as_raw() {
        return Err(unusable("belongs to another user"));
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
}
