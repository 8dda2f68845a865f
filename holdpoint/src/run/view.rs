//! Decides what the steps of a run see: a private view where the system allows one, which is found
//! out by trying, else the host's folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use super::folder::RunFolder;
use super::sandbox::{Bind, View};
use super::screen::{Screen, Tone};
use super::{carried, launch};
use crate::error::Error;
use crate::plan::{Layout, Mount};

/// The view of a run, still without workspaces and volumes.
pub fn of(run: &RunFolder, screen: &mut Screen) -> Result<View, Error> {
    let private = private(run)?;
    run.set_view(&private)?;
    let Some(why) = trial(run)? else { return Ok(private) };
    let folder = run.path().display();
    let text = format!("steps find /tekton and /workspace below {folder}: {why}");
    screen.say(Tone::Alert, &text);
    Ok(View::Host)
}

/// Where steps that see this find the fixed places.
pub fn layout(run: &RunFolder, view: &View) -> Layout {
    match view {
        View::Private { .. } => Layout { tekton: "/tekton".into(), workspace: "/workspace".into() },
        View::Host => Layout { tekton: run.tekton(), workspace: run.workspace() },
    }
}

/// The view with the plan's workspaces and volumes in it.
pub fn with_mounts(
    view: View,
    run: &RunFolder,
    mounts: &[Mount],
    screen: &mut Screen,
) -> Result<View, Error> {
    let mut mounts: Vec<_> = mounts.iter().collect();
    mounts.sort_by_key(|mount| mount.path.components().count());
    let mut added = Vec::new();
    for mount in mounts {
        let host = folder_of(run, mount)?;
        match view {
            View::Private { .. } => added.push(Bind { host, seen: mount.path.clone() }),
            View::Host => link(run, mount, &host, screen)?,
        }
    }
    Ok(match view {
        View::Host => View::Host,
        View::Private { root, mut binds } => {
            binds.extend(added);
            View::Private { root, binds }
        }
    })
}

fn private(run: &RunFolder) -> Result<View, Error> {
    let entrypoint = run.tekton().join("bin/entrypoint");
    fs::write(&entrypoint, "").map_err(|error| Error::file(&entrypoint, error))?;
    let me = std::env::current_exe().map_err(Error::system("cannot find this program"))?;
    let bind = |host: &Path, seen: &str| Bind { host: host.to_owned(), seen: seen.into() };
    let binds = vec![
        bind(&run.tekton(), "/tekton"),
        bind(&me, carried::INSTALLED),
        bind(&run.workspace(), "/workspace"),
    ];
    Ok(View::Private { root: run.root(), binds })
}

/// Starts the entrypoint in the view, only to see that it can; else says why not.
fn trial(run: &RunFolder) -> Result<Option<String>, Error> {
    let program = [carried::INSTALLED.into(), "-h".into()];
    let answer = launch::command(run, Path::new("/"), &program)
        .and_then(|mut command| command.stdin(Stdio::null()).output())
        .map_err(Error::system("cannot start this program a second time"))?;
    let why = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
    Ok((!answer.status.success()).then_some(why))
}

fn folder_of(run: &RunFolder, mount: &Mount) -> Result<std::path::PathBuf, Error> {
    let folder = mount.folder.clone().unwrap_or_else(|| run.volume(&mount.name));
    let made = match mount.folder {
        Some(_) => Ok(()),
        None => fs::create_dir_all(&folder),
    };
    made.and_then(|()| fs::canonicalize(&folder)).map_err(|error| Error::file(&folder, error))
}

/// Without a view of its own a workspace can be shown below the run's folder only.
fn link(run: &RunFolder, mount: &Mount, host: &Path, screen: &mut Screen) -> Result<(), Error> {
    if !mount.path.starts_with(run.path()) {
        let (name, path) = (&mount.name, mount.path.display());
        screen.say(Tone::Alert, &format!("`{name}` cannot be shown at {path} here"));
        return Ok(());
    }
    let parent = mount.path.parent().unwrap_or(run.path());
    fs::create_dir_all(parent)
        .and_then(|()| symlink(host, &mount.path))
        .map_err(|error| Error::file(&mount.path, error))
}
