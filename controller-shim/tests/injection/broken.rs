//! A thousand broken requests: whatever comes, there is an answer or an error, and never a panic.

use controller_shim::review::review;
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use crate::pods::{FIXTURES, asking, fixture, image_volume, of_tekton, settings};

/// Numbers that are the same at each run.
struct Dice(TestRng);

impl Dice {
    fn new() -> Self {
        Self(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0.next_u64() as usize % limit.max(1)
    }
}

/// Real requests, and made-up ones where those are not there.
fn requests() -> Vec<Value> {
    let made_up = [asking(&[("breakpoint", "on-failure")], &["a", "b"]), of_tekton(&[], &["one"])];
    let around = |pod: Value| {
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "1", "operation": "CREATE", "resource": { "resource": "pods" }, "object": pod,
            },
        })
    };
    made_up
        .into_iter()
        .map(around)
        .chain(FIXTURES.iter().filter_map(|name| fixture(name)))
        .collect()
}

/// Changes one value somewhere in the tree for one that should not be there.
fn mutate(value: &mut Value, dice: &mut Dice) {
    let inner: Option<&mut Value> = match value {
        Value::Object(fields) if !fields.is_empty() && dice.below(8) > 0 => {
            let at = dice.below(fields.len());
            fields.iter_mut().nth(at).map(|(_, value)| value)
        }
        Value::Array(items) if !items.is_empty() && dice.below(8) > 0 => {
            let at = dice.below(items.len());
            items.get_mut(at)
        }
        _ => None,
    };
    match inner {
        Some(inner) => mutate(inner, dice),
        None => *value = surprise(dice),
    }
}

fn surprise(dice: &mut Dice) -> Value {
    let surprises = [
        Value::Null,
        json!(""),
        json!("init"),
        json!("--"),
        json!(-1),
        json!(1e300),
        json!(true),
        json!([]),
        json!([null, [], {}, "x"]),
        json!({}),
        json!({ "name": null, "command": [1], "items": {} }),
        json!("before:,\u{0}\u{fffd}=–"),
    ];
    surprises[dice.below(surprises.len())].clone()
}

#[test]
fn no_request_makes_it_panic() {
    let mut dice = Dice::new();
    let whole = requests();
    let mut answered = 0;
    for round in 0..2000 {
        let mut request = whole[round % whole.len()].clone();
        for _ in 0..=dice.below(4) {
            let pod = dice.below(4) > 0;
            let part = if pod { &mut request["request"]["object"] } else { &mut request };
            mutate(part, &mut dice);
            if !request["request"].is_object() {
                break;
            }
        }
        let settings = if round % 2 == 0 { settings() } else { image_volume() };
        answered += usize::from(review(request.to_string().as_bytes(), &settings).is_ok());
    }
    // Most of them are still reviews, so that it is the rules that were tried.
    assert!(answered > 1000, "{answered}");
}

#[test]
fn no_bytes_make_it_panic() {
    let mut dice = Dice::new();
    let whole: Vec<_> = requests().iter().map(Value::to_string).collect();
    for round in 0..1000 {
        let mut bytes = whole[round % whole.len()].clone().into_bytes();
        for _ in 0..=dice.below(6) {
            let at = dice.below(bytes.len());
            bytes[at] = dice.below(256) as u8;
        }
        bytes.truncate(dice.below(bytes.len() * 4));
        let _ = review(&bytes, &settings());
    }
}
