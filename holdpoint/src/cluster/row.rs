//! A step as tables show it, by what it says of itself or what the kubelet says of its container.

use chrono::{NaiveDate, Utc};
use entrypoint::state::{Phase, State};
use serde::Serialize;

use super::told::Told;
use crate::table::{clock, columns};

/// The columns of a table of steps.
const HEAD: [&str; 7] = ["STEP", "PHASE", "SINCE", "ATTEMPT", "EXIT", "REASON", "MESSAGE"];

/// The urgency of a step that waits for nobody.
pub const CALM: u8 = 2;

/// A step of a pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// What the pod is called among those of its run.
    #[serde(skip)]
    pub called: String,
    /// The step's container.
    pub container: String,
    /// What is known of it, and who says so.
    #[serde(flatten)]
    pub known: Known,
}

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum Known {
    /// The state that it wrote (contract 2.5).
    Step(State),
    /// What the kubelet says of its container.
    Kubelet(Told),
}

impl Row {
    /// The step's name.
    pub fn step(&self) -> &str {
        match &self.known {
            Known::Step(state) => &state.step,
            Known::Kubelet(told) => &told.step,
        }
    }

    /// Its phase, where that is known.
    pub fn phase(&self) -> Option<Phase> {
        match &self.known {
            Known::Step(state) => Some(state.phase),
            Known::Kubelet(told) => told.phase,
        }
    }

    /// Since when.
    pub fn since(&self) -> Option<&str> {
        match &self.known {
            Known::Step(state) => Some(&state.since),
            Known::Kubelet(told) => told.since.as_deref(),
        }
    }

    /// What is to be known, for a person.
    pub fn message(&self) -> &str {
        match &self.known {
            Known::Step(state) => &state.message,
            Known::Kubelet(told) => &told.message,
        }
    }

    /// What it says of itself, where that was read.
    pub fn state(&self) -> Option<&State> {
        match &self.known {
            Known::Step(state) => Some(state),
            Known::Kubelet(_) => None,
        }
    }

    /// Where it stands in a table: who waits for a person comes first, and is less than [`CALM`].
    pub fn urgency(&self) -> u8 {
        match (self.phase(), &self.known) {
            (Some(phase), _) if phase.is_held() => 0,
            (Some(Phase::Paused), _) => 1,
            (None, Known::Kubelet(told)) if told.waits_for_a_person => 1,
            _ => CALM,
        }
    }

    /// The phase as a word; where it is not known, a dash.
    pub fn phase_word(&self) -> &'static str {
        self.phase().map_or("-", Phase::word)
    }

    fn cells(&self, today: NaiveDate) -> [String; 7] {
        let (attempt, exit, reason) = match &self.known {
            Known::Step(state) => {
                (Some(state.attempt), state.exit_code, state.reason.map(|it| it.word().to_owned()))
            }
            Known::Kubelet(told) => (None, told.exit_code, told.reason.clone()),
        };
        let dash = || "-".to_owned();
        [
            self.step().to_owned(),
            self.phase_word().to_owned(),
            self.since().map_or_else(dash, |since| clock(since, today)),
            attempt.map_or_else(dash, |attempt| attempt.to_string()),
            exit.map_or_else(dash, |exit| exit.to_string()),
            reason.unwrap_or_else(dash),
            self.message().to_owned(),
        ]
    }
}

/// The lines of a table of these steps, its head first. With `title`, each row begins with what its pod
/// is called.
pub fn table(rows: &[Row], title: Option<&str>) -> Vec<String> {
    let today = Utc::now().date_naive();
    let line = |first: &str, rest: &[String]| -> Vec<String> {
        let first = title.map(|_| first.to_owned());
        first.into_iter().chain(rest.iter().cloned()).collect()
    };
    let head = line(title.unwrap_or_default(), &HEAD.map(str::to_owned));
    let rows = rows.iter().map(|row| line(&row.called, &row.cells(today)));
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}
