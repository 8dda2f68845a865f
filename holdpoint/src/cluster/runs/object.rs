//! PipelineRuns and TaskRuns as objects: read, listed, changed and made. They are carried as JSON, so
//! that fields of newer versions stay.

use http::Request;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::cluster::connect::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::look::{list, text};
use crate::cluster::target::Kind;

/// A run of Tekton's.
#[derive(Clone, Debug)]
pub struct Run {
    /// A PipelineRun or a TaskRun.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The object as it was read.
    pub object: Value,
}

impl Run {
    /// Reads one.
    ///
    /// # Errors
    /// It is not there, or may not be read.
    pub async fn read(cluster: &Cluster, kind: Kind, name: &str) -> Result<Self, ClusterError> {
        let what = format!("read {kind}/{name}");
        Ok(Self::of(kind, cluster.request(&what, cluster.objects(kind).get(name)).await?))
    }

    /// All of a kind that a selector takes, by name.
    ///
    /// # Errors
    /// They may not be listed.
    pub async fn list(
        cluster: &Cluster,
        kind: Kind,
        selector: Option<&str>,
    ) -> Result<Vec<Self>, ClusterError> {
        let what = format!("list {}", kind.definition().object[1]);
        let parameters =
            ListParams { label_selector: selector.map(str::to_owned), ..<_>::default() };
        let found = cluster.request(&what, cluster.objects(kind).list(&parameters)).await?;
        let mut runs: Vec<_> = found.items.into_iter().map(|it| Self::of(kind, it)).collect();
        runs.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(runs)
    }

    fn of(kind: Kind, object: DynamicObject) -> Self {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let mut object = serde_json::to_value(object).unwrap_or_default();
        let row = kind.definition();
        object["apiVersion"] = json!(row.api.join("/"));
        object["kind"] = json!(row.object[0]);
        Self { kind, namespace, name, object }
    }

    /// As in `pipelinerun/x`.
    pub fn called(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// The cluster, looked at where the run is.
    pub fn place(&self, cluster: &Cluster) -> Cluster {
        cluster.within(Some(self.namespace.clone()))
    }

    /// Reads it again.
    ///
    /// # Errors
    /// It is gone, or may not be read.
    pub async fn again(&self, cluster: &Cluster) -> Result<Self, ClusterError> {
        Self::read(&self.place(cluster), self.kind, &self.name).await
    }

    /// Sets `spec.status` by the JSON patch of TEP-0105, `replace`, and `add` where there is none; of the
    /// object as it was read. A rehearsal changes nothing, and is refused where the change would be.
    ///
    /// # Errors
    /// As the API server says; 422 where the object has changed meanwhile.
    pub async fn set_status(
        &self,
        cluster: &Cluster,
        status: &str,
        is_rehearsal: bool,
    ) -> Result<(), ClusterError> {
        let op = if self.object.pointer("/spec/status").is_some() { "replace" } else { "add" };
        let what = format!("set spec.status of {} to {status}", self.called());
        let version = text(&self.object, "/metadata/resourceVersion");
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": version },
            { "op": op, "path": "/spec/status", "value": status },
        ]);
        let query = if is_rehearsal { "?dryRun=All" } else { "" };
        let path = format!("{}/{}{query}", self.objects(cluster).resource_url(), self.name);
        let request = Request::patch(path)
            .header("content-type", "application/json-patch+json")
            .body(patch.to_string().into_bytes())
            .map_err(|error| ClusterError::Usage(format!("{}: {error}", self.called())))?;
        cluster.request(&what, cluster.client.request::<Value>(request)).await.map(drop)
    }

    /// Sets an annotation, or takes it away.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn annotate(
        &self,
        cluster: &Cluster,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), ClusterError> {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { key: value } } }));
        let (objects, parameters) = (self.objects(cluster), PatchParams::default());
        let what = format!("annotate {}", self.called());
        cluster.request(&what, objects.patch(&self.name, &parameters, &patch)).await.map(drop)
    }

    /// Makes a new one.
    ///
    /// # Errors
    /// As the API server says; 409 where there is one of its name.
    pub async fn create(
        cluster: &Cluster,
        kind: Kind,
        object: &Value,
    ) -> Result<Self, ClusterError> {
        let name = text(object, "/metadata/name");
        let read = serde_json::from_value::<DynamicObject>(object.clone());
        let read = read.map_err(|error| ClusterError::Usage(format!("{kind}/{name}: {error}")))?;
        let (objects, parameters) = (cluster.objects(kind), PostParams::default());
        let what = format!("create {kind}/{name}");
        Ok(Self::of(kind, cluster.request(&what, objects.create(&parameters, &read)).await?))
    }

    /// What Tekton made for its tasks: TaskRuns by their label, and whatever else it names.
    ///
    /// # Errors
    /// They may not be read. One that is gone is left out.
    pub async fn children(&self, cluster: &Cluster) -> Result<Vec<Value>, ClusterError> {
        let cluster = self.place(cluster);
        let label = format!("tekton.dev/pipelineRun={}", self.name);
        // A longer name is in no label.
        let task_runs = match self.name.len() {
            0..=63 => Self::list(&cluster, Kind::TaskRun, Some(&label)).await?,
            _ => Vec::new(),
        };
        let mut children: Vec<_> = task_runs.into_iter().map(|it| it.object).collect();
        for reference in list(&self.object, "/status/childReferences") {
            let is_there = |child: &&Value| {
                text(child, "/kind") == text(reference, "/kind")
                    && text(child, "/metadata/name") == text(reference, "/name")
            };
            if children.iter().find(is_there).is_none() {
                children.extend(referred(&cluster, reference).await?);
            }
        }
        Ok(children)
    }

    fn objects(&self, cluster: &Cluster) -> Api<DynamicObject> {
        self.place(cluster).objects(self.kind)
    }
}

async fn referred(cluster: &Cluster, reference: &Value) -> Result<Option<Value>, ClusterError> {
    let (kind, name) = (text(reference, "/kind"), text(reference, "/name"));
    let (group, version) =
        text(reference, "/apiVersion").split_once('/').unwrap_or(("tekton.dev", "v1"));
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let gvk = GroupVersionKind::gvk(group, version, kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, &plural);
    let objects = cluster.dynamic(&resource);
    match cluster.request(&format!("read {plural}/{name}"), objects.get(name)).await {
        Ok(object) => {
            let mut object = serde_json::to_value(object).unwrap_or_default();
            object["kind"] = json!(kind);
            Ok(Some(object))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
