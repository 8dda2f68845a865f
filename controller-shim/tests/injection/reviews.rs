//! The reviews around the pods.

use controller_shim::review::{Outcome, fault, review};
use holdpoint_tests::review_of;
use serde_json::{Value, json};

use crate::pods::{asking, of_tekton, settings};

type Change = fn(&mut Value);

fn reviewed(request: &Value) -> controller_shim::review::Reviewed {
    review(request.to_string().as_bytes(), &settings()).unwrap()
}

#[test]
fn other_requests_let_everything_in() {
    let changes: [Change; 4] = [
        |request| request["operation"] = json!("UPDATE"),
        |request| request["subResource"] = json!("ephemeralcontainers"),
        |request| request["resource"]["resource"] = json!("services"),
        |request| request["resource"]["group"] = json!("metrics.k8s.io"),
    ];
    for change in changes {
        let mut request = review_of(asking(&[], &["a"]));
        assert_eq!(reviewed(&request).outcome, Outcome::Injected);
        change(&mut request["request"]);
        let reviewed = reviewed(&request);
        assert_eq!((reviewed.outcome, reviewed.reason), (Outcome::Untouched, "other-request"));
        assert_eq!(reviewed.answer["response"], json!({ "uid": "1-2-3", "allowed": true }));
    }
}

#[test]
fn the_log_learns_whose_pod_it_was() {
    let mut pod = of_tekton(&[("breakpoint", "nonsense")], &["one"]);
    pod["metadata"]["generateName"] = json!("build-");
    let mut request = review_of(pod);
    let named = reviewed(&request);
    assert_eq!((named.namespace.as_str(), named.pod.as_str()), ("ci", "build-pod"));
    assert_eq!(named.owner, "TaskRun/build");
    assert_eq!(named.answer["response"]["warnings"], json!([named.message]));
    request["request"]["name"] = json!("");
    assert_eq!(reviewed(&request).pod, "build-");
}

#[test]
fn a_refusal_has_a_message_and_a_code() {
    let refused = reviewed(&review_of(asking(&[("steps", "x")], &["a"])));
    assert_eq!((refused.outcome, refused.reason), (Outcome::Refused, "bad-annotation"));
    let response = &refused.answer["response"];
    assert_eq!((&response["allowed"], &response["uid"]), (&json!(false), &json!("1-2-3")));
    assert_eq!((&response["status"]["code"], &response["patch"]), (&json!(422), &Value::Null));
    assert_eq!(response["status"]["message"], refused.message);
    assert!(refused.message.starts_with("holdpoint.dev/steps \"x\": "), "{}", refused.message);
}

#[test]
fn what_is_no_review_says_why() {
    let whole = review_of(asking(&[], &["a"]));
    let cases: [(Change, &str); 5] = [
        (
            |review| review["apiVersion"] = json!("admission.k8s.io/v1beta1"),
            r#"it is "AdmissionReview" of "admission.k8s.io/v1beta1""#,
        ),
        (|review| review["kind"] = json!("Pod"), r#"it is "Pod" of "admission.k8s.io/v1""#),
        (|review| review["request"] = Value::Null, "it has no request"),
        (
            |review| drop(review["request"].as_object_mut().unwrap().remove("uid")),
            "missing field `uid`",
        ),
        (|review| *review = json!("review"), "invalid type: string"),
    ];
    for (change, why) in cases {
        let mut request = whole.clone();
        change(&mut request);
        let told = review(request.to_string().as_bytes(), &settings()).unwrap_err().to_string();
        let start = format!("not an AdmissionReview of admission.k8s.io/v1: {why}");
        assert!(told.starts_with(&start), "{told}");
    }
    assert!(review(b"{", &settings()).is_err());
}

#[test]
fn a_pod_that_cannot_be_read_goes_in_with_a_warning() {
    let mut pod = asking(&[], &["a"]);
    pod["spec"]["containers"][0]["command"] = json!("sh");
    let reviewed = reviewed(&review_of(pod));
    assert_eq!((reviewed.outcome, reviewed.reason), (Outcome::Untouched, "unreadable"));
    assert!(
        reviewed.message.starts_with("holdpoint: the pod cannot be read: invalid type"),
        "{}",
        reviewed.message
    );
}

#[test]
fn a_fault_of_ours_stops_no_pod_but_one_that_depends_on_us() {
    let answered = |pod: Value| fault(review_of(pod).to_string().as_bytes()).unwrap();
    let refused = answered(asking(&[], &["a"]));
    assert_eq!((refused.outcome, refused.reason), (Outcome::Refused, "fault"));
    let status = &refused.answer["response"]["status"];
    assert_eq!((&status["code"], &status["message"]), (&json!(500), &json!(refused.message)));

    let mut bystander = asking(&[], &["a"]);
    bystander["metadata"]["annotations"] = json!({});
    for pod in [bystander, of_tekton(&[("inject", "true")], &["one"]), json!("no pod")] {
        let let_in = answered(pod);
        assert_eq!((let_in.outcome, let_in.reason), (Outcome::Untouched, "fault"));
        assert_eq!(let_in.answer["response"]["warnings"], json!([let_in.message]));
    }
    assert!(fault(b"{").is_err());
}
