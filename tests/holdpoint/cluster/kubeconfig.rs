//! The way to the cluster: kubeconfig, context, namespace and user.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use super::runs::{ended, running};
use super::setting::Setting;
use crate::runner::Running;

#[test]
fn a_kubeconfig_that_cannot_be_is_named_with_the_way_out() {
    let setting = Setting::new();
    let broken = setting.home.file("broken", "contexts: 7\n");
    let empty = setting.home.file("empty", "apiVersion: v1\nkind: Config\n");
    for (words, file, problem) in [
        (&["--kubeconfig", "/no/such"][..], "/no/such", "name the file with --kubeconfig"),
        (&["--kubeconfig", broken.to_str().unwrap()], broken.to_str().unwrap(), "failed to parse"),
        (&["--kubeconfig", empty.to_str().unwrap()], empty.to_str().unwrap(), "it has no contexts"),
        (&["--context", "six"], "kubeconfig", "there is no context `six`; its contexts are fake"),
    ] {
        let told = setting.ask(&[&["retry", "pod/one"], words].concat());
        assert_eq!(told.code, Some(2), "{told:?}");
        let named = told.stderr.contains(file) && told.stderr.contains(problem);
        assert!(told.stderr.starts_with("holdpoint: ") && named, "{words:?}: {told:?}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_named() {
    let setting = Setting::new();
    let file = setting.api.kubeconfig();
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace(&setting.api.url(), "http://127.0.0.1:1");
    let elsewhere = setting.home.file("elsewhere", &text);
    let told = setting.ask(&["retry", "pod/one", "--kubeconfig", elsewhere.to_str().unwrap()]);
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr.contains("http://127.0.0.1:1/ does not answer (Connection refused"),
        "{told:?}"
    );
}

#[test]
fn requests_are_made_as_another_user_in_another_namespace() {
    let setting = Setting::new();
    setting.type_in("retry pod/one -n ci --as jane --context fake");
    let requests = setting.api.requests();
    assert_eq!(requests[0].path, "/api/v1/namespaces/ci/pods/one");
    assert_eq!(requests[0].impersonated.as_deref(), Some("jane"));
}

#[test]
fn what_is_told_to_type_goes_to_the_same_cluster() {
    let setting = Setting::held();
    setting.api.put(running("PipelineRun", "x"));
    let mut over = running("PipelineRun", "over");
    over["spec"]["pipelineSpec"] = json!({ "tasks": [{ "name": "a" }] });
    over["status"] = ended("False", "Failed")["status"].clone();
    setting.api.put(over);
    for (line, next) in [
        ("list --held", "holdpoint retry pod/one -n default"),
        ("status pod/one", "next: holdpoint retry pod/one -n default"),
        ("pause pod/one", "next: holdpoint resume pod/one -n default"),
        ("retry pod/one", "next: kubectl logs -f pod/one -c build -n default"),
        ("pause pr/x", "next: holdpoint resume pipelinerun/x -n default"),
        ("stop pr/x", "next: kubectl get pipelinerun/x -n default"),
        ("retry pr/over", "next: holdpoint attach pipelinerun/over-retry-1 -n default"),
        ("retry pr/over", "`holdpoint retry pr/over-retry-1 -n default"),
    ] {
        let told = setting.type_in(&format!("{line} --context fake --as jane"));
        let next = format!("{next} --context fake --as jane");
        assert!(told.stdout.contains(&next), "{line}: {told:?}");
    }
}

/// What a proxy is asked for first, where HTTPS_PROXY names it and NO_PROXY this; none where it is not.
fn asked_of_proxy(setting: &Setting, server: &str, no_proxy: &str) -> Option<String> {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let text = fs::read_to_string(setting.api.kubeconfig()).unwrap();
    let file = setting.home.file("elsewhere", &text.replace(&setting.api.url(), server));
    let mut command = setting.command(&["list", "--kubeconfig", file.to_str().unwrap()]);
    command.env("HTTPS_PROXY", format!("http://{address}")).env("NO_PROXY", no_proxy);
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut lines = BufReader::new(proxy.accept().unwrap().0).lines();
            lines.next().transpose().unwrap().filter(|line| !line.is_empty())
        });
        let told = Running::start(command).finish();
        assert_eq!(told.code, Some(4), "{told:?}");
        // Where nobody came, this ends the wait for somebody.
        let _ = TcpStream::connect(address);
        asked.join().unwrap()
    })
}

#[test]
fn a_proxy_of_the_environment_is_for_servers_elsewhere_alone() {
    let setting = Setting::held();
    let asked = asked_of_proxy(&setting, "https://api.invalid:6443", "other.invalid");
    assert_eq!(asked.as_deref(), Some("CONNECT api.invalid:6443 HTTP/1.1"));
    for (server, no_proxy) in [
        ("https://api.invalid:6443", "other.invalid,.invalid"),
        ("https://127.0.0.1:1", ""),
        ("http://127.0.0.1:1", ""),
    ] {
        assert_eq!(asked_of_proxy(&setting, server, no_proxy), None, "{server} {no_proxy}");
    }
    let mut command = setting.command(&["continue", "pod/one"]);
    command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    Running::start(command).finish().ended_with(0);
}
