//! The objects, as Kubernetes' own types know them.

use k8s_openapi::Resource;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{VARIANTS, object, objects};

/// What comes of it when Kubernetes reads it: a field that it does not know is lost.
fn again<T: Resource + DeserializeOwned + Serialize>(object: &Value) -> Value {
    assert_eq!((&object["apiVersion"], &object["kind"]), (&T::API_VERSION.into(), &T::KIND.into()));
    serde_json::to_value(T::deserialize(object).unwrap()).unwrap()
}

/// The same by the object's kind; none for those of cert-manager, which are not Kubernetes' own.
fn as_kubernetes_reads_it(object: &Value) -> Option<Value> {
    let read = match object["kind"].as_str().unwrap() {
        "ClusterRole" => again::<ClusterRole>,
        "ClusterRoleBinding" => again::<ClusterRoleBinding>,
        "Deployment" => again::<Deployment>,
        "MutatingAdmissionPolicy" => again::<MutatingAdmissionPolicy>,
        "MutatingAdmissionPolicyBinding" => again::<MutatingAdmissionPolicyBinding>,
        "MutatingWebhookConfiguration" => again::<MutatingWebhookConfiguration>,
        "Namespace" => again::<Namespace>,
        "PodDisruptionBudget" => again::<PodDisruptionBudget>,
        "Role" => again::<Role>,
        "RoleBinding" => again::<RoleBinding>,
        "Service" => again::<Service>,
        "ServiceAccount" => again::<ServiceAccount>,
        _ => {
            assert_eq!(object["apiVersion"], "cert-manager.io/v1", "{object:#}");
            return None;
        }
    };
    Some(read(object))
}

#[test]
fn kubernetes_knows_every_field() {
    for options in VARIANTS {
        let objects = objects(options);
        let known = objects.iter().filter_map(|it| Some((it, as_kubernetes_reads_it(it)?)));
        let known: Vec<_> = known.collect();
        for (object, read) in &known {
            assert_eq!(*object, read, "{options:?}");
        }
        let foreign = if options.contains(&"--cert-manager") { 4 } else { 0 };
        assert_eq!(objects.len() - known.len(), foreign, "{options:?}");
    }
}

#[test]
fn a_field_that_kubernetes_does_not_know_would_show() {
    let mut deployment = object(&[], "Deployment");
    deployment["spec"]["template"]["spec"]["containers"][0]["readyProbe"] = json!({});
    assert_ne!(again::<Deployment>(&deployment), deployment);
}

/// What the restricted pod security standard asks, container by container.
#[test]
fn the_webhook_meets_the_restricted_standard() {
    for options in &VARIANTS[..4] {
        let mut template = object(options, "Deployment")["spec"]["template"].take();
        template["apiVersion"] = json!("v1");
        template["kind"] = json!("Pod");
        let pod: Pod = serde_json::from_value(template).unwrap();
        let spec = pod.spec.unwrap();
        let of_pod = spec.security_context.unwrap();
        assert_eq!(of_pod.run_as_non_root, Some(true));
        assert_eq!(of_pod.seccomp_profile.unwrap().type_, "RuntimeDefault");
        for container in spec.containers {
            let own = container.security_context.unwrap();
            assert_eq!(own.allow_privilege_escalation, Some(false));
            assert_eq!(own.read_only_root_filesystem, Some(true));
            assert_eq!(own.capabilities.unwrap().drop, Some(vec!["ALL".to_owned()]));
        }
        let volumes = spec.volumes.unwrap_or_default();
        assert!(volumes.iter().all(|volume| volume.secret.is_some()));
    }
}

#[test]
fn who_makes_no_certificate_may_do_nothing() {
    let kinds = |options: &[&str]| -> Vec<String> {
        let objects = objects(options);
        objects.iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert!(kinds(&[]).iter().any(|kind| kind == "ClusterRole"));
    assert!(!kinds(&["--cert-manager"]).iter().any(|kind| kind.contains("Role")));
    for (options, given) in [(&[][..], true), (&["--cert-manager"], false)] {
        let pod = &object(options, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], given);
    }
}

/// All that names a namespace or an image names the one that was given.
#[test]
fn options_are_where_they_belong() {
    let given = ["--cert-manager", "-n", "ci", "--image", "i:1", "--shim-image", "s:1"];
    let usual = json!(objects(&["--cert-manager"])).to_string();
    let wanted = usual
        .replace(r#""namespace":"holdpoint""#, r#""namespace":"ci""#)
        .replace("holdpoint.holdpoint.svc", "holdpoint.ci.svc")
        .replace("holdpoint/holdpoint-tls", "ci/holdpoint-tls")
        .replace(r#"["kube-system","holdpoint"]"#, r#"["kube-system","ci"]"#)
        .replace(&format!("ghcr.io/holdpoint/entrypoint:{}", env!("CARGO_PKG_VERSION")), "i:1")
        .replace(
            &format!("ghcr.io/holdpoint/controller-shim:{}", env!("CARGO_PKG_VERSION")),
            "s:1",
        );
    let mut wanted: Vec<Value> = serde_json::from_str(&wanted).unwrap();
    wanted[0]["metadata"]["name"] = json!("ci");
    assert_eq!(objects(&given), wanted);

    let many = object(&["--replicas", "5"], "Deployment");
    assert_eq!(many["spec"]["replicas"], 5);
    let args = many["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(args.contains(r#""--delivery=init-container""#), "{args}");
}
