//! Certificates in files that others write.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use chrono::TimeDelta;
use controller_shim::controller::issued::{Issued, issue};
use holdpoint_tests::{Https, Version, Webhook, eventually};

use crate::common::{HOST, days_before_now, hosts, issued, plain, serve, start, write};

/// Puts a certificate into the folder as the kubelet does: whole, by the swap of one link.
fn swap(folder: &Path, name: &str, issued: &Issued) {
    let version = folder.join(name);
    fs::create_dir(&version).unwrap();
    write(&version, issued);
    let link = folder.join("..data_tmp");
    symlink(name, &link).unwrap();
    fs::rename(link, folder.join("..data")).unwrap();
}

fn trusting(webhook: &Webhook, issued: &Issued) -> Https {
    Https::new(webhook.address(), HOST, &issued.authorities)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_read_again_when_it_changes() {
    let [first, second] = [issued(0), issued(0)];
    let served = start(&[], None);
    let folder = served.folder.path();
    swap(folder, "..1", &first);
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), folder.join(name)).unwrap();
    }
    served.webhook.says("serves a certificate");
    let mut old = trusting(&served.webhook, &first).connect(Version::Http2).await.unwrap();
    swap(folder, "..2", &second);
    eventually("the other certificate is served", || {
        (served.webhook.times_said("serves a certificate") == 2).then_some(())
    });
    assert!(trusting(&served.webhook, &first).connect(Version::Http2).await.is_err());
    assert!(trusting(&served.webhook, &second).connect(Version::Http2).await.is_ok());
    // A connection that is there stays.
    assert_eq!(old.get("/healthz").await.unwrap().code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_it_waits_for_one() {
    let served = start(&[], None);
    let said = served.webhook.says("tls.crt: No such file or directory");
    assert_eq!(said["level"], "WARN");
    assert_eq!(plain(&served.webhook, "/readyz").await.0, 503);
    assert_eq!(plain(&served.webhook, "/healthz").await.0, 200);
    assert!(served.https().connect(Version::Http1).await.is_err());
    write(served.folder.path(), &served.issued);
    served.webhook.says("the certificate's files are in order again");
    served.webhook.says("serves a certificate");
    assert_eq!(plain(&served.webhook, "/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_leaves_the_old_one() {
    let served = serve(&[]);
    let folder = served.folder.path();
    fs::write(folder.join("tls.crt"), "nonsense").unwrap();
    served.webhook.says("tls.key: there is no certificate in it");
    fs::write(folder.join("tls.crt"), &issued(0).certificate).unwrap();
    served.webhook.says("tls.key: the certificate and the key do not go together");
    write(folder, &issued(91));
    served.webhook.says("tls.key: the certificate ended at");
    assert!(served.https().connect(Version::Http2).await.is_ok());
    assert_eq!(plain(&served.webhook, "/readyz").await.0, 200);
    write(folder, &served.issued);
    served.webhook.says("the certificate's files are in order again");
    assert_eq!(served.webhook.times_said("serves a certificate"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_in_use_is_told() {
    let almost_over = days_before_now(90) + TimeDelta::seconds(5);
    let served = start(&[], Some(issue(&hosts(), almost_over, None).unwrap()));
    served.webhook.says("serves a certificate");
    served.webhook.says("tls.key: the certificate ended at");
    let (code, why) = plain(&served.webhook, "/readyz").await;
    assert!(code == 503 && why.starts_with("the certificate ended at"), "{code} {why}");
}
