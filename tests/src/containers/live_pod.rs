//! A pod from its own spec: init containers one by one, then all containers at once, with the users,
//! mounts and restrictions that the spec asks for. What this does not know of a spec, and what a pod
//! could not do without, makes it fail.
//!
//! Native sidecars are not started. A volume with secrets or tokens is an empty folder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::container::Container;
use super::image::Image;
use super::node::Node;
use crate::asking::Said;
use pause::Pause;

mod containers;
mod pause;
mod variables;
mod volumes;

/// Runs one pod.
#[derive(Debug)]
pub struct LivePod {
    node: Node,
    spec: Value,
    annotations: RefCell<BTreeMap<String, String>>,
    pause: Option<Pause>,
}

impl LivePod {
    /// A pod whose volumes are there and nothing else; `program` is a binary that cargo built for the
    /// tests. None where this machine has no containers.
    pub fn new(program: &str, pod: &Value) -> Option<Self> {
        let node = Node::new(program)?;
        let annotations = pod["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        let annotations =
            annotations.into_iter().map(|(key, value)| (key, value.as_str().unwrap().to_owned()));
        let annotations = RefCell::new(annotations.collect());
        let spec = pod["spec"].clone();
        let pause = (spec["shareProcessNamespace"] == true).then(Pause::start);
        let live = Self { node, spec, annotations, pause };
        volumes::make(&live);
        Some(live)
    }

    /// Runs the init containers in their order, each to its end.
    ///
    /// # Panics
    /// Where one fails.
    #[track_caller]
    pub fn initialise(&self) {
        for container in list(&self.spec["initContainers"]) {
            if container["restartPolicy"] == "Always" {
                continue;
            }
            let ended = self.begin(container).ends();
            assert_eq!(ended.code, 0, "{}: {}", container["name"], ended.output);
        }
    }

    /// Starts the container of this name.
    #[track_caller]
    pub fn start(&self, name: &str) -> Container<'_> {
        self.begin(self.container(name))
    }

    /// Starts all containers, the last first: the order is not the kubelet's to make.
    #[track_caller]
    pub fn start_all(&self) -> Vec<Container<'_>> {
        let containers = list(&self.spec["containers"]);
        let mut started: Vec<_> = containers.iter().rev().map(|it| self.begin(it)).collect();
        started.reverse();
        started
    }

    /// Sets an annotation, or takes it away; the files that hold it follow.
    pub fn annotate(&self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.annotations.borrow_mut().insert(name.to_owned(), value.to_owned()),
            None => self.annotations.borrow_mut().remove(name),
        };
        volumes::update(self);
    }

    /// Asks the readiness probe of a container that runs: 0 is ready, and the text is why it is not.
    #[track_caller]
    pub fn probe(&self, container: &Container<'_>) -> Said {
        let words = &self.container(container.name())["readinessProbe"]["exec"]["command"];
        container.exec(list(words).iter().map(|word| word.as_str().unwrap()))
    }

    /// The termination message of a container, as the kubelet reads it.
    pub fn message(&self, name: &str) -> String {
        fs::read_to_string(self.message_file(name)).unwrap()
    }

    /// The last value of this key in that message.
    pub fn told(&self, name: &str, key: &str) -> Option<String> {
        let rows: Value = serde_json::from_str(&self.message(name)).ok()?;
        let row = rows.as_array()?.iter().rfind(|row| row["key"] == key)?;
        row["value"].as_str().map(str::to_owned)
    }

    /// The text of a file of a volume; none where there is none.
    pub fn read(&self, volume: &str, file: &str) -> Option<String> {
        fs::read_to_string(self.volume(volume).join(file)).ok()
    }

    #[track_caller]
    fn container(&self, name: &str) -> &Value {
        let all = list(&self.spec["containers"]);
        all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no container {name}"))
    }
}

/// The items of a list that may be absent.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// Which image a reference means: a name tells.
fn image_of(reference: &Value) -> Image {
    let reference = reference.as_str().unwrap_or_default();
    match reference {
        _ if reference.contains("entrypoint") => Image::Entrypoint,
        _ if reference.contains("distroless") => Image::Distroless,
        _ => Image::Busybox,
    }
}
