//! Which step a verb speaks to where nothing is said: that of PID 1, else the one live step whose
//! folder can be written to (contract 2.7).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::args;
use crate::os::files::folder_of;
use crate::os::lock::{Life, LifeWatch};
use crate::paths::Paths;

/// The post file of the step that is meant.
pub(super) fn post_file(paths: &Paths) -> Result<PathBuf, String> {
    if let Some(post) = of_process_one() {
        return Ok(post);
    }
    let mut steps = live_steps(&paths.run());
    match (steps.pop(), steps.pop()) {
        (Some(post), None) => Ok(post),
        (None, _) => {
            Err(format!("no live step found in {}; name it with -post_file", paths.run().display()))
        }
        (Some(one), Some(other)) => Err(format!(
            "several live steps, {} and {} among them; name one with -post_file",
            other.display(),
            one.display()
        )),
    }
}

fn of_process_one() -> Option<PathBuf> {
    let line = std::fs::read("/proc/1/cmdline").ok()?;
    let words: Vec<OsString> =
        line.split(|byte| *byte == 0).map(|word| OsStr::from_bytes(word).to_owned()).collect();
    let program = Path::new(words.first()?).file_name()?;
    (program == "entrypoint").then(|| args::post_file_of(&words[1..])).flatten()
}

fn live_steps(run: &Path) -> Vec<PathBuf> {
    let folders = run.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let files = folders.flat_map(|folder| folder.read_dir().into_iter().flatten().flatten());
    let locks = files.map(|file| file.path()).filter(|path| {
        path.extension().is_some_and(|ending| ending == "alive")
            && access(folder_of(path), AccessFlags::W_OK).is_ok()
    });
    let live = locks.filter(|path| LifeWatch::new(path.clone()).look() == Life::Alive);
    let mut posts: Vec<_> = live.map(|path| path.with_extension("")).collect();
    posts.sort();
    posts
}
