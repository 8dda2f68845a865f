//! `holdpoint install`: what it prints is what Kubernetes knows, picks the pods that the shim would
//! change, and is kept in `controller-shim/deploy`.

mod conditions;
mod kept;
mod objects;
mod page;
mod policy;
mod server;

use serde_json::Value;

use crate::runner::{Finished, Home};

/// The options of every kind of manifests that there is.
const VARIANTS: [&[&str]; 5] = [
    &[],
    &["--self-signed", "--namespace", "ci", "--replicas", "1", "--delivery", "image-volume"],
    &["--cert-manager"],
    &["--cert-manager", "-n", "ci", "--image", "a/b:1", "--shim-image", "a/c@sha256:0"],
    &["--policy", "--image", "a/b:1"],
];

fn install(options: &[&str]) -> Finished {
    Home::new().verb(&[&["install"], options].concat())
}

/// The objects that are printed.
fn objects(options: &[&str]) -> Vec<Value> {
    let told = install(&[options, &["-o", "json"]].concat());
    assert_eq!(told.stderr, "");
    let list = told.json();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    list["items"].as_array().unwrap().clone()
}

/// The one object of a kind.
fn object(options: &[&str], kind: &str) -> Value {
    let mut found = objects(options);
    found.retain(|object| object["kind"] == kind);
    assert_eq!(found.len(), 1, "{kind} with {options:?}");
    found.remove(0)
}

#[test]
fn what_cannot_be_installed_is_refused() {
    for (options, told) in [
        (&["--namespace", "kube-system"][..], "give the webhook a namespace of its own"),
        (&["--namespace", "CI"], "a-z, 0-9"),
        (&["--image", "two words"], "the name of an image"),
        (&["--replicas", "0"], "0 is not in 1.."),
        (&["--self-signed", "--cert-manager"], "cannot be used with"),
        (&["--policy", "--namespace", "ci"], "cannot be used with"),
    ] {
        let finished = install(options);
        assert!(finished.stderr.contains(told), "{options:?}: {finished:#?}");
        assert_eq!(finished.ended_with(2), "");
    }
}
