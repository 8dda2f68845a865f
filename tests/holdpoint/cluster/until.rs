//! Staying until a step or a run is there.

use holdpoint_tests::{Fault, eventually};

use super::setting::{Setting, path};

#[test]
fn a_verb_stays_until_the_step_has_finished() {
    let setting = Setting::held();
    let told = setting.type_in("continue pod/one --timeout 30s").ended_with(0);
    assert!(told.contains("accepted: continue; step `build` "), "{told}");
    assert!(matches!(setting.state("one", 0), Some(state) if state["phase"] == "finished"));
}

#[test]
fn a_retry_stays_until_the_next_hold() {
    let setting = Setting::held();
    let told = setting.type_in("retry pod/one --until held --timeout 30s").ended_with(0);
    assert!(told.contains("accepted: retry; step `build` exited with 7"), "{told}");
    assert_eq!(setting.state("one", 0).unwrap()["attempt"], 2);
}

#[test]
fn the_time_that_passes_is_told() {
    let setting = Setting::held();
    let told = setting.type_in("pause pod/one --until paused --timeout 1ms").ended_with(5);
    assert!(
        told.contains("timed-out: ") && told.contains("not paused when --timeout passed"),
        "{told}"
    );
    let json = setting.type_in("pause pod/one --timeout 1ms -o json").json();
    assert_eq!(json[0]["outcome"], "timed-out");
}

#[test]
fn a_run_is_stayed_with_until_all_has_ended() {
    let setting = Setting::held();
    let told = setting.type_in("abort pod/one --until finished").ended_with(0);
    assert!(
        told.contains("; the run has ended (build: ended with 7, test: ended with 1)"),
        "{told}"
    );
}

#[test]
fn what_never_comes_is_told_once_that_is_certain() {
    let setting = Setting::held();
    let told = setting.type_in("fail pod/one --until running --timeout 30s").ended_with(3);
    assert!(told.starts_with("pod/one build: rejected: "), "{told}");
}

#[test]
fn the_end_is_seen_where_commands_are_forbidden() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let line = "cancel-run pod/one --by annotate --until finished --timeout 30s";
    setting.type_in(line).ended_with(0);
}

#[test]
fn an_api_server_that_goes_away_for_a_while_is_waited_for() {
    let setting = Setting::held();
    let looks = || setting.api.requests().iter().filter(|it| it.path == path("one")).count();
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            let stays = || (setting.executed().len() > 1).then(looks);
            let before = eventually("the pod was told, and is looked at", stays);
            setting.api.fault_times(1, "GET", &path("one"), Fault::Drop);
            let busy = Fault::Answer(503, "away".to_owned());
            setting.api.fault_times(1, "GET", &path("one"), busy);
            eventually("both went wrong", || (looks() > before + 2).then_some(()));
            setting.type_in("continue pod/one").ended_with(0);
        });
        setting.type_in("pause pod/one --until paused --timeout 30s").ended_with(0)
    });
    assert!(told.starts_with("pod/one: accepted: "), "{told}");
}

#[test]
fn a_dry_run_stays_for_nothing() {
    let setting = Setting::held();
    let told = setting.type_in("pause pod/one --dry-run --until paused --timeout 1m").ended_with(0);
    assert!(told.contains("pod/one: dry-run: would run in container build"), "{told}");
    assert!(!told.contains("; "), "{told}");
    setting.type_in("fail pod/one").ended_with(0);
}
