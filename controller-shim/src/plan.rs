//! What becomes of a pod: whether the entrypoint goes into it, and what has to be added for that.
//! Nothing is changed here; [`patch`](crate::patch) does what a plan says.

mod injected;
mod plain;
mod tekton;

use entrypoint::breakpoint::Breakpoint;

use crate::Settings;
use crate::annotations::{self, Mistake, Rules, Wish};
use crate::pod::{DEBUG_SCRIPTS, DOWNWARD, Pod};

pub use injected::list as injected;

/// The volume of the debug scripts.
const SCRIPTS_VOLUME: &str = "holdpoint-debug-scripts";
/// The volume of the markers that come from annotations.
const DOWNWARD_VOLUME: &str = "holdpoint-downward";

/// What becomes of a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It stays as it is.
    Leave {
        /// Why, in a word.
        reason: &'static str,
        /// What whoever made the pod should know, a sentence each.
        warnings: Vec<String>,
    },
    /// It must not be made; the sentence says why and what to do.
    Refuse(String),
    /// It is changed.
    Inject {
        /// Why, in a word.
        reason: &'static str,
        /// How.
        plan: Plan,
        /// What whoever made the pod should know, a sentence each.
        warnings: Vec<String>,
    },
}

/// All that is added to a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The init container of Tekton's that gets another image.
    pub prepare: Option<Prepare>,
    /// New init containers.
    pub init_containers: Vec<InitContainer>,
    /// New volumes.
    pub volumes: Vec<Volume>,
    /// Files that an existing downward volume gets beside its own.
    pub markers: Option<Markers>,
    /// What changes in the containers that are steps.
    pub steps: Vec<Step>,
}

/// How Tekton's `prepare` becomes ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepare {
    /// Which init container.
    pub container: usize,
    /// Its new image.
    pub image: String,
    /// What comes behind the word `init`.
    pub flags: Vec<String>,
    /// New mounts.
    pub mounts: Vec<Mount>,
}

/// A new init container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitContainer {
    /// Its name.
    pub name: &'static str,
    /// Whether it comes before all others or behind them.
    pub place: Place,
    /// Its image.
    pub image: String,
    /// Its command with the arguments.
    pub command: Vec<String>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// The user it must name itself, because that of the pod would not do.
    pub user: Option<i64>,
}

/// Where a new init container goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
}

/// A new volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub source: Source,
}

/// What is in a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing at first.
    Empty,
    /// A file for each marker that an annotation can be.
    Markers,
    /// An image.
    Image(String),
}

/// Files that a downward volume gets, named as the annotations are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markers {
    /// Which volume of the pod.
    pub volume: usize,
    /// The files.
    pub names: Vec<&'static str>,
}

/// A new mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The volume's name.
    pub volume: String,
    /// Where it is seen.
    pub path: String,
    /// The part of the volume that is seen; all of it without.
    pub part: Option<&'static str>,
    /// Who may write there.
    pub access: Access,
}

/// What a container may do with a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// What changes in a container that is a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which container.
    pub container: usize,
    /// What it runs.
    pub call: Call,
    /// New mounts.
    pub mounts: Vec<Mount>,
    /// Whether it gets a readiness probe that tells of a hold.
    pub probe: Probe,
}

/// How a step's container runs the entrypoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// As Tekton has it, with flags in front of Tekton's own, so that Tekton's win where both are
    /// there: of a flag that is given twice the last one counts.
    With(Vec<String>),
    /// With these arguments, the container's own command among them.
    Instead(Vec<String>),
}

/// What tells of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A readiness probe that is added.
    Added,
    /// Nothing, or the container's own probe.
    Unchanged,
}

/// Decides what becomes of a pod.
pub fn decide(pod: &Pod, settings: &Settings) -> Decision {
    if injected::is_there(pod) {
        return Decision::Leave { reason: "already-injected", warnings: Vec::new() };
    }
    let wish = annotations::wish(&pod.metadata.annotations);
    if tekton::made(pod) {
        return match wish {
            Ok(Wish::Unwanted) => Decision::Leave { reason: "declined", warnings: Vec::new() },
            Ok(_) => tekton::decide(pod, settings),
            Err(mistake) => leave_to_tekton(&mistake.to_string()),
        };
    }
    match wish {
        Ok(Wish::Wanted) => plain::decide(pod, settings),
        Ok(Wish::Unwanted) => Decision::Leave { reason: "declined", warnings: Vec::new() },
        Ok(Wish::Unsaid) => Decision::Leave { reason: "not-asked", warnings: Vec::new() },
        Err(mistake) => Decision::Refuse(mistake.to_string()),
    }
}

/// Whether nobody else puts the steps of this pod in order: it asked, and is none of Tekton's.
pub fn depends_on_us(pod: &Pod) -> bool {
    !tekton::made(pod) && annotations::wish(&pod.metadata.annotations) == Ok(Wish::Wanted)
}

/// Tekton's pods go in whatever their annotations say: an optional one must not stop a TaskRun.
fn leave_to_tekton(problem: &str) -> Decision {
    let warnings = vec![format!("{problem}; the pod keeps Tekton's own entrypoint")];
    Decision::Leave { reason: "bad-annotation", warnings }
}

/// The flags by which a step learns what the annotations ask of it.
fn flags(rules: &Rules, step: &str) -> Vec<String> {
    let asks = |breakpoint: &Breakpoint| rules.breakpoints.contains(breakpoint);
    let of_step = |pairs: &[(String, String)]| {
        pairs.iter().find(|(name, _)| name == step).map(|(_, value)| value.clone())
    };
    let switches = [
        ("-finally", rules.finally.iter().any(|name| name == step)),
        ("-breakpoint_on_failure", asks(&Breakpoint::OnFailure)),
        ("-debug_before_step", asks(&Breakpoint::Before(step.to_owned()))),
        ("-debug_after_step", asks(&Breakpoint::After(step.to_owned()))),
    ];
    let values = [
        ("-breakpoint_timeout", rules.breakpoint_timeout.clone()),
        ("-wait_timeout", rules.wait_timeout.clone()),
        ("-kill_grace", rules.kill_grace.clone()),
        ("-on_error", of_step(&rules.on_error)),
        ("-timeout", of_step(&rules.step_timeouts)),
    ];
    let switches = switches.into_iter().filter(|(_, on)| *on).map(|(flag, _)| flag.to_owned());
    let values = values.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
    switches.chain(values.flatten()).collect()
}

/// An init container must not run as root; where the pod does, it names the user of its image.
fn user_beside(pod: &Pod) -> Option<i64> {
    const USER_OF_IMAGE: i64 = 65532;
    (pod.spec.security_context.run_as_user == Some(0)).then_some(USER_OF_IMAGE)
}

fn scripts_mount(volume: &str, access: Access) -> Mount {
    Mount::whole(volume, DEBUG_SCRIPTS, access)
}

fn downward_mount(volume: &str) -> Mount {
    Mount::whole(volume, DOWNWARD, Access::Read)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

impl Mount {
    fn whole(volume: &str, path: &str, access: Access) -> Self {
        Self { volume: volume.to_owned(), path: path.to_owned(), part: None, access }
    }
}

impl Volume {
    fn new(name: impl Into<String>, source: Source) -> Self {
        Self { name: name.into(), source }
    }
}

impl From<Mistake> for Decision {
    fn from(mistake: Mistake) -> Self {
        Self::Refuse(mistake.to_string())
    }
}
