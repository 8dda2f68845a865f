//! The folders that the containers of a pod share, and the init container that fills them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::bundle::{Bundle, Mount};
use super::container::Container;
use super::image::{Image, copy_program};
use super::program::static_binary;
use super::runtime::{Limits, Runtime};
use super::spec::StepContainer;
use crate::expected::Post;
use crate::skipped::note;

/// Where the init container puts the entrypoint.
pub(super) const ENTRYPOINT: &str = "/tekton/bin/entrypoint";

/// The user of Tekton's init containers.
const INIT_USER: u32 = 65532;

/// A pod with as many steps as it was given names.
#[derive(Debug)]
pub struct Pod {
    root: TempDir,
    steps: usize,
    limits: Limits,
}

impl Pod {
    /// A pod whose init container has run; `program` is the entrypoint that cargo built for the tests.
    /// None where this machine has no containers.
    pub fn new(program: &str, steps: &[&str]) -> Option<Self> {
        let runtime = Runtime::found()?;
        let root = tempfile::Builder::new().prefix("holdpoint-pod-").tempdir().unwrap();
        let pod = Self { root, steps: steps.len(), limits: runtime.limits };
        for image in Image::ALL {
            image.fill(&pod.image(image), &runtime.busybox);
        }
        for shared in ["bin", "steps", "results", "debug/scripts"] {
            pod.folder(&format!("tekton/{shared}"));
        }
        pod.folder("workspace");
        pod.write("log", "");
        pod.open(&pod.path("workspace/log"));
        pod.folder("runc");
        (0..pod.steps).for_each(|number| drop(pod.folder(&format!("tekton/run/{number}"))));
        pod.write_downward(&[("ready", "READY")]);
        pod.initialise(static_binary(Path::new(program)), steps);
        Some(pod)
    }

    /// The container of the step with this number.
    pub fn step(&self, number: usize) -> StepContainer<'_> {
        StepContainer::new(self, number)
    }

    /// Whether memory limits hold here; a line says so where they do not.
    pub fn limits(&self) -> Limits {
        if self.limits == Limits::Missing {
            note("no memory cgroups here: kill -9 from outside stands in for a memory limit");
        }
        self.limits
    }

    /// A path on the machine; `below` is that in a container, without its first slash.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// A file's text; none where there is no file.
    pub fn read(&self, below: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&fs::read(self.path(below)).ok()?).into_owned())
    }

    /// Writes a file of the workspace.
    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.path("workspace").join(name), content).unwrap();
    }

    /// Replaces what is in the downward folder, as the kubelet does: all at once.
    pub fn write_downward(&self, files: &[(&str, &str)]) {
        let downward = self.folder("tekton/downward");
        let version = tempfile::Builder::new().prefix("..v").tempdir_in(&downward).unwrap().keep();
        self.open(&version);
        for (name, content) in files {
            fs::write(version.join(name), content).unwrap();
            let _ = symlink(format!("..data/{name}"), downward.join(name));
        }
        symlink(version.file_name().unwrap(), downward.join("..new")).unwrap();
        fs::rename(downward.join("..new"), downward.join("..data")).unwrap();
    }

    /// The lines of the workspace's `log`, to which steps append.
    pub fn log(&self) -> Vec<String> {
        self.read("workspace/log").unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// What a step has posted.
    #[track_caller]
    pub fn posted(&self, number: usize) -> Post {
        let is_there = |name| self.path(&format!("tekton/run/{number}/{name}")).exists();
        match (is_there("out"), is_there("out.err")) {
            (true, false) => Post::Done,
            (false, true) => Post::Failed,
            (false, false) => Post::Nothing,
            (true, true) => panic!("step {number} has posted twice"),
        }
    }

    /// The last value of this key in a step's termination message.
    pub fn told(&self, number: usize, key: &str) -> Option<String> {
        let rows: Value =
            serde_json::from_str(&self.read(&format!("termination-{number}"))?).ok()?;
        let row = rows.as_array()?.iter().rfind(|row| row["key"] == key)?;
        row["value"].as_str().map(str::to_owned)
    }

    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn image(&self, image: Image) -> PathBuf {
        self.path("images").join(image.name())
    }

    /// Makes an empty folder that all may write to.
    pub(super) fn folder(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(&path).unwrap();
        self.open(&path);
        path
    }

    pub(super) fn open(&self, path: &Path) {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }

    /// Runs the init container as Tekton does: from the entrypoint's own image.
    fn initialise(&self, program: &Path, steps: &[&str]) {
        let image = self.path("images/entrypoint");
        fs::create_dir_all(image.join("ko-app")).unwrap();
        copy_program(program, &image.join("ko-app/entrypoint"));
        let writable = ["bin", "steps", "debug/scripts"].map(|place| Mount {
            from: self.path(&format!("tekton/{place}")),
            to: format!("/tekton/{place}"),
            writable: true,
        });
        let call = ["/ko-app/entrypoint", "init", "-debug_scripts", "/tekton/debug/scripts"];
        let words = call.into_iter().chain(["/ko-app/entrypoint", ENTRYPOINT]).map(str::to_owned);
        let bundle = Bundle {
            image,
            user: INIT_USER,
            arguments: words.chain(steps.iter().map(|name| format!("step-{name}"))).collect(),
            mounts: writable.to_vec(),
            ..Bundle::default()
        };
        let ended = Container::start(self, self.steps, bundle).ends();
        assert_eq!(ended.code, 0, "init: {}", ended.output);
    }
}
