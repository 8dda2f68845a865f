//! Each request to what answers it.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query as AxumQuery, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::change::Patch;
use super::exec::{self, Runner};
use super::fault::{Fault, Faults};
use super::logs::{self, Logs};
use super::place::Place;
use super::query::Query;
use super::requests::{Request, Requests};
use super::respond::Problem;
use super::select::Selector;
use super::store::Store;
use super::watch;

/// What answers.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) requests: Requests,
    pub(super) logs: Logs,
    pub(super) runner: Runner,
}

/// A request that has been read.
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) place: Place,
    pub(super) query: Query,
    pub(super) body: Vec<u8>,
    /// Where the connection is to break.
    pub(super) cut: Option<usize>,
}

const LARGEST_BODY_BYTES: usize = 4 << 20;

pub(super) fn router(server: Arc<Server>) -> Router {
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<Arc<Server>>, request: axum::extract::Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let pairs = AxumQuery::<Vec<(String, String)>>::from_request_parts(&mut parts, &()).await;
    let query = Query(pairs.map_or_else(|_| Vec::new(), |pairs| pairs.0));
    let body = to_bytes(body, LARGEST_BODY_BYTES).await.unwrap_or_default().to_vec();
    server.requests.add(Request::of(&parts, &query, &body));
    let mut cut = None;
    match server.faults.take(parts.method.as_str(), parts.uri.path()) {
        Some(Fault::Answer(code, message)) => return Problem::new(code, message).into_response(),
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        // The connection ends with the task that serves it.
        Some(Fault::Drop) => std::panic::resume_unwind(Box::new("the connection is dropped")),
        Some(Fault::Cut(after)) => cut = Some(after),
        Some(Fault::OldStreams) => {
            parts.headers.insert("sec-websocket-protocol", exec::OLD_PROTOCOL);
        }
        None => {}
    }
    match Place::parse(parts.uri.path()) {
        Some(place) => {
            let asked = Asked { parts, place, query, body, cut };
            done(&server, asked).await.unwrap_or_else(IntoResponse::into_response)
        }
        None if parts.uri.path() == "/version" => {
            Json(json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})).into_response()
        }
        None => no_such_page().into_response(),
    }
}

async fn done(server: &Arc<Server>, asked: Asked) -> Result<Response, Problem> {
    if matches!(asked.place.part.as_deref(), Some("exec" | "attach")) {
        let pod = server.store.existing(&asked.place)?;
        return exec::respond(&server.runner, &pod, asked).await;
    }
    let Asked { parts, place, query, body, cut } = asked;
    let store = &server.store;
    let dry_run = query.dry_run();
    match (parts.method.as_str(), &place.name) {
        ("GET", Some(pod)) if place.part.as_deref() == Some("log") => {
            store.existing(&place)?;
            let pod = [place.namespace.clone().unwrap_or_default(), pod.clone()];
            Ok(logs::respond(server, pod, &query, cut))
        }
        ("GET", Some(_)) => Ok(Json(store.existing(&place)?).into_response()),
        ("GET", None) if query.is("watch") => watch::respond(server, place, &query, cut),
        ("GET", None) => Ok(Json(list(store, &place, &query)?).into_response()),
        ("POST", None) => {
            let created = store.create(&place, json_body(&body)?, dry_run)?;
            Ok((axum::http::StatusCode::CREATED, Json(created)).into_response())
        }
        ("PUT", Some(_)) => {
            Ok(Json(store.update(&place, json_body(&body)?, dry_run)?).into_response())
        }
        ("PATCH", Some(_)) => {
            let header = parts.headers.get("content-type").and_then(|it| it.to_str().ok());
            let patch = Patch::read(header.unwrap_or_default(), &body)?;
            let patch = match place.part.as_deref() {
                Some("ephemeralcontainers") => patch.adding(store.existing(&place)?),
                _ => patch,
            };
            Ok(Json(store.patch(&place, &patch, dry_run)?).into_response())
        }
        ("DELETE", Some(_)) => Ok(Json(store.delete(&place)?).into_response()),
        _ => Err(Problem::new(405, "the server does not allow this method on the resource")),
    }
}

fn list(store: &Store, collection: &Place, query: &Query) -> Result<Value, Problem> {
    let selector = Selector::of(query).map_err(|problem| Problem::new(400, problem))?;
    let (mut items, version) = store.list(collection, &selector);
    let kind = items.first().and_then(|item| item["kind"].as_str()).unwrap_or_default();
    let kind = format!("{kind}List");
    if collection.is_built_in() {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.remove("kind");
            item.remove("apiVersion");
        }
    }
    Ok(json!({
        "apiVersion": collection.version,
        "kind": kind,
        "metadata": {"resourceVersion": version.to_string()},
        "items": items,
    }))
}

fn json_body(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::new(400, format!("no object: {error}")))
}

fn no_such_page() -> (axum::http::StatusCode, Body) {
    (axum::http::StatusCode::NOT_FOUND, Body::from("404 page not found\n"))
}
