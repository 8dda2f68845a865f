//! From a target to its pods.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt as _};

use super::connect::Cluster;
use super::error::ClusterError;
use super::steps::PodSteps;
use super::target::{Kind, Target};
use controller_shim::annotations::INJECTED;

/// By which labels Tekton says whose a pod is, the largest run first.
const RUNS: [Kind; 2] = [Kind::PipelineRun, Kind::TaskRun];

/// What a target is, with its pods that have steps.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The target; for `@latest` the run that was found.
    pub target: Target,
    /// At least one, oldest first.
    pub pods: Vec<PodSteps>,
}

/// What a target is, with the objects of its pods that have steps.
#[derive(Clone, Debug)]
pub struct Found {
    /// The target; for `@latest` the run that was found.
    pub target: Target,
    /// At least one, oldest first.
    pub pods: Vec<Pod>,
}

impl Found {
    /// The cluster, looked at where the target is: `@latest` may have found a run of another namespace.
    pub fn place(&self, cluster: &Cluster) -> Cluster {
        match &self.target {
            Target::Named(..) => cluster.within(self.pods.first().and_then(Pod::namespace)),
            _ => cluster.clone(),
        }
    }

    /// Whether the names of its steps must say the pod too.
    pub fn is_several(&self) -> bool {
        let is_one = matches!(self.target, Target::Named(Kind::Pod | Kind::TaskRun, _));
        self.pods.len() > 1 || !is_one
    }
}

/// The pods of a target, as far as verbs need them.
///
/// # Errors
/// The target is not there, or has no pod with steps.
pub async fn resolve(
    cluster: &Cluster,
    target: &Target,
    selector: Option<&str>,
) -> Result<Resolved, ClusterError> {
    let Found { target, pods } = find(cluster, target, selector).await?;
    Ok(Resolved { target, pods: pods.iter().map(PodSteps::of).collect() })
}

/// The pods of a target.
///
/// # Errors
/// The target is not there, or has no pod with steps.
pub async fn find(
    cluster: &Cluster,
    target: &Target,
    selector: Option<&str>,
) -> Result<Found, ClusterError> {
    let (target, pods) = match target {
        Target::Named(kind, name) => (target.clone(), named(cluster, *kind, name).await?),
        Target::Every(kind) => (target.clone(), every(cluster, *kind, selector).await?),
        Target::Latest => latest(cluster, selector).await?,
    };
    let is_there = !pods.is_empty();
    let mut pods = in_order(pods);
    pods.retain(has_steps);
    match (is_there, pods.is_empty()) {
        (false, _) => Err(ClusterError::Nobody(no_pods(cluster, &target, selector))),
        (_, true) => Err(ClusterError::Nobody(format!(
            "{target}: no container of it runs the step entrypoint; annotate the pod with \
             holdpoint.dev/inject: \"true\" before it is made, or see `holdpoint inject --help`"
        ))),
        _ => Ok(Found { target, pods }),
    }
}

/// The pods that run steps and have not ended, oldest first.
///
/// # Errors
/// They may not be listed.
pub async fn live(cluster: &Cluster, selector: Option<&str>) -> Result<Vec<Pod>, ClusterError> {
    let not_over = "status.phase!=Succeeded,status.phase!=Failed";
    let parameters = ListParams { field_selector: Some(not_over.to_owned()), ..labels(selector) };
    let mut pods = in_order(listed_by(cluster, &parameters).await?);
    pods.retain(|pod| is_ours(pod) && has_steps(pod));
    Ok(pods)
}

/// All pods of ours, oldest first.
///
/// # Errors
/// They may not be listed.
pub async fn ours(cluster: &Cluster) -> Result<Vec<Pod>, ClusterError> {
    let mut pods = in_order(listed(cluster, None).await?);
    pods.retain(is_ours);
    Ok(pods)
}

/// Every target that a pod belongs to, the smallest first: the pod, its Job or TaskRun, its
/// PipelineRun.
pub fn targets_of(pod: &Pod) -> Vec<Target> {
    let own = Target::Named(Kind::Pod, pod.name_any());
    let larger = [Kind::Job, Kind::TaskRun, Kind::PipelineRun].into_iter().filter_map(|kind| {
        let mut labels = kind.definition().labels.iter();
        let name = labels.find_map(|label| pod.labels().get(*label))?;
        Some(Target::Named(kind, name.clone()))
    });
    std::iter::once(own).chain(larger).collect()
}

/// Whether a container of a pod runs the entrypoint.
pub fn has_steps(pod: &Pod) -> bool {
    !PodSteps::of(pod).steps.is_empty()
}

/// A pod as it is now.
///
/// # Errors
/// It is gone, or may not be read.
pub async fn again(cluster: &Cluster, pod: &PodSteps) -> Result<PodSteps, ClusterError> {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace);
    let read = cluster.request(&format!("read pod {}", pod.name), pods.get(&pod.name)).await?;
    Ok(PodSteps::of(&read))
}

/// The pods of one object; none where it has none yet.
///
/// # Errors
/// It is not there, or may not be read.
pub async fn named(cluster: &Cluster, kind: Kind, name: &str) -> Result<Vec<Pod>, ClusterError> {
    if kind == Kind::Pod {
        let what = format!("read {kind}/{name}{}", place(cluster));
        return Ok(vec![cluster.request(&what, cluster.all::<Pod>().get(name)).await?]);
    }
    let found = of_run(cluster, kind, name).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    // The object itself tells whether it has no pods yet or is not there, and which pod it has where its
    // name is too long for a label.
    let object = object(cluster, kind, name).await?;
    let pod = object.data.pointer("/status/podName").and_then(|name| name.as_str());
    match pod.filter(|name| !name.is_empty()) {
        None => Ok(Vec::new()),
        Some(pod) => {
            let what = format!("read pod {pod} of {kind}/{name}");
            Ok(vec![cluster.request(&what, cluster.all::<Pod>().get(pod)).await?])
        }
    }
}

/// The pods that carry the label of a run.
async fn of_run(cluster: &Cluster, kind: Kind, name: &str) -> Result<Vec<Pod>, ClusterError> {
    for label in kind.definition().labels {
        // A longer name is in no label.
        if name.len() > 63 {
            break;
        }
        let pods = listed(cluster, Some(&format!("{label}={name}"))).await?;
        if !pods.is_empty() {
            return Ok(pods);
        }
    }
    Ok(Vec::new())
}

async fn every(
    cluster: &Cluster,
    kind: Kind,
    selector: Option<&str>,
) -> Result<Vec<Pod>, ClusterError> {
    if kind == Kind::Pod {
        return listed(cluster, selector).await;
    }
    let objects = cluster.objects(kind);
    let what = format!("list {}", kind.definition().object[1]);
    let found = cluster.request(&what, objects.list(&labels(selector))).await?;
    let mut pods = Vec::new();
    for object in found {
        let namespace = object.namespace().or_else(|| cluster.namespace.clone());
        let there = cluster.within(namespace);
        pods.extend(named(&there, kind, &object.name_any()).await?);
    }
    Ok(pods)
}

/// The newest run that is live and has steps of ours.
async fn latest(
    cluster: &Cluster,
    selector: Option<&str>,
) -> Result<(Target, Vec<Pod>), ClusterError> {
    let pods = listed(cluster, selector).await?;
    let newest =
        in_order(pods).into_iter().rev().find(|pod| is_ours(pod) && PodSteps::of(pod).is_live());
    let Some(pod) = newest else {
        return Err(ClusterError::Nobody(format!(
            "@latest: no live run with steps{}; look in another namespace with -n, or in all with -A",
            place(cluster)
        )));
    };
    let there = cluster.within(pod.namespace());
    match run_of(&pod) {
        Some((kind, name)) => {
            let pods = of_run(&there, kind, &name).await?;
            Ok((Target::Named(kind, name), pods))
        }
        None => Ok((Target::Named(Kind::Pod, pod.name_any()), vec![pod])),
    }
}

/// Whether Tekton made it or the webhook injected it.
fn is_ours(pod: &Pod) -> bool {
    pod.annotations().contains_key(INJECTED) || run_of(pod).is_some()
}

/// The run that a pod says it belongs to.
fn run_of(pod: &Pod) -> Option<(Kind, String)> {
    RUNS.into_iter().find_map(|kind| {
        let label = kind.definition().labels.first()?;
        Some((kind, pod.labels().get(*label)?.clone()))
    })
}

async fn listed(cluster: &Cluster, selector: Option<&str>) -> Result<Vec<Pod>, ClusterError> {
    listed_by(cluster, &labels(selector)).await
}

async fn listed_by(cluster: &Cluster, parameters: &ListParams) -> Result<Vec<Pod>, ClusterError> {
    let what = format!("list pods{}", place(cluster));
    Ok(cluster.request(&what, cluster.all::<Pod>().list(parameters)).await?.items)
}

fn labels(selector: Option<&str>) -> ListParams {
    ListParams { label_selector: selector.map(str::to_owned), ..<_>::default() }
}

/// The object of a run.
///
/// # Errors
/// It is not there, or may not be read.
pub async fn object(
    cluster: &Cluster,
    kind: Kind,
    name: &str,
) -> Result<DynamicObject, ClusterError> {
    let what = format!("read {kind}/{name}{}", place(cluster));
    cluster.request(&what, cluster.objects(kind).get(name)).await
}

fn in_order(mut pods: Vec<Pod>) -> Vec<Pod> {
    pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone()));
    pods
}

fn no_pods(cluster: &Cluster, target: &Target, selector: Option<&str>) -> String {
    match (target, selector) {
        (Target::Every(kind), Some(selector)) => {
            format!("no {kind} with {selector}{} has a pod", place(cluster))
        }
        _ => {
            let namespace = cluster.namespace.iter().map(|it| format!(" -n {it}"));
            let namespace: String = namespace.collect();
            format!("{target} has no pod yet; `kubectl describe {target}{namespace}` says why")
        }
    }
}

/// Where it is looked, as a part of a sentence.
pub fn place(cluster: &Cluster) -> String {
    match &cluster.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    }
}
