//! What steps see: the machine as it is, with the run's folders at `/tekton` and `/workspace`.
//!
//! Each step gets a mount namespace of its own, with a new root that binds the host's folders and
//! ours over them, as bubblewrap does. Nothing of it outlives the step, and nobody else sees it.
//! All of this happens in a process that does nothing else and then becomes the step.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid, pivot_root};
use serde::{Deserialize, Serialize};

/// The host's root, while the new one is being built.
const HOST: &str = "/.host";

/// What the steps of a run see, as a file of the run's folder tells it to each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum View {
    /// The host's folders as they are: the system allows no other.
    Host,
    /// The host's folders, with others bound over them.
    Private {
        /// An empty folder, on which the new root is built.
        root: PathBuf,
        /// What is bound over the host's folders, outer ones first.
        binds: Vec<Bind>,
    },
}

/// A file or folder of the host that steps see at a path of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is on the host; a path without symbolic links.
    pub host: PathBuf,
    /// Where steps see it.
    pub seen: PathBuf,
}

impl View {
    /// Makes this process see it, and all that it starts.
    pub fn enter(&self) -> io::Result<()> {
        let Self::Private { root, binds } = self else { return Ok(()) };
        own_mounts()?;
        change_root(root)?;
        mirror(Path::new(HOST), Path::new("/"), |name| is_bound(binds, name))?;
        for (index, bind) in binds.iter().enumerate() {
            show(bind, &binds[..index])?;
        }
        umount2(HOST, MntFlags::MNT_DETACH).map_err(says("cannot let go of the host's root"))?;
        fs::remove_dir(HOST)
    }

    /// Where on the host the path is that steps know by this name.
    pub fn on_host(&self, seen: &Path) -> PathBuf {
        let Self::Private { binds, .. } = self else { return seen.to_owned() };
        let below =
            |bind: &Bind| seen.strip_prefix(&bind.seen).ok().map(|rest| bind.host.join(rest));
        binds.iter().rev().find_map(below).unwrap_or_else(|| seen.to_owned())
    }
}

fn is_bound(binds: &[Bind], name: &Path) -> bool {
    name == Path::new(HOST) || binds.iter().any(|bind| bind.seen == name)
}

/// A mount namespace alone where this process may have one, else one in a user namespace in which
/// every id is itself.
fn own_mounts() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    if unshare(CloneFlags::CLONE_NEWNS).is_err() {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
            .map_err(says("namespaces are refused"))?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    let from_the_host = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    attach(None, Path::new("/"), from_the_host)
}

fn change_root(root: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), root, Some("tmpfs"), flags, Some("mode=755"))
        .map_err(says("cannot mount a new root"))?;
    let host = root.join(HOST.trim_start_matches('/'));
    fs::create_dir(&host)?;
    pivot_root(root, &host).map_err(says("cannot change the root"))?;
    std::env::set_current_dir("/")
}

/// Shows each entry of a folder of the host in another one, except those that are `left_out`.
fn mirror(host: &Path, seen: &Path, left_out: impl Fn(&Path) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(host)? {
        let entry = entry?;
        let target = seen.join(entry.file_name());
        if left_out(&target) {
            continue;
        }
        if entry.file_type()?.is_symlink() {
            symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            place_for(&entry.path(), &target)?;
            attach(Some(&entry.path()), &target, MsFlags::MS_BIND | MsFlags::MS_REC)?;
        }
    }
    Ok(())
}

/// Binds one of our own folders, over those that are there `already`.
fn show(bind: &Bind, already: &[Bind]) -> io::Result<()> {
    if !bind.seen.exists() {
        let parent = bind.seen.ancestors().skip(1).find(|path| path.is_dir());
        let parent = parent.unwrap_or(Path::new("/"));
        let ours =
            parent == Path::new("/") || already.iter().any(|it| parent.starts_with(&it.seen));
        if !ours {
            cover(parent)?;
        }
    }
    let source = in_host(&bind.host);
    place_for(&source, &bind.seen)?;
    attach(Some(&source), &bind.seen, MsFlags::MS_BIND | MsFlags::MS_REC)
}

/// Makes a folder of the host one of ours with the same entries, so that a new one among them does
/// not appear on the host.
fn cover(folder: &Path) -> io::Result<()> {
    mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .map_err(says("cannot cover a folder of the host"))?;
    mirror(&in_host(folder), folder, |_| false)
}

fn in_host(path: &Path) -> PathBuf {
    Path::new(HOST).join(path.strip_prefix("/").unwrap_or(path))
}

/// Something to bind onto: a folder for a folder, a file for anything else.
fn place_for(source: &Path, target: &Path) -> io::Result<()> {
    if target.exists() {
        Ok(())
    } else if source.is_dir() {
        fs::create_dir_all(target)
    } else {
        fs::File::create(target).map(drop)
    }
}

fn attach(source: Option<&Path>, target: &Path, flags: MsFlags) -> io::Result<()> {
    let what = format!("cannot mount {}", target.display());
    mount(source, target, None::<&str>, flags, None::<&str>).map_err(says(&what))
}

fn says(what: &str) -> impl Fn(nix::Error) -> io::Error {
    let what = what.to_owned();
    move |error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("{what}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_path_is_found_on_the_host_by_the_innermost_bind() {
        let bind = |host: &str, seen: &str| Bind { host: host.into(), seen: seen.into() };
        let binds = vec![bind("/run/7/workspace", "/workspace"), bind("/src", "/workspace/source")];
        let view = View::Private { root: "/run/7/root".into(), binds };
        for (seen, host) in [
            ("/workspace", "/run/7/workspace"),
            ("/workspace/a", "/run/7/workspace/a"),
            ("/workspace/source/lib", "/src/lib"),
            ("/workspace/sources", "/run/7/workspace/sources"),
            ("/etc/passwd", "/etc/passwd"),
        ] {
            assert_eq!(view.on_host(Path::new(seen)), Path::new(host), "{seen}");
        }
    }
}
