//! Answers on their way to clients. A small one goes as it is. A large one takes room, and goes in parts, so
//! that a client which does not read it has neither the room nor the memory for long.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// An answer of this size, in bytes, and each part of a larger one, needs no room.
const PART: usize = 64 << 10;

/// What all large answers have together, in bytes.
pub const ANSWERS_LIMIT: usize = 32 << 20;

/// How long a client may take to read a large answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The room of all large answers.
#[derive(Debug)]
pub(crate) struct Answers(Arc<Semaphore>);

/// What is left of a large answer: nothing once its time is over.
type Left = Mutex<Option<(Bytes, OwnedSemaphorePermit)>>;

impl Answers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ANSWERS_LIMIT)))
    }

    /// An answer in JSON; none where there is no room for it.
    pub(crate) fn response(&self, json: String) -> Option<Response> {
        let size = json.len();
        let body = if size <= PART { Body::from(json) } else { self.in_parts(json.into())? };
        let headers =
            [(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_LENGTH, size.to_string())];
        Some((headers, body).into_response())
    }

    fn in_parts(&self, json: Bytes) -> Option<Body> {
        let size = u32::try_from(json.len().min(ANSWERS_LIMIT)).ok()?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(size).ok()?;
        let left = Arc::new(Mutex::new(Some((json, room))));
        let late = Arc::downgrade(&left);
        tokio::spawn(async move {
            sleep(ANSWER_TIMEOUT).await;
            if let Some(left) = late.upgrade() {
                *left.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        });
        Some(Body::from_stream(stream::iter(std::iter::from_fn(move || next_part(&left)))))
    }
}

/// A copy, since a part would keep the whole in memory.
fn next_part(left: &Left) -> Option<io::Result<Bytes>> {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((json, _)) = left.as_mut() else { return Some(Err(io::ErrorKind::TimedOut.into())) };
    let part = json.split_to(json.len().min(PART));
    (!part.is_empty()).then(|| Ok(Bytes::copy_from_slice(&part)))
}
