//! Commands in containers, over a websocket as `kubectl exec` has it: each message begins with the
//! number of its stream.

use std::fmt;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::place::Place;
use super::respond::Problem;
use super::serve::Asked;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
const CLOSE: u8 = 255;

/// How long a client may take to answer a close.
const LAST_WORDS: Duration = Duration::from_secs(5);

const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// Asked for by a client that knows no other.
pub(super) const OLD_PROTOCOL: HeaderValue = HeaderValue::from_static("v4.channel.k8s.io");

/// A command that is to run in a container.
#[derive(Debug)]
pub struct Exec {
    /// The namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; empty where none was named.
    pub container: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Whether it is the container's own, which begins when somebody attaches to it.
    pub attached: bool,
    /// Whether a terminal is asked for; then stderr is not.
    pub tty: bool,
    /// What is typed; it ends with the session.
    pub stdin: PipeReader,
    /// Where it writes.
    pub stdout: PipeWriter,
    /// Where it writes the rest.
    pub stderr: PipeWriter,
    /// The sizes of the terminal, columns and rows, as they change.
    pub sizes: Receiver<(u16, u16)>,
}

/// Runs a command and gives its exit code; else why the runtime cannot start it.
type Run = dyn Fn(Exec) -> Result<i32, String> + Send + Sync;

/// Who runs commands.
#[derive(Default)]
pub(super) struct Runner(Mutex<Option<Arc<Run>>>);

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}

impl Runner {
    pub(super) fn set(&self, run: impl Fn(Exec) -> Result<i32, String> + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Arc::new(run));
    }

    fn get(&self) -> Arc<Run> {
        let nobody = || -> Arc<Run> { Arc::new(|_| Err("nobody runs commands here".to_owned())) };
        self.0.lock().unwrap().clone().unwrap_or_else(nobody)
    }
}

/// Accepts the websocket, and runs the command as long as it is there.
pub(super) async fn respond(
    runner: &Runner,
    pod: &Value,
    asked: Asked,
) -> Result<Response, Problem> {
    let Asked { mut parts, place, query, cut, .. } = asked;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|error| Problem::new(400, error.to_string()))?;
    let container = query.get("container").unwrap_or_default().to_owned();
    let attached = place.part.as_deref() == Some("attach");
    let command: Vec<_> = match attached {
        true => own_command(pod, &container),
        false => query.all("command").map(str::to_owned).collect(),
    };
    let refusal = refusal(pod, &place, &container);
    let (run, tty) = (runner.get(), query.is("tty"));
    let session = move |socket| async move {
        let (streams, ends) = Streams::new();
        let Ends { stdin, stdout, stderr, sizes } = ends;
        let namespace = place.namespace.unwrap_or_default();
        let pod = place.name.unwrap_or_default();
        let exec = Exec {
            namespace,
            pod,
            container,
            command,
            attached,
            tty,
            stdin,
            stdout,
            stderr,
            sizes,
        };
        let (ended, code) = oneshot::channel();
        thread::spawn(move || {
            let outcome = refusal.map_or_else(|| run(exec), Err);
            let _ = ended.send(outcome);
        });
        converse(socket, streams, code, cut).await;
    };
    Ok(upgrade.protocols(PROTOCOLS).on_upgrade(session).into_response())
}

/// The command of an ephemeral container.
fn own_command(pod: &Value, container: &str) -> Vec<String> {
    let containers = pod["spec"]["ephemeralContainers"].as_array().into_iter().flatten();
    let mut of_it = containers.filter(|it| it["name"] == container);
    let words = of_it.next().and_then(|it| it["command"].as_array()).into_iter().flatten();
    words.filter_map(|word| Some(word.as_str()?.to_owned())).collect()
}

/// What the kubelet says of a container that does not run.
fn refusal(pod: &Value, place: &Place, container: &str) -> Option<String> {
    let lists = ["containerStatuses", "ephemeralContainerStatuses", "initContainerStatuses"];
    let statuses = lists.iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    let mut of_it = statuses.filter(|status| status["name"] == container);
    let runs = of_it.any(|status| status["state"].get("running").is_some());
    (!runs).then(|| {
        let pod = place.name.as_deref().unwrap_or_default();
        format!("unable to upgrade connection: container not found (\"{container}\") in pod {pod}")
    })
}

/// Our ends of a command's streams.
struct Streams {
    output: mpsc::Receiver<Vec<u8>>,
    input: Option<Sender<Vec<u8>>>,
    sizes: Sender<(u16, u16)>,
}

/// The command's ends.
struct Ends {
    stdin: PipeReader,
    stdout: PipeWriter,
    stderr: PipeWriter,
    sizes: Receiver<(u16, u16)>,
}

impl Streams {
    fn new() -> (Self, Ends) {
        let (stdin, keyboard) = std::io::pipe().unwrap();
        let (screen, stdout) = std::io::pipe().unwrap();
        let (errors, stderr) = std::io::pipe().unwrap();
        let (shown, output) = mpsc::channel(16);
        let (input, typed) = channel();
        let (resized, sizes) = channel();
        for (number, pipe) in [(STDOUT, screen), (STDERR, errors)] {
            let shown = shown.clone();
            thread::spawn(move || carry_out(number, pipe, &shown));
        }
        thread::spawn(move || carry_in(typed, keyboard));
        let streams = Self { output, input: Some(input), sizes: resized };
        (streams, Ends { stdin, stdout, stderr, sizes })
    }

    /// Takes in a message of the client's.
    fn take(&mut self, message: &[u8]) {
        match message.split_first() {
            Some((&STDIN, typed)) => {
                if let Some(input) = &self.input {
                    let _ = input.send(typed.to_vec());
                }
            }
            Some((&CLOSE, [STDIN])) => self.input = None,
            Some((&RESIZE, size)) => {
                let size: Value = serde_json::from_slice(size).unwrap_or_default();
                let number = |name: &str| size[name].as_u64().and_then(|it| u16::try_from(it).ok());
                if let (Some(width), Some(height)) = (number("Width"), number("Height")) {
                    let _ = self.sizes.send((width, height));
                }
            }
            _ => {}
        }
    }
}

fn carry_out(number: u8, mut pipe: PipeReader, shown: &mpsc::Sender<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        let message = std::iter::once(number).chain(buffer[..length].iter().copied()).collect();
        if shown.blocking_send(message).is_err() {
            return;
        }
    }
}

fn carry_in(typed: Receiver<Vec<u8>>, mut keyboard: PipeWriter) {
    for bytes in typed {
        if keyboard.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Carries messages both ways until the command has ended, the client has gone, or the connection is to
/// break.
async fn converse(
    mut socket: WebSocket,
    mut streams: Streams,
    code: oneshot::Receiver<Result<i32, String>>,
    cut: Option<usize>,
) {
    let mut left = cut;
    loop {
        if left == Some(0) {
            return;
        }
        tokio::select! {
            shown = streams.output.recv() => {
                let Some(message) = shown else { break };
                left = left.map(|left| left - 1);
                if socket.send(Message::Binary(message.into())).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(message))) => streams.take(&message),
                Some(Ok(Message::Text(message))) => streams.take(message.as_bytes()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            }
        }
    }
    let status = status(code.await.unwrap_or_else(|_| Err("the command panicked".to_owned())));
    let message: Vec<u8> = std::iter::once(ERROR).chain(status.to_string().into_bytes()).collect();
    let _ = socket.send(Message::Binary(Bytes::from(message))).await;
    let _ = socket.send(Message::Close(None)).await;
    // What is still on its way from the client must not reset the connection before it has read this.
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = timeout(LAST_WORDS, rest).await;
}

/// The Status of the error channel.
fn status(outcome: Result<i32, String>) -> Value {
    match outcome {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(message) => Problem::new(500, message).status(),
    }
}
