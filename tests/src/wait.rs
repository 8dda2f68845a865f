//! The one way to wait: look until it is so, or until the deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. It is long because machines are slow, not because
/// anything is.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks until there is something, and gives it.
///
/// # Panics
/// Where there is nothing by the deadline; `what` names it.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    match within(DEADLINE, &mut look) {
        Some(found) => found,
        None => panic!("not within {DEADLINE:?}: {what}"),
    }
}

/// Looks until there is something, or until the time is over.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > time {
            return None;
        }
        // why: what is looked for has no event that every test could wait for.
        #[allow(clippy::disallowed_methods)]
        thread::sleep(Duration::from_millis(2)); // why: between two looks, until the deadline
    }
}
