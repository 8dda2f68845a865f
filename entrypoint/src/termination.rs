//! The termination message: what the controller reads of a step once its container is gone (1.4).
//!
//! What the file held is read once, at the start. Each write puts the new rows after that, so the
//! message of a retry replaces the one of the attempt before it (2.6).

mod compose;
pub(crate) mod content;
mod encoding;
mod row;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use nix::libc::O_NONBLOCK;

pub use compose::{Composed, LARGEST_MESSAGE_BYTES, TooLarge, compose};
pub use encoding::Encoding;
pub use row::{OWN_PREFIX, Row, RowType};

use crate::state::timestamp;
use crate::step::EndRow;
use content::Content;
use encoding::Decoded;

/// What one step has to tell, in the order of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Rows of Holdpoint's own, with keys that begin with [`OWN_PREFIX`].
    pub own: Vec<Row>,
    /// The results of the task, then those of the step.
    pub results: Vec<Row>,
    /// When the step began; of a step that did not run, when that was decided.
    pub started_at: DateTime<Utc>,
    /// How it ended, where that has a word or a number.
    pub ending: EndRow,
    /// The artifacts of the step, then those of the task.
    pub artifacts: Vec<Row>,
}

impl Message {
    /// The rows in their order.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.own.clone();
        rows.extend_from_slice(&self.results);
        rows.push(Row::new("StartedAt", timestamp(self.started_at), RowType::Internal));
        rows.extend(ending_row(self.ending));
        rows.extend_from_slice(&self.artifacts);
        rows
    }
}

/// The rows of a message, plain or compressed, as its readers get it; none where it is something else.
pub fn rows_of(message: &str) -> Vec<Row> {
    match encoding::decode(message.as_bytes().to_vec()) {
        Decoded::Rows(rows) => rows,
        Decoded::Other | Decoded::TooLarge => Vec::new(),
    }
}

fn ending_row(ending: EndRow) -> Option<Row> {
    match ending {
        EndRow::Nothing => None,
        EndRow::Reason(reason) => Some(Row::new("Reason", reason.word(), RowType::Internal)),
        EndRow::ExitCode(code) => Some(Row::new("ExitCode", code.to_string(), RowType::Internal)),
    }
}

/// The file of the message, and the rows that it held at the start.
#[derive(Debug)]
pub struct TerminationFile {
    path: PathBuf,
    before: Vec<Row>,
}

/// Why what the file held before is lost, although it may have been a message.
#[derive(Debug, thiserror::Error)]
pub enum OldMessageError {
    /// It is compressed, and too large once inflated, or it is a file of more than 1 MiB.
    #[error("the old content of {} is too large to be a message: it will be replaced", .0.display())]
    TooLarge(PathBuf),
    /// The file may not be read.
    #[error("cannot read the old content of {}: {source}: it will be replaced", path.display())]
    Unreadable {
        /// The file of the message.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
}

/// Why a message is not there, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum TerminationError {
    /// What fits has been written.
    #[error("{0}")]
    TooLarge(TooLarge),
    /// Nothing has been written, and the file is empty if it is there.
    #[error("cannot write the termination message to {}: {source}", path.display())]
    Write {
        /// The file of the message.
        path: PathBuf,
        /// Why it cannot be written.
        source: io::Error,
    },
}

impl TerminationFile {
    /// Reads what `path` holds. Content that is no message is forgotten; where it could have been
    /// one, a warning comes along.
    pub fn read(path: &Path) -> (Self, Option<OldMessageError>) {
        let (before, warning) = match read_rows(path) {
            Ok(rows) => (rows, None),
            Err(warning) => (Vec::new(), Some(warning)),
        };
        (Self { path: path.to_owned(), before }, warning)
    }

    /// Writes `message` after what the file held at the start, in place of what it holds now.
    ///
    /// # Errors
    /// The message is too large, or the file cannot be written.
    pub fn write(&self, message: &Message, encoding: Encoding) -> Result<(), TerminationError> {
        let composed = compose(&self.before, &message.rows(), encoding);
        write_in_place(&self.path, &composed.bytes)
            .map_err(|source| TerminationError::Write { path: self.path.clone(), source })?;
        composed.too_large.map_or(Ok(()), |too_large| Err(TerminationError::TooLarge(too_large)))
    }
}

fn read_rows(path: &Path) -> Result<Vec<Row>, OldMessageError> {
    let too_large = || Err(OldMessageError::TooLarge(path.to_owned()));
    match content::read(path) {
        Ok(Content::Absent | Content::Irregular) => Ok(Vec::new()),
        Ok(Content::TooLarge { .. }) => too_large(),
        Ok(Content::Whole(bytes)) => match encoding::decode(bytes) {
            Decoded::Rows(rows) => Ok(rows),
            Decoded::Other => Ok(Vec::new()),
            Decoded::TooLarge => too_large(),
        },
        Err(source) => Err(OldMessageError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Never renamed: the file is a mount. A write that fails half-way leaves it empty.
fn write_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        // The first error is the one to tell.
        let _ = file.set_len(0);
    }
    written
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        // Where it cannot be made, opening the file says why.
        let _ = fs::create_dir_all(parent);
    }
    // A pipe that nobody reads would block the opening.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o666).custom_flags(O_NONBLOCK);
    options.open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::state::Reason;
    use nix::sys::stat::Mode;
    use std::os::unix::fs::MetadataExt;

    const STARTED_AT: &str = r#"{"key":"StartedAt","value":"2026-11-21T07:39:13.123Z","type":3}"#;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_795_246_753_123).unwrap()
    }

    fn message(ending: EndRow) -> Message {
        let (own, results, artifacts) = Default::default();
        Message { own, results, started_at: start(), ending, artifacts }
    }

    fn write(path: &Path, message: &Message) -> Result<(), TerminationError> {
        TerminationFile::read(path).0.write(message, Encoding::Plain)
    }

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(timestamp(start()), "2026-11-21T07:39:13.123Z");
        assert_eq!(timestamp(DateTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn rows_come_in_the_order_of_the_contract() {
        let row = |key: &str, kind| Row::new(key, "", kind);
        let message = Message {
            own: vec![row("holdpoint.dev/a", RowType::Internal)],
            results: vec![row("task", RowType::TaskResult), row("step", RowType::StepResult)],
            started_at: start(),
            ending: EndRow::ExitCode(137),
            artifacts: vec![row("sa", RowType::StepArtifacts), row("ta", RowType::TaskArtifacts)],
        };
        let rows = message.rows();
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["holdpoint.dev/a", "task", "step", "StartedAt", "ExitCode", "sa", "ta"]);
        assert_eq!(rows[4], Row::new("ExitCode", "137", RowType::Internal));
    }

    #[test]
    fn what_was_there_is_kept_if_it_is_an_array_and_replaced_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination");
        let old = r#"{"key":"a","value":"1","type":1}"#;
        let compressed = {
            let row = Row::new("a", "1".repeat(500), RowType::TaskResult);
            String::from_utf8(Encoding::Shortest.encode(&[&row])).unwrap()
        };
        let cases = [
            (String::new(), String::new()),
            ("some text".into(), String::new()),
            (format!("[{old}]"), format!("{old},")),
            (format!("[{}]\n", old.replace("1}", r#""TaskRunResult"}"#)), format!("{old},")),
            (compressed, format!(r#"{{"key":"a","value":"{}","type":1}},"#, "1".repeat(500))),
        ];
        for (before, kept) in cases {
            fs::write(&path, &before).unwrap();
            let inode = fs::metadata(&path).unwrap().ino();
            write(&path, &message(EndRow::Nothing)).unwrap();
            let after = fs::read_to_string(&path).unwrap();
            assert_eq!(after, format!("[{kept}{STARTED_AT}]"), "{before}");
            assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "in place");
        }
    }

    #[test]
    fn a_retry_replaces_the_message_of_the_attempt_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/on/the/way");
        let (file, warning) = TerminationFile::read(&path);
        assert!(warning.is_none());
        let mut first = message(EndRow::Reason(Reason::TimeoutExceeded));
        first.results.push(Row::new("a", "1", RowType::TaskResult));
        file.write(&first, Encoding::Plain).unwrap();
        file.write(&message(EndRow::Nothing), Encoding::Plain).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("[{STARTED_AT}]"));
    }

    #[test]
    fn without_results_a_message_stays_under_256_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination");
        let ending = EndRow::Reason(Reason::BreakpointTimeout);
        write(&path, &message(ending)).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < 256);
    }

    #[test]
    fn too_large_is_an_error_and_what_fits_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination");
        let mut message = message(EndRow::Nothing);
        message.results.push(Row::new("big", "x".repeat(5000), RowType::TaskResult));
        let error = write(&path, &message).unwrap_err().to_string();
        let start = "Termination message is above max allowed size 4096, caused by large task result. \
                     It has 5099 bytes; the largest results are \"big\" (5000 bytes).";
        assert!(error.starts_with(start), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("[{STARTED_AT}]"));
    }

    #[test]
    fn what_would_inflate_too_far_is_replaced_with_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("termination");
        let row = Row::new("a", "x".repeat(200_000), RowType::TaskResult);
        fs::write(&path, Encoding::Shortest.encode(&[&row])).unwrap();
        let (file, warning) = TerminationFile::read(&path);
        assert!(warning.unwrap().to_string().contains("termination is too large"));
        file.write(&message(EndRow::Nothing), Encoding::Plain).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("[{STARTED_AT}]"));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("file"), "").unwrap();
        nix::unistd::mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
        for path in [at("folder"), at("file/below"), at("pipe"), "/dev/full".into()] {
            let error = write(&path, &message(EndRow::Nothing)).unwrap_err().to_string();
            let start = format!("cannot write the termination message to {}: ", path.display());
            assert!(error.starts_with(&start), "{error}");
        }
        write(Path::new("/dev/null"), &message(EndRow::Nothing)).unwrap();
    }
}
