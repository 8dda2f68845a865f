//! Where a run is, and whether an order is in time.

use serde_json::Value;

use super::order::Order;
use crate::cluster::children::{End, condition, end};
use crate::cluster::look::text;

/// Where a PipelineRun or a TaskRun is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of it has begun.
    NotBegun,
    /// It runs.
    Running,
    /// It was told to end: the `spec.status` that says so.
    Ending(String),
    /// It has ended: the reason of its condition.
    Ended(String),
}

/// What an order meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meets {
    /// It is in time.
    Time,
    /// The run was told so before.
    Same,
    /// It is too late, or too early: why.
    Refusal(String),
}

/// The statuses of `spec.status` that end a run, the weaker first.
const STATUSES: [&str; 4] =
    ["StoppedRunFinally", "CancelledRunFinally", "Cancelled", "TaskRunCancelled"];

/// `spec.status` of a PipelineRun that waits for leave to begin.
const PENDING: &str = "PipelineRunPending";

impl Phase {
    /// That of an object.
    pub fn of(run: &Value) -> Self {
        let status = text(run, "/spec/status");
        if end(run) != End::Open {
            Self::Ended(condition(run, "reason").to_owned())
        } else if STATUSES.contains(&status) {
            Self::Ending(status.to_owned())
        } else if status == PENDING || text(run, "/status/startTime").is_empty() {
            Self::NotBegun
        } else {
            Self::Running
        }
    }

    /// What an order meets that sets this `spec.status`, or only speaks to pods.
    pub fn meets(&self, order: Order, status: Option<&str>) -> Meets {
        let strength = |status: &str| STATUSES.iter().position(|known| *known == status);
        match (self, status) {
            (Self::Ended(reason), _) => Meets::Refusal(format!("it has ended ({reason})")),
            (Self::NotBegun, Some(_)) if order.spares_finally() => {
                Meets::Refusal("it has not begun: cancel it, or wait until it runs".to_owned())
            }
            (Self::Ending(now), Some(status)) if now == status => Meets::Same,
            (Self::Ending(now), Some(status)) if strength(now) > strength(status) => {
                Meets::Refusal(format!("it is being ended already, and sooner ({now})"))
            }
            _ => Meets::Time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(status: &str, started: bool, condition: Option<(&str, &str)>) -> Value {
        let told = |(status, reason): (&str, &str)| json!([{ "type": "Succeeded", "status": status, "reason": reason }]);
        json!({
            "spec": { "status": status },
            "status": {
                "startTime": started.then_some("2026-11-21T06:12:52Z"),
                "conditions": condition.map(told),
            },
        })
    }

    #[test]
    fn where_a_run_is_its_object_says() {
        let ended = |reason: &str| Phase::Ended(reason.to_owned());
        for (status, started, condition, phase) in [
            ("", false, None, Phase::NotBegun),
            (PENDING, false, Some(("Unknown", "PipelineRunPending")), Phase::NotBegun),
            ("", true, None, Phase::Running),
            ("", true, Some(("Unknown", "Running")), Phase::Running),
            (
                "Cancelled",
                true,
                Some(("Unknown", "Running")),
                Phase::Ending("Cancelled".to_owned()),
            ),
            ("Cancelled", true, Some(("False", "Cancelled")), ended("Cancelled")),
            ("", true, Some(("True", "Completed")), ended("Completed")),
        ] {
            assert_eq!(
                Phase::of(&run(status, started, condition)),
                phase,
                "{status} {condition:?}"
            );
        }
    }

    #[test]
    fn an_order_is_in_time_only_on_a_run_that_it_can_end() {
        let refused = |why: &str| Meets::Refusal(why.to_owned());
        let ending = |status: &str| Phase::Ending(status.to_owned());
        let (stop, finally, all) = ("StoppedRunFinally", "CancelledRunFinally", "Cancelled");
        for (phase, order, status, meets) in [
            (Phase::Running, Order::Stop, Some(stop), Meets::Time),
            (Phase::NotBegun, Order::Cancel, Some(all), Meets::Time),
            (
                Phase::NotBegun,
                Order::Stop,
                Some(stop),
                refused("it has not begun: cancel it, or wait until it runs"),
            ),
            (Phase::NotBegun, Order::Pause, None, Meets::Time),
            (ending(stop), Order::Stop, Some(stop), Meets::Same),
            (ending(stop), Order::CancelFinally, Some(finally), Meets::Time),
            (
                ending(all),
                Order::Stop,
                Some(stop),
                refused("it is being ended already, and sooner (Cancelled)"),
            ),
            (ending(all), Order::Pause, None, Meets::Time),
            (
                Phase::Ended("Failed".to_owned()),
                Order::Resume,
                None,
                refused("it has ended (Failed)"),
            ),
        ] {
            assert_eq!(phase.meets(order, status), meets, "{phase:?} {order:?}");
        }
    }
}
