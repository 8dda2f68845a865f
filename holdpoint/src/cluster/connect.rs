//! The way to a cluster: kubeconfig, context, namespace and user, as kubectl takes them.

use std::future::Future;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::{GroupVersionKind, NamespaceResourceScope};
use kube::{Api, Client, Config, Resource};
use tokio::time::timeout;

use super::error::ClusterError;
use super::target::Kind;
use crate::args::Reach;

/// How long one request may take.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// A cluster, and where in it is looked.
#[derive(Clone)]
pub struct Cluster {
    /// The client of its API server.
    pub client: Client,
    /// None for all namespaces.
    pub namespace: Option<String>,
    server: String,
}

impl Cluster {
    /// The cluster that the flags name.
    ///
    /// # Errors
    /// The kubeconfig cannot be read, or does not have what is named.
    pub async fn connect(reach: &Reach) -> Result<Self, ClusterError> {
        // An error says that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = config(reach).await?;
        if reach.impersonate.is_some() {
            config.auth_info.impersonate.clone_from(&reach.impersonate);
        }
        let server = config.cluster_url.to_string();
        let namespace = match &reach.namespace {
            _ if reach.all_namespaces => None,
            Some(namespace) => Some(namespace.clone()),
            None => Some(config.default_namespace.clone()),
        };
        let client = Client::try_from(config).map_err(|error| ClusterError::Kubeconfig {
            file: file(reach),
            why: error.to_string(),
            remedy: "look at the certificates and the user of the context".to_owned(),
        })?;
        Ok(Self { client, namespace, server })
    }

    /// The same cluster, looked at in one namespace or in all.
    pub fn within(&self, namespace: Option<String>) -> Self {
        Self { namespace, ..self.clone() }
    }

    /// The objects of a kind that are looked at.
    pub fn all<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// The objects of a target's kind, as they are.
    pub fn objects(&self, kind: Kind) -> Api<DynamicObject> {
        let row = kind.definition();
        let ([group, version], [object, plural]) = (row.api, row.object);
        let kind = GroupVersionKind::gvk(group, version, object);
        self.dynamic(&ApiResource::from_gvk_with_plural(&kind, plural))
    }

    /// The objects of any resource, as they are.
    pub fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    /// Makes a request, which answers or fails in bounded time.
    ///
    /// # Errors
    /// As the API server says, or that it does not answer.
    pub async fn request<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        match timeout(LONGEST_REQUEST, request).await {
            Ok(answer) => answer.map_err(|error| ClusterError::request(what, &self.server, error)),
            Err(_) => Err(ClusterError::Unreachable {
                what: what.to_owned(),
                server: self.server.clone(),
                why: format!("nothing within {} s", LONGEST_REQUEST.as_secs()),
            }),
        }
    }
}

/// That of the kubeconfig; within a pod that has none, that of the pod.
async fn config(reach: &Reach) -> Result<Config, ClusterError> {
    let read = match &reach.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = match read {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let given = reach.kubeconfig.is_some() || reach.context.is_some();
            let in_pod = (!given).then(|| Config::incluster().ok()).flatten();
            return in_pod.ok_or_else(|| unreadable(reach, &error));
        }
    };
    let contexts: Vec<_> = kubeconfig.contexts.iter().map(|it| it.name.clone()).collect();
    let options = KubeConfigOptions { context: reach.context.clone(), ..Default::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| unfit(reach, &contexts, &error))
}

fn unreadable(reach: &Reach, error: &KubeconfigError) -> ClusterError {
    let why = match error {
        KubeconfigError::ReadConfig(source, _) => source.to_string(),
        other => other.to_string(),
    };
    let remedy = "name the file with --kubeconfig, or in KUBECONFIG".to_owned();
    ClusterError::Kubeconfig { file: file(reach), why, remedy }
}

fn unfit(reach: &Reach, contexts: &[String], error: &KubeconfigError) -> ClusterError {
    let known = match contexts {
        [] => "it has no contexts".to_owned(),
        some => format!("its contexts are {}", some.join(", ")),
    };
    let (why, remedy) = match (error, &reach.context) {
        (KubeconfigError::LoadContext(_), Some(name)) => {
            (format!("there is no context `{name}`"), known)
        }
        (KubeconfigError::CurrentContextNotSet | KubeconfigError::LoadContext(_), None) => (
            "no context is the current one".to_owned(),
            format!("name one with --context: {known}"),
        ),
        _ => (error.to_string(), known),
    };
    ClusterError::Kubeconfig { file: file(reach), why, remedy }
}

/// The file that is read, as a person knows it.
fn file(reach: &Reach) -> String {
    let variable = std::env::var("KUBECONFIG").ok().filter(|value| !value.is_empty());
    match &reach.kubeconfig {
        Some(path) => path.display().to_string(),
        None => variable.unwrap_or_else(|| "~/.kube/config".to_owned()),
    }
}
