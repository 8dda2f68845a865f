//! The requests that were made, so that a test can compare them.

use std::sync::Mutex;

use axum::http::request::Parts;
use serde_json::Value;

use super::query::Query;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// As in `PATCH`.
    pub method: String,
    /// Its path, without what is asked behind it.
    pub path: String,
    /// What is asked behind the question mark.
    pub query: Vec<(String, String)>,
    /// The type of its body; empty where it says none.
    pub content_type: String,
    /// Its body; null where there is none, or no JSON.
    pub body: Value,
    /// In whose name it was made, where in another's.
    pub impersonated: Option<String>,
}

impl Request {
    /// The values of this name behind the question mark.
    pub fn asked(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str()).collect()
    }

    pub(super) fn of(parts: &Parts, query: &Query, body: &[u8]) -> Self {
        let header = |name: &str| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: query.0.clone(),
            content_type: header("content-type").unwrap_or_default(),
            body: serde_json::from_slice(body).unwrap_or_default(),
            impersonated: header("impersonate-user"),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<Vec<Request>>);

impl Requests {
    pub(super) fn add(&self, request: Request) {
        self.0.lock().unwrap().push(request);
    }

    pub(super) fn all(&self) -> Vec<Request> {
        self.0.lock().unwrap().clone()
    }
}
