//! What becomes of each fixture, whole, against a kept copy. With `KEEP_PATCHES=1` the copies are
//! written anew; what changed in them is for the reader of the change to judge.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use controller_shim::review::review;
use controller_shim::{Injection, Settings, inject};
use holdpoint_tests::fixtures::{self, REVIEWS};
use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::pods::{fixture_pod, image_volume, kept, settings};

/// What a review came to, with its patch in plain JSON.
fn answer(request: &Value, settings: &Settings) -> Value {
    let reviewed = review(&serde_json::to_vec(request).unwrap(), settings).unwrap();
    let mut answer = reviewed.answer;
    assert_eq!(answer["response"]["uid"], request["request"]["uid"]);
    if let Some(patch) = answer["response"]["patch"].as_str() {
        let patch: Value = serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap();
        answer["response"]["patch"] = patch;
    }
    let outcome = format!("{:?}", reviewed.outcome);
    json!({ "outcome": outcome, "reason": reviewed.reason, "answer": answer })
}

fn compare(name: &str, answer: &Value) {
    let path = kept(name);
    let text = serde_json::to_string_pretty(answer).unwrap() + "\n";
    if std::env::var_os("KEEP_PATCHES").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let copy = fs::read_to_string(&path).unwrap_or_default();
    let hint = "KEEP_PATCHES=1 writes it anew";
    assert!(copy == text, "{} is not what comes of it; {hint}:\n{text}", path.display());
}

#[test]
fn each_fixture_gives_the_kept_answer() {
    for name in REVIEWS {
        let Some(request) = fixtures::review(name) else { return };
        compare(&format!("{name}.json"), &answer(&request, &settings()));
    }
}

#[test]
fn an_image_volume_gives_the_kept_answer() {
    let Some(request) = fixtures::review("plain") else { return };
    compare("plain-image-volume.json", &answer(&request, &image_volume()));
}

/// A field that Kubernetes does not know would be lost when it reads the pod.
#[test]
fn kubernetes_knows_every_field_of_an_injected_pod() {
    let mut injected = 0;
    for name in REVIEWS {
        let Some(before) = fixture_pod(name) else { return };
        for settings in [settings(), image_volume()] {
            let Injection::Injected { pod, .. } = inject(&before, &settings) else { continue };
            let read = Pod::deserialize(&pod).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), pod, "{name}");
            injected += 1;
        }
    }
    assert_eq!(injected, 10, "five fixtures, each in both ways");
}

/// What one kept answer would be with an annotation more.
#[test]
fn a_pod_of_tektons_with_all_annotations_gives_the_kept_answer() {
    let Some(mut request) = fixtures::review("commands") else { return };
    let annotations = [
        ("finally", "three"),
        ("breakpoint", "before:two,after:three,on-failure"),
        ("breakpoint-timeout", "30m"),
        ("on-error", "one=continue"),
        ("step-timeout", "two=10m,three=1h"),
        ("wait-timeout", "1h"),
        ("kill-grace", "5s"),
        ("pause", "look at the logs"),
    ];
    crate::pods::annotate(&mut request["request"]["object"], &annotations);
    compare("commands-annotated.json", &answer(&request, &settings()));
}
