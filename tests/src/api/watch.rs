//! A watch: what becomes of a collection, a line of JSON each, as it happens.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::place::Place;
use super::query::Query;
use super::respond::Problem;
use super::select::Selector;
use super::serve::Server;
use super::store::Event;

struct Watching {
    server: Arc<Server>,
    collection: Place,
    selector: Selector,
    seen: u64,
    ready: VecDeque<Value>,
    news: watch::Receiver<u64>,
    end: Option<Instant>,
    /// So many events are told, then the connection breaks.
    left: Option<usize>,
    over: bool,
}

/// Tells what becomes of the collection from the asked version on, or first of all what there is.
pub(super) fn respond(
    server: &Arc<Server>,
    collection: Place,
    query: &Query,
    cut: Option<usize>,
) -> Result<Response, Problem> {
    let selector = Selector::of(query).map_err(|problem| Problem::new(400, problem))?;
    let news = server.store.news();
    let from = query.get("resourceVersion").and_then(|it| it.parse().ok()).filter(|it| *it > 0);
    let (ready, seen) = match from {
        Some(version) => (VecDeque::new(), version),
        None => {
            let (objects, version) = server.store.list(&collection, &selector);
            (objects.into_iter().map(|object| line("ADDED", object)).collect(), version)
        }
    };
    let seconds = query.get("timeoutSeconds").and_then(|it| it.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let server = Arc::clone(server);
    let watching =
        Watching { server, collection, selector, seen, ready, news, end, left: cut, over: false };
    let lines = stream::unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((line.map(|line| format!("{line}\n")), watching))
    });
    Ok(([("content-type", "application/json")], Body::from_stream(lines)).into_response())
}

impl Watching {
    async fn next(&mut self) -> Option<io::Result<Value>> {
        loop {
            if self.over {
                return None;
            }
            if self.left == Some(0) {
                self.over = true;
                // What was told before goes out first.
                tokio::task::yield_now().await;
                return Some(Err(io::Error::other("the watch is dropped")));
            }
            if let Some(line) = self.ready.pop_front() {
                self.left = self.left.map(|left| left - 1);
                return Some(Ok(line));
            }
            match self.server.store.since(self.seen) {
                Ok(events) if events.is_empty() => self.sleep().await?,
                Ok(events) => self.take(events),
                Err(problem) => {
                    self.over = true;
                    return Some(Ok(line("ERROR", problem.status())));
                }
            }
        }
    }

    async fn sleep(&mut self) -> Option<()> {
        let far = Instant::now() + Duration::from_hours(1);
        timeout_at(self.end.unwrap_or(far), self.news.changed()).await.ok()?.ok()
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            self.seen = event.version;
            if event.place.is_in(&self.collection) {
                self.ready.extend(self.told(event));
            }
        }
    }

    /// An object that the selector takes no more is gone for the one who watches.
    fn told(&self, event: Event) -> Option<Value> {
        let taken = |object: Option<Value>| object.filter(|object| self.selector.takes(object));
        match (taken(event.before), taken(event.after)) {
            (None, None) => None,
            (None, Some(after)) => Some(line("ADDED", after)),
            (Some(_), Some(after)) => Some(line("MODIFIED", after)),
            (Some(mut before), None) => {
                before["metadata"]["resourceVersion"] = json!(event.version.to_string());
                Some(line("DELETED", before))
            }
        }
    }
}

fn line(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}
