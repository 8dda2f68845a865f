//! A thousand broken requests: whatever comes, there is an answer or an error, and never a panic.

use controller_shim::review::review;
use holdpoint_tests::broken::{mutate, scramble};
use holdpoint_tests::fixtures::{self, REVIEWS};
use holdpoint_tests::{Random, review_of};
use serde_json::Value;

use crate::pods::{asking, image_volume, of_tekton, settings};

/// Real requests, and made-up ones where those are not there.
fn requests() -> Vec<Value> {
    let made_up = [asking(&[("breakpoint", "on-failure")], &["a", "b"]), of_tekton(&[], &["one"])];
    made_up
        .into_iter()
        .map(review_of)
        .chain(REVIEWS.iter().filter_map(|name| fixtures::review(name)))
        .collect()
}

#[test]
fn no_request_makes_it_panic() {
    let mut random = Random::new(1);
    let whole = requests();
    let mut answered = 0;
    for round in 0..2000 {
        let mut request = whole[round % whole.len()].clone();
        for _ in 0..=random.below(4) {
            let pod = random.below(4) > 0;
            let part = if pod { &mut request["request"]["object"] } else { &mut request };
            mutate(part, &mut random);
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
    let mut random = Random::new(1);
    let whole: Vec<_> = requests().iter().map(Value::to_string).collect();
    for round in 0..1000 {
        let mut bytes = whole[round % whole.len()].clone().into_bytes();
        scramble(&mut bytes, &mut random);
        let _ = review(&bytes, &settings());
    }
}
