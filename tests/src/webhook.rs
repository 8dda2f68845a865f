//! The server of the webhook, as a process.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::wait::{DEADLINE, eventually, within};

/// A server that has begun. Dropped before its end, it is killed.
#[derive(Debug)]
pub struct Webhook {
    child: Child,
    folder: TempDir,
}

impl Webhook {
    /// Starts the server on ports of its own, with these words added to its command line; its end has
    /// no delay unless they say so. `kubeconfig` says where its API server is.
    pub fn start(program: &Path, words: &[&str], kubeconfig: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(log_below(&folder)).unwrap();
        let nowhere = folder.path().join("no-kubeconfig");
        let child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args(["--log-format", "json"])
            .args(words)
            .env("HOLDPOINT_SHUTDOWN_DELAY", "0s")
            .env("KUBECONFIG", kubeconfig.unwrap_or(&nowhere))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|e| panic!("cannot start {}: {e}", program.display()));
        Self { child, folder }
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Where it serves the webhook over TLS.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.says("listens")["webhook"].as_str().unwrap().parse().unwrap()
    }

    /// Where it serves metrics and probes without TLS.
    #[track_caller]
    pub fn metrics_address(&self) -> SocketAddr {
        self.says("listens")["metrics"].as_str().unwrap().parse().unwrap()
    }

    /// The lines of its log by now.
    #[track_caller]
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(log_below(&self.folder)).unwrap();
        // The last line may still be on its way.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        whole.lines().map(read).collect()
    }

    /// Waits until a message of its log has this text, and gives the first such line.
    #[track_caller]
    pub fn says(&self, text: &str) -> Value {
        let has = |line: &Value| line["message"].as_str().is_some_and(|said| said.contains(text));
        eventually(&format!("it says {text:?}"), || self.log().into_iter().find(has))
    }

    /// How many messages of its log have this text by now.
    #[track_caller]
    pub fn times_said(&self, text: &str) -> usize {
        let has = |line: &&Value| line["message"].as_str().is_some_and(|said| said.contains(text));
        self.log().iter().filter(has).count()
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and gives its exit code; none where a signal killed it.
    #[track_caller]
    pub fn end(&mut self) -> Option<i32> {
        let Some(status) = within(DEADLINE, || self.child.try_wait().unwrap()) else {
            panic!("the webhook has not ended within {DEADLINE:?}: {:#?}", self.log());
        };
        status.code()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_below(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}
