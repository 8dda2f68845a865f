//! What can be asked of a PipelineRun or a TaskRun as a whole, as a table.

use debug_scripts::RunVerb;

use crate::cluster::target::Kind;

/// Something that is asked of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// No further command begins for now.
    Pause,
    /// The pauses are over.
    Resume,
    /// What runs ends with its step; then finally.
    Stop,
    /// What runs is ended; then finally.
    CancelFinally,
    /// What runs ends with its step, and nothing more begins.
    Abort,
    /// What runs is ended, and nothing more begins.
    Cancel,
}

/// A row of the table.
#[derive(Debug)]
struct Definition {
    order: Order,
    verb: RunVerb,
    /// What `spec.status` of a PipelineRun, and that of a TaskRun, become (TEP-0105).
    statuses: [Option<&'static str>; 2],
    /// Whether the run is annotated, so that pods which Tekton makes later inherit it.
    annotates: bool,
    /// Whether Tekton itself ends what runs, by task, once `spec.status` says so.
    ends_tasks: bool,
    /// Whether finally tasks are let alone.
    spares_finally: bool,
    /// What becomes of the run, in one line.
    effect: &'static str,
}

const ORDERS: [Definition; 6] = [
    Definition {
        order: Order::Pause,
        verb: RunVerb::Pause,
        statuses: [None, None],
        annotates: true,
        ends_tasks: false,
        spares_finally: false,
        effect: "what runs goes on, and no further step begins until resume",
    },
    Definition {
        order: Order::Resume,
        verb: RunVerb::Resume,
        statuses: [None, None],
        annotates: true,
        ends_tasks: false,
        spares_finally: false,
        effect: "steps begin again",
    },
    Definition {
        order: Order::Stop,
        verb: RunVerb::StopFinally,
        statuses: [Some("StoppedRunFinally"), None],
        annotates: false,
        ends_tasks: false,
        spares_finally: true,
        effect: "what runs ends with its step, then finally tasks run",
    },
    Definition {
        order: Order::CancelFinally,
        verb: RunVerb::CancelFinally,
        statuses: [Some("CancelledRunFinally"), None],
        annotates: false,
        ends_tasks: true,
        spares_finally: true,
        effect: "what runs is ended, then finally tasks run",
    },
    Definition {
        order: Order::Abort,
        verb: RunVerb::Abort,
        statuses: [None, None],
        annotates: true,
        ends_tasks: false,
        spares_finally: false,
        effect: "what runs ends with its step, and nothing more runs",
    },
    Definition {
        order: Order::Cancel,
        verb: RunVerb::CancelRun,
        statuses: [Some("Cancelled"), Some("TaskRunCancelled")],
        annotates: false,
        ends_tasks: true,
        spares_finally: false,
        effect: "what runs is ended, and nothing more runs",
    },
];

/// The words by which the orders that end a run are typed.
const ENDINGS: [(&str, Order); 4] = [
    ("stop", Order::Stop),
    ("cancel-finally", Order::CancelFinally),
    ("abort", Order::Abort),
    ("cancel", Order::Cancel),
];

impl Order {
    /// The order that a verb is where it speaks to a run of Tekton's.
    pub fn of(verb: RunVerb) -> Option<Self> {
        ORDERS.iter().find(|row| row.verb == verb).map(|row| row.order)
    }

    /// The verb by which the run's pods are told.
    pub fn verb(self) -> RunVerb {
        self.definition().verb
    }

    /// What becomes of the run, in one line.
    pub fn effect(self) -> &'static str {
        self.definition().effect
    }

    /// Whether the run ends by it.
    pub fn ends(self) -> bool {
        ENDINGS.iter().any(|(_, order)| *order == self)
    }

    /// What `spec.status` of a run becomes, where it does.
    pub fn status(self, kind: Kind) -> Option<&'static str> {
        let [pipeline_run, task_run] = self.definition().statuses;
        match kind {
            Kind::PipelineRun => pipeline_run,
            Kind::TaskRun => task_run,
            Kind::Pod | Kind::Job => None,
        }
    }

    /// Whether something becomes of the object itself, beside its pods.
    pub fn concerns(self, kind: Kind) -> bool {
        kind.is_run() && (self.annotates() || self.status(kind).is_some())
    }

    /// Whether the run is annotated, so that pods which Tekton makes later inherit it.
    pub fn annotates(self) -> bool {
        self.definition().annotates
    }

    /// Whether only the steps of a pod can do it, so that nothing comes of it in pods without any of ours.
    pub fn is_for_steps(self) -> bool {
        matches!(self, Self::Pause | Self::Stop | Self::Abort)
    }

    /// Whether Tekton itself ends what runs of such an object, by task, once its status says so.
    pub fn ends_tasks(self, kind: Kind) -> bool {
        self.definition().ends_tasks && self.status(kind).is_some()
    }

    /// Whether finally tasks are let alone.
    pub fn spares_finally(self) -> bool {
        self.definition().spares_finally
    }

    /// The ways in which a PipelineRun is ended, and how they differ, for help.
    pub fn differences() -> String {
        let lines = ENDINGS.map(|(word, order)| format!("\n  {}", order.difference(word, 14)));
        format!(
            "The ways to end a PipelineRun, and the spec.status that each sets:{}",
            lines.concat()
        )
    }

    /// In one line what this way to end a PipelineRun is, under a name that takes so much room.
    pub fn difference(self, name: &str, width: usize) -> String {
        let status = self.status(Kind::PipelineRun).unwrap_or_default();
        format!("{name:width$}  {status:19}  {}", self.effect())
    }

    fn definition(self) -> &'static Definition {
        &ORDERS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_stands_at_its_own_row() {
        for row in &ORDERS {
            assert_eq!(row.order.definition().order, row.order);
            assert_eq!(Order::of(row.verb), Some(row.order));
        }
    }

    #[test]
    fn statuses_are_those_that_tekton_knows() {
        let statuses =
            |kind| ENDINGS.iter().filter_map(|(_, order)| order.status(kind)).collect::<Vec<_>>();
        let expected = ["StoppedRunFinally", "CancelledRunFinally", "Cancelled"];
        assert_eq!(statuses(Kind::PipelineRun), expected);
        assert_eq!(statuses(Kind::TaskRun), ["TaskRunCancelled"]);
        assert!(Order::Cancel.ends_tasks(Kind::TaskRun) && !Order::Cancel.ends_tasks(Kind::Pod));
        assert!(!Order::Stop.concerns(Kind::TaskRun) && Order::Abort.concerns(Kind::TaskRun));
    }
}
