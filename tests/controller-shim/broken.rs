//! A thousand broken requests over TLS: each is answered with a review or refused, and the server lives.

use axum::body::Body;
use holdpoint_tests::broken::{mutate, scramble};
use holdpoint_tests::fixtures::{self, REVIEWS};
use holdpoint_tests::{Answer, Connection, DEADLINE, Random, Version};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::common::{HOST, Served, asking, serve};

/// Real reviews, and one that is there where those are not.
fn reviews() -> Vec<Value> {
    let real = REVIEWS.iter().filter_map(|name| fixtures::review(name));
    std::iter::once(asking(&["a", "b"])).chain(real).collect()
}

/// A body that is broken in one of many ways, whole as HTTP sees it.
fn broken_body(review: &Value, random: &mut Random) -> Vec<u8> {
    let mut review = review.clone();
    match random.below(7) {
        0 => mutate(&mut review, random),
        1 => mutate(&mut review["request"]["object"], random),
        2 => review["apiVersion"] = json!(format!("admission.k8s.io/v{}", random.below(9))),
        3 => {
            let mut bytes = review.to_string().into_bytes();
            scramble(&mut bytes, random);
            return bytes;
        }
        4 => {
            let depth = random.index(4000);
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            return with_spec(&review, deep.as_bytes());
        }
        5 => {
            let digits = "9".repeat(random.index(4000) + 1);
            return with_spec(&review, format!("-{digits}.{digits}e{digits}").as_bytes());
        }
        _ => return with_spec(&review, &[b'"', 0xff, 0xc0, random.below(256) as u8, b'"']),
    }
    review.to_string().into_bytes()
}

/// The review with these bytes as the `spec` of its pod.
fn with_spec(review: &Value, spec: &[u8]) -> Vec<u8> {
    let mut review = review.clone();
    review["request"]["object"]["spec"] = json!("HERE");
    let text = review.to_string();
    let (before, after) = text.split_once(r#""HERE""#).unwrap();
    [before.as_bytes(), spec, after.as_bytes()].concat()
}

/// A whole request of HTTP/1.1 that is broken below JSON.
fn broken_request(review: &Value, random: &mut Random) -> Vec<u8> {
    let body = review.to_string();
    let length = body.len();
    let head = |length: &str| {
        format!(
            "POST /mutate HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\
             content-type: application/json\r\n{length}\r\n\r\n"
        )
    };
    let said = |length: usize| head(&format!("content-length: {length}"));
    match random.below(6) {
        0 => said(length + 1 + random.index(1000)) + &body,
        1 => said(random.index(length)) + &body,
        2 => head("content-length: -1") + &body,
        3 => head(&format!("content-length: {length}\r\ncontent-length: {}", length + 1)) + &body,
        4 => head("transfer-encoding: chunked") + &format!("{:x}\r\n{body}\r\nzz\r\n", length),
        _ => {
            let mut bytes = (said(length) + &body).into_bytes();
            // In the head, since that is what is tried here.
            let at = random.index(60);
            bytes[at] = random.below(256) as u8;
            return bytes;
        }
    }
    .into_bytes()
}

#[track_caller]
fn check(answer: &Answer) -> bool {
    let Answer { code, .. } = answer;
    if *code == 200 {
        let review = answer.json();
        assert_eq!(review["kind"], "AdmissionReview");
        assert!(review["response"]["allowed"].is_boolean(), "{review}");
        assert!(review["response"]["uid"].is_string(), "{review}");
        return true;
    }
    assert!((400..500).contains(code), "{code} {}", answer.text());
    assert!(answer.body.ends_with(b"\n") || answer.body.is_empty(), "{}", answer.text());
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_reviews_are_answered_or_refused() {
    let mut served = serve(&[]);
    let (reviews, mut random) = (reviews(), Random::new(1));
    let mut connections = [
        served.https().connect(Version::Http1).await.unwrap(),
        served.https().connect(Version::Http2).await.unwrap(),
    ];
    let mut answered = 0;
    for round in 0..700 {
        let body = broken_body(&reviews[round % reviews.len()], &mut random);
        let answer = connections[round % 2].post("/mutate", Body::from(body)).await.unwrap();
        answered += usize::from(check(&answer));
    }
    // Both ways were gone.
    assert!((100..600).contains(&answered), "{answered}");
    is_well(&mut served, &mut connections[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_requests_are_refused() {
    let mut served = serve(&[]);
    let (reviews, mut random) = (reviews(), Random::new(2));
    let mut refused = 0;
    for round in 0..300 {
        let request = broken_request(&reviews[round % reviews.len()], &mut random);
        // Where the bytes are no HTTP at all, the connection may end without an answer.
        if let Some(answer) = sent(&served, &request).await {
            refused += usize::from(!check(&answer));
        }
    }
    assert!(refused > 200, "{refused}");
    let mut connection = served.https().connect(Version::Http1).await.unwrap();
    is_well(&mut served, &mut connection).await;
}

/// Sends these bytes and no more, and reads until the server closes.
async fn sent(served: &Served, request: &[u8]) -> Option<Answer> {
    let mut stream = served.https().raw(Version::Http1).await.unwrap();
    // The server may have refused it before all was sent.
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let mut bytes = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server closes the connection");
    let text = String::from_utf8_lossy(&bytes);
    let code = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().unwrap();
    let body = text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned());
    Some(Answer { code, body: body.into() })
}

async fn is_well(served: &mut Served, connection: &mut Connection) {
    assert!(served.webhook.is_running());
    assert_eq!(served.webhook.times_said("a fault of the server's own"), 0);
    let answer = connection.post("/mutate", asking(&["true"]).to_string()).await.unwrap();
    assert!(check(&answer));
}
