//! Images, as folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// What there is in a step's container beside what the pod mounts into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Nothing at all: no shell, no tool, no C library, no `/etc`.
    Distroless,
    /// A shell and the common tools, in `/bin`.
    Busybox,
    /// The entrypoint's own: nothing but `/ko-app/entrypoint`.
    Entrypoint,
}

impl Image {
    pub(super) const ALL: [Self; 3] = [Self::Distroless, Self::Busybox, Self::Entrypoint];

    /// The name of its folder.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Distroless => "distroless",
            Self::Busybox => "busybox",
            Self::Entrypoint => "entrypoint",
        }
    }

    /// Fills its folder.
    pub(super) fn fill(self, folder: &Path, busybox: &Path) {
        let tools = folder.join("bin");
        fs::create_dir_all(folder).unwrap();
        match self {
            Self::Distroless => return,
            Self::Entrypoint => return fs::create_dir(folder.join("ko-app")).unwrap(),
            Self::Busybox => {}
        }
        fs::create_dir(&tools).unwrap();
        copy_program(busybox, &tools.join("busybox"));
        let list = Command::new(busybox).arg("--list").output().unwrap().stdout;
        for tool in String::from_utf8(list).unwrap().lines().filter(|tool| *tool != "busybox") {
            symlink("busybox", tools.join(tool)).unwrap();
        }
    }
}

/// By another process: were it written by this one, a child that another test starts meanwhile could hold
/// it open, and it could not be run.
pub(super) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}
