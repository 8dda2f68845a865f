//! What comes after the command (1.3 step 7).

use std::sync::mpsc::channel;

use holdpoint_tests::DEADLINE;
use notify::{RecursiveMode, Watcher};

use super::*;

/// The files of a step in the order in which they were last written.
fn written(sandbox: &Sandbox, run: impl FnOnce()) -> Vec<String> {
    let (sender, events) = channel();
    let mut watcher = notify::recommended_watcher(sender).unwrap();
    for folder in ["tekton/run/0", "tekton/run/0/status"] {
        watcher.watch(&sandbox.folder(folder), RecursiveMode::NonRecursive).unwrap();
    }
    run();
    let mut order: Vec<String> = Vec::new();
    while !order.iter().any(|name| name.starts_with("out") && !name.contains('.')) {
        for path in events.recv_timeout(DEADLINE).unwrap().unwrap().paths {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            order.retain(|other| *other != name);
            order.push(name);
        }
    }
    order
}

#[test]
fn the_post_comes_after_all_that_others_read() {
    let sandbox = sandbox();
    let step = sandbox.step(0).command(["true"]);
    let order = written(&sandbox, || drop(step.start().finish()));
    let place = |name| order.iter().position(|other| other == name).expect(name);
    for name in ["exitCode", "termination", "out.state"] {
        assert!(place(name) < place("out"), "{name} in {order:?}");
    }
}

#[test]
fn a_step_that_ends_leaves_nothing_running() {
    let sandbox = sandbox();
    // The harness fails where a process of the step is left.
    let script = "sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & wait' &) ; exit 0";
    sandbox.step(0).shell(script).run();
    sandbox.step(1).shell(&script.replace("exit 0", "exit 3")).fails(3).any_stderr().run();
}

#[test]
fn a_failed_step_is_not_posted_twice() {
    let sandbox = sandbox();
    let step = sandbox.step(0).shell("exit 1").fails(1).posts(Post::Failed).any_stderr();
    step.run();
    assert!(!sandbox.has("tekton/run/0/out"));
}
