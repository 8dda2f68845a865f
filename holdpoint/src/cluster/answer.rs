//! What came of a verb, and how it is told: a line for each place and the next useful command, or in a
//! form for programs.

use debug_scripts::{RunVerb, Verb, Word};
use entrypoint::verb::Answer;
use serde::{Deserialize, Serialize};

use super::exec::Done;
use super::states::{self, Unseen};
use super::steps::{PodSteps, StepPlace};
use super::target::Target;
use crate::args::{Print, Reach};
use crate::program::Program;

/// The exit code where `--timeout` passed.
pub const TIMED_OUT: i32 = 5;

/// The exit code of what cannot be, as of a breakpoint at a step that is not there.
const USAGE: i32 = 2;

/// What came of a verb in one place.
pub trait Outcome: Serialize {
    /// The place, as it is typed as a target.
    fn name(&self) -> String;
    /// What came of it, for a person.
    fn lines(&self) -> Vec<String>;
    /// The exit code that goes with it.
    fn code(&self) -> i32;
    /// Whether it is done there, and not only no mistake that it is not.
    fn took(&self) -> bool {
        self.code() == 0
    }
}

/// Prints what came of a verb. Of names only those are told that took it; of the others stderr tells.
pub fn tell(output: Print, told: &[impl Outcome]) {
    let text = output.written(told).unwrap_or_else(|| match output {
        Print::Name => {
            let (taken, others): (Vec<_>, Vec<_>) = told.iter().partition(|it| it.took());
            others.iter().flat_map(|it| it.lines()).for_each(|line| crate::say(&line));
            taken.iter().map(|it| it.name()).collect::<Vec<_>>().join("\n")
        }
        _ => told.iter().flat_map(Outcome::lines).collect::<Vec<_>>().join("\n"),
    });
    if !text.is_empty() {
        let _ = crate::print(&text);
    }
}

/// What became of a verb in a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container that was asked, where one was.
    pub container: Option<String>,
    /// The step that was asked, where it was one.
    pub step: Option<String>,
    /// What was asked.
    pub verb: &'static str,
    /// A word: `accepted`, `rejected`, `unanswered`, `invalid`, `timed-out`, `dry-run`.
    pub outcome: &'static str,
    /// What came of it, for a person.
    pub message: String,
    /// The exit code that goes with it.
    #[serde(skip)]
    pub code: i32,
}

/// What the entrypoint prints with `-o json`.
#[derive(Deserialize)]
struct Printed {
    message: String,
}

impl Told {
    /// What came of a verb that was or would have been put to a pod, with this exit code.
    pub fn new(pod: &PodSteps, verb: &'static str, code: i32, message: String) -> Self {
        Self {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            container: None,
            step: None,
            verb,
            outcome: outcome(code),
            message,
            code,
        }
    }

    /// What would be done.
    pub fn dry_run(pod: &PodSteps, verb: &'static str, message: String) -> Self {
        Self { outcome: "dry-run", ..Self::new(pod, verb, 0, message) }
    }

    /// The answer of the entrypoint in a container.
    pub fn answered(pod: &PodSteps, asked: &StepPlace, word: Word, done: &Done) -> Self {
        let [verb, ..] = word.help();
        let printed = done.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let said = done.stderr.lines().next().unwrap_or_default();
        let (code, message) = match printed {
            Some(Printed { message }) => (done.code, message),
            None if done.code == USAGE && !said.is_empty() => (USAGE, said.to_owned()),
            None => (Answer::NOBODY, states::foreign(asked, done).to_string()),
        };
        Self::new(pod, verb, code, message).of(asked, word)
    }

    /// Where nobody could be asked.
    pub fn unasked(pod: &PodSteps, asked: &StepPlace, word: Word, why: &Unseen) -> Self {
        let [verb, ..] = word.help();
        Self::new(pod, verb, Answer::NOBODY, why.to_string()).of(asked, word)
    }

    /// Names the container, and the step where the word speaks to one.
    pub fn of(self, asked: &StepPlace, word: Word) -> Self {
        let step = matches!(word, Word::Step(_)).then(|| asked.step.clone());
        Self { container: Some(asked.container.clone()), step, ..self }
    }

    /// What came of waiting after it was accepted.
    pub fn then(self, code: i32, message: &str) -> Self {
        let outcome = if code == 0 { self.outcome } else { outcome(code) };
        Self { code, outcome, message: format!("{}; {message}", self.message), ..self }
    }

    /// What came of it, in a line.
    pub fn line(&self) -> String {
        let Self { pod, outcome, message, .. } = self;
        match &self.step {
            Some(step) => format!("pod/{pod} {step}: {outcome}: {message}"),
            None => format!("pod/{pod}: {outcome}: {message}"),
        }
    }
}

impl Outcome for Told {
    fn name(&self) -> String {
        format!("pod/{}", self.pod)
    }

    fn lines(&self) -> Vec<String> {
        vec![self.line()]
    }

    fn code(&self) -> i32 {
        self.code
    }
}

/// The worst of all codes.
pub fn worst(told: &[Told]) -> i32 {
    told.iter().map(|told| told.code).max().unwrap_or(Answer::NOBODY)
}

/// The next useful command once a verb was accepted.
pub fn next(
    program: Program,
    reach: &Reach,
    target: &Target,
    word: Word,
    told: &[Told],
) -> Option<String> {
    let accepted = told.iter().find(|told| told.code == 0 && told.outcome != "dry-run")?;
    let (Told { namespace, pod, .. }, way) = (accepted, reach.way());
    let of_holdpoint = |verb: &str, behind: &str| {
        let target = match target {
            Target::Every(_) => format!("pod/{pod}"),
            one => one.to_string(),
        };
        format!("{} {verb} {target}{behind} -n {namespace}{way}", program.name())
    };
    Some(match (word, &accepted.container) {
        (Word::Run(RunVerb::Pause), _) => of_holdpoint("resume", ""),
        (Word::Run(RunVerb::Breakpoint), _) => of_holdpoint("breakpoint", " off"),
        (Word::Step(Verb::Extend), _) => of_holdpoint("continue", ""),
        (Word::Step(_), Some(container)) => {
            format!("kubectl logs -f pod/{pod} -c {container} -n {namespace}{way}")
        }
        _ => format!("kubectl get pod/{pod} -n {namespace}{way} -w"),
    })
}

fn outcome(code: i32) -> &'static str {
    match code {
        0 => "accepted",
        USAGE => "invalid",
        Answer::REJECTED => "rejected",
        TIMED_OUT => "timed-out",
        _ => "unanswered",
    }
}
