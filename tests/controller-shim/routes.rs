//! The routes without a socket.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use controller_shim::answer::{ANSWER_TIMEOUT, ANSWERS_LIMIT};
use controller_shim::review::{Malformed, Reviewed, review};
use controller_shim::tls::Shown;
use controller_shim::webhook::{
    AHEAD, BODIES_LIMIT, BODY_LIMIT, BODY_TIMEOUT, OBJECTS_LIMIT, Rules, Webhook,
};
use controller_shim::{Injection, Settings, inject};
use futures_util::future::join_all;
use futures_util::stream;
use holdpoint_tests::fixtures::{self, REVIEWS};
use holdpoint_tests::review_of;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::common::{asking, hosts, issued, settings};

struct Routes {
    webhook: Arc<Webhook>,
    shown: Arc<Shown>,
}

struct Answer {
    code: u16,
    content_type: String,
    text: String,
}

fn routes() -> Routes {
    routes_by(review)
}

fn routes_by(rules: Rules) -> Routes {
    let shown = Arc::new(Shown::nothing().unwrap());
    Routes { webhook: Arc::new(Webhook::new(settings(), rules, Arc::clone(&shown))), shown }
}

impl Routes {
    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.webhook.routes().oneshot(request).await.unwrap();
        Answer::of(response).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, body: impl Into<Body>) -> Answer {
        self.ask(posted("application/json", body)).await
    }
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let content_type = response.headers().get("content-type");
        let content_type = content_type.map(|it| it.to_str().unwrap().to_owned());
        let code = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Self { code, content_type: content_type.unwrap_or_default(), text }
    }

    fn json(&self) -> Value {
        assert_eq!((self.code, self.content_type.as_str()), (200, "application/json"));
        serde_json::from_str(&self.text).unwrap()
    }
}

fn posted(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/mutate").header("content-type", content_type).body(body.into()).unwrap()
}

#[tokio::test]
async fn each_fixture_is_answered_by_the_rules() {
    let routes = routes();
    for name in REVIEWS {
        let Some(request) = fixtures::review(name) else { return };
        let body = request.to_string();
        let expected = review(body.as_bytes(), &settings()).unwrap().answer;
        assert_eq!(routes.post(body).await.json(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_content_type_may_have_parameters_and_must_be_json() {
    let routes = routes();
    let body = asking(&["true"]).to_string();
    let typed = |content_type| routes.ask(posted(content_type, body.clone()));
    assert_eq!(typed("Application/JSON; charset=utf-8").await.code, 200);
    let refused = typed("text/yaml").await;
    assert_eq!(refused.code, 415);
    assert_eq!(refused.text, "the content type is \"text/yaml\": send application/json\n");
    let without = Request::post("/mutate").body(Body::from(body.clone())).unwrap();
    assert_eq!(routes.ask(without).await.code, 415);
}

#[tokio::test]
async fn a_body_has_its_limit() {
    let routes = routes();
    let mut request = asking(&["true"]);
    let short = request.to_string().len();
    request["request"]["object"]["spec"]["containers"][0]["args"] =
        json!(["x".repeat(BODY_LIMIT - short - r#","args":[""]"#.len())]);
    let body = request.to_string();
    assert_eq!(body.len(), BODY_LIMIT);
    assert_eq!(routes.post(body.clone()).await.code, 200);
    let refused = routes.post(body + " ").await;
    assert_eq!(refused.code, 413);
    assert!(refused.text.starts_with("the body has more than 3145728 bytes"), "{}", refused.text);
}

/// An object takes hundreds of times its size in memory.
#[tokio::test]
async fn a_body_has_objects_up_to_a_limit() {
    let routes = routes();
    let mut request = asking(&["true"]);
    let with = |request: &mut Value, objects: usize| {
        request["request"]["object"]["made-up"] = json!(vec![json!({ "": 0 }); objects]);
        request.to_string()
    };
    assert_eq!(routes.post(with(&mut request, OBJECTS_LIMIT - 100)).await.code, 200);
    let refused = routes.post(with(&mut request, OBJECTS_LIMIT)).await;
    assert_eq!(
        (refused.code, refused.text.as_str()),
        (413, "the body has more than 30000 objects: send one pod\n")
    );
    // It is far from the largest pod that we make.
    let pod = asking(&["true"; 100])["request"]["object"].take();
    let Injection::Injected { pod, .. } = inject(&pod, &settings()) else { panic!("{pod}") };
    assert_eq!(routes.post(review_of(pod).to_string()).await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let never = Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
    let refused = routes().post(never).await;
    assert_eq!(
        (refused.code, refused.text.as_str()),
        (408, "the body did not come within 3s: send it faster\n")
    );
}

/// Large ones that find no room wait for those that are slow to lose theirs, for a while.
#[tokio::test(start_paused = true)]
async fn large_bodies_have_their_room_together() {
    let routes = routes();
    // Where no size is told there must be room for the largest.
    let never = || Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
    let slow = join_all((0..2 * BODIES_LIMIT / BODY_LIMIT).map(|_| routes.post(never())));
    let large = || routes.post(asking(&["true"]).to_string() + &" ".repeat(AHEAD));
    let later = async {
        tokio::time::sleep(BODY_TIMEOUT).await;
        large().await
    };
    let (slow, at_once, later) = tokio::join!(slow, large(), later);
    assert!(slow.iter().all(|refused| refused.code == 408));
    assert_eq!(
        (at_once.code, at_once.text.as_str()),
        (503, "other requests have all the room: send it again later\n")
    );
    assert_eq!(later.code, 200);
    let metrics = routes.get("/metrics").await.text;
    assert!(metrics.contains(r#"{outcome="rejected",reason="busy"} 1"#), "{metrics}");
}

/// Clients that hold all room keep nobody else's pods waiting.
#[tokio::test(start_paused = true)]
async fn a_small_body_waits_for_no_room() {
    let routes = routes();
    let never = || Body::from_stream(stream::pending::<std::io::Result<Bytes>>());
    let slow = join_all((0..2 * BODIES_LIMIT / BODY_LIMIT).map(|_| routes.post(never())));
    let small = async {
        let answer = routes.post(asking(&["true"]).to_string()).await;
        (answer.code, routes.get("/metrics").await.text)
    };
    let (_, (code, metrics)) = tokio::join!(slow, small);
    assert_eq!(code, 200);
    // None of the others has been answered by then.
    assert!(!metrics.contains("slow"), "{metrics}");
}

/// A client that does not read its answer has it in the server's memory for a while only.
#[tokio::test(start_paused = true)]
async fn answers_that_nobody_reads_have_their_room_and_their_time() {
    let routes = routes();
    let many = asking(&["true"; 100]).to_string();
    let ask = || routes.webhook.routes().oneshot(posted("application/json", many.clone()));
    let mut unread = Vec::new();
    let refused = loop {
        let response = ask().await.unwrap();
        if response.status() != 200 {
            break response;
        }
        unread.push(response);
    };
    assert_eq!(Answer::of(refused).await.code, 503);
    // A small answer needs no room.
    assert_eq!(routes.post(asking(&["true"]).to_string()).await.code, 200);
    let size = |it: &Response<Body>| {
        it.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap()
    };
    let read = to_bytes(unread.pop().unwrap().into_body(), usize::MAX).await.unwrap();
    assert_eq!(read.len(), size(&unread[0]));
    assert_eq!(read.len(), review(many.as_bytes(), &settings()).unwrap().answer.to_string().len());
    assert!(unread.iter().map(size).sum::<usize>() <= ANSWERS_LIMIT);
    tokio::time::sleep(ANSWER_TIMEOUT * 2).await;
    let again = ask().await.unwrap();
    assert_eq!(again.status(), 200);
    for late in unread {
        assert!(to_bytes(late.into_body(), usize::MAX).await.is_err());
    }
}

#[tokio::test]
async fn what_is_no_review_is_refused_with_a_sentence() {
    let routes = routes();
    let mut old = asking(&["true"]);
    old["apiVersion"] = json!("admission.k8s.io/v1beta1");
    for (body, why) in [
        (old.to_string(), r#"it is "AdmissionReview" of "admission.k8s.io/v1beta1": send one"#),
        (String::new(), "EOF while parsing a value at line 1 column 0: send one"),
    ] {
        let refused = routes.post(body).await;
        let expected = format!("not an AdmissionReview of admission.k8s.io/v1: {why}\n");
        assert_eq!((refused.code, refused.text), (400, expected));
    }
}

#[tokio::test]
async fn what_is_quoted_of_a_request_is_short() {
    let mut review = asking(&["true"]);
    review["kind"] = json!("x".repeat(100_000));
    let refused = routes().post(review.to_string()).await;
    assert!(refused.code == 400 && refused.text.len() < 1100, "{}", refused.text);
    assert!(refused.text.ends_with(": send one\n"), "{}", refused.text);
}

fn panicking(_: &[u8], _: &Settings) -> Result<Reviewed, Malformed> {
    panic!("a fault that a test has asked for");
}

#[tokio::test]
async fn a_panic_of_the_rules_is_answered() {
    let routes = routes_by(panicking);
    let mut pod = asking(&["true"]);
    let refused = routes.post(pod.to_string()).await.json();
    assert_eq!(refused["response"]["allowed"], false);
    pod["request"]["object"]["metadata"] = json!({});
    let let_in = routes.post(pod.to_string()).await.json();
    assert_eq!(let_in["response"]["allowed"], true);
    assert_eq!(routes.post("{").await.code, 400);
    let metrics = routes.get("/metrics").await.text;
    assert!(metrics.contains(r#"{outcome="refused",reason="fault"} 1"#), "{metrics}");
}

#[tokio::test]
async fn it_is_ready_with_a_certificate_until_it_drains() {
    let routes = routes();
    let waiting = routes.get("/readyz").await;
    assert_eq!(waiting.code, 503);
    assert_eq!(waiting.text, "there is no certificate yet; the log says why\n");
    let show = |days| routes.shown.show(issued(days).check(&hosts()).unwrap());
    show(91);
    assert!(routes.get("/readyz").await.text.starts_with("the certificate ended at 20"));
    show(-1);
    assert!(routes.get("/readyz").await.text.starts_with("the certificate begins only at 20"));
    show(0);
    assert_eq!(routes.get("/readyz").await.code, 200);
    routes.webhook.drain();
    let draining = routes.get("/readyz").await;
    assert_eq!((draining.code, draining.text.as_str()), (503, "it is about to end\n"));
    assert_eq!(routes.get("/healthz").await.code, 200);
    assert_eq!(routes.post(asking(&["true"]).to_string()).await.code, 200);
}

#[tokio::test]
async fn metrics_tell_of_reviews_and_of_the_certificate() {
    let routes = routes();
    let refused = asking(&[]);
    for body in [
        asking(&["a"]).to_string(),
        asking(&["a"]).to_string(),
        refused.to_string(),
        "x".to_owned(),
    ] {
        routes.post(body).await;
    }
    let metrics = routes.get("/metrics").await;
    assert!(metrics.content_type.starts_with("application/openmetrics-text"));
    let has = |text: &str, line: &str| assert!(text.lines().any(|it| it == line), "{line}: {text}");
    for line in [
        r#"holdpoint_reviews_total{outcome="injected",reason="asked"} 2"#,
        r#"holdpoint_reviews_total{outcome="refused",reason="bad-annotation"} 1"#,
        r#"holdpoint_reviews_total{outcome="rejected",reason="malformed"} 1"#,
        "holdpoint_review_duration_seconds_count 4",
        "holdpoint_certificate_expiration_timestamp_seconds 0",
    ] {
        has(&metrics.text, line);
    }
    let certificate = issued(0).check(&hosts()).unwrap();
    let ends = certificate.validity().ends.timestamp();
    routes.shown.show(certificate);
    let metrics = routes.get("/metrics").await.text;
    has(&metrics, &format!("holdpoint_certificate_expiration_timestamp_seconds {ends}"));
}

#[tokio::test]
async fn other_paths_and_methods_are_not_there() {
    let routes = routes();
    assert_eq!(routes.get("/mutate").await.code, 405);
    let missing = routes.get("/").await;
    assert_eq!(missing.code, 404);
    assert!(missing.text.contains("/readyz"), "{}", missing.text);
    let plain = routes.webhook.observing_routes();
    let review = posted("application/json", asking(&["true"]).to_string());
    assert_eq!(plain.oneshot(review).await.unwrap().status(), 404);
}
