//! The output of a step, line by line, as it comes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A line longer than this many bytes is shown in pieces: a step may write without any line break.
const LONGEST_LINE: usize = 64 * 1024;

/// Cuts a stream into lines. Nothing is lost where a wait for the next line is given up.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    rest: Vec<u8>,
    ended: bool,
    failed: bool,
    taken: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The lines of this source.
    pub fn new(source: R) -> Self {
        Self { source, rest: Vec::new(), ended: false, failed: false, taken: 0 }
    }

    /// Whether there is nothing more to come.
    pub fn ended(&self) -> bool {
        self.ended && self.rest.is_empty()
    }

    /// Whether the source could not be read to its end. What then comes as the last line may be a part
    /// of one.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// How many bytes of the source the lines until now have taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The next line without its line break; none at the end. A source that cannot be read ends.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            let read = self.read().await;
            self.failed = read.is_err();
            self.ended = !matches!(read, Ok(read) if read > 0);
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.source.read_buf(&mut self.rest).await
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.rest.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
        let (line, taken) = match end {
            Some(end) => (end, end + 1),
            None if self.rest.len() >= LONGEST_LINE => (LONGEST_LINE, LONGEST_LINE),
            None if self.ended && !self.rest.is_empty() => (self.rest.len(), self.rest.len()),
            None => return None,
        };
        let mut line_and_break: Vec<u8> = self.rest.drain(..taken).collect();
        self.taken += taken as u64;
        line_and_break.truncate(line);
        Some(line_and_break)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn lines_of(source: &[u8]) -> Vec<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut lines = Lines::new(source);
            let mut all = Vec::new();
            while let Some(line) = lines.next().await {
                all.push(line);
            }
            assert!(lines.ended() && !lines.failed());
            assert_eq!(lines.taken(), source.len() as u64);
            all
        })
    }

    #[test]
    fn a_stream_is_cut_at_line_breaks() {
        assert_eq!(lines_of(b""), [] as [&[u8]; 0]);
        assert_eq!(lines_of(b"one\n\ntwo"), [&b"one"[..], b"", b"two"]);
        assert_eq!(lines_of(b"\xff\n"), [&b"\xff"[..]]);
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let lines = lines_of(&vec![b'x'; LONGEST_LINE + 10]);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [LONGEST_LINE, 10]);
    }
}
