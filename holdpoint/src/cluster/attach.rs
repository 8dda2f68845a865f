//! `attach TARGET`: a run in a cluster as `holdpoint run` shows one here: what its steps write and how
//! they end, the one-key prompt where one is held, and the table at the end.

mod hold;
mod keys;
mod looks;
mod step;
mod talk;

use std::cell::RefCell;
use std::pin::pin;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::Mutex;

use super::connect::Cluster;
use super::error::ClusterError;
use super::first::followed;
use super::follow::follow;
use super::hint::Hints;
use super::logs::name_of;
use super::steps::PodSteps;
use super::target::{Kind, Target};
use crate::args::{AttachArguments, Output, Reach};
use crate::exit::Exit;
use crate::program::Program;
use crate::run::progress::Ended;
use crate::run::screen::{Screen, Tone};
use crate::run::signals::Signals;
use crate::run::summary::Summary;
use looks::Looks;
use step::Step;
use talk::Talk;

/// Follows a target to its end, and gives the code of its first step that failed.
///
/// # Errors
/// The target is not there, or may not be read.
pub async fn attach(program: Program, arguments: &AttachArguments) -> Result<Exit, ClusterError> {
    let AttachArguments { target, reach, output, quiet, no_color } = arguments;
    let cluster = Cluster::connect(reach).await?;
    let selector = reach.selector.as_deref();
    let mut signals = Signals::take().map_err(|error| ClusterError::Nobody(error.to_string()))?;
    let found = tokio::select! {
        found = followed(&cluster, target, selector) => found?,
        signal = end_of(&mut signals) => return Ok(Exit::Signal(signal)),
    };
    let cluster = found.place(&cluster);
    let talk = Talk::new(Screen::new(*output, *quiet, *no_color));
    let attached = Attached {
        program,
        cluster: &cluster,
        reach,
        target: &found.target.clone(),
        several: found.is_several(),
        talk: &talk,
        person: &Mutex::new(()),
        order: &Mutex::new(()),
    };
    let began = Instant::now();
    let start = |_: usize, pod: Pod| attached.follow_pod(pod);
    let mut following = pin!(follow(&cluster, found, selector, start));
    let pods = tokio::select! {
        pods = &mut following => pods?,
        signal = end_of(&mut signals) => {
            if attached.order.try_lock().is_err() {
                attached.say("finishing what was asked of the run; Ctrl-C again leaves at once");
                tokio::select! {
                    _ = following => {}
                    _ = attached.order.lock() => {}
                    _ = end_of(&mut signals) => {}
                }
            }
            attached.detach();
            return Ok(Exit::Signal(signal));
        }
    };
    let (name, seconds) = (attached.target.to_string(), began.elapsed().as_secs_f64());
    let summary = Summary::of_steps(name, pods.concat(), seconds, None);
    talk.sum_up(&summary);
    if *output == Output::Json {
        // Names, words and numbers are always JSON.
        let _ = crate::print(&summary.json().unwrap_or_default());
    } else if let Some(next) = (Hints { program, reach }).retry(&cluster, attached.target).await {
        crate::hint(&next);
    }
    Ok(summary.exit())
}

/// The next signal that asks for the end.
async fn end_of(signals: &mut Signals) -> i32 {
    loop {
        let signal = signals.next().await;
        if signal != nix::libc::SIGCONT {
            return signal;
        }
    }
}

/// A run that is followed.
#[derive(Clone, Copy)]
struct Attached<'a> {
    program: Program,
    cluster: &'a Cluster,
    reach: &'a Reach,
    target: &'a Target,
    several: bool,
    talk: &'a Talk,
    /// Whoever has it asks the person.
    person: &'a Mutex<()>,
    /// Whoever has it gives the whole run an order, which is not left half done.
    order: &'a Mutex<()>,
}

impl Attached<'_> {
    async fn follow_pod(self, pod: Pod) -> Result<Vec<Ended>, ClusterError> {
        let name = |step: &str| name_of(&pod, step, self.several);
        let places = PodSteps::of(&pod).steps;
        let names: Vec<_> = places.iter().map(|place| name(&place.step)).collect();
        let colours: Vec<_> = names.iter().map(|name| self.talk.know(name)).collect();
        let (looks, heard) = (Looks::new(self.cluster, pod), RefCell::default());
        let steps = async {
            let mut ended = Vec::new();
            for (index, place) in places.iter().enumerate() {
                let steps_behind = places.len() - 1 - index;
                let (name, colour) = (&names[index], colours[index]);
                let step = Step::new(self, &looks, place, name, colour, steps_behind, &heard);
                ended.push(step.follow().await);
            }
            ended
        };
        tokio::select! {
            steps = steps => Ok(steps),
            error = looks.keep_up() => Err(error),
        }
    }

    fn is_pipeline_run(&self) -> bool {
        matches!(self.target, Target::Named(Kind::PipelineRun, _))
    }

    fn detach(&self) {
        self.talk.answer("");
        let (program, reach) = (self.program.name(), self.reach.way());
        let namespace =
            self.cluster.namespace.as_ref().map_or(String::new(), |it| format!(" -n {it}"));
        let text = format!(
            "detached: the run goes on; to follow it again type: {program} attach {}{namespace}{reach}",
            self.target
        );
        self.say(&text);
    }

    fn say(&self, text: &str) {
        let text = text.to_owned();
        self.talk.show(move |screen| screen.say(Tone::Alert, &text));
    }
}
