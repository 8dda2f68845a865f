//! The Deployment starts the server as the server can be started, and both know each other's names.

use clap::Parser as _;
use controller_shim::args::{Arguments, LogFormat};
use controller_shim::{DEFAULT_IMAGE, Delivery, controller};
use serde_json::{Value, json};

use super::{VARIANTS, object};

/// The container of the Deployment.
fn container(options: &[&str]) -> Value {
    object(options, "Deployment")["spec"]["template"]["spec"]["containers"][0].take()
}

/// What the server makes of its arguments.
fn started(options: &[&str]) -> Arguments {
    let args = container(options)["args"].take();
    let words = args.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let words = std::iter::once("controller-shim").chain(words);
    Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{options:?}: {error}"))
}

#[test]
fn its_arguments_are_those_of_the_server() {
    for options in &VARIANTS[..4] {
        let started = started(options);
        assert_eq!(started.certificate.self_signed, !options.contains(&"--cert-manager"));
        assert_eq!(started.log_format, LogFormat::Json);
    }
    let usual = started(&[]).injection;
    assert_eq!((usual.image.as_str(), usual.delivery), (DEFAULT_IMAGE, Delivery::InitContainer));
    let other = started(&["--image", "a/b:1", "--delivery", "image-volume"]).injection;
    assert_eq!((other.image.as_str(), other.delivery), ("a/b:1", Delivery::ImageVolume));
}

#[test]
fn a_certificate_of_cert_manager_is_read_where_it_is_mounted() {
    let options = &["--cert-manager"];
    let certificate = started(options).certificate;
    let mount = container(options)["volumeMounts"][0]["mountPath"].take();
    let wanted = |file: &str| Some(std::path::Path::new(mount.as_str().unwrap()).join(file));
    assert_eq!(certificate.tls_cert, wanted("tls.crt"));
    assert_eq!(certificate.tls_key, wanted("tls.key"));
    let volume = &object(options, "Deployment")["spec"]["template"]["spec"]["volumes"][0];
    assert_eq!(volume["secret"]["secretName"], json!(started(options).certificate.names.secret));
}

#[test]
fn ports_are_those_that_it_listens_on() {
    let started = started(&[]);
    let listened = [started.listen, started.metrics_listen].map(|listen| listen.0[0].port());
    let ports = container(&[])["ports"].take();
    let given: Vec<_> =
        ports.as_array().unwrap().iter().map(|port| &port["containerPort"]).collect();
    assert_eq!(given, [&json!(listened[0]), &json!(listened[1])]);
}

/// It may change what it keeps, by the names that it keeps it under.
#[test]
fn permissions_are_for_what_it_keeps() {
    let names = started(&[]).certificate.names;
    let rules = |kind: &str| object(&[], kind)["rules"].take();
    // What it does with each is in the server's own tests.
    let verbs = |kind: &str| {
        let rules = rules(kind);
        let verbs = rules.as_array().unwrap().iter().map(|rule| rule["verbs"].clone());
        verbs.collect::<Vec<_>>()
    };
    assert_eq!(verbs("Role"), [json!(["create"]), json!(["get", "update"])]);
    assert_eq!(verbs("ClusterRole"), [json!(["get", "update"])]);
    assert_eq!(rules("Role")[1]["resourceNames"], json!([names.secret]));
    assert_eq!(rules("ClusterRole")[0]["resourceNames"], json!([names.webhook_configuration]));
    assert_eq!(object(&[], "Service")["metadata"]["name"], json!(names.service));
    assert_eq!(object(&[], "Role")["metadata"]["namespace"], json!(names.namespace));
    let configuration = object(&[], "MutatingWebhookConfiguration");
    assert_eq!(configuration["metadata"]["name"], json!(names.webhook_configuration));
    let right = controller::decision::bundle(&configuration["webhooks"], "PEM", &names);
    let controller::decision::Bundle::Wrong(right) = right else { panic!("{right:?}") };
    let trusted = right.as_array().unwrap().iter().map(|it| &it["clientConfig"]["caBundle"]);
    assert!(trusted.clone().count() == 2 && trusted.into_iter().all(|bundle| bundle.is_string()));
}
