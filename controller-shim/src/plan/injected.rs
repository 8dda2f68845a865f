//! The annotation that lists all that was injected, by which a pod that has it all is known.

use super::{Call, Plan, Probe, Step};
use crate::annotations::INJECTED;
use crate::pod::{Container, Pod};

/// The list for a plan: `KIND:NAME` between commas.
pub fn list(pod: &Pod, plan: &Plan) -> String {
    let containers = &pod.spec.containers;
    let name = |containers: &[Container], at: usize| {
        containers.get(at).map_or_else(String::new, |container| container.name.clone())
    };
    let prepare = plan.prepare.iter().map(|it| name(&pod.spec.init_containers, it.container));
    let markers = plan.markers.iter().filter_map(|it| pod.spec.volumes.get(it.volume));
    let is_changed = |step: &&Step| step.call != Call::With(Vec::new()) || !step.mounts.is_empty();
    let changed = plan.steps.iter().filter(is_changed);
    let probed = plan.steps.iter().filter(|step| step.probe == Probe::Added);
    let items = prepare
        .map(|name| format!("image:{name}"))
        .chain(plan.init_containers.iter().map(|it| format!("init:{}", it.name)))
        .chain(plan.volumes.iter().map(|it| format!("volume:{}", it.name)))
        .chain(markers.map(|volume| format!("markers:{}", volume.name)))
        .chain(changed.map(|it| format!("step:{}", name(containers, it.container))))
        .chain(probed.map(|it| format!("probe:{}", name(containers, it.container))));
    items.collect::<Vec<_>>().join(",")
}

/// Whether the pod says that it is injected, and all that it lists is there.
pub(super) fn is_there(pod: &Pod) -> bool {
    let Some(list) = pod.metadata.annotations.get(INJECTED) else { return false };
    list.split(',').all(|item| has(pod, item))
}

fn has(pod: &Pod, item: &str) -> bool {
    let container = |name: &str| pod.spec.containers.iter().find(|it| it.name == name);
    match item.split_once(':') {
        Some(("init" | "image", name)) => pod.has_init_container(name),
        Some(("volume" | "markers", name)) => pod.has_volume(name),
        Some(("step", name)) => container(name).is_some_and(Container::runs_entrypoint),
        // A person may have taken it away, and what is left is no less injected.
        Some(("probe", name)) => container(name).is_some(),
        _ => false,
    }
}
