//! The logs of containers: texts that a test adds to, read at once or followed.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::watch;

use super::query::Query;
use super::serve::Server;

/// A pod's namespace and name, and a container.
type Key = [String; 3];

/// All logs.
#[derive(Debug)]
pub(super) struct Logs {
    kept: Mutex<BTreeMap<Key, Log>>,
    news: watch::Sender<()>,
}

#[derive(Clone, Debug, Default)]
struct Log {
    text: String,
    ended: bool,
}

impl Default for Logs {
    fn default() -> Self {
        Self { kept: Mutex::default(), news: watch::Sender::new(()) }
    }
}

impl Logs {
    pub(super) fn add(&self, key: Key, text: &str) {
        self.kept.lock().unwrap().entry(key).or_default().text.push_str(text);
        self.news.send_replace(());
    }

    pub(super) fn end(&self, key: Key) {
        self.kept.lock().unwrap().entry(key).or_default().ended = true;
        self.news.send_replace(());
    }

    fn get(&self, key: &Key) -> Log {
        self.kept.lock().unwrap().get(key).cloned().unwrap_or_default()
    }
}

struct Reading {
    server: Arc<Server>,
    key: Key,
    at: usize,
    follow: bool,
    news: watch::Receiver<()>,
    /// So many pieces are told, then the connection breaks.
    left: Option<usize>,
}

/// The log of a container; followed, until it has ended.
pub(super) fn respond(
    server: &Arc<Server>,
    [namespace, pod]: [String; 2],
    query: &Query,
    cut: Option<usize>,
) -> Response {
    let container = query.get("container").unwrap_or_default().to_owned();
    let reading = Reading {
        server: Arc::clone(server),
        key: [namespace, pod, container],
        at: 0,
        follow: query.is("follow"),
        news: server.logs.news.subscribe(),
        left: cut,
    };
    let pieces = stream::unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        match reading.next().await {
            Some(Ok(piece)) => Some((Ok(piece), Some(reading))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    ([("content-type", "text/plain")], Body::from_stream(pieces)).into_response()
}

impl Reading {
    async fn next(&mut self) -> Option<io::Result<String>> {
        loop {
            if self.left == Some(0) {
                // What was told before goes out first.
                tokio::task::yield_now().await;
                return Some(Err(io::Error::other("the log is dropped")));
            }
            let log = self.server.logs.get(&self.key);
            if let Some(piece) = log.text.get(self.at..).filter(|piece| !piece.is_empty()) {
                self.at = log.text.len();
                self.left = self.left.map(|left| left - 1);
                return Some(Ok(piece.to_owned()));
            }
            if log.ended || !self.follow {
                return None;
            }
            self.news.changed().await.ok()?;
        }
    }
}
