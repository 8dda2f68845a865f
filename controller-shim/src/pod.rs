//! A pod as far as it is read. What it holds beside that is carried over untouched by [`patch`], so
//! that fields that are newer than this code survive.
//!
//! [`patch`]: crate::patch

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Where the steps find the binary.
pub const BINARY: &str = "/tekton/bin/entrypoint";
/// Where the image has it.
pub const BINARY_IN_IMAGE: &str = "/ko-app/entrypoint";
/// Where a person finds the debug scripts.
pub const DEBUG_SCRIPTS: &str = "/tekton/debug/scripts";
/// The folder of markers that come from annotations.
pub const DOWNWARD: &str = "/tekton/downward";

/// A pod, or the template of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Its labels, annotations and owners.
    #[serde(deserialize_with = "or_default")]
    pub metadata: Metadata,
    /// What it is made of.
    #[serde(deserialize_with = "or_default")]
    pub spec: Spec,
}

/// What a pod says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Metadata {
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<Owner>,
}

/// An owner of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub controller: bool,
}

/// What a pod is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Spec {
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    #[serde(deserialize_with = "or_default")]
    pub volumes: Vec<Volume>,
    pub restart_policy: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub security_context: SecurityContext,
    #[serde(deserialize_with = "or_default")]
    pub os: System,
    #[serde(deserialize_with = "or_default")]
    pub node_selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    pub resources: Resources,
}

/// What a pod may use as a whole, beside what its containers may.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Resources {
    #[serde(deserialize_with = "or_default")]
    pub requests: BTreeMap<String, Value>,
    #[serde(deserialize_with = "or_default")]
    pub limits: BTreeMap<String, Value>,
}

/// What the containers of a pod have in common.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct SecurityContext {
    pub run_as_user: Option<i64>,
}

/// The operating system that a pod needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct System {
    #[serde(deserialize_with = "or_default")]
    pub name: String,
}

/// A container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Container {
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub command: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub args: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub volume_mounts: Vec<VolumeMount>,
    pub termination_message_path: Option<String>,
    pub restart_policy: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub restart_policy_rules: Vec<RestartRule>,
    #[serde(deserialize_with = "or_default")]
    pub volume_devices: Vec<VolumeDevice>,
    #[serde(deserialize_with = "or_default")]
    pub lifecycle: Lifecycle,
    #[serde(deserialize_with = "or_default")]
    pub stdin: bool,
    pub readiness_probe: Option<Value>,
    pub liveness_probe: Option<Value>,
    pub startup_probe: Option<Value>,
}

/// When a container is started anew.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct RestartRule {
    #[serde(deserialize_with = "or_default")]
    pub action: String,
}

/// A place where a container sees a device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct VolumeDevice {
    #[serde(deserialize_with = "or_default")]
    pub device_path: String,
}

/// What runs beside a container's command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Lifecycle {
    pub post_start: Option<Value>,
}

/// A place where a container sees a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct VolumeMount {
    pub name: String,
    pub mount_path: String,
}

/// A volume; of its source only what a downward one holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct Volume {
    pub name: String,
    #[serde(rename = "downwardAPI")]
    pub downward_api: Option<DownwardApi>,
}

/// Files that hold fields of the pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct DownwardApi {
    #[serde(deserialize_with = "or_default")]
    pub items: Vec<DownwardItem>,
}

/// One such file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the fields are those of Kubernetes
pub struct DownwardItem {
    pub path: String,
}

impl Pod {
    /// Reads a pod.
    ///
    /// # Errors
    /// A field that is read is of another type than Kubernetes' own.
    pub fn read(pod: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(pod)
    }

    /// Whether it can only run elsewhere than on Linux.
    pub fn needs_another_system(&self) -> bool {
        let selected = self.spec.node_selector.get("kubernetes.io/os");
        [Some(&self.spec.os.name), selected]
            .into_iter()
            .flatten()
            .any(|name| !name.is_empty() && name != "linux")
    }

    /// Whether a volume has this name.
    pub fn has_volume(&self, name: &str) -> bool {
        self.spec.volumes.iter().any(|volume| volume.name == name)
    }

    /// Whether an init container has this name.
    pub fn has_init_container(&self, name: &str) -> bool {
        self.spec.init_containers.iter().any(|container| container.name == name)
    }

    /// Its init containers and its containers.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.spec.init_containers.iter().chain(&self.spec.containers)
    }

    /// Whether one of them has this name.
    pub fn has_container(&self, name: &str) -> bool {
        self.all_containers().any(|container| container.name == name)
    }

    /// Its controller as in `TaskRun/build`; empty where there is none.
    pub fn owner(&self) -> String {
        let owner = self.metadata.owner_references.iter().find(|owner| owner.controller);
        owner.map_or_else(String::new, |owner| format!("{}/{}", owner.kind, owner.name))
    }
}

impl Resources {
    /// Whether something is said of this resource.
    pub fn name(&self, resource: &str) -> bool {
        self.requests.contains_key(resource) || self.limits.contains_key(resource)
    }
}

impl Container {
    /// Where something is mounted in it.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let devices = self.volume_devices.iter().map(|device| device.device_path.as_str());
        self.volume_mounts.iter().map(|mount| mount.mount_path.as_str()).chain(devices)
    }

    /// Whether the kubelet may begin the whole pod anew for it.
    pub fn may_restart_pod(&self) -> bool {
        self.restart_policy_rules.iter().any(|rule| rule.action == "RestartAllContainers")
    }

    /// What it mounts at this place.
    pub fn mount_at(&self, path: &str) -> Option<&VolumeMount> {
        self.volume_mounts.iter().find(|mount| mount.mount_path == path)
    }

    /// Whether it runs the entrypoint.
    pub fn runs_entrypoint(&self) -> bool {
        self.command == [BINARY]
    }
}

/// What is null counts as absent, as it does for the API server.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
