//! The policy: what it picks, and what it makes of it. Its expressions are evaluated here as they are
//! printed, by a CEL that knows what Kubernetes adds and they use: the type `JSONPatch`, and
//! `indexOf` of a list.

use std::sync::{Arc, LazyLock};

use cel::common::types::{CelString, STRING_TYPE};
use cel::extractors::This;
use cel::{Context, Env, StructDef};
use controller_shim::{Injection, inject};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::conditions::{Change, fixture, hold, of_tekton, settings};
use super::object;

const IMAGE: &str = "registry.example/entrypoint:1";

static POLICY: LazyLock<Value> =
    LazyLock::new(|| object(&["--policy", "--image", IMAGE], "MutatingAdmissionPolicy"));

/// What the API server makes of a pod; none where the policy does not pick it.
fn mutated(pod: &Value) -> Option<Value> {
    hold(&POLICY["spec"]["matchConditions"], pod).then(|| {
        let expression = POLICY["spec"]["mutations"][0]["jsonPatch"]["expression"].as_str();
        let patch: json_patch::Patch =
            serde_json::from_value(patch(expression.unwrap(), pod)).unwrap();
        let mut pod = pod.clone();
        json_patch::patch(&mut pod, &patch).unwrap();
        pod
    })
}

/// The patch that an expression gives for a pod.
fn patch(expression: &str, pod: &Value) -> Value {
    let env = Arc::new(kubernetes());
    let program = env.compile(expression).unwrap();
    let mut context = Context::with_env(env);
    context.add_variable("object", cel::to_value(pod).unwrap()).unwrap();
    context.add_function("indexOf", index_of).unwrap();
    let cel::Value::List(operations) = program.execute(&context).unwrap() else {
        panic!("no list of operations: {expression}")
    };
    operations.iter().map(operation).collect()
}

/// The operation's fields: those that Kubernetes documents, of which it takes no other.
const FIELDS: [&str; 4] = ["op", "from", "path", "value"];

/// CEL with the type of an operation. A value may be of other types, too; ours is text.
fn kubernetes() -> Env {
    let mut env = Env::stdlib();
    let patch = FIELDS.iter().fold(StructDef::new("JSONPatch".to_owned()), |patch, field| {
        patch.add_field((*field).to_owned(), STRING_TYPE)
    });
    env.add_type(patch).unwrap();
    env
}

/// The place of the first item that is this one, or -1.
fn index_of(This(list): This<Arc<Vec<cel::Value>>>, wanted: cel::Value) -> i64 {
    list.iter().position(|item| *item == wanted).map_or(-1, |at| i64::try_from(at).unwrap())
}

fn operation(value: &cel::Value) -> Value {
    let cel::Value::Struct(operation) = value else { panic!("no operation: {value:?}") };
    assert_eq!(operation.name(), "JSONPatch");
    let text = |field| Some(operation.field_value(field)?.downcast_ref::<CelString>()?.inner());
    FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), json!(text(field)?)))).collect()
}

/// The pod with our image in `prepare`, and nothing else changed.
fn prepared_by_us(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let containers = pod["spec"]["initContainers"].as_array_mut().unwrap();
    let prepare = containers.iter_mut().find(|container| container["name"] == "prepare");
    prepare.unwrap()["image"] = json!(IMAGE);
    pod
}

#[test]
fn pods_of_a_cluster_get_the_image_and_nothing_else() {
    for name in holdpoint_tests::fixtures::REVIEWS {
        let Some(pod) = fixture(name) else { return };
        let is_of_tekton = pod["metadata"]["labels"]["tekton.dev/taskRun"].is_string();
        let wanted = is_of_tekton.then(|| prepared_by_us(&pod));
        assert_eq!(mutated(&pod), wanted, "{name}");
        // What it did is not undone, nor done again.
        if let Some(pod) = wanted {
            assert_eq!(mutated(&pod).as_ref(), Some(&pod), "{name}");
        }
    }
}

/// The policy changes no pod that the webhook would leave to Tekton for what it is.
#[test]
fn the_policy_picks_what_an_image_is_enough_for() {
    let conditions = &POLICY["spec"]["matchConditions"];
    let changes: [(Change, bool); 13] = [
        (|_| (), true),
        (
            |pod| {
                let prepare = &mut pod["spec"]["initContainers"][0];
                let mut words = prepare["command"].take();
                prepare["command"] = json!([words[0].take()]);
                prepare["args"] = json!(words.as_array().unwrap()[1..]);
            },
            true,
        ),
        (|pod| pod["spec"]["initContainers"][0]["name"] = json!("other"), false),
        (|pod| pod["spec"]["initContainers"][0]["command"][1] = json!("cp"), false),
        (|pod| pod["spec"]["initContainers"][0]["command"] = json!(["/ko-app/entrypoint"]), false),
        (
            |pod| drop(pod["spec"]["initContainers"][0].as_object_mut().unwrap().remove("command")),
            false,
        ),
        (|pod| drop(pod["spec"].as_object_mut().unwrap().remove("initContainers")), false),
        (|pod| pod["spec"]["containers"][0]["args"][0] = json!("-enable_spire"), false),
        (|pod| pod["spec"]["os"] = json!({ "name": "windows" }), false),
        (|pod| pod["spec"]["os"] = json!({ "name": "linux" }), true),
        (|pod| pod["spec"]["nodeSelector"] = json!({ "kubernetes.io/os": "windows" }), false),
        (|pod| pod["spec"]["nodeSelector"] = json!({ "a": "b" }), true),
        (|pod| pod["metadata"]["annotations"] = json!({ "holdpoint.dev/inject": "false" }), false),
    ];
    for (number, (change, wanted)) in changes.iter().enumerate() {
        let mut pod = of_tekton();
        change(&mut pod);
        assert_eq!(hold(conditions, &pod), *wanted, "{number}: {pod:#}");
        let is_changed = matches!(inject(&pod, &settings()), Injection::Injected { .. });
        assert_eq!(is_changed, *wanted, "{number}: {pod:#}");
    }
}

/// Containers beside `prepare`, with what a pod may have: names that begin as its own does, and a
/// variable twice.
fn others() -> impl Strategy<Value = Vec<Value>> {
    const NAMES: [&str; 4] = ["prepare-more", "place-scripts", "working-dir-initializer", "a"];
    let twice = json!([{ "name": "HOME", "value": "/a" }, { "name": "HOME", "value": "/b" }]);
    let other = move |name: &str| json!({ "name": name, "image": "other", "env": twice });
    proptest::sample::subsequence(NAMES.to_vec(), 0..=NAMES.len())
        .prop_map(move |names| names.into_iter().map(&other).collect())
}

proptest! {
    #[test]
    fn prepare_is_found_wherever_it_stands(others in others(), at in any::<prop::sample::Index>()) {
        let mut pod = of_tekton();
        let containers = pod["spec"]["initContainers"].as_array_mut().unwrap();
        let prepare = containers.remove(0);
        *containers = others;
        containers.insert(at.index(containers.len() + 1), prepare);
        prop_assert_eq!(mutated(&pod), Some(prepared_by_us(&pod)));
    }
}

/// What Kubernetes checks beside the names of fields.
#[test]
fn kubernetes_takes_it() {
    let spec = &POLICY["spec"];
    let binding = object(&["--policy"], "MutatingAdmissionPolicyBinding");
    assert_eq!(spec["mutations"].as_array().unwrap().len(), 1);
    assert_eq!(spec["mutations"][0]["patchType"], "JSONPatch");
    assert_eq!(spec["reinvocationPolicy"], "IfNeeded");
    assert_eq!(spec["failurePolicy"], "Ignore");
    // No parameters: then the binding may have none either.
    assert_eq!((&spec["paramKind"], &binding["spec"]["paramRef"]), (&Value::Null, &Value::Null));
    assert_eq!(binding["spec"]["policyName"], POLICY["metadata"]["name"]);
}
