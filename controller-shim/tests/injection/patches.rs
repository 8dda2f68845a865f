//! What becomes of each fixture, whole, against a kept copy. With `KEEP_PATCHES=1` the copies are
//! written anew; what changed in them is for the reader of the change to judge.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use controller_shim::Settings;
use controller_shim::review::review;
use holdpoint_tests::fixtures::{self, REVIEWS};
use serde_json::{Value, json};

use crate::pods::{image_volume, kept, settings};

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
