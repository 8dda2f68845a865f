//! The webhook over HTTP: reviews in, answers out, and what the kubelet and Prometheus ask.
//!
//! Whatever comes, the answer is a review or a refusal of the request with a sentence (4xx, or 503 where
//! there is no room for it); the `failurePolicy` of the configuration then says whether the pod goes in.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::Utc;
use entrypoint::log::without_middle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::Settings;
use crate::answer::Answers;
use crate::metrics::{self, Metrics};
use crate::review::{self, Malformed, Outcome, Reviewed};
use crate::tls::Shown;
use crate::weight::objects;

#[cfg(panic = "abort")]
compile_error!("the server outlives a panic of its rules: build it with the profile `server`");

/// The largest body, as the API server itself has it for requests. In memory a review can take sixty
/// times its body, so that bodies under review have no more than this together.
pub const BODY_LIMIT: usize = 3 << 20;

/// How many objects a large body may have that are not empty: each takes 1.6 kB while it is reviewed. A pod
/// of a hundred steps has fewer.
pub const OBJECTS_LIMIT: usize = 30_000;

/// How much of a body may come before there is room for it. One that is no larger, as nearly all are,
/// needs no room, so that it waits for no other.
pub const AHEAD: usize = 64 << 10;

/// What all larger bodies have together, from before they come until they are answered: room for
/// sixteen of the largest.
pub const BODIES_LIMIT: usize = 16 * BODY_LIMIT;

/// How long a body waits for room: the API server waits five seconds for the answer.
pub const ROOM_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a body may take to come. Those that wait for its room must have some time left.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest text in a line of the log, in bytes.
const LONGEST_TEXT: usize = 1024;

/// What is said of any other path.
const NOT_FOUND: &str =
    "there is nothing here: POST /mutate over TLS, GET /healthz, /readyz or /metrics\n";

/// What answers a review; [`review::review`] but for tests.
pub type Rules = fn(&[u8], &Settings) -> Result<Reviewed, Malformed>;

/// What all requests share.
#[derive(Debug)]
pub struct Webhook {
    settings: Settings,
    rules: Rules,
    metrics: Metrics,
    shown: Arc<Shown>,
    /// Bytes that further large bodies may have.
    bodies: Semaphore,
    /// Bytes of large bodies that may come under review.
    reviews: Semaphore,
    answers: Answers,
    is_draining: AtomicBool,
}

/// Why a request gets no review.
#[derive(Debug, thiserror::Error)]
enum Rejection {
    #[error("the content type is {0:?}: send application/json")]
    MediaType(String),
    #[error("other requests have all the room: send it again later")]
    Busy,
    #[error("the body did not come within {BODY_TIMEOUT:?}: send it faster")]
    Slow,
    #[error("the body has more than {BODY_LIMIT} bytes: send one pod")]
    TooLarge,
    #[error("the body has more than {OBJECTS_LIMIT} objects: send one pod")]
    TooMany,
    #[error("the body did not come whole: {0}")]
    Broken(String),
    #[error("{0}: send one")]
    Malformed(#[from] Malformed),
}

impl Webhook {
    /// A webhook that goes by these rules; `shown` tells whether it is ready.
    pub fn new(settings: Settings, rules: Rules, shown: Arc<Shown>) -> Self {
        Self {
            settings,
            rules,
            metrics: Metrics::default(),
            shown,
            bodies: Semaphore::new(BODIES_LIMIT),
            reviews: Semaphore::new(BODY_LIMIT),
            answers: Answers::new(),
            is_draining: AtomicBool::new(false),
        }
    }

    /// From now on it is not ready: it will end soon.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// All routes.
    pub fn routes(self: &Arc<Self>) -> Router {
        let mutate = post(mutate).layer(DefaultBodyLimit::max(BODY_LIMIT));
        let routes = Router::new().route("/mutate", mutate).with_state(Arc::clone(self));
        routes.merge(self.observing_routes())
    }

    /// What the kubelet and Prometheus ask; nothing of it needs TLS.
    pub fn observing_routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .fallback(|| async { (StatusCode::NOT_FOUND, NOT_FOUND) })
            .with_state(Arc::clone(self))
    }

    /// Receives the body of a request, once there is room for it, and answers it.
    async fn answer(&self, request: Request) -> Result<(Reviewed, Response), Rejection> {
        check_media_type(request.headers())?;
        let room = timeout(ROOM_TIMEOUT, self.bodies.acquire_many(room(size(&request)))).await;
        let _room = room.map_err(|_| Rejection::Busy)?;
        let body = timeout(BODY_TIMEOUT, Bytes::from_request(request, &())).await;
        let body = body.map_err(|_| Rejection::Slow)?.map_err(Rejection::of_body)?;
        if body.len() > AHEAD && objects(&body) > OBJECTS_LIMIT {
            return Err(Rejection::TooMany);
        }
        let reviewed = self.review(&body).await?;
        let response = self.answers.response(reviewed.answer.to_string());
        Ok((reviewed, response.ok_or(Rejection::Busy)?))
    }

    async fn review(&self, body: &[u8]) -> Result<Reviewed, Malformed> {
        let _room = self.reviews.acquire_many(room(body.len())).await;
        let rules = AssertUnwindSafe(|| (self.rules)(body, &self.settings));
        catch_unwind(rules).unwrap_or_else(|_| review::fault(body))
    }

    /// Counts an answer and writes its line.
    fn tell(&self, answer: Result<&Reviewed, &Rejection>, taken: Duration) {
        let milliseconds = taken.as_micros() as f64 / 1000.0;
        match answer {
            Ok(reviewed) => {
                let Reviewed { reason, message, .. } = reviewed;
                let outcome = reviewed.outcome.word();
                self.metrics.count(outcome, reason, taken);
                let message = (!message.is_empty()).then(|| short(message));
                let (namespace, pod) = (&*short(&reviewed.namespace), &*short(&reviewed.pod));
                let (message, owner) = (message.as_deref(), &*short(&reviewed.owner));
                info!(message, namespace, pod, owner, outcome, reason, milliseconds);
            }
            Err(rejection) => {
                let (outcome, reason) = ("rejected", rejection.word());
                self.metrics.count(outcome, reason, taken);
                warn!(message = rejection.sentence(), outcome, reason, milliseconds);
            }
        }
    }
}

async fn mutate(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let begun = Instant::now();
    let answer = webhook.answer(request).await;
    webhook.tell(answer.as_ref().map(|(reviewed, _)| reviewed), begun.elapsed());
    match answer {
        Ok((_, response)) => response,
        Err(rejection) => (rejection.status(), rejection.sentence() + "\n").into_response(),
    }
}

/// A text as the log shows it: nobody fills the log by what he sends.
fn short(text: &str) -> Cow<'_, str> {
    without_middle(text, LONGEST_TEXT)
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let value = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let value = value.unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Rejection::MediaType(value.into_owned()))
    }
}

/// The size of a body that is to come: the largest where the request tells none.
fn size(request: &Request) -> usize {
    let size = request.body().size_hint().exact().map(usize::try_from);
    size.and_then(Result::ok).unwrap_or(BODY_LIMIT)
}

/// How many bytes there must be room for where a body has this size.
fn room(size: usize) -> u32 {
    const LARGEST: u32 = BODY_LIMIT as u32;
    if size <= AHEAD { 0 } else { u32::try_from(size).map_or(LARGEST, |size| size.min(LARGEST)) }
}

async fn readyz(State(webhook): State<Arc<Webhook>>) -> Response {
    let not_ready = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    if webhook.is_draining.load(Ordering::Relaxed) {
        return not_ready("it is about to end").into_response();
    }
    match webhook.shown.check(Utc::now()) {
        Ok(()) => "ok\n".into_response(),
        Err(problem) => not_ready(&problem.to_string()).into_response(),
    }
}

async fn metrics(State(webhook): State<Arc<Webhook>>) -> Response {
    let end = webhook.shown.ends().map(|end| end.timestamp());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], webhook.metrics.text(end)).into_response()
}

impl Rejection {
    fn of_body(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Broken(rejection.body_text()),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// What is said of it: it may quote what was sent.
    fn sentence(&self) -> String {
        short(&self.to_string()).into_owned()
    }

    /// The reason in metrics and logs.
    fn word(&self) -> &'static str {
        match self {
            Self::MediaType(_) => "media-type",
            Self::Busy => "busy",
            Self::Slow => "slow",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::Broken(_) => "broken",
            Self::Malformed(_) => "malformed",
        }
    }
}

impl Outcome {
    /// The outcome in metrics and logs.
    fn word(self) -> &'static str {
        match self {
            Self::Injected => "injected",
            Self::Untouched => "untouched",
            Self::Refused => "refused",
        }
    }
}
