//! Certificates of the server's own, kept in an API server.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use controller_shim::args::Names;
use controller_shim::controller::Controller;
use controller_shim::controller::decision;
use controller_shim::controller::issued::{Issued, issue};
use controller_shim::tls::Shown;
use holdpoint_tests::{Api, Fault, Https, Version, Webhook, eventually};
use kube::Config;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::common::{HOST, issued, plain, program, start};

const SECRET: &str = "/api/v1/namespaces/holdpoint/secrets/holdpoint-tls";
const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/holdpoint";

/// Makes an object what it should not be.
type Spoil = fn(&mut Value);

/// An API server with the webhook's configuration, one of whose webhooks is somebody else's.
fn cluster() -> Api {
    let api = Api::start();
    let webhook = |name: &str, service: &str| {
        json!({
            "name": name,
            "clientConfig": {
                "service": { "namespace": "holdpoint", "name": service, "path": "/mutate" },
            },
            "newer": "field",
        })
    };
    api.put(json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": "holdpoint" },
        "webhooks": [
            webhook("pods.holdpoint.dev", "holdpoint"),
            webhook("other.example", "other"),
            webhook("tekton.holdpoint.dev", "holdpoint"),
        ],
    }));
    api
}

fn names() -> Names {
    let name = || "holdpoint".to_owned();
    let secret = "holdpoint-tls".to_owned();
    Names { namespace: name(), service: name(), secret, webhook_configuration: name() }
}

fn replica(kubeconfig: &Path) -> Webhook {
    Webhook::start(program(), &["--self-signed"], Some(kubeconfig))
}

/// Keeps this certificate in the Secret, as if it had been made here.
fn keep(api: &Api, issued: &Issued) -> Value {
    let secret = decision::secret(issued, &names(), None);
    api.put(serde_json::to_value(secret).unwrap())
}

/// What the Secret holds under a key.
fn kept(api: &Api, key: &str) -> String {
    let secret = api.get(SECRET).unwrap_or_else(|| panic!("there is no Secret"));
    decoded(&secret["data"][key])
}

fn decoded(value: &Value) -> String {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

/// What the API server trusts of our webhooks.
fn bundles(api: &Api) -> [String; 2] {
    let configuration = api.get(CONFIGURATION).unwrap();
    [0, 2].map(|at| match &configuration["webhooks"][at]["clientConfig"]["caBundle"] {
        Value::Null => String::new(),
        bundle => decoded(bundle),
    })
}

fn authorities(pem: &str) -> usize {
    pem.matches("-----BEGIN CERTIFICATE-----").count()
}

/// How often this was asked with this method.
fn asked(api: &Api, method: &str, path: &str) -> usize {
    api.requests().iter().filter(|it| it.method == method && it.path == path).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_certificate_that_the_api_server_trusts() {
    let api = cluster();
    let webhook = replica(&api.kubeconfig());
    webhook.says("has a new caBundle");
    webhook.says("serves a certificate");
    let secret = api.get(SECRET).unwrap();
    assert_eq!(secret["type"], "kubernetes.io/tls");
    assert_eq!(secret["metadata"]["annotations"], json!({ "holdpoint.dev/self-signed": "true" }));
    let configuration = api.get(CONFIGURATION).unwrap();
    assert_eq!(configuration["webhooks"][1]["clientConfig"]["caBundle"], Value::Null);
    assert_eq!(configuration["webhooks"][0]["newer"], "field");
    let [bundle, second] = bundles(&api);
    assert_eq!((&bundle, authorities(&bundle)), (&second, 1));
    for host in [HOST, "holdpoint.holdpoint.svc.cluster.local"] {
        let https = Https::new(webhook.address(), host, &bundle);
        let answer = https.connect(Version::Http2).await.unwrap().get("/readyz").await.unwrap();
        assert_eq!(answer.code, 200);
    }
    let other = Https::new(webhook.address(), "other.holdpoint.svc", &bundle);
    assert!(other.connect(Version::Http2).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_serve_the_same() {
    for _ in 0..5 {
        let api = cluster();
        let kubeconfig = api.kubeconfig();
        let replicas = [(); 3].map(|()| replica(&kubeconfig));
        for webhook in &replicas {
            webhook.says("serves a certificate");
        }
        let made = kept(&api, "ca.crt");
        eventually("the bundle is that of the Secret", || {
            (bundles(&api) == [made.clone(), made.clone()]).then_some(())
        });
        for webhook in &replicas {
            let https = Https::new(webhook.address(), HOST, &made);
            assert!(https.connect(Version::Http2).await.is_ok());
            assert_eq!(webhook.times_said("serves a certificate"), 1);
        }
        assert_eq!(kept(&api, "ca.crt"), made);
        let makers = replicas.iter().filter(|it| it.times_said("has a new certificate") > 0);
        assert_eq!(makers.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_served_again() {
    let api = cluster();
    let issued = issued(30);
    let before = keep(&api, &issued);
    let webhook = replica(&api.kubeconfig());
    webhook.says("serves a certificate");
    let https = Https::new(webhook.address(), HOST, &issued.authorities);
    assert!(https.connect(Version::Http1).await.is_ok());
    assert_eq!(api.get(SECRET), Some(before));
    webhook.says("has a new caBundle");
    assert_eq!(bundles(&api), [issued.authorities.clone(), issued.authorities]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_others_is_left_alone() {
    let api = cluster();
    let mut secret = serde_json::to_value(decision::secret(&issued(0), &names(), None)).unwrap();
    secret["metadata"]["annotations"] = json!({});
    let before = api.put(secret);
    let webhook = replica(&api.kubeconfig());
    let said = webhook.says("Secret holdpoint/holdpoint-tls was not made here");
    assert!(said["message"].as_str().unwrap().contains("--secret, or serve it with --tls-cert"));
    assert_eq!(plain(&webhook, "/readyz").await.0, 503);
    assert_eq!((api.get(SECRET), bundles(&api)), (Some(before), [String::new(), String::new()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_secret_of_ours_is_replaced() {
    let breaks: [(Spoil, &str); 5] = [
        (
            |secret| drop(secret["data"].as_object_mut().unwrap().remove("tls.key")),
            "it has no tls.key",
        ),
        (|secret| secret["data"] = Value::Null, "it has no ca.crt"),
        (
            |secret| secret["data"]["tls.crt"] = json!("bm9uc2Vuc2U="),
            "there is no certificate in it",
        ),
        (
            |secret| secret["data"]["tls.key"] = json!(STANDARD.encode(issued(0).key)),
            "the certificate and the key do not go together",
        ),
        (
            |secret| secret["data"]["ca.crt"] = json!(STANDARD.encode(issued(0).authorities)),
            "its authority has not signed its certificate",
        ),
    ];
    for (spoil, why) in breaks {
        let api = cluster();
        let mut secret = keep(&api, &issued(0));
        secret["metadata"]["labels"] = json!({ "kept": "true" });
        spoil(&mut secret);
        api.put(secret);
        let webhook = replica(&api.kubeconfig());
        webhook.says(&format!("renews the certificate: {why}"));
        webhook.says("serves a certificate");
        assert_eq!(api.get(SECRET).unwrap()["metadata"]["labels"], json!({ "kept": "true" }));
        let https = Https::new(webhook.address(), HOST, &kept(&api, "ca.crt"));
        assert!(https.connect(Version::Http2).await.is_ok(), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_api_server_it_waits_and_says_so_once() {
    let api = cluster();
    api.fault("GET", "", Fault::forbidden());
    let mut webhook = replica(&api.kubeconfig());
    webhook.says("cannot get Secret holdpoint/holdpoint-tls: forbidden");
    eventually("it tries again", || (asked(&api, "GET", SECRET) > 2).then_some(()));
    assert_eq!(webhook.times_said("cannot get"), 1);
    assert_eq!(plain(&webhook, "/readyz").await.0, 503);
    assert!(webhook.is_running());
    api.heal();
    webhook.says("the cluster has all that the certificate needs again");
    assert_eq!(plain(&webhook, "/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configuration_it_serves_and_says_so() {
    let api = cluster();
    api.delete(CONFIGURATION);
    let webhook = replica(&api.kubeconfig());
    webhook.says("cannot get MutatingWebhookConfiguration holdpoint: ");
    assert_eq!(plain(&webhook, "/readyz").await.0, 200);
    let mut other = cluster().get(CONFIGURATION).unwrap();
    other["webhooks"] = json!([other["webhooks"][1]]);
    api.put(other);
    webhook.says(
        "no webhook of MutatingWebhookConfiguration holdpoint calls Service holdpoint/holdpoint",
    );
}

/// A replica in this process that looks all the time.
struct Looking {
    shown: Arc<Shown>,
    task: JoinHandle<()>,
}

impl Looking {
    fn at(api: &Api) -> Self {
        let config = Config::new(api.url().parse().unwrap());
        let controller = Controller::new(names(), Duration::from_millis(5)).by(config);
        let shown = Arc::new(Shown::nothing().unwrap());
        let shows = Arc::clone(&shown);
        let task = tokio::spawn(async move {
            controller.run(&shows).await;
        });
        Self { shown, task }
    }

    /// Waits until it shows what was made so many days ago.
    #[track_caller]
    fn shows(&self, days_ago: i64) {
        let made = crate::common::days_before_now(days_ago).date_naive();
        eventually("it shows another certificate", || {
            let ends = self.shown.ends()?;
            ((ends.date_naive() - made).num_days() == 90).then_some(())
        });
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_when_two_thirds_are_over() {
    let api = cluster();
    let good = issued(59);
    keep(&api, &good);
    let replicas = [(); 2].map(|()| Looking::at(&api));
    replicas.iter().for_each(|it| it.shows(59));
    assert_eq!(kept(&api, "tls.crt"), good.certificate);

    let old = issued(61);
    keep(&api, &old);
    replicas.iter().for_each(|it| it.shows(0));
    let both = kept(&api, "ca.crt");
    assert!(authorities(&both) == 2 && both.ends_with(&old.authorities), "{both}");
    assert_eq!(bundles(&api), [both.clone(), both.clone()]);

    // Made anew once, whoever was quicker; and trusted before it was shown.
    let writes = api.requests().into_iter().filter(|it| it.method == "PUT" && it.path == SECRET);
    let fresh = json!(STANDARD.encode(&both));
    assert!(writes.count() <= 2);
    let trusted = |it: &holdpoint_tests::Request| {
        it.method == "PUT"
            && it.path == CONFIGURATION
            && it.body["webhooks"][0]["clientConfig"]["caBundle"] == fresh
    };
    assert!(api.requests().iter().any(trusted));

    // Of three authorities only the last two are still trusted.
    let mut next = issued(61);
    next.authorities += &both;
    keep(&api, &next);
    eventually("it is renewed", || (kept(&api, "tls.crt") != next.certificate).then_some(()));
    assert_eq!(authorities(&kept(&api, "ca.crt")), 2);
}

/// From its first start on through a renewal: what its roles allow, all of it and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_what_its_roles_allow() {
    let api = cluster();
    let replica = Looking::at(&api);
    replica.shows(0);
    keep(&api, &issued(61));
    eventually("it is renewed", || (asked(&api, "PUT", SECRET) > 0).then_some(()));
    let all = api.requests().into_iter().map(|it| (it.method, it.path)).collect::<BTreeSet<_>>();
    let wanted = [
        ("GET", SECRET),
        ("GET", CONFIGURATION),
        ("POST", SECRET.rsplit_once('/').unwrap().0),
        ("PUT", SECRET),
        ("PUT", CONFIGURATION),
    ];
    let wanted = wanted.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(all, BTreeSet::from(wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_waits_until_it_is_trusted() {
    let api = cluster();
    keep(&api, &issued(59));
    let replica = Looking::at(&api);
    replica.shows(59);
    let bundle = |api: &Api| bundles(api)[0].clone();
    eventually("it is trusted", || (bundle(&api) == kept(&api, "ca.crt")).then_some(()));

    api.fault("PUT", CONFIGURATION, Fault::forbidden());
    keep(&api, &issued(20));
    let tries = asked(&api, "PUT", CONFIGURATION);
    eventually("it tries to be trusted", || {
        (asked(&api, "PUT", CONFIGURATION) > tries + 1).then_some(())
    });
    replica.shows(59);
    api.heal();
    replica.shows(20);
    assert_eq!(bundle(&api), kept(&api, "ca.crt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_bundle_never_takes_the_place_of_a_newer_one() {
    let api = cluster();
    let (old, new) = (issued(59), issued(20));
    keep(&api, &old);
    let replica = Looking::at(&api);
    replica.shows(59);
    eventually("it is trusted", || (bundles(&api)[0] == old.authorities).then_some(()));

    // Another replica renews between two requests of a look.
    api.fault("GET", CONFIGURATION, Fault::Slow(Duration::from_millis(200)));
    let looks = asked(&api, "GET", CONFIGURATION) + 1;
    eventually("it looks", || (asked(&api, "GET", CONFIGURATION) > looks).then_some(()));
    let before = api.requests().len();
    keep(&api, &new);
    let mut configuration = api.get(CONFIGURATION).unwrap();
    for webhook in [0, 2] {
        let bundle = json!(STANDARD.encode(&new.authorities));
        configuration["webhooks"][webhook]["clientConfig"]["caBundle"] = bundle;
    }
    api.put(configuration);
    api.heal();
    replica.shows(20);
    let writes = api.requests().split_off(before).into_iter();
    let writes = writes.filter(|it| it.method == "PUT" && it.path == CONFIGURATION);
    let stale = json!(STANDARD.encode(&old.authorities));
    for write in writes {
        assert_ne!(write.body["webhooks"][0]["clientConfig"]["caBundle"], stale);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_comes_back() {
    let api = cluster();
    let replica = Looking::at(&api);
    replica.shows(0);
    let made = kept(&api, "ca.crt");
    let is_trusted = || (bundles(&api) == [made.clone(), made.clone()]).then_some(());
    eventually("it is trusted", is_trusted);

    api.put(cluster().get(CONFIGURATION).unwrap());
    eventually("it is trusted again", is_trusted);
    api.delete(SECRET);
    eventually("the Secret is there again", || api.get(SECRET));
    assert_eq!(kept(&api, "ca.crt"), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_changes_nothing() {
    let api = cluster();
    let replica = Looking::at(&api);
    replica.shows(0);
    let ends = replica.shown.ends();
    for fault in
        [Fault::Drop, Fault::Answer(500, "no".to_owned()), Fault::Answer(409, "no".to_owned())]
    {
        api.fault("GET", "", fault);
        let looks = asked(&api, "GET", SECRET);
        eventually("it tries again", || (asked(&api, "GET", SECRET) > looks + 2).then_some(()));
        assert_eq!(replica.shown.ends(), ends);
        api.heal();
    }
    api.delete(SECRET);
    eventually("it works again", || api.get(SECRET));
}

/// A kubeconfig file for a server that speaks TLS, trusting these authorities.
fn kubeconfig_over_tls(folder: &Path, address: SocketAddr, authorities: &str) -> PathBuf {
    let api = Api::start();
    let mut config: Value =
        serde_json::from_slice(&std::fs::read(api.kubeconfig()).unwrap()).unwrap();
    config["clusters"][0]["cluster"] = json!({
        "server": format!("https://{address}"),
        "certificate-authority-data": STANDARD.encode(authorities),
    });
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_is_spoken_to_over_tls() {
    // Another webhook is no API server, but it does speak TLS, and has a 404 for all.
    let local = issue(&["127.0.0.1".to_owned()], Utc::now(), None).unwrap();
    let stand_in = start(&[], Some(local.clone()));
    stand_in.webhook.says("serves a certificate");
    let address = stand_in.webhook.address();
    let said_with = |authorities: &str| {
        let folder = tempfile::tempdir().unwrap();
        let webhook = replica(&kubeconfig_over_tls(folder.path(), address, authorities));
        webhook.says("cannot ")["message"].as_str().unwrap().to_owned()
    };
    let answered = said_with(&local.authorities);
    assert!(answered.contains("there is nothing here: POST /mutate"), "{answered}");
    let strange = said_with(&issued(0).authorities);
    assert!(strange.contains("invalid peer certificate"), "{strange}");
}
