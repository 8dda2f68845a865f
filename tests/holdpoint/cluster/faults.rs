//! What goes wrong between this machine and a step.

use std::time::Duration;

use holdpoint_tests::{Fault, eventually};

use super::setting::{Setting, path};

#[test]
fn where_commands_are_forbidden_the_annotation_is_named() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::forbidden());
    let told = setting.type_in("pause pod/one").ended_with(4);
    assert!(told.contains("unanswered: commands in pods are not allowed to you"), "{told}");
    assert!(told.contains("try --by annotate"), "{told}");
    let told = setting.type_in("retry pod/one --step build").ended_with(4);
    assert!(
        told.contains("(get and create on pods/exec)") && !told.contains("--by annotate"),
        "{told}"
    );
    let told = setting.type_in("retry pod/one").ended_with(3);
    assert!(told.contains("no step is held (pod/one commands in pods are not allowed"), "{told}");
}

#[test]
fn where_pods_may_not_be_read_the_role_is_named() {
    let setting = Setting::held();
    setting.api.fault("GET", "/pods", Fault::forbidden());
    let told = setting.type_in("retry pod/one");
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.stderr.contains("holdpoint: cannot read pod/one in namespace default: "),
        "{told:?}"
    );
    assert!(told.stderr.contains("ask for a role that allows it"), "{told:?}");
}

#[test]
fn a_pod_that_goes_away_meanwhile_is_told() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Answer(404, "pods \"one\" not found".to_owned()));
    let told = setting.type_in("cancel pod/one --step build").ended_with(4);
    assert!(told.contains("unanswered: the pod is gone"), "{told}");
}

#[test]
fn a_container_that_ends_meanwhile_is_told() {
    let setting = Setting::held();
    let message = "unable to upgrade connection: container not found (\"build\")".to_owned();
    setting.api.fault("GET", "/exec", Fault::Answer(500, message));
    let told = setting.type_in("cancel pod/one --step build").ended_with(4);
    assert!(
        told.contains("the container does not run: ") && told.contains("kubectl describe"),
        "{told}"
    );
}

#[test]
fn a_connection_that_breaks_before_the_answer_is_told() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Cut(0));
    let told = setting.type_in("cancel pod/one --step test").ended_with(4);
    assert!(told.contains("the connection closed before the answer came"), "{told}");
    setting.api.heal();
    setting.api.fault("GET", "/exec", Fault::Drop);
    let told = setting.type_in("cancel pod/one --step test").ended_with(4);
    assert!(told.contains("no connection to the pod"), "{told}");
}

#[test]
fn a_slow_api_server_is_waited_for() {
    let setting = Setting::held();
    setting.api.fault("GET", "/pods", Fault::Slow(Duration::from_millis(200)));
    setting.type_in("continue pod/one").ended_with(0);
}

#[test]
fn an_answer_that_never_comes_is_waited_for_in_bounds() {
    let setting = Setting::held();
    setting.api.fault("GET", "/exec", Fault::Slow(Duration::from_secs(3600)));
    let told = setting.type_in("cancel pod/one --step build --wait 1ms").ended_with(4);
    assert!(told.contains("unanswered: no answer within 5 s"), "{told}");
}

#[test]
fn an_entrypoint_that_answers_no_verbs_is_told() {
    let setting = Setting::held();
    setting.api.run_commands(|exec| {
        use std::io::Write as _;
        writeln!(&exec.stderr, "error executing command: no entrypoint").unwrap();
        Ok(1)
    });
    let told = setting.type_in("cancel pod/one --step build").ended_with(4);
    assert!(
        told.contains("the entrypoint of container build answers no verbs (exit 1: error "),
        "{told}"
    );
    let told = setting.type_in("retry pod/one").ended_with(3);
    assert!(told.contains("answers no verbs"), "{told}");
}

#[test]
fn a_pod_whose_object_is_gone_is_not_found() {
    let setting = Setting::held();
    setting.api.delete(&path("one"));
    let told = setting.type_in("retry pod/one");
    assert!(told.stderr.contains("pods \"one\" not found"), "{told:?}");
}

/// The runtime knows it before the kubelet does.
#[test]
fn a_container_that_has_just_ended_is_passed_over() {
    let gone =
        "failed to exec in container: failed to load task: no running task found: task a not found";
    for line in ["status pod/one -o json", "pause pod/one", "stop pod/one", "retry pod/one"] {
        let setting = Setting::held();
        setting.api.fault_times(1, "GET", "/exec", Fault::Answer(500, gone.to_owned()));
        let told = setting.type_in(line).ended_with(0);
        assert!(told.contains("\"source\":\"step\"") || told.contains(": accepted: "), "{told}");
    }
}

#[test]
fn a_step_whose_container_has_ended_is_not_asked_elsewhere() {
    let setting = Setting::held();
    let gone = "failed to exec in container: container is in CONTAINER_EXITED state";
    setting.api.fault("GET", "/exec", Fault::Answer(500, gone.to_owned()));
    let told = setting.type_in("retry pod/one --step build").ended_with(4);
    assert!(told.contains("the container does not run"), "{told}");
    assert_eq!(setting.executed().len(), 1, "{told}");
    let told = setting.type_in("pause pod/one").ended_with(4);
    assert!(told.contains("the container does not run"), "{told}");
}

/// A runtime has many words for a container that is ending.
#[test]
fn who_stays_outlasts_a_look_that_is_refused() {
    let setting = Setting::held();
    let line = ["breakpoint", "pod/one", "off", "--until", "paused", "--timeout", "1m"];
    let staying = crate::runner::Running::start(setting.command(&line));
    eventually("it looks", || (setting.executed().len() > 1).then_some(()));
    setting.api.fault_times(2, "GET", "/exec", Fault::Answer(500, "words of tomorrow".to_owned()));
    let before = setting.executed().len();
    eventually("it was refused", || (setting.executed().len() > before + 2).then_some(()));
    setting.type_in("pause pod/one").ended_with(0);
    setting.type_in("continue pod/one").ended_with(0);
    staying.finish().ended_with(0);
    setting.type_in("resume pod/one").ended_with(0);
}
