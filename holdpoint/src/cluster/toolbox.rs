//! A toolbox: an ephemeral container that shares the processes of a step whose image has no shell, and so
//! its files, in `/proc/1/root`.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerState, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::connect::Cluster;
use super::error::ClusterError;
use super::exec::{ExecError, refused};
use super::session::{End, converse, streams};
use super::steps::{PodSteps, StepPlace};

/// How often the pod is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// How long the kubelet may take to say how a container ended.
const LAST_WORD: Duration = Duration::from_secs(10);

/// How its containers are called, before a number.
const NAME: &str = "holdpoint-toolbox";

/// Words of the kubelet for a container that will not run as it is.
const TROUBLES: [&str; 11] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "RunContainerError",
    "SignatureValidationFailed",
];

/// Goes to the step's files and becomes a shell. It is given the step's post file, and a word where all
/// containers of the pod share their processes: the step's own is then found by its command line.
const SCRIPT: &str = r#"
step=1
if [ "$2" = shared ]; then
  for folder in /proc/[0-9]*; do
    case "$(tr '\0' ' ' 2>/dev/null <"$folder/cmdline")" in
      *"entrypoint -"*"post_file $1 "* | *"entrypoint -"*"post_file=$1 "*) step=${folder#/proc/} ;;
    esac
  done
fi
if cd "/proc/$step/root" 2>/dev/null; then
  echo "toolbox: the step's files are here, in /proc/$step/root" >&2
else
  echo "toolbox: /proc/$step/root is closed to user $(id -u): the step's processes are here (ps), its files are not" >&2
fi
if command -v bash >/dev/null; then exec bash; fi
exec sh
"#;

/// A toolbox for a step.
pub struct Toolbox<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The pod.
    pub pod: &'a PodSteps,
    /// The step whose processes it shares.
    pub step: &'a StepPlace,
    /// Its image, which has a shell.
    pub image: &'a str,
}

/// What the kubelet says of it.
#[derive(Debug, PartialEq)]
enum News {
    Runs,
    Waits(String),
    /// It will not run, as this says.
    Trouble(String),
    Ended(i32, String),
}

impl Toolbox<'_> {
    /// Adds it to the pod, waits until it runs, but no longer than this, and talks to its shell.
    ///
    /// # Errors
    /// It may not be added, does not run, or the connection broke.
    pub async fn open(&self, wait: Duration) -> Result<End, ClusterError> {
        let name = self.add().await?;
        self.wait(&name, wait).await?;
        let pods = self.pods();
        let talk = async {
            let process = pods.attach(&self.pod.name, &streams(&name)).await.map_err(refused)?;
            converse(process).await
        };
        match talk.await {
            // That the shell has ended well says only that nothing more comes.
            Ok(End::Exited { code, head }) => {
                let code = self.code(&name).await.unwrap_or(code);
                Ok(End::Exited { code, head })
            }
            Ok(end) => Ok(end),
            Err(ExecError::Closed) => Err(ClusterError::Lost(lost(&name))),
            Err(why @ ExecError::InputEnded) => {
                Err(ClusterError::Lost(format!("{}: {why}", lost(&name))))
            }
            Err(ExecError::Forbidden(why)) => Err(ClusterError::Nobody(format!(
                "the toolbox {name} is up, but you may not speak to it (get and create on pods/attach): {why}; ask \
                 for a role that allows it, or act as another user with --as"
            ))),
            Err(why) => Err(ClusterError::Nobody(format!("the toolbox {name}: {why}"))),
        }
    }

    async fn add(&self) -> Result<String, ClusterError> {
        let (pod, image) = (self.read().await?, self.image);
        let name = free_name(&pod);
        let container = container(&pod, self.step, &name, image, streams(&name).tty);
        let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container]}}));
        let parameters = PatchParams::default();
        let what =
            format!("add a toolbox to pod/{} (patch on pods/ephemeralcontainers)", self.pod.name);
        let pods = self.pods();
        let adding = pods.patch_ephemeral_containers(&self.pod.name, &parameters, &patch);
        self.cluster.request(&what, adding).await?;
        crate::say(&format!("toolbox {name} of {image} shares the processes of container {}", {
            &self.step.container
        }));
        Ok(name)
    }

    async fn wait(&self, name: &str, wait: Duration) -> Result<(), ClusterError> {
        let deadline = Instant::now() + wait;
        let failed = |why: String| {
            let image = self.image;
            Err(ClusterError::Nobody(format!("the toolbox {name} of {image} does not run: {why}")))
        };
        loop {
            let why = match news(&self.read().await?, name) {
                News::Runs => return Ok(()),
                News::Trouble(why) => return failed(format!("{why}; name another image")),
                News::Ended(code, why) => {
                    return failed(format!(
                        "it ended with {code}{why}; its image needs a shell `sh`"
                    ));
                }
                News::Waits(why) => why,
            };
            if Instant::now() + GLANCE > deadline {
                let seconds = wait.as_secs_f64();
                return failed(format!("{why} after {seconds} s; give it longer with --wait"));
            }
            sleep(GLANCE).await;
        }
    }

    /// The code with which it ended.
    async fn code(&self, name: &str) -> Option<i32> {
        let deadline = Instant::now() + LAST_WORD;
        while Instant::now() < deadline {
            if let News::Ended(code, _) = news(&self.read().await.ok()?, name) {
                return Some(code);
            }
            sleep(GLANCE).await;
        }
        None
    }

    async fn read(&self) -> Result<Pod, ClusterError> {
        let what = format!("read pod {}", self.pod.name);
        self.cluster.request(&what, self.pods().get(&self.pod.name)).await
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.pod.namespace)
    }
}

/// An ephemeral container stays in its pod for good, so each toolbox has a name of its own.
fn free_name(pod: &Pod) -> String {
    let there = pod.spec.iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten());
    let names: Vec<_> = there.map(|container| container.name.as_str()).collect();
    let mut free = (1..).map(|number| format!("{NAME}-{number}"));
    free.find(|name| !names.contains(&name.as_str())).unwrap_or_default()
}

/// It may do what the step may, no more and no less: what the step was admitted with, it is admitted
/// with, and the step's files are open to it.
fn container(pod: &Pod, step: &StepPlace, name: &str, image: &str, tty: bool) -> Value {
    let spec = pod.spec.as_ref();
    let shared = spec.is_some_and(|spec| spec.share_process_namespace == Some(true));
    let of_step = spec.and_then(|spec| spec.containers.iter().find(|it| it.name == step.container));
    let word = if shared { "shared" } else { "own" };
    let mut container = json!({
        "name": name,
        "image": image,
        "command": ["sh", "-c", SCRIPT, "toolbox", step.post_file, word],
        "targetContainerName": step.container,
        "stdin": true,
        "stdinOnce": true,
        "tty": tty,
    });
    if let Some(context) = of_step.and_then(|it| it.security_context.as_ref()) {
        container["securityContext"] = json!(context);
    }
    container
}

fn news(pod: &Pod, name: &str) -> News {
    let statuses =
        pod.status.iter().flat_map(|it| it.ephemeral_container_statuses.iter().flatten());
    let state = statuses.into_iter().find(|it| it.name == name).and_then(|it| it.state.clone());
    let said = |reason: Option<String>, message: Option<String>| {
        reason.into_iter().chain(message).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": ")
    };
    match state {
        Some(ContainerState { running: Some(_), .. }) => News::Runs,
        Some(ContainerState { terminated: Some(ended), .. }) => {
            let why = said(ended.reason, ended.message);
            News::Ended(ended.exit_code, if why.is_empty() { why } else { format!(" ({why})") })
        }
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let is_trouble =
                waiting.reason.as_deref().is_some_and(|reason| TROUBLES.contains(&reason));
            let why = said(waiting.reason, waiting.message);
            if is_trouble { News::Trouble(why) } else { News::Waits(why) }
        }
        _ => News::Waits("the kubelet has not taken it up".to_owned()),
    }
}

fn lost(name: &str) -> String {
    format!("the connection to the toolbox {name} is lost, and it has ended with it")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::cluster::steps::Life;

    fn pod(spec: Value, status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {}, "spec": spec, "status": status})).unwrap()
    }

    fn step() -> StepPlace {
        StepPlace {
            step: "build".to_owned(),
            container: "step-build".to_owned(),
            post_file: "/tekton/run/0/out".to_owned(),
            life: Life::Running,
        }
    }

    #[test]
    fn it_may_what_the_step_may() {
        let context = json!({"runAsUser": 65532, "capabilities": {"drop": ["ALL"]}});
        let containers =
            json!([{"name": "step-build", "securityContext": context}, {"name": "other"}]);
        let alone = pod(json!({"containers": containers}), json!({}));
        let made = container(&alone, &step(), "t", "busybox", true);
        assert_eq!(made["securityContext"], context);
        assert_eq!(made["targetContainerName"], "step-build");
        assert_eq!(made["command"][4], "/tekton/run/0/out");
        assert_eq!((&made["command"][5], &made["tty"]), (&json!("own"), &json!(true)));
        let all = pod(json!({"containers": [], "shareProcessNamespace": true}), json!({}));
        let made = container(&all, &step(), "t", "busybox", false);
        assert_eq!((&made["command"][5], &made["tty"]), (&json!("shared"), &json!(false)));
        assert_eq!(made.get("securityContext"), None);
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let spec = |names: &[&str]| {
            let there: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
            pod(json!({"containers": [], "ephemeralContainers": there}), json!({}))
        };
        assert_eq!(free_name(&spec(&[])), "holdpoint-toolbox-1");
        let taken = ["holdpoint-toolbox-1", "debugger-x", "holdpoint-toolbox-3"];
        assert_eq!(free_name(&spec(&taken)), "holdpoint-toolbox-2");
    }

    #[test]
    fn the_kubelet_says_whether_it_runs() {
        let told = |state: Value| {
            let status = json!({
                "name": "t", "ready": false, "image": "", "imageID": "", "restartCount": 0, "state": state,
            });
            let statuses = json!({"ephemeralContainerStatuses": [status]});
            news(&pod(json!({"containers": []}), statuses), "t")
        };
        assert_eq!(told(json!({"running": {}})), News::Runs);
        let pull = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        assert_eq!(told(pull), News::Trouble("ErrImagePull: no such image".to_owned()));
        let starts = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(told(starts), News::Waits("ContainerCreating".to_owned()));
        let ended = json!({"terminated": {"exitCode": 128, "reason": "StartError"}});
        assert_eq!(told(ended), News::Ended(128, " (StartError)".to_owned()));
        let none = news(&pod(json!({"containers": []}), json!({})), "t");
        assert_eq!(none, News::Waits("the kubelet has not taken it up".to_owned()));
    }
}
