//! `logs TARGET`: what the steps of all pods of a run have written, in their order, each line with its
//! step's name before it; followed until the run has ended.

pub(super) mod container;
mod pod;

use std::time::Duration;

use futures_util::future::join;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;

use super::connect::Cluster;
use super::error::ClusterError;
use super::first::followed;
use super::follow::follow;
use super::hint::{Hints, soon};
use super::resolve::{Found, find};
use super::row::called;
use super::steps::{PodSteps, StepPlace};
use super::target::{Kind, Target};
use super::view::{View, has_ended, look_into};
use crate::args::LogsArguments;
use crate::exit::Exit;
use crate::program::Program;
use crate::run::screen::Screen;
use pod::Reader;

/// How often is looked for what has begun or ended.
const GLANCE: Duration = Duration::from_secs(1);

/// How many lines may wait to be shown.
const WAITING_LINES: usize = 256;

/// A line of a step.
#[derive(Debug)]
pub(super) struct Line {
    /// The name before it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) text: Vec<u8>,
}

/// Shows the logs of a target.
///
/// # Errors
/// The target is not there, or its pods or logs may not be read.
pub async fn logs(
    program: Program,
    target: &Target,
    arguments: &LogsArguments,
) -> Result<Exit, ClusterError> {
    let reach = &arguments.reach;
    let cluster = Cluster::connect(reach).await?;
    let selector = reach.selector.as_deref();
    let found = match arguments.follow {
        true => followed(&cluster, target, selector).await?,
        false => find(&cluster, target, selector).await?,
    };
    let (cluster, target) = (found.place(&cluster), found.target.clone());
    let mut awaited = None;
    if let Some(step) = &arguments.step {
        match check_step(step, &found) {
            Err(_) if arguments.follow && grows(&cluster, &found).await => {
                crate::say(&format!(
                    "waiting for step {step}: no task that has begun has one of this name"
                ));
                awaited = Some(step);
            }
            checked => checked?,
        }
    }
    let hints = Hints { program, reach };
    let pods = if arguments.follow { found.pods.clone() } else { Vec::new() };
    let hold = async {
        // Who follows a step that is held would wait for lines in vain.
        let view = View { target: target.clone(), pods: look_into(&cluster, pods).await };
        hints.way_out(&view)
    };
    let hinted = async { soon(hold).await.iter().for_each(|next| crate::hint(next)) };
    join(hinted, show(&cluster, found, arguments)).await.1?;
    if let Some(step) = awaited
        && let Ok(found) = find(&cluster, &target, selector).await
    {
        check_step(step, &found)?;
    }
    soon(hints.after_logs(&cluster, &target)).await.iter().for_each(|next| crate::hint(next));
    Ok(Exit::Success)
}

/// Shows each line once it is read.
async fn show(
    cluster: &Cluster,
    found: Found,
    arguments: &LogsArguments,
) -> Result<(), ClusterError> {
    let several = found.is_several();
    let known = names(&found.pods, arguments.step.as_deref(), several);
    let (lines, mut shown) = mpsc::channel(WAITING_LINES);
    let (goes_on, step) = (arguments.follow, arguments.step.clone());
    let reader = Reader { cluster: cluster.clone(), lines, follow: goes_on, step, several };
    let selector = arguments.reach.selector.as_deref();
    let reading = async move {
        let read = match goes_on {
            true => {
                let read = |_, pod| {
                    let reader = reader.clone();
                    async move { reader.read(pod).await }
                };
                follow(cluster, found, selector, read).await.map(drop)
            }
            false => read_all(&reader, found.pods).await,
        };
        // Nothing more is written.
        drop(reader);
        read
    };
    let showing = async {
        let mut names = Names::new(known);
        while let Some(line) = shown.recv().await {
            names.show(&line);
        }
    };
    tokio::join!(reading, showing).0
}

fn check_step(step: &str, found: &Found) -> Result<(), ClusterError> {
    let pods: Vec<_> = found.pods.iter().map(PodSteps::of).collect();
    if pods.iter().any(|pod| pod.step(step).is_some()) {
        return Ok(());
    }
    let names: Vec<_> = pods.iter().flat_map(|pod| &pod.steps).map(|it| it.step.as_str()).collect();
    Err(ClusterError::Usage(format!("--step {step}: the steps are {}", names.join(", "))))
}

/// Whether pods with other steps may come.
async fn grows(cluster: &Cluster, found: &Found) -> bool {
    let is_pipeline_run = matches!(found.target, Target::Named(Kind::PipelineRun, _));
    is_pipeline_run && !has_ended(cluster, &found.target, &found.pods).await.unwrap_or(true)
}

async fn read_all(reader: &Reader, pods: Vec<Pod>) -> Result<(), ClusterError> {
    for pod in pods {
        reader.read(pod).await?;
    }
    Ok(())
}

/// The names that stand before lines, each with its colour.
struct Names {
    screen: Screen,
    known: Vec<String>,
}

impl Names {
    /// With the names that are known at the beginning.
    fn new(known: Vec<String>) -> Self {
        let mut screen = Screen::of_stdout();
        screen.fit(known.iter().map(String::as_str));
        Self { screen, known }
    }

    fn show(&mut self, line: &Line) {
        let index = self.known.iter().position(|name| *name == line.name).unwrap_or_else(|| {
            self.known.push(line.name.clone());
            self.screen.fit(self.known.iter().map(String::as_str));
            self.known.len() - 1
        });
        self.screen.line(index, &line.name, &line.text);
    }
}

/// The names of all steps of these pods, or of the one that is asked for.
fn names(pods: &[Pod], asked: Option<&str>, several: bool) -> Vec<String> {
    let of_pod = |pod: &Pod| {
        let steps = PodSteps::of(pod).steps;
        let asked = |place: &StepPlace| asked.is_none_or(|name| place.is_called(name));
        let steps = steps.into_iter().filter(asked);
        steps.map(|place| name_of(pod, &place.step, several)).collect::<Vec<_>>()
    };
    pods.iter().flat_map(of_pod).collect()
}

/// What stands before the lines of a step.
pub(super) fn name_of(pod: &Pod, step: &str, several: bool) -> String {
    if several { format!("{}/{step}", called(pod)) } else { step.to_owned() }
}
