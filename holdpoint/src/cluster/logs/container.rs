//! The log of one container, line by line; where the connection breaks it goes on where it was.

use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt as _};
use tokio::io::{AsyncReadExt as _, copy, sink};
use tokio::sync::mpsc::Sender;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

use super::Line;
use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::run::lines::Lines;

/// How often in turn a log may break off without a line before that is an error.
const MOST_BREAKS: u32 = 5;

/// A container's log, and how far it was read.
pub(in crate::cluster) struct Log<'a> {
    cluster: &'a Cluster,
    pods: Api<Pod>,
    pod: String,
    container: &'a str,
    /// How many bytes were shown.
    shown: u64,
    breaks: u32,
}

impl<'a> Log<'a> {
    pub(in crate::cluster) fn new(cluster: &'a Cluster, pod: &Pod, container: &'a str) -> Self {
        let namespace = pod.namespace().unwrap_or_default();
        Self {
            cluster,
            pods: Api::namespaced(cluster.client.clone(), &namespace),
            pod: pod.name_any(),
            container,
            shown: 0,
            breaks: 0,
        }
    }

    /// Reads on from where it was to the end, which for one that is followed comes with the container's.
    /// False where the connection broke before.
    pub(in crate::cluster) async fn read(
        &mut self,
        follow: bool,
        name: &str,
        to: &Sender<Line>,
    ) -> Result<bool, ClusterError> {
        let before = self.shown;
        let read = self.read_on(follow, name, to).await;
        self.breaks = if self.shown > before { 0 } else { self.breaks + 1 };
        match read {
            Ok(true) => {
                self.breaks = 0;
                Ok(true)
            }
            Ok(false) if self.breaks < MOST_BREAKS => Ok(false),
            Ok(false) => Err(ClusterError::Nobody(format!(
                "the log of container {} of pod/{} broke off {MOST_BREAKS} times; try again",
                self.container, self.pod
            ))),
            Err(error) if error.may_pass() && self.breaks < MOST_BREAKS => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn read_on(
        &mut self,
        follow: bool,
        name: &str,
        to: &Sender<Line>,
    ) -> Result<bool, ClusterError> {
        let what = format!("read the log of container {} of pod/{}", self.container, self.pod);
        let container = Some(self.container.to_owned());
        let parameters = LogParams { container, follow, ..LogParams::default() };
        let stream = self.pods.log_stream(&self.pod, &parameters);
        let mut stream = Box::pin(self.cluster.request(&what, stream).await?).compat();
        let skipped = copy(&mut (&mut stream).take(self.shown), &mut sink()).await;
        if skipped.is_err() {
            return Ok(false);
        }
        let (start, mut lines) = (self.shown, Lines::new(stream));
        while let Some(text) = lines.next().await {
            // What is left of a line that broke off is read again.
            if lines.failed() {
                break;
            }
            self.shown = start + lines.taken();
            // Nobody shows any more lines: another pod's log was an error.
            let _ = to.send(Line { name: name.to_owned(), text }).await;
        }
        Ok(!lines.failed())
    }
}
