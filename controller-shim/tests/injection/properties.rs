//! What holds for every pod.

use controller_shim::{Delivery, Injection, inject, patch};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::pods::{asking, image_volume, of_tekton, settings};

const NAMES: [&str; 4] = ["build", "test", "lint", "clean"];

/// Something that this code has never heard of.
fn unknown() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "newer": [1, { "deep": null }] })),
        Just(json!("text")),
        Just(json!(null)),
        any::<i32>().prop_map(|number| json!(number)),
    ]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[-$a-z()/ ]{0,6}", 0..4)
}

/// A container's own command, arguments, variables, mounts and newer fields.
fn decoration() -> impl Strategy<Value = Value> {
    (words(), words(), words(), unknown(), any::<bool>()).prop_map(
        |(command, args, names, unknown, probed)| {
            let env: Vec<_> = names.iter().map(|name| json!({ "name": name, "value": "$(X)" })).collect();
            let mounts: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(at, _)| json!({ "name": "own", "mountPath": format!("/own/{at}"), "newer": at }))
                .collect();
            let command = [&["/bin/x".to_owned()], command.as_slice()].concat();
            let mut own = json!({
                "command": command,
                "args": args,
                "env": env,
                "volumeMounts": mounts,
                "newerField": unknown,
            });
            if probed {
                own["readinessProbe"] = json!({ "newer": {} });
            }
            own
        },
    )
}

fn plain_pod() -> impl Strategy<Value = Value> {
    let steps = proptest::sample::subsequence(NAMES.to_vec(), 1..=NAMES.len()).prop_shuffle();
    let decorations = proptest::collection::vec(decoration(), NAMES.len());
    (steps, decorations, any::<bool>(), any::<bool>(), unknown()).prop_map(
        |(steps, decorations, held, all, unknown)| {
            let named = steps.join(",");
            let mut annotations = vec![];
            if !all {
                annotations
                    .extend([("steps", named.as_str()), ("finally", steps[steps.len() - 1])]);
            }
            if held {
                annotations.push(("breakpoint", "on-failure"));
            }
            let mut pod = asking(&annotations, &NAMES);
            decorate(&mut pod, decorations);
            pod["spec"]["newerField"] = unknown;
            pod
        },
    )
}

/// A pod of Tekton's; what the steps run stays Tekton's.
fn tekton_pod() -> impl Strategy<Value = Value> {
    let decorations = proptest::collection::vec(decoration(), NAMES.len());
    (1..=NAMES.len(), decorations, any::<bool>(), unknown()).prop_map(
        |(steps, mut decorations, held, unknown)| {
            let annotations = if held { &[("breakpoint", "on-failure")][..] } else { &[] };
            let mut pod = of_tekton(annotations, &NAMES[..steps]);
            for decoration in &mut decorations {
                for key in ["command", "args", "volumeMounts"] {
                    decoration.as_object_mut().unwrap().remove(key);
                }
            }
            decorate(&mut pod, decorations);
            pod["spec"]["newerField"] = unknown;
            pod
        },
    )
}

fn decorate(pod: &mut Value, decorations: Vec<Value>) {
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    for (container, decoration) in containers.iter_mut().zip(decorations) {
        for (key, value) in decoration.as_object().unwrap() {
            container[key] = value.clone();
        }
    }
}

/// Whether all that one pod has is in the other: fields and values, and items of lists in their order.
/// What steps run, and what is said in `except`, may differ.
fn is_within(before: &Value, after: &Value, except: &[&str]) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().all(|(key, value)| {
            except.contains(&key.as_str())
                || after.get(key).is_some_and(|after| is_within(value, after, except))
        }),
        (Value::Array(before), Value::Array(after)) => {
            let mut rest = after.iter();
            before.iter().all(|item| rest.any(|after| is_within(item, after, except)))
        }
        _ => before == after,
    }
}

fn check(before: &Value, delivery: Delivery, except: &[&str]) {
    let settings = if delivery == Delivery::ImageVolume { image_volume() } else { settings() };
    let Injection::Injected { pod, .. } = inject(before, &settings) else {
        panic!("{:?} of {before}", inject(before, &settings));
    };
    assert!(is_within(before, &pod, except), "lost something of {before}: {pod}");
    let count = |pod: &Value| pod["spec"]["containers"].as_array().unwrap().len();
    assert_eq!(count(before), count(&pod));
    let mut patched = before.clone();
    json_patch::patch(&mut patched, &patch::difference(before, &pod)).unwrap();
    assert_eq!(patched, pod);
    let again = Injection::Untouched { reason: "already-injected", warnings: vec![] };
    assert_eq!(inject(&pod, &settings), again);
}

/// A plain step still runs its command: it stands behind ours, word by word.
fn check_commands(before: &Value, after: &Value) {
    let words = |container: &Value, key: &str| {
        container[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let containers = |pod: &Value| pod["spec"]["containers"].as_array().unwrap().clone();
    for (before, after) in containers(before).iter().zip(&containers(after)) {
        let own = [words(before, "command"), words(before, "args")].concat();
        let run = if words(after, "command") == ["/tekton/bin/entrypoint"] {
            let args: Vec<_> = words(after, "args").into_iter().map(Into::into).collect();
            let args = entrypoint::args::parse(&args).unwrap();
            let run = [&[args.entrypoint], &args.command_args[..]].concat();
            run.into_iter().map(|word| word.into_string().unwrap()).collect()
        } else {
            [words(after, "command"), words(after, "args")].concat()
        };
        assert_eq!(run, own);
    }
}

proptest! {
    #[test]
    fn a_plain_pod_loses_nothing(pod in plain_pod(), image_volume in any::<bool>()) {
        let delivery = if image_volume { Delivery::ImageVolume } else { Delivery::InitContainer };
        check(&pod, delivery, &["command", "args"]);
        check_commands(&pod, &crate::pods::injected(&pod).0);
    }

    #[test]
    fn a_pod_of_tektons_loses_nothing(pod in tekton_pod()) {
        check(&pod, Delivery::InitContainer, &["image"]);
    }
}
