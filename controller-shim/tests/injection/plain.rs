//! Pods that ask for injection.

use controller_shim::{Injection, inject};
use entrypoint::args::parse;
use serde_json::{Value, json};

use crate::pods::{annotate, args, asking, image_volume, injected, injected_with, settings};

/// What the entrypoint takes the arguments of a container for.
fn parsed(pod: &Value, container: usize) -> entrypoint::args::Args {
    let words: Vec<_> = args(pod, container).into_iter().map(Into::into).collect();
    parse(&words).unwrap()
}

#[test]
fn steps_come_in_the_order_given_and_the_rest_stays() {
    let before = asking(&[("steps", "b,a")], &["a", "log", "b"]);
    let (pod, warnings) = injected(&before);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(pod["spec"]["containers"][1], before["spec"]["containers"][1]);
    let (first, second) = (parsed(&pod, 2), parsed(&pod, 0));
    assert_eq!(
        (first.wait_files.as_slice(), first.post_file),
        (&[][..], "/tekton/run/0/out".into())
    );
    assert_eq!(second.wait_files, [std::path::Path::new("/tekton/run/0/out")]);
    assert_eq!((second.post_file, second.step_name), ("/tekton/run/1/out".into(), "a".to_owned()));
    let prepare = &pod["spec"]["initContainers"][0]["command"];
    let words = prepare.as_array().unwrap();
    assert_eq!(words[words.len() - 2..], [json!("step-b"), json!("step-a")]);
}

#[test]
fn each_annotation_becomes_a_flag_of_its_step() {
    let annotations = [
        ("finally", "clean"),
        ("breakpoint", "before:build,after:test,on-failure"),
        ("breakpoint-timeout", "30m"),
        ("on-error", "test=continue"),
        ("step-timeout", "build=10m"),
        ("wait-timeout", "1h"),
        ("kill-grace", "3s"),
    ];
    let (pod, _) = injected(&asking(&annotations, &["build", "test", "clean"]));
    let steps: Vec<_> = (0..3).map(|container| parsed(&pod, container)).collect();
    assert_eq!(steps[2].wait_files, [std::path::Path::new("/tekton/run/1/out")]);
    for step in &steps {
        assert!(step.breakpoint_on_failure);
        assert_eq!((step.kill_grace.as_secs(), step.wait_timeout.as_secs()), (3, 3600));
        assert_eq!(step.breakpoint_timeout.as_secs(), 1800);
    }
    let each = |of: fn(&entrypoint::args::Args) -> String| steps.iter().map(of).collect::<Vec<_>>();
    assert_eq!(each(|step| step.finally.to_string()), ["false", "false", "true"]);
    assert_eq!(each(|step| step.debug_before_step.to_string()), ["true", "false", "false"]);
    assert_eq!(each(|step| step.debug_after_step.to_string()), ["false", "true", "false"]);
    assert_eq!(each(|step| step.on_error.clone()), ["", "continue", ""]);
    assert_eq!(each(|step| step.timeout.to_string()), ["10m0s", "0s", "0s"]);
}

#[test]
fn the_command_carries_over_word_by_word() {
    let mut before = asking(&[], &["one"]);
    let container = &mut before["spec"]["containers"][0];
    container["command"] = json!(["/bin/sh", "-c", "--", ""]);
    container["args"] = json!(["$(A)", "", "--", "-entrypoint", "x"]);
    let step = parsed(&injected(&before).0, 0);
    assert_eq!(step.entrypoint, "/bin/sh");
    assert_eq!(step.command_args, ["-c", "--", "", "$(A)", "", "--", "-entrypoint", "x"]);
}

/// Words of ours are not to be taken for variables.
#[test]
fn the_termination_message_has_the_containers_path_to_the_letter() {
    for (path, word) in [
        (Value::Null, "/dev/termination-log"),
        (json!(""), "/dev/termination-log"),
        (json!("/tmp/message"), "/tmp/message"),
        (json!("/tmp/$(A) $$ $"), "/tmp/$$(A) $$$$ $$"),
    ] {
        let mut before = asking(&[], &["one"]);
        before["spec"]["containers"][0]["terminationMessagePath"] = path;
        assert_eq!(parsed(&injected(&before).0, 0).termination_path, word);
    }
}

/// The API server takes no container that asks for more than the pod as a whole.
#[test]
fn our_init_container_asks_for_nothing_that_the_pod_shares_out_itself() {
    let share = |cpu: bool, memory: bool| {
        let shares = [(cpu, "cpu", "50m"), (memory, "memory", "16Mi")].into_iter();
        let shares = shares.filter(|(is_there, ..)| *is_there);
        shares.map(|(_, key, share)| (key.to_owned(), json!(share))).collect::<Value>()
    };
    for (resources, cpu, memory) in [
        (Value::Null, true, true),
        (json!({ "requests": { "cpu": "10m" } }), false, true),
        (json!({ "limits": { "memory": "1Gi" }, "requests": null }), true, false),
        (json!({ "limits": { "memory": "8Mi" }, "requests": { "cpu": 1 } }), false, false),
    ] {
        let mut before = asking(&[], &["a"]);
        before["spec"]["resources"] = resources;
        let (pod, _) = injected(&before);
        let ours = &pod["spec"]["initContainers"][0]["resources"];
        assert_eq!(*ours, json!({ "requests": share(cpu, memory), "limits": share(cpu, memory) }));
    }
}

#[test]
fn each_step_writes_to_its_own_run_folder_alone() {
    let (pod, _) = injected(&asking(&[], &["a", "b", "c"]));
    for step in 0..3 {
        let mounts = pod["spec"]["containers"][step]["volumeMounts"].as_array().unwrap();
        let writable: Vec<_> = mounts
            .iter()
            .filter(|mount| mount["readOnly"] != true)
            .map(|it| &it["mountPath"])
            .collect();
        assert_eq!(writable, [&json!(format!("/tekton/run/{step}"))]);
        let runs = mounts.iter().filter(|it| it["name"].as_str().unwrap().contains("-run-"));
        assert_eq!(runs.count(), 3);
    }
}

#[test]
fn our_init_container_is_restricted_and_comes_first() {
    for (user, named) in [(json!(null), None), (json!(1000), None), (json!(0), Some(65532))] {
        let mut before = asking(&[], &["a"]);
        before["spec"]["initContainers"] = json!([{ "name": "db", "restartPolicy": "Always" }]);
        before["spec"]["securityContext"] = json!({ "runAsUser": user });
        let (pod, _) = injected(&before);
        let containers = pod["spec"]["initContainers"].as_array().unwrap();
        assert_eq!((containers.len(), &containers[1]["name"]), (2, &json!("db")));
        let prepare = &containers[0];
        assert_eq!(prepare["name"], "holdpoint-prepare");
        assert_eq!(prepare["image"], settings().image);
        let mut restricted = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" },
        });
        if let Some(named) = named {
            restricted["runAsUser"] = json!(named);
        }
        assert_eq!(prepare["securityContext"], restricted);
        assert_eq!(prepare["resources"]["limits"], prepare["resources"]["requests"]);
        assert_eq!(prepare["resources"]["limits"]["memory"], "16Mi");
    }
}

#[test]
fn a_probe_tells_of_holds_where_the_step_has_none() {
    let mut before = asking(&[("breakpoint", "on-failure")], &["a", "b"]);
    before["spec"]["containers"][1]["readinessProbe"] = json!({ "tcpSocket": { "port": 80 } });
    let (pod, _) = injected(&before);
    let probe = |pod: &Value, container: usize| {
        pod["spec"]["containers"][container]["readinessProbe"].clone()
    };
    assert_eq!(probe(&pod, 0)["exec"]["command"], json!(["/tekton/bin/entrypoint", "probe"]));
    assert_eq!(probe(&pod, 0)["failureThreshold"], 1);
    assert_eq!(probe(&pod, 1), probe(&before, 1));
    let (pod, _) = injected(&asking(&[("breakpoint", "off")], &["a"]));
    assert_eq!(probe(&pod, 0), Value::Null);
}

#[test]
fn an_image_volume_needs_no_init_container() {
    let (pod, _) = injected_with(&asking(&[], &["a", "b"]), &image_volume());
    assert_eq!(pod["spec"]["initContainers"], Value::Null);
    let image = json!({ "name": "holdpoint-bin", "image": { "reference": settings().image } });
    assert_eq!(pod["spec"]["volumes"][0], image);
    let mounts = pod["spec"]["containers"][1]["volumeMounts"].as_array().unwrap();
    let at = |path: &str| mounts.iter().find(|mount| mount["mountPath"] == path).unwrap();
    assert_eq!(at("/tekton/bin")["subPath"], "ko-app");
    // What the links lead to where somebody makes them.
    for (path, volume, read_only) in [
        ("/tekton/steps/step-a", "holdpoint-run-0", json!(true)),
        ("/tekton/steps/step-b", "holdpoint-run-1", Value::Null),
    ] {
        let mount = at(path);
        assert_eq!((&mount["name"], &mount["subPath"]), (&json!(volume), &json!("status")));
        assert_eq!(mount["readOnly"], read_only);
    }
}

#[test]
fn what_is_another_thing_in_a_step_is_told() {
    let mut pod = asking(&[("steps", "a"), ("brakpoint", "on-failure")], &["a", "b"]);
    for container in 0..2 {
        pod["spec"]["containers"][container]["livenessProbe"] = json!({});
        pod["spec"]["containers"][container]["startupProbe"] = json!({});
        pod["spec"]["containers"][container]["stdin"] = json!(true);
        pod["spec"]["containers"][container]["lifecycle"] =
            json!({ "preStop": {}, "postStart": {} });
    }
    let (_, warnings) = injected(&pod);
    let starts = [
        "holdpoint.dev/brakpoint is not known",
        "step `a` has a livenessProbe: while it waits or is held, the kubelet may end it",
        "step `a` has a startupProbe: while it waits or is held, the kubelet may end it",
        "step `a` has a postStart hook: it runs when the pod begins, not when the step does",
        "step `a` has stdin: its command reads nothing from there",
    ];
    assert_eq!(warnings.len(), starts.len(), "{warnings:?}");
    for (warning, start) in warnings.iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn who_does_not_ask_is_left_alone() {
    for (wish, reason) in [(None, "not-asked"), (Some("false"), "declined")] {
        let mut pod = asking(&[("breakpoint", "nonsense")], &["a"]);
        pod["metadata"]["annotations"].as_object_mut().unwrap().remove("holdpoint.dev/inject");
        if let Some(wish) = wish {
            annotate(&mut pod, &[("inject", wish)]);
        }
        let left = Injection::Untouched { reason, warnings: vec![] };
        assert_eq!(inject(&pod, &settings()), left);
    }
}

#[test]
fn only_a_pod_that_has_it_all_is_injected_already() {
    let (whole, _) = injected(&asking(&[("breakpoint", "on-failure")], &["a"]));
    let left = Injection::Untouched { reason: "already-injected", warnings: vec![] };
    assert_eq!(inject(&whole, &settings()), left);
    let spec = whole["spec"].clone();
    for (list, key) in [("initContainers", "name"), ("volumes", "name"), ("containers", "command")]
    {
        let mut pod = whole.clone();
        pod["spec"] = spec.clone();
        pod["spec"][list][0][key] = if key == "name" { json!("other") } else { json!(["sh"]) };
        assert_ne!(inject(&pod, &settings()), left, "{list}");
    }
    let mut without_probe = whole.clone();
    let container = without_probe["spec"]["containers"][0].as_object_mut().unwrap();
    assert!(container.remove("readinessProbe").is_some());
    assert_eq!(inject(&without_probe, &settings()), left);
    let mut copied = asking(&[], &["a"]);
    for list in ["", "nonsense"] {
        annotate(&mut copied, &[("injected", list)]);
        injected(&copied);
    }
}
