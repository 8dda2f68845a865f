//! A verb put to the pods of a target: by the entrypoint's own verb, run in the right container, which
//! ends once it is handled (contract 2.7).

use std::time::Duration;

use debug_scripts::{Tool, Verb, Word};
use entrypoint::go_duration;
use entrypoint::verb::Answer;
use futures_util::future::join_all;

use super::annotate;
use super::answer::{TIMED_OUT, Told, next, tell, worst};
use super::choose::{self, Chosen, Seen};
use super::connect::Cluster;
use super::error::ClusterError;
use super::exec::{ExecError, exec};
use super::hint::Hints;
use super::resolve::{Resolved, resolve};
use super::states::{self, Unseen};
use super::steps::{PodSteps, StepPlace};
use super::target::Target;
use super::until::{Goal, Stay};
use crate::args::{Print, Until, VerbArguments};
use crate::exit::Exit;
use crate::program::Program;

/// How long an answer may take where nothing is said, as the entrypoint has it.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The answers that the status of the steps explains.
const STATUS_TELLS: [i32; 2] = [Answer::REJECTED, TIMED_OUT];

/// How much longer than the verb its connection may take.
const MARGIN: Duration = Duration::from_secs(5);

/// Asks the pods of a target, tells what came of it, and gives the worst code.
///
/// # Errors
/// The target cannot be reached.
pub async fn ask(
    program: Program,
    target: &Target,
    arguments: &VerbArguments,
) -> Result<Exit, ClusterError> {
    if let Word::Tool(tool) = arguments.word {
        return Err(ClusterError::Usage(in_kubectl(tool, target)));
    }
    let annotation = annotate::Annotation::of(arguments).map_err(ClusterError::Usage)?;
    let cluster = Cluster::connect(&arguments.reach).await?;
    let selector = arguments.reach.selector.as_deref();
    let resolved = resolve(&cluster, target, selector).await?;
    if let Some(name) = arguments.step.as_ref().filter(|name| !choose::has(&resolved.pods, name)) {
        return Err(ClusterError::Usage(choose::unknown(&resolved.pods, name)));
    }
    let asking = Asking { cluster: &cluster, arguments };
    let told = match (annotation, arguments.word) {
        (Some(annotation), _) => annotation.put(&asking, &resolved.pods).await,
        (None, Word::Step(_)) => match asking.step(&resolved.pods).await {
            Ok(told) => vec![told],
            Err(why) => return Ok(asking.refuse(program, &resolved, &why)),
        },
        (None, _) => asking.run(&resolved.pods).await,
    };
    Ok(asking.tell(program, &resolved, &told))
}

/// What is asked, and where.
pub struct Asking<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What was typed.
    pub arguments: &'a VerbArguments,
}

impl Asking<'_> {
    /// How long an answer may take.
    pub fn wait(&self, default: Duration) -> Duration {
        duration(self.arguments.asking.wait_time()).unwrap_or(default)
    }

    /// The name of the verb.
    pub fn verb(&self) -> &'static str {
        self.arguments.word.help()[0]
    }

    /// Asks the one step that is meant; else says why there is none.
    async fn step(&self, pods: &[PodSteps]) -> Result<Told, String> {
        let seen;
        let chosen = match &self.arguments.step {
            Some(name) => choose::named(pods, name)?,
            None => {
                seen = self.look(pods).await;
                choose::held(&seen)?
            }
        };
        // More time leaves the hold as it is.
        let leaves = self.arguments.word != Word::Step(Verb::Extend);
        let before = chosen.state.filter(|_| leaves);
        let goal = Goal::Step { name: &chosen.step.step, before };
        let told = self.told(&chosen, self.put(&chosen).await);
        Ok(self.stay(told, chosen.pod, goal).await)
    }

    /// Asks every pod that is live; where none is, each says so.
    pub async fn run(&self, pods: &[PodSteps]) -> Vec<Told> {
        join_all(live(pods).into_iter().map(|pod| self.pod(pod))).await
    }

    /// Asks the first container of a pod that runs, also where the kubelet has not noticed yet which does not.
    async fn pod(&self, pod: &PodSteps) -> Told {
        let mut running = pod.running().peekable();
        loop {
            let Some(step) = running.next() else {
                let message = format!("not {}: no step runs ({})", self.verb(), pod.described());
                return Told::new(pod, self.verb(), Answer::REJECTED, message);
            };
            let chosen = Chosen { pod, step, state: None };
            match self.put(&chosen).await {
                Err(ExecError::NotRunning(_)) if running.peek().is_some() => {}
                put => return self.stay(self.told(&chosen, put), pod, Goal::Run).await,
            }
        }
    }

    async fn look(&self, pods: &[PodSteps]) -> Vec<Seen> {
        join_all(live(pods).into_iter().map(|pod| async move {
            Seen { pod: pod.clone(), states: states::states(self.cluster, pod).await }
        }))
        .await
    }

    /// Puts the verb to one container.
    async fn put(&self, chosen: &Chosen<'_>) -> Result<Told, ExecError> {
        let Chosen { pod, step, .. } = chosen;
        let (word, command) = (self.arguments.word, self.command(step));
        if self.arguments.manner.dry_run {
            let message =
                format!("would run in container {}: {}", step.container, command.join(" "));
            return Ok(Told::dry_run(pod, self.verb(), message).of(step, word));
        }
        let longest = self.wait(DEFAULT_WAIT) + MARGIN;
        let done = exec(self.cluster, pod, &step.container, &command, longest).await?;
        Ok(Told::answered(pod, step, word, &done))
    }

    fn told(&self, chosen: &Chosen<'_>, put: Result<Told, ExecError>) -> Told {
        put.unwrap_or_else(|why| self.unasked(chosen.pod, chosen.step, why))
    }

    /// Waits for what is to come of an accepted verb, where that is asked.
    pub async fn stay(&self, told: Told, pod: &PodSteps, goal: Goal<'_>) -> Told {
        let manner = &self.arguments.manner;
        if told.code != 0 || manner.dry_run || (manner.until.is_none() && manner.timeout.is_none())
        {
            return told;
        }
        let until = manner.until.unwrap_or(Until::Finished);
        let stay = Stay { cluster: self.cluster, pod, goal, until };
        let (code, message) = stay.through(duration(manner.timeout.as_deref())).await;
        told.then(code, &message)
    }

    fn unasked(&self, pod: &PodSteps, step: &StepPlace, why: ExecError) -> Told {
        let word = self.arguments.word;
        let hint = match (&why, word) {
            (ExecError::Forbidden(_), Word::Run(_)) => {
                "; try --by annotate, which needs only patch on pods"
            }
            (ExecError::NotRunning(_), _) => {
                "; `kubectl describe` the pod to see what became of it"
            }
            _ => "",
        };
        let told = Told::unasked(pod, step, word, &Unseen::Exec(why));
        Told { message: told.message + hint, ..told }
    }

    fn command(&self, step: &StepPlace) -> Vec<String> {
        let arguments = self.arguments;
        let wait = arguments.asking.wait_time();
        let wait = wait.into_iter().flat_map(|wait| ["--wait".to_owned(), wait.to_owned()]);
        let other = (!arguments.command.is_empty()).then(|| "--".to_owned());
        let behind = ["-o", "json"].map(str::to_owned).into_iter().chain(wait);
        let behind = behind.chain(arguments.words.iter().cloned()).chain(other);
        states::verb(step, self.verb(), behind.chain(arguments.command.iter().cloned()))
    }

    /// Where nobody is asked, that is so for every pod; a person reads it once.
    fn refuse(&self, program: Program, resolved: &Resolved, why: &str) -> Exit {
        let told = |pod| Told::new(pod, self.verb(), Answer::REJECTED, why.to_owned());
        match self.arguments.asking.output {
            Print::Text | Print::Wide => drop(crate::print(&format!("rejected: {why}"))),
            Print::Name => crate::say(&format!("rejected: {why}")),
            output => tell(output, &resolved.pods.iter().map(told).collect::<Vec<_>>()),
        }
        self.hint_of_status(program, resolved);
        exit(Answer::REJECTED)
    }

    fn tell(&self, program: Program, resolved: &Resolved, told: &[Told]) -> Exit {
        let output = self.arguments.asking.output;
        tell(output, told);
        let next =
            next(program, &self.arguments.reach, &resolved.target, self.arguments.word, told);
        if let Some(next) = next.filter(|_| output.is_for_a_person()) {
            let _ = crate::print(&format!("next: {next}"));
        } else if told.iter().any(|told| STATUS_TELLS.contains(&told.code)) {
            self.hint_of_status(program, resolved);
        }
        exit(worst(told))
    }

    /// Where the steps do not do it, their status says what they do.
    fn hint_of_status(&self, program: Program, resolved: &Resolved) {
        let hints = Hints { program, reach: &self.arguments.reach };
        let place = resolved.pods.first().map(|pod| pod.namespace.as_str());
        if let (Some(namespace), Target::Named(..)) = (place, &resolved.target)
            && self.arguments.asking.output.is_for_a_person()
        {
            crate::hint(&hints.typed("status", &resolved.target, namespace, ""));
        }
    }
}

/// A tool speaks to one terminal; these are the ways to it.
fn in_kubectl(tool: Tool, target: &Target) -> String {
    let name = tool.definition().name;
    format!(
        "{name} speaks to a run on this machine; for {target} type kubectl exec POD -c CONTAINER -- \
         /tekton/bin/entrypoint {name}"
    )
}

fn duration(text: Option<&str>) -> Option<Duration> {
    go_duration::parse(text?).ok()?.to_unsigned()
}

fn exit(code: i32) -> Exit {
    u8::try_from(code).map_or(Exit::Code(1), Exit::Code)
}

/// Those that are live; all where none is.
fn live(pods: &[PodSteps]) -> Vec<&PodSteps> {
    let live: Vec<_> = pods.iter().filter(|pod| pod.is_live()).collect();
    if live.is_empty() { pods.iter().collect() } else { live }
}
