//! The folders that the containers of a pod share, and the init container that fills them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::bundle::{Bundle, Mount};
use super::container::Container;
use super::downward;
use super::image::Image;
use super::node::{Node, open};
use super::runtime::Limits;
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
    node: Node,
    steps: usize,
}

impl Pod {
    /// A pod whose init container has run; `program` is the entrypoint that cargo built for the tests.
    /// None where this machine has no containers.
    pub fn new(program: &str, steps: &[&str]) -> Option<Self> {
        let pod = Self { node: Node::new(program)?, steps: steps.len() };
        for shared in ["bin", "steps", "results", "debug/scripts"] {
            pod.folder(&format!("tekton/{shared}"));
        }
        pod.folder("workspace");
        pod.write("log", "");
        open(&pod.path("workspace/log"));
        (0..pod.steps).for_each(|number| drop(pod.folder(&format!("tekton/run/{number}"))));
        pod.write_downward(&[("ready", "READY")]);
        pod.initialise(steps);
        Some(pod)
    }

    /// The container of the step with this number.
    pub fn step(&self, number: usize) -> StepContainer<'_> {
        StepContainer::new(self, number)
    }

    /// Whether memory limits hold here; a line says so where they do not.
    pub fn limits(&self) -> Limits {
        if self.node.limits == Limits::Missing {
            note("no memory cgroups here: kill -9 from outside stands in for a memory limit");
        }
        self.node.limits
    }

    /// A path on the machine; `below` is that in a container, without its first slash.
    pub fn path(&self, below: &str) -> PathBuf {
        self.node.path(below)
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
        downward::write(&self.folder("tekton/downward"), files.iter().copied());
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

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    pub(super) fn folder(&self, below: &str) -> PathBuf {
        self.node.folder(below)
    }

    /// Runs the init container as Tekton does: from the entrypoint's own image.
    fn initialise(&self, steps: &[&str]) {
        let writable = ["bin", "steps", "debug/scripts"].map(|place| Mount {
            from: self.path(&format!("tekton/{place}")),
            to: format!("/tekton/{place}"),
            writable: true,
        });
        let call = ["/ko-app/entrypoint", "init", "-debug_scripts", "/tekton/debug/scripts"];
        let words = call.into_iter().chain(["/ko-app/entrypoint", ENTRYPOINT]).map(str::to_owned);
        let bundle = Bundle {
            image: self.node.image(Image::Entrypoint),
            user: INIT_USER,
            group: INIT_USER,
            arguments: words.chain(steps.iter().map(|name| format!("step-{name}"))).collect(),
            mounts: writable.to_vec(),
            ..Bundle::default()
        };
        let ended = Container::start(&self.node, "init".to_owned(), bundle).ends();
        assert_eq!(ended.code, 0, "init: {}", ended.output);
    }
}
