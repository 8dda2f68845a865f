//! The fields of every object that a file may hold, and what becomes of each.

use Support::{Ignored, Refused, Silent, Used};

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It is read.
    Used,
    /// It says something to people, or to a cluster alone.
    Silent,
    /// It would matter in a cluster; a note says that it is ignored.
    Ignored,
    /// A run without it would be another one; this is the way out.
    Refused(&'static str),
}

/// The fields of one kind of object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    /// What stands before a field in the note on ignored ones; empty for steps.
    pub(super) owner: &'static str,
    /// The names of fields stand in one text, between blanks.
    rows: &'static [(Support, &'static str)],
}

impl Schema {
    /// What becomes of a field; none where it is unknown.
    pub(super) fn support(&self, field: &str) -> Option<Support> {
        let has_it = |names: &str| names.split_whitespace().any(|name| name == field);
        self.rows.iter().find(|(_, names)| has_it(names)).map(|(support, _)| *support)
    }

    /// All known fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().flat_map(|(_, names)| names.split_whitespace())
    }
}

const VALUE_ONLY: &str = "give the value itself with `value`, or with --env";

pub(super) const DOCUMENT: Schema =
    Schema { owner: "", rows: &[(Used, "apiVersion kind metadata spec"), (Silent, "status")] };

pub(super) const TASK: Schema = Schema {
    owner: "Task ",
    rows: &[
        (Used, "params results stepTemplate steps volumes workspaces"),
        (Silent, "description displayName"),
        (Refused("run by hand what the sidecar offers, and take the field out"), "sidecars"),
        (
            Refused("Tekton no longer has it either; use params and workspaces"),
            "inputs outputs resources",
        ),
    ],
};

pub(super) const PARAM: Schema = Schema {
    owner: "param ",
    rows: &[(Used, "default enum name properties type"), (Silent, "description displayName")],
};

pub(super) const PROPERTY: Schema = Schema { owner: "property ", rows: &[(Used, "type")] };

pub(super) const RESULT: Schema = Schema {
    owner: "result ",
    rows: &[(Used, "name type value"), (Silent, "description properties")],
};

pub(super) const STEP_RESULT: Schema =
    Schema { owner: "result ", rows: &[(Used, "name type"), (Silent, "description properties")] };

pub(super) const WORKSPACE: Schema = Schema {
    owner: "workspace ",
    rows: &[(Used, "mountPath name optional"), (Silent, "description"), (Ignored, "readOnly")],
};

pub(super) const STEP_WORKSPACE: Schema =
    Schema { owner: "workspace ", rows: &[(Used, "mountPath name")] };

const VOLUME_WAY_OUT: &str =
    "only emptyDir can be had here: use a workspace, and give its folder with -w";

pub(super) const VOLUME: Schema = Schema {
    owner: "volume ",
    rows: &[
        (Used, "emptyDir name"),
        (
            Refused(VOLUME_WAY_OUT),
            "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi \
                downwardAPI ephemeral fc flexVolume flocker gcePersistentDisk gitRepo \
                glusterfs hostPath image iscsi nfs persistentVolumeClaim \
                photonPersistentDisk portworxVolume projected quobyte rbd scaleIO \
                secret storageos vsphereVolume",
        ),
    ],
};

pub(super) const VOLUME_MOUNT: Schema = Schema {
    owner: "volumeMount ",
    rows: &[
        (Used, "mountPath name"),
        (Ignored, "mountPropagation readOnly recursiveReadOnly"),
        (Refused("mount the whole volume"), "subPath subPathExpr"),
    ],
};

/// What a container has that means nothing to a process of this machine.
const OF_CONTAINERS: &str = "computeResources image imagePullPolicy livenessProbe ports \
                readinessProbe resizePolicy resources restartPolicy restartPolicyRules \
                securityContext startupProbe stdin stdinOnce terminationMessagePath \
                terminationMessagePolicy tty";
const HOOKS: (Support, &str) = (Refused("do what the hook does in a step"), "lifecycle");
const DEVICES: (Support, &str) = (
    Refused("a step is a process of this machine: it sees the machine's devices"),
    "volumeDevices",
);
const ENV_FROM: (Support, &str) = (Refused("give the values with `env`, or with --env"), "envFrom");

pub(super) const STEP: Schema = Schema {
    owner: "",
    rows: &[
        (
            Used,
            "args command env finally name onError results script stderrConfig \
                stdoutConfig timeout volumeMounts when workingDir workspaces",
        ),
        (Silent, "displayName"),
        (Ignored, OF_CONTAINERS),
        (Refused("put the StepAction's own lines into the step"), "params ref"),
        HOOKS,
        DEVICES,
        ENV_FROM,
    ],
};

pub(super) const STEP_TEMPLATE: Schema = Schema {
    owner: "",
    rows: &[
        (Used, "args command env volumeMounts workingDir"),
        (Ignored, OF_CONTAINERS),
        (Silent, "name"),
        HOOKS,
        DEVICES,
        ENV_FROM,
    ],
};

pub(super) const CONTAINER: Schema = Schema {
    owner: "",
    rows: &[
        (Used, "args command env name volumeMounts workingDir"),
        (Ignored, OF_CONTAINERS),
        HOOKS,
        DEVICES,
        ENV_FROM,
    ],
};

pub(super) const ENV: Schema =
    Schema { owner: "env ", rows: &[(Used, "name value"), (Refused(VALUE_ONLY), "valueFrom")] };

pub(super) const WHEN: Schema =
    Schema { owner: "when ", rows: &[(Used, "cel input operator values")] };

pub(super) const OUTPUT: Schema = Schema { owner: "output ", rows: &[(Used, "path")] };

pub(super) const TASK_RUN: Schema = Schema {
    owner: "TaskRun ",
    rows: &[
        (Used, "params taskRef taskSpec workspaces"),
        (
            Ignored,
            "computeResources debug managedBy podTemplate retries \
                serviceAccountName sidecarOverrides sidecarSpecs status statusMessage \
                stepOverrides stepSpecs timeout",
        ),
        (Refused("Tekton no longer has it either; use params and workspaces"), "resources"),
    ],
};

const SAME_FILE: &str = "name a Task that is in the same file";

pub(super) const TASK_REF: Schema = Schema {
    owner: "taskRef ",
    rows: &[
        (Used, "kind name"),
        (Silent, "apiVersion"),
        (Refused(SAME_FILE), "bundle params resolver resource"),
    ],
};

pub(super) const PARAM_VALUE: Schema = Schema { owner: "param ", rows: &[(Used, "name value")] };

pub(super) const BINDING: Schema = Schema {
    owner: "workspace ",
    rows: &[
        (Used, "emptyDir name"),
        (
            Used,
            "configMap csi persistentVolumeClaim projected secret \
                volumeClaimTemplate",
        ),
        (Ignored, "subPath"),
    ],
};

pub(super) const POD: Schema = Schema {
    owner: "Pod ",
    rows: &[
        (Used, "containers volumes"),
        (Refused("put them first among the containers"), "initContainers"),
        (Refused("take them out"), "ephemeralContainers"),
        (
            Ignored,
            "activeDeadlineSeconds affinity automountServiceAccountToken dnsConfig \
                dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork hostPID \
                hostUsers hostname hostnameOverride imagePullSecrets nodeName \
                nodeSelector os overhead preemptionPolicy priority priorityClassName \
                readinessGates resourceClaims resources restartPolicy runtimeClassName \
                schedulerName schedulingGates securityContext serviceAccount \
                serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain \
                terminationGracePeriodSeconds tolerations topologySpreadConstraints",
        ),
    ],
};
