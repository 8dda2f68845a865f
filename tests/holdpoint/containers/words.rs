//! What a step's command gets: the words, variables and folder that its container has without us.

use holdpoint_tests::LivePod;
use serde_json::{Value, json};

use super::{DELIVERIES, asking, codes, ends, inject, injected};
use crate::runner::binary;

/// Writes down all that it was given.
const TELL: &str =
    "{ pwd; for word in \"$@\"; do echo \"<$word>\"; done; env | sort; id -G; } > $FILE";

fn telling() -> Value {
    let mut pod = asking(&[], &[("one", "")]);
    let container = &mut pod["spec"]["containers"][0];
    container["command"] = json!(["sh", "-c", TELL, "sh", "$(A)$$(A)", "--"]);
    container["args"] =
        json!(["", "$(B) $(absent) $$$(A) a$$b", "-entrypoint", "--", "$(date)", "$("]);
    container["env"] = json!([
        { "name": "FILE", "value": "/shared/told" },
        { "name": "A", "value": "one word" },
        { "name": "B", "value": "$(A) and $$(A)" },
    ]);
    container["workingDir"] = json!("/shared");
    pod
}

/// What the command writes in this pod.
fn told(pod: &Value) -> Option<String> {
    let pod = LivePod::new(binary(), pod)?;
    pod.initialise();
    assert_eq!(codes(&ends(pod.start_all())), [0]);
    pod.read("work", "told")
}

#[test]
fn the_command_gets_what_it_got_without_us() {
    let Some(before) = told(&telling()) else { return };
    assert!(before.contains("<one word$(A)>\n<-->\n<>\n"), "{before}");
    for delivery in DELIVERIES {
        let after = told(&inject(&telling(), delivery)).unwrap();
        // The entrypoint looks for results and leaves what it does not know.
        assert_eq!(after, before, "{delivery}");
    }
}

#[test]
fn a_result_of_one_step_is_a_word_of_the_next() {
    let steps = [
        ("one", "printf main > /tekton/steps/step-one/results/branch"),
        ("two", "echo $(steps.one.results.branch) > told"),
    ];
    for delivery in DELIVERIES {
        let Some(pod) = injected(&asking(&[], &steps), delivery) else { return };
        assert_eq!(codes(&ends(pod.start_all())), [0, 0]);
        assert_eq!(pod.read("work", "told").as_deref(), Some("main\n"), "{delivery}");
    }
}

#[test]
fn the_termination_message_is_where_the_container_has_it() {
    let mut pod = asking(&[("breakpoint-timeout", "1h")], &[("one", "exit 7"), ("two", "")]);
    pod["spec"]["containers"][0]["terminationMessagePath"] = json!("/tmp/$(A) $$ $");
    pod["spec"]["containers"][0]["env"] = json!([{ "name": "A", "value": "elsewhere" }]);
    pod["spec"]["containers"][1]["terminationMessagePath"] = json!("");
    let Some(pod) = injected(&pod, DELIVERIES[0]) else { return };
    assert_eq!(codes(&ends(pod.start_all())), [7, 1]);
    assert!(pod.told("one", "StartedAt").is_some(), "{}", pod.message("one"));
    assert_eq!(pod.told("two", "Reason").as_deref(), Some("Skipped"));
}
