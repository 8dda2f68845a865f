//! What is known of a pod while it is followed: looked at again and again, or at once where something
//! must have changed.

use std::cell::Cell;
use std::slice;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::row::{Known, Row};
use crate::cluster::states::Unseen;
use crate::cluster::steps::{Life, PodSteps, StepPlace};
use crate::cluster::told::Told;
use crate::cluster::view::{PodView, is_over, look_into, remarks};

/// How often it is looked at.
const GLANCE: Duration = Duration::from_secs(1);

/// How long a new look is waited for.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// How long a pod may not be looked into before that is said: while containers end, some looks are in vain.
const PATIENCE: Duration = Duration::from_secs(5);

/// Words of the kubelet for a container that is about to begin.
const USUAL: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The code of a step that was ended by force.
const KILLED: u8 = 128 + 9;

/// A pod that is looked at.
pub(super) struct Looks<'a> {
    cluster: &'a Cluster,
    /// The pod as it was first.
    pub(super) pod: Pod,
    seen: watch::Sender<Option<Seen>>,
    /// How many looks have begun.
    begun: Cell<u64>,
    hurry: Notify,
}

/// What the last look shows.
pub(super) struct Seen {
    view: PodView,
    /// Which look that was.
    look: u64,
    gone: bool,
}

/// The same of one step.
#[derive(Debug)]
pub(super) struct StepSeen {
    pub(super) row: Option<Row>,
    pub(super) life: Life,
    /// Why its container can end no more, where that is so.
    pub(super) lost: Option<&'static str>,
    /// Why nobody looked into the pod, or why the container does not begin.
    pub(super) remark: Option<String>,
}

impl<'a> Looks<'a> {
    pub(super) fn new(cluster: &'a Cluster, pod: Pod) -> Self {
        let (seen, begun, hurry) = (watch::Sender::new(None), Cell::new(0), Notify::new());
        Self { cluster, pod, seen, begun, hurry }
    }

    /// Looks until it is dropped; returns where the pod may not be read.
    pub(super) async fn keep_up(&self) -> ClusterError {
        let namespace = self.pod.namespace().unwrap_or_default();
        let pods = Api::<Pod>::namespaced(self.cluster.client.clone(), &namespace);
        let (name, what) = (self.pod.name_any(), format!("read pod {}", self.pod.name_any()));
        let mut in_vain_since = None;
        loop {
            let look = self.begun.get() + 1;
            self.begun.set(look);
            match self.cluster.request(&what, pods.get(&name)).await {
                Ok(pod) => {
                    let mut view = look_into(self.cluster, vec![pod]).await.pop();
                    view.iter_mut().for_each(|view| be_patient(view, &mut in_vain_since));
                    drop(self.seen.send_replace(view.map(|view| Seen { view, look, gone: false })));
                }
                Err(error) if error.is_not_found() => self.lose(),
                Err(error) if error.may_pass() => {}
                Err(error) => return error,
            }
            tokio::select! {
                () = self.hurry.notified() => {}
                () = sleep(GLANCE) => {}
            }
        }
    }

    /// Looks at once.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Waits for a look that begins only now, where the API server answers.
    pub(super) async fn anew(&self) {
        let begun = self.begun.get();
        let is_new =
            |seen: &Option<Seen>| seen.as_ref().is_some_and(|seen| seen.gone || seen.look > begun);
        let mut news = self.listen();
        self.hurry();
        let _ = timeout(LONGEST_LOOK, news.wait_for(is_new)).await;
    }

    /// Hears of each look.
    pub(super) fn listen(&self) -> watch::Receiver<Option<Seen>> {
        self.seen.subscribe()
    }

    /// What is known of a step; nothing before the first look.
    pub(super) fn of(&self, place: &StepPlace) -> Option<StepSeen> {
        let seen = self.seen.borrow();
        let Seen { view, gone, .. } = seen.as_ref()?;
        let row = view.rows.iter().find(|row| row.container == place.container).cloned();
        let steps = PodSteps::of(&view.pod);
        let life = steps.step(&place.container).map_or(Life::Waiting, |place| place.life);
        let lost = match life {
            _ if *gone => Some("its pod is gone"),
            Life::Waiting if is_over(&view.pod) => Some("its pod has ended without it"),
            _ => None,
        };
        let remark = remarks(slice::from_ref(view)).pop().or_else(|| trouble(row.as_ref()?, life));
        Some(StepSeen { row, life, lost, remark })
    }

    fn lose(&self) {
        let pod = self.pod.clone();
        self.seen.send_modify(|seen| match seen {
            Some(seen) => seen.gone = true,
            None => {
                let view = PodView { pod, rows: vec![], unseen: None };
                *seen = Some(Seen { view, look: 0, gone: true });
            }
        });
    }
}

/// Leaves out why nobody looked into a pod, as long as that may pass.
fn be_patient(view: &mut PodView, since: &mut Option<Instant>) {
    if !view.unseen.as_ref().is_some_and(Unseen::may_pass) {
        *since = None;
    } else if since.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
        view.unseen = None;
    }
}

/// Why a container does not begin, where it is not just about to.
fn trouble(row: &Row, life: Life) -> Option<String> {
    let Known::Kubelet(told) = &row.known else { return None };
    let is_usual = told.reason.as_deref().is_none_or(|reason| USUAL.contains(&reason));
    let waits = life == Life::Waiting && !is_usual;
    waits.then(|| format!("{}: {}", told.step, told.message))
}

impl StepSeen {
    /// Its exit code, once its container has ended or can no longer.
    pub(super) fn end(&self) -> Option<u8> {
        match self.life {
            Life::Ended(code) => Some(u8::try_from(code).unwrap_or(1)),
            _ => self.lost.map(|_| KILLED),
        }
    }

    /// What the kubelet says of a container that has ended without a word.
    pub(super) fn told(&self) -> Option<&Told> {
        match self.row.as_ref().map(|row| &row.known) {
            Some(Known::Kubelet(told)) if matches!(self.life, Life::Ended(_)) => Some(told),
            _ => None,
        }
    }
}
