//! What holds for every pod.

use controller_shim::{Injection, Settings, inject, patch};
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

/// Adds a field to some of the objects below, as newer versions of Kubernetes do, and to each of them
/// where `every` is one. The keys of labels and annotations are anybody's, with text.
fn add_newer_fields(value: &mut Value, newer: &Value, every: usize, seen: &mut usize) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| add_newer_fields(item, newer, every, seen));
        }
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                if key == "annotations" && value.is_null() {
                    continue;
                }
                if ["labels", "annotations"].contains(&key.as_str()) {
                    value["newer.example/field"] = json!("text");
                } else {
                    add_newer_fields(value, newer, every, seen);
                }
            }
            *seen += 1;
            if seen.is_multiple_of(every) {
                fields.insert("newerField".to_owned(), newer.clone());
            }
        }
        _ => {}
    }
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
    (steps, decorations, any::<bool>(), any::<bool>(), unknown(), surroundings(), 1..9usize)
        .prop_map(|(steps, decorations, held, all, unknown, surroundings, every)| {
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
            surround(&mut pod, surroundings);
            add_newer_fields(&mut pod, &unknown, every, &mut 0);
            pod
        })
}

/// Init containers and volumes of the pod's own, or null, or nothing.
fn surroundings() -> impl Strategy<Value = [Option<Value>; 2]> {
    let list = |item: Value| {
        prop_oneof![
            Just(None),
            Just(Some(Value::Null)),
            Just(Some(json!([]))),
            Just(Some(json!([item])))
        ]
    };
    let init = list(
        json!({ "name": "db", "restartPolicy": "Always", "volumeMounts": [{ "name": "own" }] }),
    );
    (init, list(json!({ "name": "own", "emptyDir": {} }))).prop_map(<[_; 2]>::from)
}

/// Behind those that are there already.
fn surround(pod: &mut Value, [init_containers, volumes]: [Option<Value>; 2]) {
    for (key, own) in [("initContainers", init_containers), ("volumes", volumes)] {
        let Some(own) = own else { continue };
        match (pod["spec"][key].as_array_mut(), own) {
            (Some(items), Value::Array(own)) => items.extend(own),
            (Some(_), _) => {}
            (None, own) => pod["spec"][key] = own,
        }
    }
}

/// A pod of Tekton's; what the steps run stays Tekton's.
fn tekton_pod() -> impl Strategy<Value = Value> {
    let decorations = proptest::collection::vec(decoration(), NAMES.len());
    (1..=NAMES.len(), decorations, any::<bool>(), unknown(), surroundings(), 1..9usize).prop_map(
        |(steps, mut decorations, held, unknown, surroundings, every)| {
            let annotations = if held { &[("breakpoint", "on-failure")][..] } else { &[] };
            let mut pod = of_tekton(annotations, &NAMES[..steps]);
            match steps {
                1 if !held => pod["metadata"]["annotations"] = Value::Null,
                2 if !held => {
                    drop(pod["metadata"].as_object_mut().unwrap().remove("annotations"));
                }
                _ => {}
            }
            for decoration in &mut decorations {
                for key in ["command", "args", "volumeMounts"] {
                    decoration.as_object_mut().unwrap().remove(key);
                }
            }
            decorate(&mut pod, decorations);
            surround(&mut pod, surroundings);
            add_newer_fields(&mut pod, &unknown, every, &mut 0);
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

/// The injected pod less all that is known to be ours, in the places where it may be. What is left must
/// be the pod that it was.
fn less_ours(mut pod: Value, before: &Value) -> Value {
    pod["metadata"]["annotations"].as_object_mut().unwrap().remove("holdpoint.dev/injected");
    put_back(&mut pod["metadata"], &before["metadata"], "annotations");
    for key in ["initContainers", "volumes"] {
        less_items(&mut pod["spec"], &before["spec"], key, |item| {
            !item["name"].as_str().unwrap().starts_with("holdpoint-")
        });
    }
    for volume in items(&mut pod["spec"], "volumes") {
        if let Some(downward) = volume.get_mut("downwardAPI") {
            less_items(downward, &Value::Null, "items", |item| item["path"] == "ready");
        }
    }
    for key in ["initContainers", "containers"] {
        let befores = before["spec"][key].as_array().into_iter().flatten();
        for (container, before) in items(&mut pod["spec"], key).zip(befores) {
            less_ours_of(container, before);
        }
    }
    pod
}

fn less_ours_of(container: &mut Value, before: &Value) {
    less_items(container, before, "volumeMounts", |mount| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        !path.starts_with("/tekton/")
            || before["volumeMounts"].as_array().is_some_and(|it| it.contains(mount))
    });
    let probe = json!(["/tekton/bin/entrypoint", "probe"]);
    if container.pointer("/readinessProbe/exec/command") == Some(&probe) {
        container.as_object_mut().unwrap().remove("readinessProbe");
    }
    // What is run, and from which image, is looked at by itself.
    for key in ["image", "command", "args"] {
        match before.get(key) {
            Some(value) => container[key] = value.clone(),
            None => drop(container.as_object_mut().unwrap().remove(key)),
        }
    }
}

/// The items of a list that may be absent.
fn items<'a>(of: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Takes items from a list; one that was not there before goes with them.
fn less_items(of: &mut Value, before: &Value, key: &str, keep: impl Fn(&Value) -> bool) {
    let Some(items) = of.get_mut(key).and_then(Value::as_array_mut) else { return };
    items.retain(keep);
    put_back(of, before, key);
}

/// What is empty now may have been absent or null.
fn put_back(of: &mut Value, before: &Value, key: &str) {
    let is_empty = [json!([]), json!({})].contains(&of[key]);
    match before.get(key) {
        None if is_empty => drop(of.as_object_mut().unwrap().remove(key)),
        Some(Value::Null) if is_empty => of[key] = Value::Null,
        _ => {}
    }
}

fn of_delivery(is_image_volume: bool) -> Settings {
    if is_image_volume { image_volume() } else { settings() }
}

fn check(before: &Value, is_image_volume: bool) -> Value {
    let settings = of_delivery(is_image_volume);
    let Injection::Injected { pod, .. } = inject(before, &settings) else {
        panic!("{:?} of {before}", inject(before, &settings));
    };
    assert_eq!(less_ours(pod.clone(), before), *before, "{pod}");
    let mut patched = before.clone();
    json_patch::patch(&mut patched, &patch::difference(before, &pod)).unwrap();
    assert_eq!(patched, pod);
    // Whoever injects it again, with whatever settings.
    let other = Settings { image: "other".to_owned(), ..of_delivery(!is_image_volume) };
    for settings in [settings, other] {
        let again = Injection::Untouched { reason: "already-injected", warnings: vec![] };
        assert_eq!(inject(&pod, &settings), again);
    }
    pod
}

fn words_of(container: &Value, key: &str) -> Vec<String> {
    let words = container[key].as_array().into_iter().flatten();
    words.map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn containers(pod: &Value) -> &[Value] {
    pod["spec"]["containers"].as_array().unwrap()
}

/// A plain step still runs its command: it stands behind ours, word by word.
fn check_commands(before: &Value, after: &Value) {
    for (before, after) in containers(before).iter().zip(containers(after)) {
        assert_eq!(before["image"], after["image"]);
        let own = [words_of(before, "command"), words_of(before, "args")].concat();
        let run = if words_of(after, "command") == ["/tekton/bin/entrypoint"] {
            let args: Vec<_> = words_of(after, "args").into_iter().map(Into::into).collect();
            let args = entrypoint::args::parse(&args).unwrap();
            let run = [&[args.entrypoint], &args.command_args[..]].concat();
            run.into_iter().map(|word| word.into_string().unwrap()).collect()
        } else {
            [words_of(after, "command"), words_of(after, "args")].concat()
        };
        assert_eq!(run, own);
    }
}

/// A step of Tekton's has what Tekton says behind what we say; `prepare` has our image.
fn check_flags(before: &Value, after: &Value) {
    for (before, after) in containers(before).iter().zip(containers(after)) {
        assert_eq!((&before["image"], &before["command"]), (&after["image"], &after["command"]));
        let [own, all] = [before, after].map(|container| words_of(container, "args"));
        assert!(all.ends_with(&own), "{all:?}");
        let ours = &all[..all.len() - own.len()];
        assert!(ours.iter().all(|flag| flag == "-breakpoint_on_failure"), "{ours:?}");
    }
    let prepare = |pod: &Value| pod["spec"]["initContainers"][0].clone();
    assert_eq!(prepare(after)["image"], settings().image);
    let [own, all] = [before, after].map(|pod| words_of(&prepare(pod), "command"));
    assert_eq!((&all[..2], &all[4..]), (&own[..2], &own[2..]));
    // All others have their own images and words.
    let rest = |pod: &Value| pod["spec"]["initContainers"].as_array().unwrap()[1..].to_vec();
    assert_eq!(rest(before), rest(after));
}

proptest! {
    #[test]
    fn a_plain_pod_loses_nothing(pod in plain_pod(), is_image_volume in any::<bool>()) {
        check_commands(&pod, &check(&pod, is_image_volume));
    }

    #[test]
    fn a_pod_of_tektons_loses_nothing(pod in tekton_pod()) {
        check_flags(&pod, &check(&pod, false));
    }
}
