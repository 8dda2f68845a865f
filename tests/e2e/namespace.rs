//! A namespace of a test, what is made in it, and what is asked of it.

use serde_json::{Value, json};

use crate::cluster::eventually;
use crate::program::{Told, holdpoint, holdpoint_typing, kubectl, kubectl_with};

/// A namespace, which goes with its test.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// A new one, in which pods can be made.
    pub(crate) fn new() -> Self {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "generateName": "holdpoint-e2e-" },
        });
        let made = kubectl_with(&["create", "-o", "name", "-f", "-"], &object.to_string()).well();
        let namespace = Self { name: made.trim().trim_start_matches("namespace/").to_owned() };
        eventually("pods can be made in it", || {
            namespace.kubectl(&["get", "serviceaccount/default"]).succeeded().then_some(())
        });
        namespace
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> Told {
        self.kubectl_with(words, "")
    }

    pub(crate) fn kubectl_with(&self, words: &[&str], input: &str) -> Told {
        kubectl_with(&[&["-n", &self.name], words].concat(), input)
    }

    /// Makes an object.
    pub(crate) fn make(&self, object: &Value) -> Told {
        self.kubectl_with(&["create", "-f", "-"], &object.to_string())
    }

    /// An object as it is now.
    pub(crate) fn get(&self, object: &str) -> Value {
        self.kubectl(&["get", object, "-o", "json"]).json()
    }

    /// A line of `holdpoint`, its words between spaces.
    pub(crate) fn type_in(&self, line: &str) -> Told {
        holdpoint(&self.words(line), "")
    }

    /// Types these commands into the shell that a line of `holdpoint` opens, and leaves it.
    pub(crate) fn in_shell(&self, line: &str, commands: &str) -> Told {
        holdpoint_typing(&self.words(line), &format!("{commands}\nexit\n"))
    }

    fn words<'a>(&'a self, line: &'a str) -> Vec<&'a str> {
        let mut words: Vec<_> = line.split(' ').collect();
        words.splice(1..1, ["-n", &self.name]);
        words
    }

    /// Waits until a step of a target is in this phase.
    pub(crate) fn wait_for_phase(&self, target: &str, step: &str, phase: &str) {
        self.wait_for_state(target, step, &format!("{step} is {phase}"), |it| it["phase"] == phase);
    }

    /// The same for anything that a step's state can tell.
    pub(crate) fn wait_for_state(
        &self,
        target: &str,
        step: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) {
        eventually(&format!("{target}: {what}"), || {
            let told = self.type_in(&format!("status {target} -o json"));
            let states: Value = serde_json::from_str(&told.stdout).ok()?;
            let state = states.as_array()?.iter().find(|state| state["step"] == step)?;
            is_so(state).then_some(())
        });
    }

    /// Waits until a pod has ended, and says how.
    pub(crate) fn wait_for_end(&self, pod: &str) -> Value {
        eventually(&format!("{pod} ends"), || {
            let pod = self.get(&format!("pod/{pod}"));
            ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str()?).then_some(pod)
        })
    }

    /// Waits until a pod has ended, and gives the exit codes of its steps.
    pub(crate) fn codes(&self, pod: &str) -> Vec<i64> {
        let ended = self.wait_for_end(pod);
        let steps = ended["spec"]["containers"].as_array().unwrap().iter();
        let code =
            |step: &Value| self::ended(&ended, step["name"].as_str().unwrap())["exitCode"].as_i64();
        steps.map(|step| code(step).unwrap()).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// A pod `tried` of these steps, each a name and a script, which asks by these annotations, less their prefix.
pub(crate) fn pod(annotations: &[(&str, &str)], scripts: &[(&str, &str)]) -> Value {
    let annotations: Value = annotations
        .iter()
        .map(|(name, value)| (format!("holdpoint.dev/{name}"), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "tried", "annotations": annotations },
        "spec": { "restartPolicy": "Never", "containers": steps(scripts) },
    })
}

/// The same under another name.
pub(crate) fn named(name: &str, mut pod: Value) -> Value {
    pod["metadata"]["name"] = json!(name);
    pod
}

/// Steps, each a name and a script.
pub(crate) fn steps(steps: &[(&str, &str)]) -> Vec<Value> {
    let image = image();
    let step = |(name, script): &(&str, &str)| json!({ "name": name, "image": image, "command": ["/bin/sh", "-c", script] });
    steps.iter().map(step).collect()
}

/// What steps run in: an image with a shell.
pub(crate) fn image() -> String {
    std::env::var("HOLDPOINT_E2E_STEP_IMAGE").unwrap_or_else(|_| "busybox:stable".to_owned())
}

/// How a step of a pod that has ended has ended.
pub(crate) fn ended(pod: &Value, step: &str) -> Value {
    let statuses = pod["status"]["containerStatuses"].as_array().unwrap();
    let status = statuses.iter().find(|status| status["name"] == step);
    status.unwrap_or_else(|| panic!("no {step}: {pod:#}"))["state"]["terminated"].clone()
}

/// The value of a row of its termination message; null where there is none.
pub(crate) fn row(terminated: &Value, key: &str) -> Value {
    let message = terminated["message"].as_str().unwrap_or("[]");
    let rows: Vec<Value> = serde_json::from_str(message).unwrap();
    let row = rows.into_iter().rfind(|row| row["key"] == key);
    row.map_or(Value::Null, |mut row| row["value"].take())
}
