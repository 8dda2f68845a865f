//! A command in a container of a pod: what it wrote and its exit code, or why it could not run.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;

use super::connect::Cluster;
use super::steps::PodSteps;

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// Its exit code.
    pub code: i32,
}

/// Why no exit code came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExecError {
    /// The role does not allow commands in pods.
    #[error("commands in pods are not allowed to you (get and create on pods/exec): {0}")]
    Forbidden(String),
    /// There is no such pod any more.
    #[error("the pod is gone")]
    PodGone,
    /// The container has not begun, or has ended.
    #[error("the container does not run: {0}")]
    NotRunning(String),
    /// The connection broke before the command had ended.
    #[error(
        "the connection closed before the answer came; what was asked may have been done: look again"
    )]
    Closed,
    /// The connection broke when all input was sent.
    #[error(
        "the connection closed after the end of the input, which an API server before Kubernetes 1.30 \
         cannot pass on"
    )]
    InputEnded,
    /// No exit code came in time.
    #[error("no answer within {} s; what was asked may have been done: look again", .0.as_secs())]
    Late(Duration),
    /// Anything else that the API server, the kubelet or the runtime refused.
    #[error("{0}")]
    Refused(String),
}

impl ExecError {
    /// Whether a later look may succeed, or show that the container has ended.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::PodGone | Self::NotRunning(_) | Self::Closed | Self::Late(_))
    }
}

/// Runs a command in a container, for no longer than this.
///
/// # Errors
/// No exit code came of it.
pub async fn exec(
    cluster: &Cluster,
    pod: &PodSteps,
    container: &str,
    command: &[String],
    longest: Duration,
) -> Result<Done, ExecError> {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace);
    let streams = AttachParams::default().container(container);
    let run = async {
        let process = pods.exec(&pod.name, command.to_vec(), &streams).await.map_err(refused)?;
        finish(process).await
    };
    timeout(longest, run).await.unwrap_or(Err(ExecError::Late(longest)))
}

async fn finish(mut process: AttachedProcess) -> Result<Done, ExecError> {
    let streams = (process.stdout(), process.stderr());
    let reading = pin!(async { tokio::join!(text(streams.0), text(streams.1)) });
    let status = process.take_status().ok_or(ExecError::Closed)?;
    // Where the connection breaks there is no status, and the streams never end.
    let (status, (stdout, stderr)) = match select(reading, status).await {
        Either::Left((texts, status)) => (status.await.ok_or(ExecError::Closed)?, texts),
        Either::Right((status, reading)) => (status.ok_or(ExecError::Closed)?, reading.await),
    };
    Ok(Done { stdout, stderr, code: code(&status)? })
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What came before an error is kept; whether all came says the status.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The exit code in the Status of the error channel.
pub(super) fn code(status: &Status) -> Result<i32, ExecError> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let message = status.message.clone().unwrap_or_default();
    if status.reason.as_deref() == Some("NonZeroExitCode") {
        let causes = status.details.iter().flat_map(|it| it.causes.iter().flatten());
        let mut codes = causes.filter(|cause| cause.reason.as_deref() == Some("ExitCode"));
        let code = codes.find_map(|cause| cause.message.as_deref()?.parse().ok());
        return code.ok_or(ExecError::Refused(message));
    }
    Err(if does_not_run(&message) {
        ExecError::NotRunning(message)
    } else {
        ExecError::Refused(message)
    })
}

/// Why the connection was refused before there was one.
pub(super) fn refused(error: kube::Error) -> ExecError {
    match error {
        kube::Error::Api(status) => match status.code {
            403 => ExecError::Forbidden(status.message.clone()),
            _ if does_not_run(&status.message) => ExecError::NotRunning(status.message.clone()),
            404 => ExecError::PodGone,
            _ => ExecError::Refused(status.message.clone()),
        },
        // Nobody was asked by then.
        other => ExecError::Refused(format!("no connection to the pod: {other}")),
    }
}

/// The words of kubelets and container runtimes for a container that is not there, or ends just now.
const NOT_RUNNING: [&str; 10] = [
    "container not found",
    "is not running",
    "completed pod",
    "container is not created",
    "no running task found",
    "not found: not found",
    "CONTAINER_EXITED",
    "a container that has stopped",
    "in a stopped ",
    "in a deleted state",
];

fn does_not_run(message: &str) -> bool {
    NOT_RUNNING.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn read(status: serde_json::Value) -> Result<i32, ExecError> {
        code(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn a_status_tells_the_exit_code() {
        assert_eq!(read(json!({"status": "Success"})), Ok(0));
        let causes = json!([{"reason": "ExitCode", "message": "3"}]);
        let failed = json!({
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code",
            "details": {"causes": causes},
        });
        assert_eq!(read(failed), Ok(3));
    }

    #[test]
    fn a_status_tells_why_there_is_none() {
        let internal = |message: &str| {
            read(json!({"status": "Failure", "reason": "InternalError", "message": message}))
        };
        for gone in [
            "unable to upgrade connection: container not found (\"step-a\")",
            "failed to exec in container: failed to load task: no running task found: task 12d6 not found",
            "failed to exec in container: failed to create exec \"6dbd\": task dd85 not found: not found",
            "OCI runtime exec failed: exec failed: cannot exec in a stopped container",
        ] {
            assert_eq!(internal(gone), Err(ExecError::NotRunning(gone.to_owned())));
        }
        let other = "failed to exec in container: no such file or directory";
        assert_eq!(internal(other), Err(ExecError::Refused(other.to_owned())));
    }
}
