//! Pods that ask for injection: the containers that are named become steps, in order, and all else
//! stays as it is.
//!
//! The layout is that of Tekton's pods. Each step has a run folder of its own that it alone can write
//! to. With an image volume there is no init container that could make the links of
//! `/tekton/steps`; there each link is a mount of the folder that it would lead to, so that results are
//! substituted all the same. Debug scripts are not there then: `/tekton/bin/entrypoint VERB` is.

mod checks;

use super::{
    Access, Call, DOWNWARD_VOLUME, Decision, InitContainer, Mount, Place, Plan, Probe,
    SCRIPTS_VOLUME, Source, Step, Volume, downward_mount, flags, scripts_mount, share_beside,
    user_beside, words,
};
use crate::annotations::{self, Mistake, Others, Rules, Steps};
use crate::pod::{BINARY, BINARY_IN_IMAGE, Container, DEBUG_SCRIPTS, Pod};
use crate::{Delivery, Settings};

/// Brings the binary, the links and the debug scripts.
const PREPARE: &str = "holdpoint-prepare";
/// The volume with the binary.
const BINARY_VOLUME: &str = "holdpoint-bin";
/// The volume of the links to the steps' folders.
const STEPS_VOLUME: &str = "holdpoint-steps";
/// Where the links are.
const STEPS: &str = "/tekton/steps";
/// The folder of the binary.
const BINARY_FOLDER: &str = "/tekton/bin";
/// Where the image has that folder.
const FOLDER_IN_IMAGE: &str = "ko-app";

/// Decides what becomes of a pod that asks.
pub(super) fn decide(pod: &Pod, settings: &Settings) -> Decision {
    match Run::of(pod, settings) {
        Ok(run) => {
            let plan = run.plan();
            let mut warnings = annotations::unknown(&pod.metadata.annotations);
            warnings.extend(run.steps.iter().flat_map(|step| checks::warnings(step.container)));
            Decision::Inject { reason: "asked", plan, warnings }
        }
        Err(mistake) => mistake.into(),
    }
}

/// The steps of a pod, with what is asked of them.
struct Run<'a> {
    pod: &'a Pod,
    settings: &'a Settings,
    steps: Vec<PlainStep<'a>>,
    rules: Rules,
}

struct PlainStep<'a> {
    index: usize,
    container: &'a Container,
}

impl<'a> Run<'a> {
    fn of(pod: &'a Pod, settings: &'a Settings) -> Result<Self, Mistake> {
        checks::pod(pod)?;
        let steps = steps(pod)?;
        checks::count(steps.len(), pod)?;
        for step in &steps {
            checks::step(step.container, pod)?;
        }
        let names = steps.iter().map(|step| step.container.name.clone()).collect();
        let known = Steps { names, others: Others::Mistaken };
        let rules = Rules::parse(&pod.metadata.annotations, &known)?;
        let run = Self { pod, settings, steps, rules };
        run.check_names()?;
        Ok(run)
    }

    fn plan(&self) -> Plan {
        Plan {
            prepare: None,
            init_containers: self.prepare().into_iter().collect(),
            volumes: self.volumes(),
            markers: None,
            steps: (0..self.steps.len()).map(|number| self.step(number)).collect(),
        }
    }

    /// What is ours must not be there under another meaning.
    fn check_names(&self) -> Result<(), Mistake> {
        let wrong = |what: &str, name: &str| {
            let problem = format!("the pod has {what} `{name}` of its own");
            Err(checks::mistake(self.pod, &problem, "give it another name"))
        };
        if let Some(volume) = self.volumes().iter().find(|it| self.pod.has_volume(&it.name)) {
            return wrong("a volume", &volume.name);
        }
        match self.prepare().iter().find(|it| self.pod.has_container(it.name)) {
            Some(container) => wrong("a container", container.name),
            None => Ok(()),
        }
    }

    fn volumes(&self) -> Vec<Volume> {
        let shared = match self.settings.delivery {
            Delivery::InitContainer => vec![
                Volume::new(BINARY_VOLUME, Source::Empty),
                Volume::new(STEPS_VOLUME, Source::Empty),
                Volume::new(SCRIPTS_VOLUME, Source::Empty),
            ],
            Delivery::ImageVolume => {
                vec![Volume::new(BINARY_VOLUME, Source::Image(self.settings.image.clone()))]
            }
        };
        let downward = Volume::new(DOWNWARD_VOLUME, Source::Markers);
        let runs =
            (0..self.steps.len()).map(|number| Volume::new(run_volume(number), Source::Empty));
        shared.into_iter().chain([downward]).chain(runs).collect()
    }

    /// It comes first: were its image not to be had, nothing of the pod would have begun.
    fn prepare(&self) -> Option<InitContainer> {
        if self.settings.delivery == Delivery::ImageVolume {
            return None;
        }
        let mut command = words([BINARY_IN_IMAGE, "init", "-debug_scripts", DEBUG_SCRIPTS]);
        command.extend(words([BINARY_IN_IMAGE, BINARY]));
        command.extend(self.steps.iter().map(|step| link_name(step.container)));
        Some(InitContainer {
            name: PREPARE,
            place: Place::First,
            image: self.settings.image.clone(),
            command,
            mounts: vec![
                Mount::whole(BINARY_VOLUME, BINARY_FOLDER, Access::Write),
                Mount::whole(STEPS_VOLUME, STEPS, Access::Write),
                scripts_mount(SCRIPTS_VOLUME, Access::Write),
            ],
            user: user_beside(self.pod),
            share: share_beside(self.pod),
        })
    }

    fn step(&self, number: usize) -> Step {
        let PlainStep { index, container } = self.steps[number];
        let probe = match &container.readiness_probe {
            None if !self.rules.breakpoints.is_empty() => Probe::Added,
            _ => Probe::Unchanged,
        };
        Step {
            container: index,
            call: Call::Instead(self.arguments(number)),
            mounts: self.mounts(number),
            probe,
        }
    }

    /// The kubelet expands `$(NAME)` in arguments as in commands, so these carry over as they are.
    fn arguments(&self, number: usize) -> Vec<String> {
        let container = self.steps[number].container;
        let folder = run_folder(number);
        let message = container.termination_message_path.as_deref().filter(|it| !it.is_empty());
        let message = literal(message.unwrap_or("/dev/termination-log"));
        let mut arguments = words(["-step_name", &container.name]);
        if let Some(previous) = number.checked_sub(1) {
            arguments.extend(words(["-wait_file", &format!("{}/out", run_folder(previous))]));
        }
        arguments.extend(words(["-post_file", &format!("{folder}/out")]));
        arguments.extend(words(["-termination_path", &message]));
        arguments.extend(words(["-step_metadata_dir", &format!("{folder}/status")]));
        arguments.extend(flags(&self.rules, &container.name));
        let (first, rest) = container.command.split_first().unzip();
        arguments.extend(words(["-entrypoint", first.map_or("", String::as_str), "--"]));
        arguments.extend(rest.into_iter().flatten().chain(&container.args).cloned());
        arguments
    }

    fn mounts(&self, number: usize) -> Vec<Mount> {
        let shared = match self.settings.delivery {
            Delivery::InitContainer => vec![
                Mount::whole(BINARY_VOLUME, BINARY_FOLDER, Access::Read),
                Mount::whole(STEPS_VOLUME, STEPS, Access::Read),
                scripts_mount(SCRIPTS_VOLUME, Access::Read),
            ],
            Delivery::ImageVolume => {
                let binary = Mount::whole(BINARY_VOLUME, BINARY_FOLDER, Access::Read);
                let binary = Mount { part: Some(FOLDER_IN_IMAGE), ..binary };
                std::iter::once(binary).chain(self.links(number)).collect()
            }
        };
        let downward = downward_mount(DOWNWARD_VOLUME);
        let runs = (0..self.steps.len()).map(|other| {
            Mount::whole(&run_volume(other), &run_folder(other), access(number, other))
        });
        shared.into_iter().chain([downward]).chain(runs).collect()
    }

    /// What stands for the links where nobody can make them.
    fn links(&self, number: usize) -> impl Iterator<Item = Mount> {
        self.steps.iter().enumerate().map(move |(other, step)| {
            let path = format!("{STEPS}/{}", link_name(step.container));
            let whole = Mount::whole(&run_volume(other), &path, access(number, other));
            Mount { part: Some("status"), ..whole }
        })
    }
}

/// The containers that become steps, in their order.
fn steps(pod: &Pod) -> Result<Vec<PlainStep<'_>>, Mistake> {
    let all = || pod.spec.containers.iter().enumerate();
    let Some(names) = annotations::steps(&pod.metadata.annotations)? else {
        return Ok(all().map(|(index, container)| PlainStep { index, container }).collect());
    };
    let find = |name: &String| {
        let found = all().find(|(_, container)| container.name == *name);
        found.map(|(index, container)| PlainStep { index, container }).ok_or_else(|| {
            let known: Vec<_> = all().map(|(_, container)| container.name.as_str()).collect();
            let problem = format!("there is no container `{name}`");
            let remedy = format!("name some of {}", known.join(", "));
            annotations::mistake(&pod.metadata.annotations, "steps", &problem, &remedy)
        })
    };
    names.iter().map(find).collect()
}

/// A word that means itself to the kubelet, which takes `$$` for a dollar.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

fn link_name(container: &Container) -> String {
    format!("step-{}", container.name)
}

fn run_volume(number: usize) -> String {
    format!("holdpoint-run-{number}")
}

fn run_folder(number: usize) -> String {
    format!("/tekton/run/{number}")
}

fn access(own: usize, other: usize) -> Access {
    if own == other { Access::Write } else { Access::Read }
}
