//! Lines that are early: a step's state, which says when it begins and how it ends, is a file and
//! comes a little later than what goes through the pipe.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How the entrypoint begins its own lines.
const ENTRYPOINTS: &[u8] = b"holdpoint: ";

/// How long a line waits for the state that belongs to it.
const ONE_MOMENT: Duration = Duration::from_millis(250);

/// Lines that wait a moment for the state. One that says the same as the state is left out, since
/// the run says it.
#[derive(Default)]
pub struct Early {
    lines: Vec<Vec<u8>>,
    until: Option<Instant>,
}

impl Early {
    /// Whether this line has to wait although the command runs: it may be the state's, or it comes
    /// behind one that waits.
    pub fn must_keep(&self, line: &[u8]) -> bool {
        !self.lines.is_empty() || is_entrypoints(line)
    }

    /// Lets a line wait.
    pub fn keep(&mut self, line: Vec<u8>) {
        self.lines.push(line);
        self.until.get_or_insert_with(|| Instant::now() + ONE_MOMENT);
    }

    /// Returns when the lines have waited long enough; never where there are none.
    pub async fn over(&self) {
        match self.until {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// The lines up to the first of the entrypoint that the state may still say.
    pub fn take_settled(&mut self, message: &str) -> Vec<Vec<u8>> {
        let said = |line: &Vec<u8>| is_entrypoints(line) && !says(line, message);
        let end = self.lines.iter().position(said).unwrap_or(self.lines.len());
        let rest = self.lines.split_off(end);
        self.until = self.until.filter(|_| !rest.is_empty());
        unsaid(std::mem::replace(&mut self.lines, rest), message)
    }

    /// All lines that the state does not say.
    pub fn take_all(&mut self, message: &str) -> Vec<Vec<u8>> {
        unsaid(std::mem::take(self).lines, message)
    }
}

fn is_entrypoints(line: &[u8]) -> bool {
    line.starts_with(ENTRYPOINTS)
}

fn says(line: &[u8], message: &str) -> bool {
    line.strip_prefix(ENTRYPOINTS) == Some(message.as_bytes())
}

fn unsaid(lines: Vec<Vec<u8>>, message: &str) -> Vec<Vec<u8>> {
    lines.into_iter().filter(|line| !says(line, message)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn early(lines: &[&str]) -> Early {
        let mut early = Early::default();
        for line in lines {
            early.keep(line.as_bytes().to_vec());
        }
        early
    }

    #[test]
    fn what_the_state_says_is_left_out() {
        let mut early = early(&["a", "holdpoint: failed", "b", "holdpoint: careful"]);
        assert_eq!(early.take_all("failed"), [&b"a"[..], b"b", b"holdpoint: careful"]);
        assert_eq!(early.take_all("failed"), [] as [&[u8]; 0]);
    }

    #[test]
    fn what_the_state_may_still_say_waits_with_all_behind_it() {
        let mut early = early(&["a", "holdpoint: failed", "b"]);
        assert_eq!(early.take_settled("runs"), [b"a"]);
        assert!(early.until.is_some() && early.must_keep(b"c"));
        assert_eq!(early.take_settled("failed"), [b"b"]);
        assert!(early.until.is_none() && !early.must_keep(b"c"));
        assert!(early.must_keep(b"holdpoint: again"));
    }
}
