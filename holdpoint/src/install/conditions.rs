//! Which pods the API server asks about, in CEL. The conditions pick what the shim would change; all
//! other pods go in unasked, so that nothing of ours can stand in their way. They use only what every
//! CEL has, and none can fail: what is looked at is known to be there.

use serde_json::{Value, json};

/// As [`controller_shim`] knows the pods of Tekton's.
const OF_TEKTON: &str = "\
has(object.metadata.labels)
&& 'tekton.dev/taskRun' in object.metadata.labels
&& has(object.metadata.ownerReferences)
&& object.metadata.ownerReferences.exists(owner,
  has(owner.controller) && owner.controller
  && owner.kind == 'TaskRun'
  && owner.apiVersion.startsWith('tekton.dev/'))";

const ASKS: &str = "\
has(object.metadata.annotations)
&& 'holdpoint.dev/inject' in object.metadata.annotations
&& object.metadata.annotations['holdpoint.dev/inject'] != 'false'";

const DECLINES: &str = "\
has(object.metadata.annotations)
&& 'holdpoint.dev/inject' in object.metadata.annotations
&& object.metadata.annotations['holdpoint.dev/inject'] == 'false'";

/// The init container that installs the entrypoint, as Tekton calls it.
const HAS_PREPARE: &str = "\
has(object.spec.initContainers)
&& object.spec.initContainers.exists(container,
  container.name == 'prepare'
  && [(has(container.command) ? container.command : [])
    + (has(container.args) ? container.args : [])].exists(words,
    words.size() > 3
    && words[0] == '/ko-app/entrypoint'
    && words[1] == 'init'
    && words[2] == '/ko-app/entrypoint'
    && words[3] == '/tekton/bin/entrypoint'))";

const FOR_ANOTHER_SYSTEM: &str = "\
has(object.spec.os) && object.spec.os.name != 'linux'
|| has(object.spec.nodeSelector)
&& 'kubernetes.io/os' in object.spec.nodeSelector
&& object.spec.nodeSelector['kubernetes.io/os'] != 'linux'";

const SIGNS_RESULTS: &str = "\
object.spec.containers.exists(container,
  has(container.args) && '-enable_spire' in container.args)";

/// A pod that asks by annotation, or tries to. Tekton's pods are [`of_tekton`], whatever they say.
pub(super) fn asking() -> Value {
    json!([is("asks", ASKS), is_not("of-tekton", OF_TEKTON)])
}

/// A pod that Tekton's controller made, unless it declines.
pub(super) fn of_tekton() -> Value {
    json!([is("of-tekton", OF_TEKTON), is_not("declines", DECLINES)])
}

/// The same where another image of `prepare` is all that is needed.
pub(super) fn prepared_by_tekton() -> Value {
    json!([
        is("of-tekton", OF_TEKTON),
        is_not("declines", DECLINES),
        is("has-prepare", HAS_PREPARE),
        is_not("for-another-system", FOR_ANOTHER_SYSTEM),
        is_not("signs-results", SIGNS_RESULTS),
    ])
}

fn is(name: &str, expression: &str) -> Value {
    json!({ "name": name, "expression": expression })
}

fn is_not(name: &str, expression: &str) -> Value {
    json!({ "name": format!("not-{name}"), "expression": format!("!({expression})") })
}
