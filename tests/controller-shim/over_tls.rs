//! The real binary over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use controller_shim::review::review;
use controller_shim::webhook::BODY_LIMIT;
use futures_util::{Stream, StreamExt as _, stream};
use holdpoint_tests::fixtures::{self, REVIEWS};
use holdpoint_tests::{DEADLINE, Raw, Signal, Version, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::common::{HOST, Served, asking, plain, serve, settings};

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

#[tokio::test(flavor = "multi_thread")]
async fn each_fixture_is_answered_by_the_rules() {
    let served = serve(&[]);
    for version in VERSIONS {
        let mut connection = served.https().connect(version).await.unwrap();
        for name in REVIEWS {
            let Some(request) = fixtures::review(name) else { return };
            let body = request.to_string();
            let expected = review(body.as_bytes(), &settings()).unwrap().answer;
            // As the API server asks.
            let answer = connection.post("/mutate?timeout=5s", body).await.unwrap();
            assert_eq!((answer.code, answer.json()), (200, expected), "{name}, {version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_a_line_of_the_log() {
    let served = serve(&[]);
    let mut connection = served.https().connect(Version::Http2).await.unwrap();
    for commands in [&["true"][..], &[]] {
        connection.post("/mutate", asking(commands).to_string()).await.unwrap();
    }
    connection.post("/mutate", "x").await.unwrap();
    let lines = eventually("three lines", || {
        let lines = served.webhook.log().into_iter().filter(|line| line["outcome"].is_string());
        Some(lines.collect::<Vec<_>>()).filter(|lines| lines.len() == 3)
    });
    let fields = |line: &Value| {
        let fields = ["level", "namespace", "pod", "owner", "outcome", "reason"];
        fields.map(|field| line[field].as_str().unwrap_or("none").to_owned())
    };
    assert_eq!(fields(&lines[0]), ["INFO", "ci", "build-pod", "", "injected", "asked"]);
    assert_eq!(fields(&lines[1]), ["INFO", "ci", "build-pod", "", "refused", "bad-annotation"]);
    assert_eq!(fields(&lines[2]), ["WARN", "none", "none", "none", "rejected", "malformed"]);
    assert_eq!(lines[0]["message"], Value::Null);
    for line in &lines[1..] {
        assert!(!line["message"].as_str().unwrap().is_empty(), "{line}");
    }
    assert!(lines.iter().all(|line| line["milliseconds"].is_f64()), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_need_no_tls() {
    let served = serve(&[]);
    assert_eq!(plain(&served.webhook, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(plain(&served.webhook, "/readyz").await, (200, "ok\n".to_owned()));
    let (code, metrics) = plain(&served.webhook, "/metrics").await;
    assert!(code == 200 && metrics.ends_with("# EOF\n"), "{code} {metrics}");
    assert_eq!(plain(&served.webhook, "/mutate").await.0, 404);
    let mut connection = served.https().connect(Version::Http1).await.unwrap();
    assert_eq!(connection.get("/metrics").await.unwrap().code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused() {
    let served = serve(&[]);
    for version in VERSIONS {
        let mut connection = served.https().connect(version).await.unwrap();
        let refused = connection.post("/mutate", vec![b' '; BODY_LIMIT + 1]).await.unwrap();
        assert_eq!(refused.code, 413, "{version:?}");
        let mut connection = served.https().connect(version).await.unwrap();
        // The server does not wait for the rest: its answer may come through, or the connection breaks.
        let refused = connection.post("/mutate", vec![b' '; BODY_LIMIT * 10]).await;
        assert!(refused.is_err() || refused.is_ok_and(|it| it.code == 413), "{version:?}");
        let mut connection = served.https().connect(version).await.unwrap();
        let answer = connection.post("/mutate", asking(&["true"]).to_string()).await.unwrap();
        assert_eq!(answer.code, 200);
    }
}

/// A review that is nearly as large as one may be.
fn large() -> String {
    let mut review = asking(&["true"]);
    review["request"]["object"]["spec"]["containers"][0]["args"] =
        json!(["x".repeat(BODY_LIMIT * 9 / 10)]);
    review.to_string()
}

/// Where each has a connection of its own, and where all share one.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_make_room_for_each_other() {
    let (served, body) = (serve(&[]), large());
    let shared = served.https().connect(Version::Http2).await.unwrap();
    for is_shared in [false, true] {
        let mut requests = JoinSet::new();
        for _ in 0..4 {
            let mut connection = if is_shared {
                shared.beside()
            } else {
                served.https().connect(Version::Http2).await.unwrap()
            };
            let body = body.clone();
            requests.spawn(async move { connection.post("/mutate", body).await.unwrap().code });
        }
        assert_eq!(timeout(DEADLINE, requests.join_all()).await.unwrap(), [200; 4]);
    }
}

const PART: &[u8] = &[b' '; 4096];

/// Parts of a body, of which it is counted how many bytes have been sent.
fn counted(
    parts: usize,
    sent: &Arc<AtomicUsize>,
) -> impl Stream<Item = std::io::Result<&'static [u8]>> + use<> {
    let sent = Arc::clone(sent);
    stream::iter(0..parts).map(move |_| {
        sent.fetch_add(PART.len(), Ordering::Relaxed);
        Ok(PART)
    })
}

/// Bodies of which nothing but a beginning comes, more than have their turn while another one waits. All
/// have been sent when they are given.
async fn stall(served: &Served) -> JoinSet<u16> {
    const CONNECTIONS: usize = 4;
    const EACH: usize = 16;
    let begun = Arc::new(AtomicUsize::new(0));
    let mut all = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let connection = served.https().connect(Version::Http2).await.unwrap();
        for _ in 0..EACH {
            let (mut connection, counted) = (connection.beside(), counted(1, &begun));
            let never = Body::from_stream(counted.chain(stream::pending()));
            all.spawn(async move { connection.post("/mutate", never).await.unwrap().code });
        }
    }
    eventually("all have begun", || {
        (begun.load(Ordering::Relaxed) >= CONNECTIONS * EACH * PART.len()).then_some(())
    });
    all
}

/// A client that finds no room keeps what it has to send but for a little.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_waits_for_room_waits_with_the_client() {
    let served = serve(&[]);
    let sent = Arc::new(AtomicUsize::new(0));
    let mut waiting = served.https().connect(Version::Http2).await.unwrap();
    let refused = async {
        loop {
            let _stalled = stall(&served).await;
            sent.store(0, Ordering::Relaxed);
            let largest = Body::from_stream(counted(BODY_LIMIT / PART.len(), &sent));
            // It may have come before some of those that stall.
            if waiting.post("/mutate", largest).await.unwrap().code == 503 {
                break;
            }
        }
    };
    timeout(DEADLINE, refused).await.expect("there is no room");
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < 200_000, "{sent}");
}

/// All that comes until the server closes the connection.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> String {
    let mut all = Vec::new();
    // A connection that is cut off instead of closed is closed, too.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut all)).await.expect("it is closed");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_dropped() {
    let served = serve(&[]);
    let silent =
        async { until_closed(TcpStream::connect(served.webhook.address()).await.unwrap()).await };
    let slow_head = async {
        let mut stream = served.https().raw(Version::Http1).await.unwrap();
        stream.write_all(b"POST /mutate HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        until_closed(stream).await
    };
    let slow_body = async {
        let mut stream = begun(&served, "{}").await;
        stream.write_all(b"{").await.unwrap();
        until_closed(stream).await
    };
    let slow_plain = async {
        let mut stream = TcpStream::connect(served.webhook.metrics_address()).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        until_closed(stream).await
    };
    let (silent, head, body, plain) = tokio::join!(silent, slow_head, slow_body, slow_plain);
    assert_eq!((silent.as_str(), head.as_str(), plain.as_str()), ("", "", ""));
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_dropped() {
    let served = serve(&[]);
    let mut stream = served.https().raw(Version::Http1).await.unwrap();
    let body = asking(&["true"; 100]).to_string();
    let request = head(body.len()).replace("expect: 100-continue\r\n", "") + &body;
    // More answers than the kernels of both sides keep.
    let dropped = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    timeout(DEADLINE, dropped).await.expect("it is dropped");
    assert_eq!(plain(&served.webhook, "/healthz").await.0, 200);
}

/// The head of a request to `/mutate` whose body has so many bytes.
fn head(length: usize) -> String {
    format!(
        "POST /mutate HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    )
}

/// A request whose body the server waits for.
async fn begun(served: &Served, body: &str) -> Raw {
    let mut stream = served.https().raw(Version::Http1).await.unwrap();
    stream.write_all(head(body.len()).as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn is_refused(address: SocketAddr) {
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(DEADLINE, refused).await.expect("it accepts no connection any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_drains_connections() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut served = serve(&[]);
        let address = served.webhook.address();
        let mut idle = served.https().connect(Version::Http2).await.unwrap();
        assert_eq!(idle.get("/healthz").await.unwrap().code, 200);
        let body = asking(&["true"]).to_string();
        let mut stream = begun(&served, &body).await;
        served.webhook.signal(signal);
        is_refused(address).await;
        let dropped = async { while idle.get("/healthz").await.is_ok() {} };
        timeout(DEADLINE, dropped).await.expect("an idle connection is closed");
        assert!(served.webhook.is_running());
        stream.write_all(body.as_bytes()).await.unwrap();
        let answer = until_closed(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("JSONPatch"), "{answer}");
        assert_eq!(served.webhook.end(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_has_its_limit() {
    let mut served = serve(&["--drain-timeout", "100ms"]);
    let stream = begun(&served, &asking(&["true"]).to_string()).await;
    served.webhook.signal(Signal::SIGTERM);
    assert_eq!(until_closed(stream).await, "");
    assert_eq!(served.webhook.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_cluster_knows_of_its_end_it_goes_on() {
    let mut served = serve(&["--shutdown-delay", "1h"]);
    served.webhook.signal(Signal::SIGTERM);
    served.webhook.says("SIGTERM: drains");
    eventually_not_ready(&served).await;
    let mut connection = served.https().connect(Version::Http2).await.unwrap();
    let answer = connection.post("/mutate", asking(&["true"]).to_string()).await.unwrap();
    assert_eq!(answer.code, 200);
    served.webhook.signal(Signal::SIGTERM);
    assert_eq!(served.webhook.end(), Some(0));
    served.webhook.says("SIGTERM again: ends at once");
}

async fn eventually_not_ready(served: &Served) {
    let not_ready = async {
        while plain(&served.webhook, "/readyz").await.0 != 503 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, not_ready).await.expect("it is not ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_reviews_go_through_one_connection() {
    let served = serve(&[]);
    for version in VERSIONS {
        let mut connection = served.https().connect(version).await.unwrap();
        for _ in 0..50 {
            let body = Body::from(asking(&["true"]).to_string());
            assert_eq!(connection.post("/mutate", body).await.unwrap().code, 200);
        }
    }
}
