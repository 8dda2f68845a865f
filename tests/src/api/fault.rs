//! What goes wrong, and with which requests.

use std::sync::Mutex;
use std::time::Duration;

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this code and a Status that says this.
    Answer(u16, String),
    /// It is done, but so much later.
    Slow(Duration),
    /// The connection is closed without an answer.
    Drop,
    /// The connection is closed when so many events of a watch have been told, or so many messages of
    /// an exec, or so many pieces of a log.
    Cut(usize),
    /// An exec is spoken as before Kubernetes 1.30, where no stream can end before the connection.
    OldStreams,
}

impl Fault {
    /// That of Kubernetes where a role does not allow something.
    pub fn forbidden() -> Self {
        Self::Answer(403, "forbidden: User \"tester\" cannot do this".to_owned())
    }
}

/// The faults that a test has asked for.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Asked>>);

#[derive(Debug)]
struct Asked {
    method: String,
    path: String,
    times: Option<usize>,
    fault: Fault,
}

impl Faults {
    pub(super) fn add(&self, method: &str, path: &str, times: Option<usize>, fault: Fault) {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.0.lock().unwrap().push(Asked { method, path, times, fault });
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The first fault that this request meets.
    pub(super) fn take(&self, method: &str, path: &str) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap();
        let meets = |asked: &&mut Asked| {
            asked.times != Some(0) && asked.method == method && path.contains(&asked.path)
        };
        let asked = faults.iter_mut().find(meets)?;
        asked.times = asked.times.map(|times| times - 1);
        Some(asked.fault.clone())
    }
}
