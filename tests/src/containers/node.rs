//! The machine that containers run on: a folder with their images, their bundles, and what `runc` keeps.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::image::{Image, copy_program};
use super::program::static_binary;
use super::runtime::{Limits, Runtime};

/// A folder of its own; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Node {
    root: TempDir,
    pub(super) limits: Limits,
}

impl Node {
    /// None where this machine has no containers; `program` is a binary that cargo built for the tests.
    pub(super) fn new(program: &str) -> Option<Self> {
        let runtime = Runtime::found()?;
        let root = tempfile::Builder::new().prefix("holdpoint-pod-").tempdir().unwrap();
        let node = Self { root, limits: runtime.limits };
        for image in Image::ALL {
            image.fill(&node.image(image), &runtime.busybox);
        }
        let binary = node.image(Image::Entrypoint).join("ko-app/entrypoint");
        copy_program(static_binary(Path::new(program)), &binary);
        node.folder("runc");
        Some(node)
    }

    /// A path of the machine.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub(super) fn image(&self, image: Image) -> PathBuf {
        self.path("images").join(image.name())
    }

    /// Makes an empty folder that all may write to.
    pub(super) fn folder(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(&path).unwrap();
        open(&path);
        path
    }
}

/// Lets everyone read and write.
pub(super) fn open(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
}
