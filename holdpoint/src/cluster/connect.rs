//! The way to a cluster: kubeconfig, context, namespace and user, as kubectl takes them.

use std::env;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
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
    let has_proxy = has_proxy(&kubeconfig, reach.context.as_ref());
    let options = KubeConfigOptions { context: reach.context.clone(), ..Default::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.map_err(|error| unfit(reach, &contexts, &error))?;
    if !has_proxy && !is_reached_by_proxy(&config.cluster_url) {
        config.proxy_url = None;
    }
    Ok(config)
}

/// Whether the cluster of a context names a proxy, so that the environment does not count.
fn has_proxy(kubeconfig: &Kubeconfig, context: Option<&String>) -> bool {
    let context = context.or(kubeconfig.current_context.as_ref());
    let found = kubeconfig.contexts.iter().find(|it| Some(&it.name) == context);
    let cluster = found.and_then(|it| it.context.as_ref()).map(|it| &it.cluster);
    let found = kubeconfig.clusters.iter().find(|it| Some(&it.name) == cluster);
    let proxy = found.and_then(|it| it.cluster.as_ref()?.proxy_url.as_deref());
    proxy.is_some_and(|proxy| !proxy.is_empty())
}

/// Whether the proxy of the environment is for this server: HTTPS_PROXY is not for plain HTTP, for this
/// machine, and for what NO_PROXY names. `kube` compares that with the proxy instead.
fn is_reached_by_proxy(server: &Uri) -> bool {
    let is_here = server.host().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    let variable = |names: [&str; 2]| {
        names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
    };
    let proxies = Matcher::builder()
        .https(variable(["HTTPS_PROXY", "https_proxy"]).unwrap_or_default())
        .no(variable(["NO_PROXY", "no_proxy"]).unwrap_or_default())
        .build();
    !is_here && proxies.intercept(server).is_some()
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
    let variable = env::var("KUBECONFIG").ok().filter(|value| !value.is_empty());
    match &reach.kubeconfig {
        Some(path) => path.display().to_string(),
        None => variable.unwrap_or_else(|| "~/.kube/config".to_owned()),
    }
}
