//! The pods of a run are told at once, so that what runs ends by step and not by task.

use debug_scripts::Word;
use entrypoint::verb::Answer;
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::object::Run;
use super::order::Order;
use crate::args::{self, By, Manner, Until, VerbArguments};
use crate::cluster::annotate::Annotation;
use crate::cluster::answer::Told;
use crate::cluster::ask::Asking;
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::resolve::{again, named};
use crate::cluster::steps::PodSteps;

/// The label by which Tekton tells finally tasks from others.
const MEMBER_OF: &str = "tekton.dev/memberOf";

/// Tells the pods of a run that have not ended; a run without pods has nobody to be told.
///
/// # Errors
/// The pods may not be listed, or the reason cannot stand in an annotation.
pub async fn tell(
    order: Order,
    cluster: &Cluster,
    arguments: &VerbArguments,
    run: &Run,
) -> Result<Vec<Told>, ClusterError> {
    let cluster = run.place(cluster);
    let pods = match named(&cluster, run.kind, &run.name).await {
        Err(error) if error.is_not_found() => Vec::new(),
        pods => pods?,
    };
    let annotation = annotation(order, arguments)?;
    let arguments = to_pods(order, arguments);
    let asking = Asking { cluster: &cluster, arguments: &arguments };
    let meant = |pod: &&Pod| !(order.spares_finally() && is_of_finally(pod));
    let open = pods.iter().filter(meant).map(|pod| (pod, PodSteps::of(pod)));
    let open = open.filter(|(pod, steps)| match steps.steps.as_slice() {
        [] => order.is_for_steps() && !is_over(pod),
        _ => !steps.has_ended(),
    });
    let (foreign, open): (Vec<_>, Vec<_>) = open.partition(|(_, steps)| steps.steps.is_empty());
    let told = open.iter().map(|(pod, steps)| tell_one(order, &annotation, &asking, pod, steps));
    let told = join_all(told).await;
    let code = if open.is_empty() { Answer::REJECTED } else { 0 };
    let unheeded = foreign.iter().map(|(_, steps)| unheeded(&asking, steps, code));
    Ok(told.into_iter().chain(unheeded).collect())
}

/// A pod without steps of ours goes on; where others do as they are told, that is no failure.
fn unheeded(asking: &Asking<'_>, pod: &PodSteps, code: i32) -> Told {
    let message = format!(
        "not {}: no container of it runs the step entrypoint, so it goes on until `kubectl delete pod/{} -n {}{}`",
        asking.verb(),
        pod.name,
        pod.namespace,
        asking.arguments.reach.way(),
    );
    Told { outcome: "rejected", ..Told::new(pod, asking.verb(), code, message) }
}

/// Tells one pod: its steps where some run, else by an annotation that they find when they begin.
async fn tell_one(
    order: Order,
    annotation: &Annotation,
    asking: &Asking<'_>,
    pod: &Pod,
    steps: &PodSteps,
) -> Told {
    let one = std::slice::from_ref(steps);
    let unasked = |message: String| Told::new(steps, asking.verb(), Answer::NOBODY, message);
    if !steps.is_live() {
        return annotation.leave(asking, steps).await;
    }
    let by_annotation = asking.arguments.manner.by == Some(By::Annotate);
    let told =
        if by_annotation { annotation.put(asking, one).await } else { asking.run(one).await };
    let Some(told) = told.into_iter().next() else {
        return unasked("nobody was asked".to_owned());
    };
    let told = seen_again(asking.cluster, order, told, steps).await;
    let inherited = pod.annotations().contains_key(&annotation.pair().0);
    if order != Order::Resume || by_annotation || !inherited || told.outcome == "dry-run" {
        return told;
    }
    // A pause that the pod inherited ends with its annotation alone.
    match annotation.set(asking, steps).await {
        Ok(()) => told.then(0, "a pause that it inherited ends within about two minutes"),
        Err(error) => unasked(error.to_string()),
    }
}

/// The annotation by which an order reaches pods that begin later.
///
/// # Errors
/// The reason says that there is none.
pub fn annotation(order: Order, arguments: &VerbArguments) -> Result<Annotation, ClusterError> {
    let reason = arguments.words.join(" ");
    Annotation::new(order.verb(), &reason).map_err(ClusterError::Usage)
}

/// What was typed, as it is put to pods: of the run's end the run itself tells, and a time for it is none
/// for their answers.
fn to_pods(order: Order, arguments: &VerbArguments) -> VerbArguments {
    let manner = &arguments.manner;
    let until = manner.until.filter(|until| *until != Until::Finished);
    let timeout = manner.timeout.clone().filter(|_| until.is_some());
    let wait = arguments.asking.wait.clone().filter(|_| !order.ends());
    VerbArguments {
        word: Word::Run(order.verb()),
        asking: args::Asking { wait, ..arguments.asking.clone() },
        manner: Manner { until, timeout, ..manner.clone() },
        ..arguments.clone()
    }
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn is_of_finally(pod: &Pod) -> bool {
    pod.labels().get(MEMBER_OF).is_some_and(|member| member == "finally")
}

/// Tekton may end a pod before it could answer: then all is as it was to be.
async fn seen_again(cluster: &Cluster, order: Order, told: Told, pod: &PodSteps) -> Told {
    if told.code == 0 || !order.ends() {
        return told;
    }
    let message = match again(cluster, pod).await {
        Ok(pod) if pod.has_ended() => format!("it has ended ({})", pod.described()),
        Err(error) if error.is_not_found() => "the pod is gone".to_owned(),
        _ => return told,
    };
    Told { message, ..Told::new(pod, told.verb, 0, String::new()) }
}
