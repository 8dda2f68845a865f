//! What a kubelet does for the pods of the fake API server, as far as steps can tell: it runs their
//! containers as processes of this machine, brings annotations into the downward folder, says in the
//! pod's status what became of each container, and runs commands in them.
//!
//! An ephemeral container is up as soon as it is asked for, unless its image is none that there is
//! ([`NO_IMAGE`]), and its command begins when somebody attaches to it.
//!
//! A pod has a folder for its root; where a command line names `/tekton`, it gets the one below it.

mod terminal;
mod toolbox;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::Api;
use super::exec::Exec;
use super::place::Place;
use super::serve::Server;
use crate::processes;

pub use toolbox::NO_IMAGE;

/// Where steps find the entrypoint.
const ENTRYPOINT: &str = "/tekton/bin/entrypoint";

/// Runs the pods that it is given. They end with it.
#[derive(Debug)]
pub struct Kubelet {
    node: Arc<Node>,
}

#[derive(Debug)]
struct Node {
    server: Arc<Server>,
    /// The entrypoint; a program that is one where it is started as `entrypoint`.
    program: PathBuf,
    pods: Mutex<BTreeMap<[String; 2], Arc<TempDir>>>,
    /// Whether it brings no annotations.
    late: AtomicBool,
}

impl Kubelet {
    /// One that runs this entrypoint, and the commands of `exec`.
    pub fn start(api: &Api, program: impl Into<PathBuf>) -> Self {
        let server = Arc::clone(&api.server);
        let (program, pods) = (program.into(), Mutex::default());
        let node = Arc::new(Node { server, program, pods, late: AtomicBool::new(false) });
        let runs = Arc::downgrade(&node);
        api.run_commands(move |exec| runs.upgrade().map_or(Ok(1), |node| node.run_command(exec)));
        Self { node }
    }

    /// Keeps the pod, and starts its containers.
    pub fn run(&self, pod: Value) {
        let root = Arc::new(tempfile::Builder::new().prefix("holdpoint-node-").tempdir().unwrap());
        let place = Place::of_object(&pod);
        let key = [&place.namespace, &place.name].map(|it| it.clone().unwrap());
        self.node.pods.lock().unwrap().insert(key, Arc::clone(&root));
        let running = Running { node: Arc::clone(&self.node), root, place, pod };
        running.start();
    }

    /// Annotations that change from now on are not brought into pods.
    pub fn be_late(&self) {
        self.node.late.store(true, Ordering::Relaxed);
    }

    /// A path below a pod's root.
    pub fn path(&self, namespace: &str, pod: &str, below: &str) -> PathBuf {
        let pods = self.node.pods.lock().unwrap();
        pods[&[namespace.to_owned(), pod.to_owned()]].path().join(below)
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        // With its folder a pod's annotations are no longer brought there.
        let pods = std::mem::take(&mut *self.node.pods.lock().unwrap());
        pods.values().for_each(|root| processes::end_all(root.path()));
    }
}

impl Node {
    fn run_command(&self, exec: Exec) -> Result<i32, String> {
        let key = [exec.namespace.clone(), exec.pod.clone()];
        let root = self.pods.lock().unwrap().get(&key).cloned().ok_or("no such pod here")?;
        let words: Vec<_> = exec.command.iter().map(|word| below(root.path(), word)).collect();
        let command = self.command(root.path(), &words);
        let (attached, container) = (exec.attached, exec.container.clone());
        let run = if exec.tty { terminal::run(command, exec) } else { piped(command, exec) };
        let code = run.map(code).map_err(|error| format!("failed to exec: {error}"))?;
        if attached {
            toolbox::tell_end(&self.server.store, &key, &container, code);
            // The stream of a container that is attached to says nothing of its code.
            return Ok(0);
        }
        Ok(code)
    }

    /// A command of a container.
    fn command(&self, root: &Path, words: &[String]) -> Command {
        let entrypoint = below(root, ENTRYPOINT);
        let mut command = if words[0] == entrypoint {
            let mut command = Command::new(&self.program);
            command.arg0("entrypoint");
            command
        } else {
            Command::new(&words[0])
        };
        command.args(&words[1..]).env(processes::ROOT, root).process_group(0);
        // A shell in a pod knows nothing of what the one who runs the tests has set up for theirs.
        command.env("HOME", root).env("SHELL", "/bin/sh");
        command.current_dir(root.join("workspace")).stdin(Stdio::null());
        command
    }
}

/// Runs a command between pipes.
fn piped(mut command: Command, exec: Exec) -> std::io::Result<ExitStatus> {
    let mut child = command.stdin(exec.stdin).stdout(exec.stdout).stderr(exec.stderr).spawn()?;
    // Its ends of the pipes, which would keep the streams open.
    drop(command);
    child.wait()
}

/// A pod that runs.
#[derive(Clone)]
struct Running {
    node: Arc<Node>,
    root: Arc<TempDir>,
    place: Place,
    pod: Value,
}

impl Running {
    fn start(self) {
        let root = self.root.path();
        for folder in ["tekton/run", "tekton/bin", "tekton/scripts", "tekton/downward", "workspace"]
        {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for folder in ["tekton/debug/scripts", "tekton/terminations"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        symlink(&self.node.program, root.join("tekton/bin/entrypoint")).unwrap();
        self.list("initContainers").iter().for_each(|container| self.initialise(container));
        self.bring(&mut BTreeMap::new());
        let steps: Vec<_> = self.list("containers").to_vec();
        let status = |step: &Value| json!({"name": step["name"], "state": {"running": {}}});
        let statuses: Vec<_> = steps.iter().map(status).collect();
        let mut pod = self.pod.clone();
        pod["status"] = json!({"phase": "Running", "containerStatuses": statuses});
        self.node.server.store.put(&self.place, pod);
        for step in steps {
            let pod = self.clone();
            let child = pod.spawn(&step);
            thread::spawn(move || pod.attend(&step, child));
        }
        thread::spawn(move || self.keep_up());
    }

    fn list(&self, name: &str) -> &[Value] {
        self.pod["spec"][name].as_array().map_or(&[], Vec::as_slice)
    }

    /// An init container that installs the entrypoint only links steps: it is there already.
    fn initialise(&self, container: &Value) {
        let root = self.root.path();
        let mut words = words(container, root);
        let entrypoint = below(root, ENTRYPOINT);
        if words.get(1).is_some_and(|word| word == "init") {
            let installed = words.iter().rposition(|word| *word == entrypoint).unwrap();
            let steps = words.split_off(installed + 1);
            words = [entrypoint, "step-init".to_owned()].into_iter().chain(steps).collect();
        }
        let ended = self.node.command(root, &words).output().unwrap();
        assert!(ended.status.success(), "{}: {ended:?}", container["name"]);
    }

    fn spawn(&self, container: &Value) -> Child {
        let root = self.root.path();
        let name = container["name"].as_str().unwrap();
        let own = self.message(name);
        let messages = [below(root, "/tekton/termination"), "/dev/termination-log".to_owned()];
        let word = |word| if messages.contains(&word) { own.clone() } else { word };
        let words: Vec<_> = words(container, root).into_iter().map(word).collect();
        fs::write(&own, "").unwrap();
        let mut command = self.node.command(root, &words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"))
    }

    /// The file of a container's termination message.
    fn message(&self, container: &str) -> String {
        let path = self.root.path().join("tekton/terminations").join(container);
        path.to_str().unwrap().to_owned()
    }

    /// Carries a container's output into its log, and its end into the pod's status.
    fn attend(&self, container: &Value, mut child: Child) {
        let name = container["name"].as_str().unwrap();
        let key =
            [&self.place.namespace, &self.place.name].map(|it| it.clone().unwrap_or_default());
        let [namespace, pod] = key;
        let key = [namespace, pod, name.to_owned()];
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = streams.map(|mut stream| {
            let (node, key) = (Arc::clone(&self.node), key.clone());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    node.server.logs.add(key.clone(), &String::from_utf8_lossy(&buffer[..length]));
                }
            })
        });
        let code = code(child.wait().unwrap());
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        self.node.server.logs.end(key);
        self.tell_end(name, code);
    }

    fn tell_end(&self, container: &str, code: i32) {
        let store = &self.node.server.store;
        let message = fs::read_to_string(self.message(container)).unwrap_or_default();
        let ended = json!({"terminated": {"exitCode": code, "message": message}});
        let change = |pod: &mut Value| {
            let Some(statuses) = pod["status"]["containerStatuses"].as_array_mut() else { return };
            for status in statuses.iter_mut().filter(|status| status["name"] == container) {
                status["state"] = ended.clone();
            }
            let codes: Vec<_> = statuses
                .iter()
                .map(|status| status["state"]["terminated"]["exitCode"].as_i64())
                .collect();
            if codes.iter().all(Option::is_some) {
                let well = codes.iter().all(|code| *code == Some(0));
                pod["status"]["phase"] = json!(if well { "Succeeded" } else { "Failed" });
            }
        };
        store.edit(&self.place, change);
    }

    /// Brings the pod's annotations into its downward folder, as long as there is one.
    fn keep_up(self) {
        let mut brought = BTreeMap::new();
        let mut news = self.node.server.store.news();
        let root = Arc::downgrade(&self.root);
        let (node, place) = (Arc::downgrade(&self.node), self.place.clone());
        drop(self);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        while let (Some(node), Some(root)) = (node.upgrade(), root.upgrade()) {
            let Some(pod) = node.server.store.get(&place) else { return };
            toolbox::start(&node.server.store, &place, &pod);
            if !node.late.load(Ordering::Relaxed) {
                Self { node, root, place: place.clone(), pod }.bring(&mut brought);
            }
            // A pod that has gone meanwhile is seen by the next look.
            let look = async { timeout(Duration::from_millis(100), news.changed()).await };
            if runtime.block_on(look).is_ok_and(|told| told.is_err()) {
                return;
            }
        }
    }

    fn bring(&self, brought: &mut BTreeMap<String, String>) {
        let volumes = self.list("volumes").iter();
        let items =
            volumes.filter_map(|volume| volume["downwardAPI"]["items"].as_array()).flatten();
        for item in items {
            let field = item["fieldRef"]["fieldPath"].as_str().unwrap_or_default();
            let key =
                field.strip_prefix("metadata.annotations['").and_then(|it| it.strip_suffix("']"));
            let (Some(key), Some(path)) = (key, item["path"].as_str()) else { continue };
            let value = self.pod["metadata"]["annotations"][key].as_str().unwrap_or_default();
            if brought.insert(path.to_owned(), value.to_owned()).as_deref() != Some(value) {
                put(&self.root.path().join("tekton/downward"), path, value);
            }
        }
    }
}

/// Beside its place and renamed, as kubelets swap it. A folder that is gone needs nothing.
fn put(folder: &Path, name: &str, text: &str) {
    let beside = folder.join(format!(".{name}"));
    let written = File::create(&beside).and_then(|mut file| file.write_all(text.as_bytes()));
    let _ = written.and_then(|()| fs::rename(&beside, folder.join(name)));
}

/// The command line of a container in a pod with this root.
fn words(container: &Value, root: &Path) -> Vec<String> {
    let lists = ["command", "args"].iter().filter_map(|list| container[list].as_array()).flatten();
    lists.map(|word| below(root, word.as_str().unwrap())).collect()
}

fn below(root: &Path, word: &str) -> String {
    word.replace("/tekton/", &format!("{}/tekton/", root.display()))
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap()
}
