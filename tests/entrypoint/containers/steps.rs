//! Five steps hand over to each other, and each is as restricted as a pod's security policy asks.

use holdpoint_tests::{Image, Post};

use super::pod;

#[test]
fn five_containers_run_one_after_the_other_with_results_in_between() {
    let Some(pod) = pod(&["fetch", "build", "test", "copy", "report"]) else { return };
    let say = |what: &str| format!("echo {what} >> /workspace/log");
    let fetch = "printf main > /tekton/steps/step-fetch/results/branch";
    let build = "printf 7 > /tekton/results/count";
    let branch = "$(steps.fetch.results.branch)";
    let fetch =
        pod.step(0).flags(["-step_results", "branch"]).shell(&format!("{}; {fetch}", say("fetch")));
    let build =
        pod.step(1).flags(["-results", "count"]).shell(&format!("{}; {build}", say("build")));
    let test = pod.step(2).user(0).command(["/bin/sh", "-c", &say("test $0"), branch]);
    // No shell, and no such file: it tells which one it was given.
    let copy = pod.step(3).image(Image::Distroless).flags(["-on_error", "continue"]).command([
        "/tekton/bin/entrypoint",
        "cp",
        &format!("/absent/{branch}"),
        "/workspace/copy",
    ]);
    let report = pod.step(4).shell(&say("report"));

    // Started in the wrong order: the files decide.
    let started: Vec<_> = [report, copy, test, build, fetch].map(|step| step.start()).into();
    let ends: Vec<_> = started.into_iter().map(|container| container.ends()).collect();
    for (number, ended) in (0..5).rev().zip(&ends) {
        assert_eq!((ended.code, pod.posted(number)), (0, Post::Done), "{number}: {}", ended.output);
    }
    assert_eq!(pod.log(), ["fetch", "build", "test main", "report"]);
    assert!(ends[1].output.contains("/absent/main"), "{}", ends[1].output);
    assert_eq!(pod.told(0, "branch").as_deref(), Some("main"));
    assert_eq!(pod.told(1, "count").as_deref(), Some("7"));
    assert_eq!(pod.told(3, "ExitCode").as_deref(), Some("1"));
    assert_eq!(pod.read("tekton/run/4/status/exitCode").as_deref(), Some("0"));
}

#[test]
fn a_step_can_write_to_its_own_run_folder_only_and_has_no_privileges() {
    let Some(pod) = pod(&["before", "this", "behind"]) else { return };
    let look = "cd /tekton/run; for n in 0 1 2; do touch $n/mine 2> /dev/null && echo $n; done; \
                touch /mine /tekton/bin/mine /tekton/steps/mine /tekton/downward/mine 2> /dev/null; \
                grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/1/status | tr -s '\\t' ' '; \
                ! ls / /tekton/bin /tekton/steps /tekton/downward | grep mine";
    let this = pod.step(1).shell(look).start();
    assert_eq!(pod.step(0).succeeding().start().ends().code, 0);
    let told = this.ends().output;
    let expected = [
        "1",
        "Uid: 1001 1001 1001 1001",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "Seccomp: 2",
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_hermetic_step_does_not_run_where_namespaces_are_refused() {
    for image in [Image::Busybox, Image::Distroless] {
        let Some(pod) = pod(&["only"]) else { return };
        let step = pod.step(0).image(image).env("TEKTON_HERMETIC", "1");
        let ended = step.until("nothing").start().ends();
        assert_eq!((ended.code, pod.posted(0)), (1, Post::Failed), "{}", ended.output);
        assert!(ended.output.contains("TEKTON_HERMETIC asks for a step without a network"));
        assert!(ended.output.contains("Operation not permitted"), "{}", ended.output);
    }
}

#[test]
fn a_hermetic_step_has_not_even_a_loopback_where_namespaces_are_allowed() {
    for (hermetic, is_up) in [("0", true), ("1", false)] {
        let Some(pod) = pod(&["only"]) else { return };
        let step = pod.step(0).allowing_namespaces().env("TEKTON_HERMETIC", hermetic);
        let ended = step.command(["/bin/cat", "/proc/net/fib_trie"]).start().ends();
        let found = (ended.code, ended.output.contains("127.0.0.1"));
        assert_eq!(found, (0, is_up), "{}", ended.output);
    }
}

#[test]
fn a_hermetic_root_without_capabilities_is_told_what_would_do() {
    let Some(pod) = pod(&["only"]) else { return };
    let step = pod.step(0).allowing_namespaces().user(0).env("TEKTON_HERMETIC", "1");
    let ended = step.shell("echo ran").start().ends();
    assert_eq!((ended.code, pod.posted(0)), (1, Post::Failed), "{}", ended.output);
    assert!(ended.output.contains("run as another user"), "{}", ended.output);
    assert!(!ended.output.contains("ran\n"), "{}", ended.output);
}
