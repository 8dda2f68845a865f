//! What the system allows: a small disk, and a process without inotify.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::plan::Events;

/// Puts the thread, and what it starts from now on, into a mount namespace of its own; whether it may.
pub(super) fn own_mounts() -> bool {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS).is_ok()
        && mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).is_ok()
}

/// A disk that is soon full.
#[derive(Debug)]
pub(super) struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// None where the system refuses.
    pub(super) fn mount(at: &Path) -> Option<Self> {
        let size = Some("size=256k,mode=777");
        mount(Some("chaos"), at, Some("tmpfs"), MsFlags::empty(), size).ok()?;
        Some(Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// The words before a command line that take inotify away from it. They begin another program in the
/// same process.
pub(super) fn without_events(events: Events) -> Vec<String> {
    let (limit, value) = match events {
        Events::All => return Vec::new(),
        Events::Watches(count) => ("max_inotify_watches", count),
        Events::Nothing => ("max_inotify_instances", 0),
    };
    let line = format!("echo {value} >/proc/sys/user/{limit} && exec \"$@\"");
    ["unshare", "-U", "-r", "/bin/sh", "-c", &line, "sh"].map(str::to_owned).to_vec()
}

/// Whether events can be taken away here.
pub(super) fn events_can_go() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let words = without_events(Events::Nothing);
        let mut tried = Command::new(&words[0]);
        let tried = tried.args(&words[1..]).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}
