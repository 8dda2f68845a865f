//! Pods that Tekton's controller made. What Tekton needs unchanged stays so: the order and the names
//! of containers, their termination paths, its volumes; and there is never a new container, which
//! Tekton would take for a sidecar and stop.

use entrypoint::args::{self, Args};

use super::{
    Access, Call, DOWNWARD_VOLUME, Decision, InitContainer, Markers, Mount, Place, Plan, Prepare,
    Probe, SCRIPTS_VOLUME, Source, Step, Volume, downward_mount, flags, leave_to_tekton,
    scripts_mount, share_beside, user_beside, words,
};
use crate::Settings;
use crate::annotations::{self, MARKERS, Others, Rules, Steps};
use crate::pod::{BINARY, BINARY_IN_IMAGE, Container, DEBUG_SCRIPTS, DOWNWARD, Pod};

/// Places our scripts behind those of Tekton's own debugging.
const PLACE_SCRIPTS: &str = "holdpoint-place-scripts";

/// Whether Tekton's controller says that the pod is its own.
pub(super) fn made(pod: &Pod) -> bool {
    let is_task_run = |owner: &crate::pod::Owner| {
        owner.controller && owner.kind == "TaskRun" && owner.api_version.starts_with("tekton.dev/")
    };
    pod.metadata.labels.contains_key("tekton.dev/taskRun")
        && pod.metadata.owner_references.iter().any(is_task_run)
}

/// Decides what becomes of a pod of Tekton's.
pub(super) fn decide(pod: &Pod, settings: &Settings) -> Decision {
    if pod.needs_another_system() {
        return Decision::Leave { reason: "not-linux", warnings: Vec::new() };
    }
    let layout = match Layout::of(pod) {
        Ok(layout) => layout,
        Err(problem) => return unfit(&problem),
    };
    let rules = match Rules::parse(&pod.metadata.annotations, &layout.known_steps(pod)) {
        Ok(rules) => rules,
        Err(mistake) => return leave_to_tekton(&mistake.to_string()),
    };
    match layout.plan(pod, &rules, settings) {
        Ok(plan) => Decision::Inject { reason: "tekton", plan, warnings: warnings(pod) },
        Err(problem) => unfit(&problem),
    }
}

fn unfit(problem: &str) -> Decision {
    let warnings = vec![format!("holdpoint: {problem}; the pod keeps Tekton's own entrypoint")];
    Decision::Leave { reason: "unknown-layout", warnings }
}

fn warnings(pod: &Pod) -> Vec<String> {
    let mut warnings = annotations::unknown(&pod.metadata.annotations);
    if pod.metadata.annotations.contains_key("holdpoint.dev/steps") {
        warnings.push("holdpoint.dev/steps has no effect: the steps are those of the Task".into());
    }
    warnings
}

/// Where Tekton has put what.
struct Layout {
    prepare: usize,
    steps: Vec<TektonStep>,
    downward: Option<usize>,
    scripts: Scripts,
}

struct TektonStep {
    container: usize,
    name: String,
    args: Args,
}

/// Who places debug scripts.
enum Scripts {
    /// Nobody yet.
    None,
    /// Tekton, into this volume: the Task is debugged by its `spec.debug`.
    InVolume(String),
}

impl Layout {
    fn of(pod: &Pod) -> Result<Self, String> {
        let prepare = pod.spec.init_containers.iter().position(is_prepare);
        let prepare = prepare.ok_or("there is no init container that places the entrypoint")?;
        let steps = steps(pod)?;
        if steps.is_empty() {
            return Err("no container runs the entrypoint".to_owned());
        }
        let first_mount = |path: &str| {
            let containers = steps.iter().map(|step| &pod.spec.containers[step.container]);
            containers.filter_map(|container| container.mount_at(path)).next()
        };
        let scripts = first_mount(DEBUG_SCRIPTS)
            .map_or(Scripts::None, |mount| Scripts::InVolume(mount.name.clone()));
        let downward = match first_mount(DOWNWARD) {
            None => None,
            Some(mount) => Some(downward_volume(pod, &mount.name)?),
        };
        Ok(Self { prepare, steps, downward, scripts })
    }

    /// A PipelineRun's annotations arrive on the pods of all its TaskRuns.
    fn known_steps(&self, pod: &Pod) -> Steps {
        let names = self.steps.iter().map(|step| step.name.clone()).collect();
        let in_a_pipeline = pod.metadata.labels.contains_key("tekton.dev/pipelineRun");
        let others = if in_a_pipeline { Others::Elsewhere } else { Others::Mistaken };
        Steps { names, others }
    }

    fn plan(&self, pod: &Pod, rules: &Rules, settings: &Settings) -> Result<Plan, String> {
        let plan = Plan {
            prepare: Some(self.prepare(settings)),
            init_containers: self.place_scripts(pod, settings).into_iter().collect(),
            volumes: self.volumes(),
            markers: self.downward.and_then(|volume| markers(pod, volume)),
            steps: self.steps.iter().map(|step| self.step(step, pod, rules)).collect(),
        };
        let taken = plan.volumes.iter().find(|volume| pod.has_volume(&volume.name));
        if let Some(volume) = taken {
            return Err(format!("there is a volume `{}` already", volume.name));
        }
        if let Some(new) = plan.init_containers.iter().find(|it| pod.has_container(it.name)) {
            return Err(format!("there is a container `{}` already", new.name));
        }
        Ok(plan)
    }

    fn volumes(&self) -> Vec<Volume> {
        let scripts = matches!(self.scripts, Scripts::None)
            .then(|| Volume::new(SCRIPTS_VOLUME, Source::Empty));
        let downward =
            self.downward.is_none().then(|| Volume::new(DOWNWARD_VOLUME, Source::Markers));
        scripts.into_iter().chain(downward).collect()
    }

    fn prepare(&self, settings: &Settings) -> Prepare {
        let (flags, mounts) = match self.scripts {
            Scripts::None => (
                words(["-debug_scripts", DEBUG_SCRIPTS]),
                vec![scripts_mount(SCRIPTS_VOLUME, Access::Write)],
            ),
            Scripts::InVolume(_) => (Vec::new(), Vec::new()),
        };
        Prepare { container: self.prepare, image: settings.image.clone(), flags, mounts }
    }

    /// Tekton's scripts are written by a container behind `prepare`, which as another user could not
    /// write over ours. Ours replace them once it is done.
    fn place_scripts(&self, pod: &Pod, settings: &Settings) -> Option<InitContainer> {
        let Scripts::InVolume(volume) = &self.scripts else { return None };
        Some(InitContainer {
            name: PLACE_SCRIPTS,
            place: Place::Last,
            image: settings.image.clone(),
            command: words([BINARY_IN_IMAGE, "place-scripts", DEBUG_SCRIPTS]),
            mounts: vec![scripts_mount(volume, Access::Write)],
            user: user_beside(pod),
            share: share_beside(pod),
        })
    }

    fn step(&self, step: &TektonStep, pod: &Pod, rules: &Rules) -> Step {
        let container = &pod.spec.containers[step.container];
        let mut flags = flags(rules, &step.name);
        if step.args.breakpoint_on_failure {
            flags.retain(|flag| flag != "-breakpoint_on_failure");
        }
        let held = self.has_breakpoints(rules);
        let probe = match &container.readiness_probe {
            None if held => Probe::Added,
            _ => Probe::Unchanged,
        };
        Step {
            container: step.container,
            call: Call::With(flags),
            mounts: self.mounts(container, pod),
            probe,
        }
    }

    fn mounts(&self, container: &Container, pod: &Pod) -> Vec<Mount> {
        let downward =
            self.downward.map_or(DOWNWARD_VOLUME, |volume| pod.spec.volumes[volume].name.as_str());
        let scripts = match &self.scripts {
            Scripts::None => SCRIPTS_VOLUME,
            Scripts::InVolume(volume) => volume,
        };
        let mounts = [downward_mount(downward), scripts_mount(scripts, Access::Read)];
        mounts.into_iter().filter(|mount| container.mount_at(&mount.path).is_none()).collect()
    }

    /// Whether a step of the run may be held, by the annotations or by Tekton's own debugging.
    fn has_breakpoints(&self, rules: &Rules) -> bool {
        let flagged = |args: &Args| args.breakpoint_on_failure || args.debug_before_step;
        !rules.breakpoints.is_empty() || self.steps.iter().any(|step| flagged(&step.args))
    }
}

/// The container that installs the entrypoint, as Tekton calls it.
fn is_prepare(container: &Container) -> bool {
    let words: Vec<&str> =
        container.command.iter().chain(&container.args).map(String::as_str).collect();
    container.name == "prepare"
        && words.starts_with(&[BINARY_IN_IMAGE, "init", BINARY_IN_IMAGE, BINARY])
}

/// The containers that run the entrypoint around a step.
fn steps(pod: &Pod) -> Result<Vec<TektonStep>, String> {
    let mut steps = Vec::new();
    for (container, step) in pod.spec.containers.iter().enumerate() {
        let words: Vec<_> = step.args.iter().map(Into::into).collect();
        if !step.runs_entrypoint() || args::post_file_of(&words).is_none() {
            continue;
        }
        let args = args::parse(&words).map_err(|error| format!("{}: {error}", step.name))?;
        if args.enable_spire {
            return Err(format!("{}: -enable_spire is not supported", step.name));
        }
        let name = step.name.strip_prefix("step-").unwrap_or(&step.name).to_owned();
        steps.push(TektonStep { container, name, args });
    }
    Ok(steps)
}

fn downward_volume(pod: &Pod, name: &str) -> Result<usize, String> {
    let is_it = |volume: &crate::pod::Volume| volume.name == name && volume.downward_api.is_some();
    let found = pod.spec.volumes.iter().position(is_it);
    found.ok_or_else(|| format!("{DOWNWARD} shows `{name}`, which is no downwardAPI volume"))
}

/// The markers that the volume does not have yet; Tekton's own `cancel` stays.
fn markers(pod: &Pod, volume: usize) -> Option<Markers> {
    let items = &pod.spec.volumes[volume].downward_api.as_ref()?.items;
    let is_new = |name: &&'static str| !items.iter().any(|item| item.path == *name);
    let names: Vec<_> = MARKERS.iter().copied().filter(is_new).collect();
    (!names.is_empty()).then_some(Markers { volume, names })
}
