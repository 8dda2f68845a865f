//! The pod that a plan makes of another one, and the difference of the two. It works on the whole of
//! the JSON, so that fields that nobody here knows survive.

use json_patch::Patch;
use serde_json::{Map, Value, json};

use crate::annotations::{INJECTED, MARKERS, PREFIX};
use crate::plan::{
    self, Access, Call, InitContainer, Mount, Place, Plan, Prepare, Probe, Source, Step, Volume,
};
use crate::pod::{BINARY, Pod};

type Object = Map<String, Value>;

/// The pod with all that is planned for it; `read` is what was read of it.
pub fn apply(pod: &Value, read: &Pod, plan: &Plan) -> Value {
    let mut pod = pod.as_object().cloned().unwrap_or_default();
    in_object(&mut pod, "metadata", |metadata| {
        in_object(metadata, "annotations", |annotations| {
            set(annotations, INJECTED, plan::injected(read, plan));
        });
    });
    in_object(&mut pod, "spec", |spec| change(spec, plan));
    Value::Object(pod)
}

fn change(spec: &mut Object, plan: &Plan) {
    if let Some(change) = &plan.prepare {
        in_item(spec, "initContainers", change.container, |it| prepare(it, change));
    }
    for new in &plan.init_containers {
        in_list(spec, "initContainers", |containers| {
            let place = if new.place == Place::First { 0 } else { containers.len() };
            containers.insert(place, init_container(new));
        });
    }
    in_list(spec, "volumes", |volumes| volumes.extend(plan.volumes.iter().map(volume)));
    if let Some(markers) = &plan.markers {
        in_item(spec, "volumes", markers.volume, |volume| {
            in_object(volume, "downwardAPI", |downward| {
                in_list(downward, "items", |items| items.extend(markers.names.iter().map(marker)));
            });
        });
    }
    for change in &plan.steps {
        in_item(spec, "containers", change.container, |it| step(it, change));
    }
}

/// How to make one of the other (RFC 6902).
pub fn difference(before: &Value, after: &Value) -> Patch {
    json_patch::diff(before, after)
}

/// The flags go behind the word `init`, be it among the command or the arguments.
fn prepare(container: &mut Object, change: &Prepare) {
    set(container, "image", change.image.as_str());
    let is_init = |words: &Value| words.as_array().is_some_and(|it| it.iter().any(|w| w == "init"));
    let has_init = |list: &&str| container.get(*list).is_some_and(is_init);
    if let Some(list) = ["command", "args"].into_iter().find(has_init) {
        in_list(container, list, |words| {
            let place = words.iter().position(|word| word == "init").map_or(0, |init| init + 1);
            words.splice(place..place, strings(&change.flags));
        });
    }
    add_mounts(container, &change.mounts);
}

fn step(container: &mut Object, change: &Step) {
    match &change.call {
        Call::With(flags) => {
            in_list(container, "args", |args| drop(args.splice(0..0, strings(flags))));
        }
        Call::Instead(arguments) => {
            set(container, "command", json!([BINARY]));
            set(container, "args", strings(arguments).collect::<Value>());
        }
    }
    add_mounts(container, &change.mounts);
    if change.probe == Probe::Added {
        set(container, "readinessProbe", probe());
    }
}

/// It fails at the first look, so that a hold shows at once; a busy node has its time to answer.
fn probe() -> Value {
    json!({
        "exec": { "command": [BINARY, "probe"] },
        "periodSeconds": 5,
        "timeoutSeconds": 30,
        "failureThreshold": 1,
    })
}

/// It meets the restricted pod security standard. Its limits are its requests, so that a pod of the
/// Guaranteed class stays one.
fn init_container(new: &InitContainer) -> Value {
    let mut security = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    if let (Some(security), Some(user)) = (security.as_object_mut(), new.user) {
        set(security, "runAsUser", user);
    }
    let share: Object =
        new.share.iter().map(|[key, share]| (key.to_string(), json!(share))).collect();
    json!({
        "name": new.name,
        "image": new.image,
        "command": new.command,
        "resources": { "requests": share, "limits": share },
        "securityContext": security,
        "volumeMounts": new.mounts.iter().map(mount).collect::<Vec<_>>(),
    })
}

fn volume(volume: &Volume) -> Value {
    let name = &volume.name;
    match &volume.source {
        Source::Empty => json!({ "name": name, "emptyDir": {} }),
        Source::Image(reference) => json!({ "name": name, "image": { "reference": reference } }),
        Source::Markers => {
            let items: Vec<_> = MARKERS.iter().map(marker).collect();
            json!({ "name": name, "downwardAPI": { "items": items } })
        }
    }
}

/// A file of a downward volume; empty while the pod does not have the annotation.
fn marker(name: &&str) -> Value {
    let field = format!("metadata.annotations['{PREFIX}{name}']");
    json!({ "path": name, "fieldRef": { "apiVersion": "v1", "fieldPath": field } })
}

fn add_mounts(container: &mut Object, mounts: &[Mount]) {
    if !mounts.is_empty() {
        in_list(container, "volumeMounts", |list| list.extend(mounts.iter().map(mount)));
    }
}

fn mount(mount: &Mount) -> Value {
    let mut fields = Object::new();
    set(&mut fields, "name", mount.volume.as_str());
    set(&mut fields, "mountPath", mount.path.as_str());
    if let Some(part) = mount.part {
        set(&mut fields, "subPath", part);
    }
    if mount.access == Access::Read {
        set(&mut fields, "readOnly", true);
    }
    Value::Object(fields)
}

fn strings(words: &[String]) -> impl Iterator<Item = Value> {
    words.iter().cloned().map(Value::String)
}

fn set(object: &mut Object, key: &str, value: impl Into<Value>) {
    object.insert(key.to_owned(), value.into());
}

/// Changes the object at a key, an empty one where there is none.
fn in_object(object: &mut Object, key: &str, change: impl FnOnce(&mut Object)) {
    let place = object.entry(key).or_insert(Value::Null);
    let mut inner = match place.take() {
        Value::Object(inner) => inner,
        _ => Object::new(),
    };
    change(&mut inner);
    *place = Value::Object(inner);
}

/// Changes the list at a key, an empty one where there is none.
fn in_list(object: &mut Object, key: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let place = object.entry(key).or_insert(Value::Null);
    let mut items = match place.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    change(&mut items);
    *place = Value::Array(items);
}

/// Changes an object of the list at a key, where it is there.
fn in_item(object: &mut Object, list: &str, index: usize, change: impl FnOnce(&mut Object)) {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    if let Some(item) = items.and_then(|items| items.get_mut(index)?.as_object_mut()) {
        change(item);
    }
}
