//! A cluster with pods in it.

use std::fs;
use std::process::Command;

use controller_shim::{DEFAULT_IMAGE, Delivery, Injection, Settings, inject};
use holdpoint_tests::{Api, Kubelet, eventually};
use serde_json::{Value, json};

use crate::runner::{Finished, Home, Running, binary};

/// The namespace of the kubeconfig.
pub(crate) const NAMESPACE: &str = "default";

/// A cluster, and a home from which it is spoken to.
pub(crate) struct Setting {
    pub(crate) home: Home,
    pub(crate) api: Api,
    pub(crate) kubelet: Kubelet,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let api = Api::start();
        let kubelet = Kubelet::start(&api, binary());
        Self { home: Home::new(), api, kubelet }
    }

    /// The same with a pod `one` whose first step fails and is held; the second one would follow.
    pub(crate) fn held() -> Self {
        let setting = Self::new();
        setting.run_held("one");
        setting
    }

    /// Starts such a pod, and waits until it is held.
    pub(crate) fn run_held(&self, name: &str) {
        self.run(pod(name, &[("breakpoint", "on-failure")], &STEPS));
        self.reaches(name, 0, "held-failed");
    }

    pub(crate) fn run(&self, pod: Value) {
        self.kubelet.run(pod);
    }

    /// Waits until the step with this number of a pod is in this phase.
    pub(crate) fn reaches(&self, pod: &str, step: usize, phase: &str) {
        eventually(&format!("step {step} of {pod} is {phase}"), || {
            (self.state(pod, step)?["phase"] == phase).then_some(())
        });
    }

    pub(crate) fn state(&self, pod: &str, step: usize) -> Option<Value> {
        let path = format!("tekton/run/{step}/out.state");
        let text = fs::read(self.kubelet.path(NAMESPACE, pod, &path)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Waits until the pod has ended, and gives the exit codes of its containers.
    pub(crate) fn codes(&self, pod: &str) -> Vec<i64> {
        let code = |status: &Value| status["state"]["terminated"]["exitCode"].as_i64();
        eventually(&format!("{pod} has ended"), || {
            let pod = self.api.get(&path(pod))?;
            pod["status"]["containerStatuses"].as_array()?.iter().map(code).collect()
        })
    }

    /// A command of `holdpoint`, which finds this cluster.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.home.holdpoint(words);
        command.env("KUBECONFIG", self.api.kubeconfig());
        command
    }

    pub(crate) fn ask(&self, words: &[&str]) -> Finished {
        Running::start(self.command(words)).finish()
    }

    /// The same with its words between spaces.
    pub(crate) fn type_in(&self, line: &str) -> Finished {
        self.ask(&line.split(' ').collect::<Vec<_>>())
    }

    /// The verbs among them, which change something.
    pub(crate) fn executed_verbs(&self) -> Vec<String> {
        let looks = |it: &String| it.starts_with("status ");
        self.executed().into_iter().filter(|it| !looks(it)).collect()
    }

    /// The commands that were run in pods, without what is the same in all.
    pub(crate) fn executed(&self) -> Vec<String> {
        let requests = self.api.requests().into_iter();
        let executed = requests.filter(|request| request.path.ends_with("/exec"));
        executed.map(|request| request.asked("command")[1..].join(" ")).collect()
    }
}

/// A first step that fails, and one behind it.
pub(crate) const STEPS: [(&str, &str); 2] = [("build", "exit 7"), ("test", "true")];

/// The path of a pod's object.
pub(crate) fn path(pod: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}")
}

/// A pod as the webhook injects it, with these annotations, and lines of shell for steps.
pub(crate) fn pod(name: &str, annotations: &[(&str, &str)], steps: &[(&str, &str)]) -> Value {
    let container =
        |(name, line): &(&str, &str)| json!({"name": name, "command": ["/bin/sh", "-c", line]});
    let containers: Vec<_> = steps.iter().map(container).collect();
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {"holdpoint.dev/inject": "true"},
        },
        "spec": {"restartPolicy": "Never", "containers": containers},
    });
    for (key, value) in annotations {
        pod["metadata"]["annotations"][format!("holdpoint.dev/{key}")] = json!(value);
    }
    let settings = Settings { image: DEFAULT_IMAGE.to_owned(), delivery: Delivery::InitContainer };
    match inject(&pod, &settings) {
        Injection::Injected { pod, .. } => pod,
        other => panic!("{other:?}"),
    }
}

/// The same with a label.
pub(crate) fn labelled(mut pod: Value, key: &str, value: &str) -> Value {
    pod["metadata"]["labels"][key] = json!(value);
    pod
}
