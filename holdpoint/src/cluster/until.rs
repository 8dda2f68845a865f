//! Staying until a step or a run is where one wants it: finished, held, paused or running.

use std::time::Duration;

use entrypoint::state::{Phase, State};
use entrypoint::verb::Answer;
use tokio::time::{Instant, sleep};

use super::answer::TIMED_OUT;
use super::connect::Cluster;
use super::exec::ExecError;
use super::resolve::again;
use super::runs::wait::LONGEST_ABSENCE;
use super::states::{Unseen, states};
use super::steps::{Life, PodSteps};
use crate::args::Until;

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(500);

/// Who is to be there.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// One step. A hold that was there before the verb does not count.
    Step {
        /// Its name.
        name: &'a str,
        /// Its state before, where it was read.
        before: Option<&'a State>,
    },
    /// Any step of the run; finished: all.
    Run,
}

/// Somebody who stays.
pub struct Stay<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The pod.
    pub pod: &'a PodSteps,
    /// Who is to be there.
    pub goal: Goal<'a>,
    /// Where.
    pub until: Until,
}

/// What a look says.
#[derive(Debug, PartialEq)]
enum News {
    /// It is there, as this sentence says.
    There(String),
    /// It ended somewhere else.
    Never(String),
    /// Not yet.
    NotYet,
    /// The API server cannot be asked now, for this reason.
    Away(String),
}

impl Stay<'_> {
    /// Stays, for no longer than this, and gives an exit code and a sentence: 0 it is there, 3 it ended
    /// without, 4 it cannot be seen, 5 the time passed.
    pub async fn through(&self, timeout: Option<Duration>) -> (i32, String) {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let lost = |why| (Answer::NOBODY, format!("whether it is {}: {why}", self.word()));
        let mut away_since = None;
        loop {
            match self.look().await {
                Ok(News::There(message)) => return (0, message),
                Ok(News::Never(message)) => return (Answer::REJECTED, message),
                Ok(News::NotYet) => away_since = None,
                Ok(News::Away(why)) => {
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > LONGEST_ABSENCE {
                        return lost(why);
                    }
                }
                Err(why) => return lost(why),
            }
            let next = Instant::now() + GLANCE;
            if deadline.is_some_and(|deadline| next > deadline) {
                return (TIMED_OUT, format!("not {} when --timeout passed", self.word()));
            }
            sleep(GLANCE).await;
        }
    }

    fn word(&self) -> &'static str {
        self.until.word()
    }

    async fn look(&self) -> Result<News, String> {
        let pod = match again(self.cluster, self.pod).await {
            Ok(pod) => pod,
            Err(error) if error.is_not_found() => {
                return Ok(over(self.until, "the pod is gone".to_owned()));
            }
            Err(error) if error.may_pass() => return Ok(News::Away(error.to_string())),
            Err(error) => return Err(error.to_string()),
        };
        if let Some(ended) = self.ended(&pod) {
            return Ok(over(self.until, ended));
        }
        match states(self.cluster, &pod).await {
            Ok(states) => Ok(self.goal.news(self.until, &states)),
            // Containers end one after the other: the next look says which have.
            Err(Unseen::NotRunning(_)) => Ok(News::NotYet),
            // That all is over the kubelet says, also to one who may not look into the pod.
            Err(_) if self.until == Until::Finished => Ok(News::NotYet),
            Err(Unseen::Exec(why)) if why.may_pass() => Ok(News::NotYet),
            // A runtime has many words for a container that is ending.
            Err(Unseen::Exec(why @ ExecError::Refused(_))) => Ok(News::Away(why.to_string())),
            Err(why) => Err(why.to_string()),
        }
    }

    /// What the kubelet says, where all is over.
    fn ended(&self, pod: &PodSteps) -> Option<String> {
        match self.goal {
            Goal::Step { name, .. } => match pod.step(name)?.life {
                Life::Ended(code) => Some(format!("step `{name}` has ended with {code}")),
                _ => None,
            },
            Goal::Run => {
                pod.has_ended().then(|| format!("the run has ended ({})", pod.described()))
            }
        }
    }
}

impl Goal<'_> {
    /// What the states say.
    fn news(self, until: Until, states: &[State]) -> News {
        let meant = states.iter().filter(|state| self.is_meant(state));
        if let Some(state) = meant.clone().find(|state| self.is_there(until, state)) {
            return News::There(state.message.clone());
        }
        match self {
            Self::Step { .. } => {
                let ended = meant.clone().find(|state| state.phase == Phase::Finished);
                ended.map_or(News::NotYet, |state| over(until, state.message.clone()))
            }
            Self::Run => News::NotYet,
        }
    }

    fn is_meant(self, state: &State) -> bool {
        match self {
            Self::Step { name, .. } => state.step == name,
            Self::Run => true,
        }
    }

    /// Whether a step's state is what is waited for. That a run is finished only the kubelet says: a
    /// step that has not begun has no state.
    fn is_there(self, until: Until, state: &State) -> bool {
        let before = match self {
            Self::Step { before, .. } => before,
            Self::Run => None,
        };
        let is_old = before.is_some_and(|it| (it.phase, &it.since) == (state.phase, &state.since));
        match until {
            Until::Finished => false,
            Until::Held => state.phase.is_held() && !is_old,
            Until::Paused => state.phase == Phase::Paused,
            Until::Running => state.phase == Phase::Running,
        }
    }
}

/// What an end means to one who waits.
fn over(until: Until, message: String) -> News {
    match until {
        Until::Finished => News::There(message),
        _ => News::Never(message),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    fn state(step: &str, phase: &str, since: &str) -> State {
        serde_json::from_value(json!({
            "step": step, "phase": phase, "reason": null, "message": phase, "attempt": 1,
            "exitCode": null, "pid": null, "startedAt": null, "since": since, "waitingFor": null,
            "deadline": null, "markers": [], "requests": [],
        }))
        .unwrap()
    }

    fn there(phase: &str) -> Option<News> {
        Some(News::There(phase.to_owned()))
    }

    #[test]
    fn a_hold_that_was_there_before_is_not_the_one_to_come() {
        let before = state("a", "held-failed", "10:00");
        let goal = Goal::Step { name: "a", before: Some(&before) };
        for (state, news) in [
            (before.clone(), News::NotYet),
            (state("a", "running", "10:01"), News::NotYet),
            (state("a", "held-failed", "10:02"), News::There("held-failed".to_owned())),
            (state("b", "held-failed", "10:02"), News::NotYet),
            (state("a", "finished", "10:03"), News::Never("finished".to_owned())),
        ] {
            assert_eq!(goal.news(Until::Held, std::slice::from_ref(&state)), news, "{state:?}");
        }
    }

    #[test]
    fn a_run_is_there_with_any_of_its_steps() {
        let states = [state("a", "finished", "10:00"), state("b", "paused", "10:00")];
        let news = |until| Some(Goal::Run.news(until, &states)).filter(|it| *it != News::NotYet);
        assert_eq!(news(Until::Paused), there("paused"));
        for until in [Until::Held, Until::Running, Until::Finished] {
            assert_eq!(news(until), None, "{until:?}");
        }
    }
}
