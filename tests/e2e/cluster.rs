//! A cluster with the webhook in it, and namespaces that come and go with their tests.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use holdpoint_tests::{skip, within};
use serde_json::{Value, json};

/// The kubelet writes annotations into a pod's files within two minutes; images are pulled, too.
const DEADLINE: Duration = Duration::from_secs(300);

/// The namespace of the webhook.
pub(crate) const HOLDPOINT: &str = "holdpoint";

/// What a process said, and whether it did well.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    /// Its stdout; a failure fails the test.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert!(self.succeeded, "{self:#?}");
        self.stdout
    }
}

/// A cluster that the tests have to themselves: one test at a time, since one of them stops the webhook.
pub(crate) struct Cluster {
    _turn: MutexGuard<'static, ()>,
}

impl Cluster {
    /// The cluster with the webhook installed; none, with a word, where none is meant.
    pub(crate) fn found() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        static INSTALLED: OnceLock<()> = OnceLock::new();
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !is_set("KUBECONFIG") || !is_set("HOLDPOINT_E2E") {
            skip("`just e2e` runs it, with KUBECONFIG set");
            return None;
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = Self { _turn: turn };
        INSTALLED.get_or_init(|| cluster.install());
        Some(cluster)
    }

    /// Installs the webhook, and waits until it is ready and the API server trusts it.
    pub(crate) fn install(&self) {
        let images =
            [("--image", "HOLDPOINT_E2E_IMAGE"), ("--shim-image", "HOLDPOINT_E2E_SHIM_IMAGE")];
        let given =
            |(flag, name): (&str, &str)| Some(format!("{flag}={}", std::env::var(name).ok()?));
        let options: Vec<_> = images.into_iter().filter_map(given).collect();
        let words: Vec<_> =
            ["install"].into_iter().chain(options.iter().map(String::as_str)).collect();
        let manifests = holdpoint(&words, "").well();
        kubectl_with(&["apply", "-f", "-"], &manifests).well();
        let rollout = ["rollout", "status", "deployment/holdpoint", "--timeout=300s"];
        kubectl(&[&["-n", HOLDPOINT], &rollout[..]].concat()).well();
        eventually("the API server trusts the webhook", || {
            let got = kubectl(&["get", "mutatingwebhookconfiguration", HOLDPOINT, "-o", "json"]);
            let configuration: Value = serde_json::from_str(&got.well()).unwrap();
            let webhooks = configuration["webhooks"].as_array().unwrap();
            webhooks.iter().all(|it| it["clientConfig"]["caBundle"].is_string()).then_some(())
        });
    }

    /// A namespace of its own, which goes with it.
    pub(crate) fn namespace(&self) -> Namespace {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "generateName": "holdpoint-e2e-" },
        });
        let made = kubectl_with(&["create", "-o", "name", "-f", "-"], &object.to_string()).well();
        let name = made.trim().trim_start_matches("namespace/").to_owned();
        let namespace = Namespace { name };
        eventually("pods can be made in it", || {
            namespace.kubectl(&["get", "serviceaccount/default"]).succeeded.then_some(())
        });
        namespace
    }
}

pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
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
        serde_json::from_str(&self.kubectl(&["get", object, "-o", "json"]).well()).unwrap()
    }

    /// Runs a command in a step's container.
    pub(crate) fn exec(&self, pod: &str, step: &str, command: &[&str]) -> Told {
        self.kubectl(&[&["exec", pod, "-c", step, "--"], command].concat())
    }

    /// Gives a verb to a step.
    pub(crate) fn ask(&self, pod: &str, step: &str, verb: &[&str]) -> Told {
        self.exec(pod, step, &[&["/tekton/bin/entrypoint"], verb].concat())
    }

    /// Waits until a step says that it is in this phase, by the voice of a step whose container is up.
    pub(crate) fn wait_for_phase(&self, pod: &str, voice: &str, step: &str, phase: &str) {
        self.wait_for_state(pod, voice, step, &format!("{step} is {phase}"), |it| {
            it["phase"] == phase
        });
    }

    /// The same for anything that a step's state can tell.
    pub(crate) fn wait_for_state(
        &self,
        pod: &str,
        voice: &str,
        step: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) {
        eventually(what, || {
            let told = self.ask(pod, voice, &["status", "-o", "json"]);
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
}

impl Drop for Namespace {
    fn drop(&mut self) {
        kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// Steps, each a name and a script.
pub(crate) fn steps(steps: &[(&str, &str)]) -> Vec<Value> {
    let given = std::env::var("HOLDPOINT_E2E_STEP_IMAGE");
    let image = given.unwrap_or_else(|_| "busybox:stable".to_owned());
    let step = |(name, script): &(&str, &str)| json!({ "name": name, "image": image, "command": ["/bin/sh", "-c", script] });
    steps.iter().map(step).collect()
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

/// Looks until there is something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match within(DEADLINE, look) {
        Some(found) => found,
        None => panic!("not within {DEADLINE:?}: {what}"),
    }
}

pub(crate) fn holdpoint(words: &[&str], input: &str) -> Told {
    run(Command::new(env!("CARGO_BIN_EXE_holdpoint")).args(words), input)
}

pub(crate) fn kubectl(words: &[&str]) -> Told {
    kubectl_with(words, "")
}

pub(crate) fn kubectl_with(words: &[&str], input: &str) -> Told {
    run(Command::new("kubectl").args(words), input)
}

fn run(command: &mut Command, input: &str) -> Told {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let told = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Told { succeeded: told.status.success(), stdout: text(told.stdout), stderr: text(told.stderr) }
}
