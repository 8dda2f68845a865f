//! Plain pods under the users and restrictions that clusters ask for.

use serde_json::{Value, json};

use super::{DELIVERIES, accepted, asking, codes, ends, inject, injected, log};

/// All that the restricted standard asks of a container.
fn restricted() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// The context of a pod, and the users of its two steps where they have some of their own.
fn contexts() -> [(Value, [Option<u32>; 2]); 5] {
    [
        (json!({ "runAsUser": 1000, "fsGroup": 2000 }), [None, None]),
        // As OpenShift has it: a user that no image knows.
        (json!({ "runAsUser": 1_000_730_000, "fsGroup": 1_000_730_000 }), [None, None]),
        (json!({ "runAsUser": 1_000_730_000 }), [Some(7), Some(8)]),
        (json!({ "runAsUser": 0 }), [Some(1000), Some(65532)]),
        (json!({}), [Some(1000), Some(2000)]),
    ]
}

#[test]
fn a_restricted_pod_is_held_and_retried_whoever_its_users_are() {
    let steps =
        [("one", "test -e fixed || exit 1; echo $(id -u) >> log"), ("two", "echo $(id -u) >> log")];
    for (context, users) in contexts() {
        for delivery in DELIVERIES {
            let mut pod = asking(&[("breakpoint", "on-failure")], &steps);
            pod["spec"]["securityContext"] = context.clone();
            for (step, user) in users.into_iter().enumerate() {
                let security = &mut pod["spec"]["containers"][step]["securityContext"];
                *security = restricted();
                if let Some(user) = user {
                    security["runAsUser"] = json!(user);
                }
            }
            let Some(pod) = injected(&pod, delivery) else { return };
            let mut containers = pod.start_all();
            containers[0].reaches("held-failed");
            containers[1].reaches("waiting");
            assert_eq!([0, 1].map(|at| pod.probe(&containers[at]).code), [1, 0], "{context}");
            assert_eq!(
                containers[0]
                    .exec(["sh", "-c", "umask 0; echo > /shared/fixed; echo >> /shared/log"])
                    .code,
                0
            );
            accepted(&containers[0], &["retry"]);
            let ends = ends(containers);
            assert_eq!(codes(&ends), [0, 0], "{context} {delivery}: {ends:?}");
            let user = |own: Option<u32>| {
                own.map_or_else(|| context["runAsUser"].to_string(), |own| own.to_string())
            };
            assert_eq!(log(&pod)[1..], users.map(user), "{context} {delivery}");
        }
    }
}

#[test]
fn a_step_cannot_write_to_what_is_not_its_own() {
    let look = "for place in /tekton/bin /tekton/steps /tekton/downward /tekton/run/0 /tekton/run/1; do \
                touch $place/mine 2> /dev/null && echo $place >> log; done; exit 0";
    for delivery in DELIVERIES {
        let Some(pod) = injected(&asking(&[], &[("one", look), ("two", look)]), delivery) else {
            return;
        };
        assert_eq!(codes(&ends(pod.start_all())), [0, 0]);
        let mut writable = log(&pod);
        // Without links that folder is the image's own, and this root may write there.
        writable.retain(|place| place != "/tekton/steps" || delivery == "init-container");
        assert_eq!(writable, ["/tekton/run/0", "/tekton/run/1"], "{delivery}");
    }
}

/// PID 1 is another program then, and the steps see each other's processes.
#[test]
fn steps_that_share_their_processes_are_told_apart() {
    let steps =
        [("one", "echo one >> log; test -e fixed"), ("two", "echo two >> log; test -e fixed")];
    for (delivery, user) in [(DELIVERIES[0], 0), (DELIVERIES[1], 1000)] {
        let mut pod = asking(&[("breakpoint", "on-failure")], &steps);
        pod["spec"]["shareProcessNamespace"] = json!(true);
        for step in 0..2 {
            pod["spec"]["containers"][step]["securityContext"] = json!({ "runAsUser": user });
        }
        let Some(pod) = injected(&pod, delivery) else { return };
        let mut containers = pod.start_all();
        containers[0].reaches("held-failed");
        containers[1].reaches("waiting");
        assert_eq!(containers[0].exec(["cat", "/proc/1/comm"]).text, "sleep\n");
        assert_eq!([0, 1].map(|at| pod.probe(&containers[at]).code), [1, 0]);
        accepted(&containers[0], &["fail-continue"]);
        assert_eq!(containers.remove(0).ends().code, 1);
        containers[0].reaches("held-failed");
        assert_eq!(containers[0].exec(["touch", "/shared/fixed"]).code, 0);
        accepted(&containers[0], &["retry"]);
        assert_eq!(codes(&ends(containers)), [0]);
        assert_eq!(log(&pod), ["one", "two", "two"], "{delivery}");
    }
}

/// A native sidecar begins behind our init container, and is left as it is.
#[test]
fn a_native_sidecar_is_left_alone() {
    let mut pod = asking(&[], &[("one", "echo one >> log")]);
    let sidecar = json!({
        "name": "db", "image": "localhost/busybox:1", "restartPolicy": "Always", "args": ["db"],
    });
    pod["spec"]["initContainers"] = json!([sidecar]);
    let after = inject(&pod, DELIVERIES[0]);
    assert_eq!(after["spec"]["initContainers"][1], sidecar);
    let Some(pod) = injected(&pod, DELIVERIES[0]) else { return };
    assert_eq!(codes(&ends(pod.start_all())), [0]);
    assert_eq!(log(&pod), ["one"]);
}
