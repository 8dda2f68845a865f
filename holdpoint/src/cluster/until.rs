//! Staying until a step or a run is where one wants it: finished, held, paused or running.

use std::time::Duration;

use entrypoint::state::{Phase, State};
use entrypoint::verb::Answer;
use tokio::time::{Instant, sleep};

use super::answer::TIMED_OUT;
use super::connect::Cluster;
use super::resolve::again;
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
}

impl Stay<'_> {
    /// Stays, for no longer than this, and gives an exit code and a sentence: 0 it is there, 3 it ended
    /// without, 4 it cannot be seen, 5 the time passed.
    pub async fn through(&self, timeout: Option<Duration>) -> (i32, String) {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            match self.look().await {
                Ok(News::There(message)) => return (0, message),
                Ok(News::Never(message)) => return (Answer::REJECTED, message),
                Ok(News::NotYet) => {}
                Err(why) => {
                    return (Answer::NOBODY, format!("whether it is {}: {why}", self.word()));
                }
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
                return Ok(self.over("the pod is gone".to_owned()));
            }
            Err(error) => return Err(error.to_string()),
        };
        if let Some(ended) = self.ended(&pod) {
            return Ok(self.over(ended));
        }
        match states(self.cluster, &pod).await {
            Ok(states) => Ok(self.of(&states)),
            // Containers end one after the other: the next look says which have.
            Err(Unseen::NotRunning(_)) => Ok(News::NotYet),
            // That all is over the kubelet says, also to one who may not look into the pod.
            Err(_) if self.until == Until::Finished => Ok(News::NotYet),
            Err(Unseen::Exec(why)) if why.may_pass() => Ok(News::NotYet),
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

    fn over(&self, message: String) -> News {
        match self.until {
            Until::Finished => News::There(message),
            _ => News::Never(message),
        }
    }

    fn of(&self, states: &[State]) -> News {
        let meant: Vec<_> = states.iter().filter(|state| self.is_meant(state)).collect();
        if let Some(state) = meant.iter().find(|state| self.is_there(state)) {
            return News::There(state.message.clone());
        }
        match (self.goal, meant.as_slice()) {
            (Goal::Step { .. }, [state]) if state.phase == Phase::Finished => {
                self.over(state.message.clone())
            }
            _ => News::NotYet,
        }
    }

    fn is_meant(&self, state: &State) -> bool {
        match self.goal {
            Goal::Step { name, .. } => state.step == name,
            Goal::Run => true,
        }
    }

    /// Whether a step's state is what is waited for. That a run is finished only the kubelet says: a
    /// step that has not begun has no state.
    fn is_there(&self, state: &State) -> bool {
        let before = match self.goal {
            Goal::Step { before, .. } => before,
            Goal::Run => None,
        };
        let is_old = before.is_some_and(|it| (it.phase, &it.since) == (state.phase, &state.since));
        match self.until {
            Until::Finished => false,
            Until::Held => state.phase.is_held() && !is_old,
            Until::Paused => state.phase == Phase::Paused,
            Until::Running => state.phase == Phase::Running,
        }
    }
}
