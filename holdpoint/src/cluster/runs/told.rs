//! What came of an order for each run, and how it is told.

use debug_scripts::RunVerb;
use entrypoint::verb::Answer;
use serde::Serialize;

use super::object::Run;
use super::order::Order;
use super::tasks::{self, Row};
use crate::args::Reach;
use crate::cluster::answer::{Outcome, Told};
use crate::cluster::children::End;
use crate::cluster::error::ClusterError;
use crate::cluster::target::Kind;
use crate::program::Program;

/// What became of an order for a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunTold {
    /// The run's namespace.
    pub namespace: String,
    /// The run, as in `pipelinerun/x`.
    pub run: String,
    /// What was asked.
    pub verb: &'static str,
    /// A word: `accepted`, `rejected`, `too-late`, `cancelled`, `terminated`, `ended`, `timed-out`,
    /// `unanswered`, `dry-run`.
    pub outcome: &'static str,
    /// What came of it, for a person.
    pub message: String,
    /// What came of it in the run's pods.
    pub pods: Vec<Told>,
    /// The run's tasks, where its end was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<Row>>,
    /// How the run ended, where that was waited for.
    #[serde(skip)]
    pub(super) end: Option<End>,
    /// The exit code that goes with it.
    #[serde(skip)]
    pub code: i32,
    /// What the run is.
    #[serde(skip)]
    pub kind: Kind,
}

impl RunTold {
    /// What came of an order for a run, with this exit code.
    pub fn new(
        run: &Run,
        verb: RunVerb,
        code: i32,
        outcome: &'static str,
        message: String,
    ) -> Self {
        Self {
            namespace: run.namespace.clone(),
            run: run.called(),
            verb: verb.definition().name,
            outcome,
            message,
            pods: Vec::new(),
            tasks: None,
            end: None,
            code,
            kind: run.kind,
        }
    }

    /// Where a request failed.
    pub fn unanswered(run: &Run, verb: RunVerb, error: &ClusterError) -> Self {
        Self::new(run, verb, Answer::NOBODY, "unanswered", error.to_string())
    }

    /// The same where its pods had been told by then.
    pub fn beside(self, pods: Vec<Told>) -> Self {
        let message = match pods.as_slice() {
            [] => self.message,
            _ => format!("{}; its pods had been told before", self.message),
        };
        Self { message, pods, ..self }
    }
}

impl Outcome for RunTold {
    fn name(&self) -> String {
        self.run.clone()
    }

    /// The run, its pods, its tasks.
    fn lines(&self) -> Vec<String> {
        let first = format!("{}: {}: {}", self.run, self.outcome, self.message);
        let pods = self.pods.iter().map(Told::line);
        let tasks = self.tasks.iter().flat_map(|rows| tasks::table(self.kind, rows));
        std::iter::once(first).chain(pods).chain(tasks).collect()
    }

    fn code(&self) -> i32 {
        self.code
    }

    fn took(&self) -> bool {
        self.code == 0 && self.outcome != "too-late"
    }
}

/// The next useful command once an order was accepted.
pub fn next(program: Program, reach: &Reach, order: Order, told: &[RunTold]) -> Option<String> {
    let accepted = told.iter().find(|told| told.code == 0 && told.outcome != "dry-run")?;
    let RunTold { namespace, run, kind, end, outcome, .. } = accepted;
    let typed = |verb: &str| format!("{verb} {run} -n {namespace}{}", reach.way());
    let ours = |verb: &str| Some(typed(&format!("{} {verb}", program.name())));
    match (kind, end) {
        (Kind::PipelineRun, Some(End::Failed | End::Cancelled)) => ours("retry"),
        (_, Some(_)) => ours("logs"),
        (_, None) if *outcome == "ended" => None,
        (_, None) if order == Order::Pause => ours("resume"),
        (_, None) => Some(format!("{} -w", typed("kubectl get"))),
    }
}
