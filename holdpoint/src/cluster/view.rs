//! A look at the pods of a target: what their steps say of themselves, where one may look into them, and
//! what the kubelet says of the others.

use futures_util::stream::{self, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};

use super::connect::Cluster;
use super::error::ClusterError;
use super::exec::ExecError;
use super::resolve::{self, Found};
use super::row::{Known, Row};
use super::states::{self, Unseen};
use super::steps::{Life, PodSteps, StepPlace};
use super::target::{Kind, Target};
use super::told::Told;
use entrypoint::state::Phase;

/// How many pods are looked into at a time.
const AT_ONCE: usize = 8;

/// What a look at a target shows.
#[derive(Debug)]
pub struct View {
    /// The target; for `@latest` the run that was found.
    pub target: Target,
    /// Its pods, oldest first.
    pub pods: Vec<PodView>,
}

/// What a look at a pod shows.
#[derive(Debug)]
pub struct PodView {
    /// The pod as it was seen.
    pub pod: Pod,
    /// Its steps, in their order.
    pub rows: Vec<Row>,
    /// Why it was not looked into, where it could have been.
    pub unseen: Option<Unseen>,
}

impl View {
    /// The steps of all pods: those that wait for a person first, else in their order.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<_> = self.pods.iter().flat_map(|pod| pod.rows.clone()).collect();
        rows.sort_by_key(Row::urgency);
        rows
    }

    /// What the pods are called in a table, where they must be told apart.
    pub fn title(&self) -> Option<&'static str> {
        match self.target {
            Target::Named(Kind::PipelineRun, _) => Some("TASK"),
            Target::Named(Kind::Pod | Kind::TaskRun, _) if self.pods.len() == 1 => None,
            _ => Some("POD"),
        }
    }
}

/// Lines that say why nobody looked into some pods. What is not allowed is said once for all.
pub fn remarks(pods: &[PodView]) -> Vec<String> {
    let unseen = pods.iter().filter_map(|view| Some((&view.pod, view.unseen.as_ref()?)));
    let (forbidden, others): (Vec<_>, Vec<_>) =
        unseen.partition(|(_, why)| matches!(why, Unseen::Exec(ExecError::Forbidden(_))));
    let line = |pod: &Pod, which: &str, why: &Unseen| {
        format!(
            "pod/{}{which} not looked into: {why}; what is shown is what the kubelet says",
            pod.name_any()
        )
    };
    let for_all = forbidden.first().map(|(pod, why)| match forbidden.len() {
        1 => line(pod, " is", why),
        several => line(pod, &format!(" and {} more are", several - 1), why),
    });
    for_all.into_iter().chain(others.iter().map(|(pod, why)| line(pod, " is", why))).collect()
}

/// Looks at a target.
///
/// # Errors
/// The target is not there, or its pods may not be read.
pub async fn look(
    cluster: &Cluster,
    target: &Target,
    selector: Option<&str>,
) -> Result<View, ClusterError> {
    let Found { target, pods } = resolve::find(cluster, target, selector).await?;
    Ok(View { target, pods: look_into(cluster, pods).await })
}

/// Looks into these pods.
pub async fn look_into(cluster: &Cluster, pods: Vec<Pod>) -> Vec<PodView> {
    let views = pods.into_iter().map(|pod| async move {
        let view = view(cluster, pod).await;
        match &view.unseen {
            // It may have ended in between.
            Some(Unseen::Exec(why)) if why.may_pass() => match again(cluster, &view.pod).await {
                Some(pod) => self::view(cluster, pod).await,
                None => view,
            },
            _ => view,
        }
    });
    stream::iter(views).buffered(AT_ONCE).collect().await
}

async fn again(cluster: &Cluster, pod: &Pod) -> Option<Pod> {
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace()?);
    cluster.request("read the pod again", pods.get(&pod.name_any())).await.ok()
}

async fn view(cluster: &Cluster, pod: Pod) -> PodView {
    let steps = PodSteps::of(&pod);
    let (states, unseen) = match states::states(cluster, &steps).await {
        Ok(states) => (states, None),
        Err(Unseen::NotRunning(_)) => (Vec::new(), None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let row = |place: &StepPlace| {
        let mut said = states.iter().filter(|state| state.step == place.step);
        // Of a container that has ended without a word the kubelet knows more.
        let said =
            said.find(|it| it.phase == Phase::Finished || !matches!(place.life, Life::Ended(_)));
        let known = match said {
            Some(state) => Known::Step(state.clone()),
            None => Known::Kubelet(Told::of(&pod, &steps, place)),
        };
        Row::new(&pod, place, known)
    };
    let rows = steps.steps.iter().map(row).collect();
    PodView { rows, unseen, pod }
}

/// Whether a pod has ended, or can never begin.
pub fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed")) || PodSteps::of(pod).has_ended()
}

/// Whether a run has ended: its pods have, and its object says that there will be no others.
///
/// # Errors
/// The object may not be read now.
pub async fn has_ended<'a>(
    cluster: &Cluster,
    target: &Target,
    pods: impl IntoIterator<Item = &'a Pod>,
) -> Result<bool, ClusterError> {
    if !pods.into_iter().all(is_over) {
        return Ok(false);
    }
    let Target::Named(kind @ (Kind::TaskRun | Kind::PipelineRun | Kind::Job), name) = target else {
        return Ok(true);
    };
    match resolve::object(cluster, *kind, name).await {
        Ok(object) => Ok(is_done(&object.data)),
        Err(error) if error.may_pass() => Err(error),
        // Whose object is gone, or is not for our eyes, has only its pods to tell.
        Err(_) => Ok(true),
    }
}

/// What the conditions of a run or a Job say.
fn is_done(object: &serde_json::Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(|it| it.as_array());
    conditions.into_iter().flatten().any(|condition| {
        let of = |name: &str| condition.get(name).and_then(|it| it.as_str()).unwrap_or_default();
        match of("type") {
            "Succeeded" => of("status") != "Unknown",
            "Complete" | "Failed" => of("status") == "True",
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::row::tests::pod;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_allowed_is_said_once() {
        let view = |name: &str, why: ExecError| PodView {
            pod: pod(name, "x"),
            rows: Vec::new(),
            unseen: Some(Unseen::Exec(why)),
        };
        let forbidden = |name: &str| view(name, ExecError::Forbidden(format!("not {name}")));
        let all = [forbidden("a"), view("b", ExecError::Closed), forbidden("c")];
        let told = remarks(&all);
        assert!(told[0].starts_with("pod/a and 1 more are not looked into: commands "), "{told:?}");
        assert!(told[1].starts_with("pod/b is not looked into: the connection closed"), "{told:?}");
        assert_eq!((told.len(), remarks(&[])), (2, Vec::new()));
    }

    #[test]
    fn an_object_says_whether_there_will_be_more() {
        for (kind, status, done) in [
            ("Succeeded", "Unknown", false),
            ("Succeeded", "False", true),
            ("Succeeded", "True", true),
            ("Failed", "True", true),
            ("Failed", "False", false),
            ("Complete", "True", true),
            ("Suspended", "True", false),
        ] {
            let condition = json!({"type": kind, "status": status});
            assert_eq!(is_done(&json!({"status": {"conditions": [condition]}})), done, "{kind}");
        }
        assert!(!is_done(&json!({})));
    }
}
