//! Each verb on a pod: taken up, and rejected with what would do.

use holdpoint_tests::fixture;

use super::setting::{STEPS, Setting, pod};

#[test]
fn verbs_of_a_held_step_are_taken_up() {
    for (line, codes) in [
        ("continue pod/one", [0, 0]),
        ("fail-continue pod/one", [1, 0]),
        ("breakpointexit pod/one", [7, 0]),
        ("fail pod/one", [7, 1]),
        ("cancel pod/one", [9, 1]),
        ("retry pod/one -- /bin/true", [0, 0]),
    ] {
        let setting = Setting::held();
        let told = setting.type_in(line).ended_with(0);
        assert!(told.starts_with("pod/one build: accepted: "), "{line}: {told}");
        assert!(told.contains("\nnext: kubectl logs -f pod/one -c build -n default\n"), "{told}");
        assert_eq!(setting.codes("one"), codes, "{line}");
    }
}

#[test]
fn a_retry_that_fails_is_held_again() {
    let setting = Setting::held();
    setting.type_in("retry pod/one").ended_with(0);
    setting.reaches("one", 0, "held-failed");
    let asked = setting.executed().into_iter().find(|it| it.starts_with("retry")).unwrap();
    assert_eq!(asked, "retry -post_file /tekton/run/0/out -o json");
}

#[test]
fn a_hold_before_a_step_is_ended() {
    for (line, codes) in [
        ("before-continue pod/one", [7, 1]),
        ("before-fail pod/one", [1, 1]),
        ("skip pod/one", [0, 0]),
    ] {
        let setting = Setting::new();
        setting.run(pod("one", &[("breakpoint", "before:build")], &STEPS));
        setting.reaches("one", 0, "held-before");
        setting.type_in(line).ended_with(0);
        assert_eq!(setting.codes("one"), codes, "{line}");
    }
}

#[test]
fn a_hold_with_a_limit_is_extended() {
    let setting = Setting::new();
    let limits = [("breakpoint", "on-failure"), ("breakpoint-timeout", "1h")];
    setting.run(pod("one", &limits, &STEPS));
    setting.reaches("one", 0, "held-failed");
    let told = setting.type_in("extend pod/one 3h").ended_with(0);
    assert!(told.contains("\nnext: holdpoint continue pod/one -n default"), "{told}");
    setting.type_in("fail pod/one").ended_with(0);
}

#[test]
fn a_step_is_named_whatever_is_held() {
    let setting = Setting::held();
    setting.type_in("skip pod/one --step test").ended_with(0);
    setting.type_in("breakpointexit pod/one").ended_with(0);
    assert_eq!(setting.codes("one"), [7, 0]);
}

#[test]
fn markers_of_the_run_are_taken_up() {
    for (line, codes) in [
        ("stop-finally pod/one", [7, 1]),
        ("stop pod/one --finally not today", [7, 1]),
        ("cancel-finally pod/one", [9, 9]),
        ("abort pod/one", [7, 1]),
        ("cancel-run pod/one wrong branch", [9, 9]),
    ] {
        let setting = Setting::held();
        let told = setting.type_in(line).ended_with(0);
        assert!(told.starts_with("pod/one: accepted: "), "{line}: {told}");
        assert_eq!(setting.codes("one"), codes, "{line}");
    }
}

#[test]
fn a_pause_holds_the_next_step_until_it_is_resumed() {
    let setting = Setting::held();
    let told = setting.type_in("pause pod/one look first").ended_with(0);
    assert!(told.contains("\nnext: holdpoint resume pod/one -n default"), "{told}");
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "paused");
    let marker = &setting.state("one", 1).unwrap()["markers"][0];
    assert_eq!((&marker["name"], &marker["reason"]), (&"pause".into(), &"look first".into()));
    setting.type_in("resume pod/one").ended_with(0);
    assert_eq!(setting.codes("one"), [0, 0]);
}

#[test]
fn breakpoints_are_set_and_taken_away() {
    let setting = Setting::held();
    setting.type_in("breakpoint pod/one before:test").ended_with(0);
    setting.type_in("continue pod/one").ended_with(0);
    setting.reaches("one", 1, "held-before");
    setting.type_in("breakpoint pod/one off").ended_with(0);
    let wrong = setting.type_in("breakpoint pod/one before:six").ended_with(2);
    assert!(wrong.contains("invalid: ") && wrong.contains("there is no step six"), "{wrong}");
    setting.type_in("continue pod/one").ended_with(0);
    assert_eq!(setting.codes("one"), [0, 0]);
}

#[test]
fn what_cannot_be_now_is_rejected_with_what_can() {
    let setting = Setting::held();
    for line in
        ["before-continue pod/one", "before-fail pod/one", "skip pod/one", "extend pod/one 1h"]
    {
        let told = setting.type_in(line).ended_with(3);
        let now = "possible: continue, fail-continue, breakpointexit, fail, retry, cancel";
        assert!(
            told.starts_with("pod/one build: rejected: ") && told.contains(now),
            "{line}: {told}"
        );
        assert!(!told.contains("next: "), "{told}");
    }
    for line in [
        "continue pod/one --step test",
        "fail pod/one --step test",
        "fail-continue pod/one --step test",
        "breakpointexit pod/one --step test",
        "retry pod/one --step test",
    ] {
        let told = setting.type_in(line).ended_with(3);
        assert!(told.contains("the step has not begun"), "{line}: {told}");
    }
    let unknown = setting.type_in("retry pod/one --step six");
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("--step six: the steps are build, test"), "{unknown:?}");
    setting.type_in("fail pod/one").ended_with(0);
}

#[test]
fn a_pod_that_has_ended_rejects_everything() {
    let setting = Setting::new();
    setting.run(pod("one", &[], &STEPS));
    assert_eq!(setting.codes("one"), [7, 1]);
    let told = setting.type_in("cancel pod/one --step build").ended_with(3);
    assert!(told.contains("step `build` of pod/one has ended with 7"), "{told}");
    let told = setting.type_in("retry pod/one").ended_with(3);
    assert!(told.contains("build: ended with 7, test: ended with 1"), "{told}");
    for verb in ["pause", "resume", "stop", "cancel-finally", "abort", "cancel-run"] {
        let told = setting.ask(&[verb, "pod/one"]).ended_with(3);
        assert!(told.starts_with("pod/one: rejected: not "), "{told}");
    }
}

#[test]
fn answers_are_json_where_a_program_asks() {
    let setting = Setting::held();
    let json = setting.type_in("skip pod/one -o json").json();
    assert_eq!(json.as_array().unwrap().len(), 1);
    for (field, value) in [
        ("namespace", "default"),
        ("pod", "one"),
        ("container", "build"),
        ("step", "build"),
        ("verb", "skip"),
        ("outcome", "rejected"),
    ] {
        assert_eq!(json[0][field], value, "{json}");
    }
    let json = setting.type_in("fail pod/one -o json").json();
    assert_eq!(json[0]["outcome"], "accepted");
}

#[test]
fn a_dry_run_says_what_it_would_do() {
    let setting = Setting::held();
    let told = setting.type_in("retry pod/one --dry-run --wait 3s -- make -j").ended_with(0);
    assert_eq!(
        told,
        "pod/one build: dry-run: would run in container build: /tekton/bin/entrypoint retry -post_file \
         /tekton/run/0/out -o json --wait 3s -- make -j\n"
    );
    let told = setting.type_in("pause pod/one --by annotate --dry-run why").ended_with(0);
    assert_eq!(told, "pod/one: dry-run: would set annotation holdpoint.dev/pause=\"why\"\n");
    assert_eq!(setting.state("one", 0).unwrap()["requests"], serde_json::json!([]));
    setting.type_in("fail pod/one").ended_with(0);
}

#[test]
fn the_held_pod_of_a_real_cluster_is_spoken_to() {
    let Some(pod) = fixture("cluster/pod-held.json") else { return };
    let setting = Setting::new();
    setting.run(pod);
    setting.reaches("fx-debug-pod", 1, "held-before");
    let told = setting.type_in("before-continue tr/fx-debug").ended_with(0);
    assert!(told.starts_with("pod/fx-debug-pod step-two: accepted: "), "{told}");
    setting.reaches("fx-debug-pod", 1, "held-failed");
    setting.type_in("breakpointexit @latest").ended_with(0);
    assert_eq!(setting.codes("fx-debug-pod"), [0, 3]);
}
