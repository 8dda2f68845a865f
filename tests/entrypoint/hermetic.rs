//! Hermetic steps (1.10): no network, or no run.

use std::fs;
use std::process::Command;

use holdpoint_tests::{Sandbox, Step, behind};

use crate::sandbox;

fn hermetic(sandbox: &Sandbox) -> Step<'_> {
    sandbox.step(0).env("TEKTON_HERMETIC", "1")
}

/// Whether this system gives namespaces at all.
fn namespaces_are_allowed() -> bool {
    behind("true").is_some()
}

#[test]
fn a_hermetic_command_sees_only_a_loopback_that_is_down() {
    if !namespaces_are_allowed() {
        return;
    }
    let sandbox = sandbox();
    let step = hermetic(&sandbox).command(["sleep", "1000"]).start();
    let pid = step.reaches("running")["pid"].clone();
    let seen = |file: &str| fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap();
    let devices: Vec<_> = seen("dev")
        .lines()
        .skip(2)
        .map(|l| l.split(':').next().unwrap().trim().to_owned())
        .collect();
    assert_eq!(devices, ["lo"]);
    // An address of the loopback device would be here, were it up.
    assert_eq!(seen("fib_trie"), "");
    step.kill();
}

#[test]
fn a_hermetic_command_has_namespaces_of_its_own_and_the_same_ids() {
    if !namespaces_are_allowed() {
        return;
    }
    let sandbox = sandbox();
    let step = hermetic(&sandbox).command(["sleep", "1000"]).start();
    let pid = step.reaches("running")["pid"].clone();
    for namespace in ["user", "mnt", "pid", "net"] {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{namespace}")).unwrap();
        assert_ne!(of(&pid.to_string()), of("self"), "{namespace}");
    }
    let ids = |pid: &str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = |name: &str| status.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        [line("Uid:"), line("Gid:")]
    };
    assert_eq!(ids(&pid.to_string()), ids("self"));
    step.kill();
}

#[test]
fn all_ids_are_mapped_to_themselves() {
    if !namespaces_are_allowed() {
        return;
    }
    let sandbox = sandbox();
    let step = hermetic(&sandbox).command(["sleep", "1000"]).start();
    let pid = step.reaches("running")["pid"].clone();
    let (user, group) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    for (map, own) in [("uid_map", user), ("gid_map", group)] {
        let of = |pid: &str| fs::read_to_string(format!("/proc/{pid}/{map}")).unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let here = words(&of("self"));
        // Who may not map all, or has not all, maps at least the own one.
        let all = user == 0 && here == "0 0 4294967295";
        let expected = if all { here } else { format!("{own} {own} 1") };
        assert_eq!(words(&of(&pid.to_string())), expected, "{map}");
    }
    step.kill();
}

#[test]
fn a_resource_name_that_is_empty_is_none() {
    if !namespaces_are_allowed() {
        return;
    }
    let sandbox = sandbox();
    let step = hermetic(&sandbox).env("TEKTON_RESOURCE_NAME", "").command(["sleep", "1000"]);
    let step = step.start();
    let pid = step.reaches("running")["pid"].clone();
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(&pid.to_string()), network("self"));
    step.kill();
}

#[test]
fn a_hermetic_step_runs_from_the_installed_binary_which_may_not_be_read() {
    let somebody = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"];
    let isolated = ["unshare", "--user", "true"];
    let tried = Command::new(somebody[0]).args(&somebody[1..]).args(isolated).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: nobody but root gets namespaces here, or this is not root");
        return;
    }
    let image = sandbox();
    let (program, installed) = (env!("CARGO_BIN_EXE_entrypoint"), image.at("entrypoint"));
    image.call(["cp", program, &installed]).leaves_something("entrypoint").run();
    let sandbox = Sandbox::new(installed);
    hermetic(&sandbox).by(somebody).shell("id -u").stdout("4711\n").run();
}

#[test]
fn a_hermetic_command_ends_as_any_other() {
    if !namespaces_are_allowed() {
        return;
    }
    let sandbox = sandbox();
    hermetic(&sandbox).shell("echo out; exit 7").stdout("out\n").fails(7).any_stderr().run();
}

#[test]
fn without_the_word_or_with_a_resource_the_command_is_not_isolated() {
    for (hermetic, resource) in [("0", ""), ("", ""), ("true", ""), ("1", "registry")] {
        let sandbox = sandbox();
        let step = sandbox.step(0).env("TEKTON_HERMETIC", hermetic);
        let step = step.env("TEKTON_RESOURCE_NAME", resource).shell("readlink /proc/self/ns/net");
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        step.stdout(&format!("{}\n", own.display())).run();
    }
}

#[test]
fn a_hermetic_step_never_runs_with_the_network_on() {
    let Some(refusing) = behind("echo 0 > /proc/sys/user/max_user_namespaces") else { return };
    let sandbox = sandbox();
    let ran = hermetic(&sandbox).by(refusing).command(["echo", "ran"]).fails(1).any_stderr().run();
    assert!(ran.stderr.contains("TEKTON_HERMETIC"), "{}", ran.stderr);
}
