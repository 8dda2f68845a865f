//! The workspaces of the new run: which data are still there, and which are gone.

use serde_json::{Value, json};

use super::outcome::Outcome;
use crate::cluster::children::Children;
use crate::cluster::look::{list, name, named, text};

/// What becomes of the workspaces that tasks share.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    /// A sentence for each workspace whose data are gone.
    pub(super) losses: Vec<String>,
    /// A sentence for each that is taken over in another way.
    pub(super) notes: Vec<String>,
    /// The claims that Tekton made for the old run, and the new one mounts.
    pub(super) claims: Vec<String>,
}

/// What is asked about the tasks of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tasks<'a> {
    pub(super) run: &'a Value,
    pub(super) pipeline: &'a Value,
    pub(super) outcomes: &'a [(String, Outcome)],
    pub(super) children: Children<'a>,
    /// Claims that are known to be gone.
    pub(super) gone: &'a [String],
}

/// Carries the workspaces over: a volume that Tekton made for the run stays as long as the run, and
/// is mounted by its claim.
pub(super) fn carry(bindings: &mut [Value], tasks: Tasks<'_>) -> Carried {
    let mut carried = Carried::default();
    for binding in bindings {
        let workspace = text(binding, "/name").to_owned();
        let Some(users) = tasks.shared(&workspace) else { continue };
        if binding.get("emptyDir").is_some() {
            carried.losses.push(format!(
                "workspace `{workspace}` is an emptyDir: what {users} left in it is gone"
            ));
        }
        if binding.get("volumeClaimTemplate").is_none() {
            continue;
        }
        match tasks.claim(&workspace).filter(|claim| !tasks.gone.contains(claim)) {
            Some(claim) => {
                carried.notes.push(format!(
                    "workspace `{workspace}` is the volume of pipelinerun/{}, claim {claim}: do \
                     not delete that run before this one has ended, or its volume goes with it",
                    name(tasks.run)
                ));
                mount(binding, &claim);
                carried.claims.push(claim);
            }
            None => carried.losses.push(format!(
                "workspace `{workspace}` gets a new volume: the old one is gone, and with it what \
                 {users} left in it"
            )),
        }
    }
    carried
}

fn mount(binding: &mut Value, claim: &str) {
    if let Some(fields) = binding.as_object_mut() {
        fields.remove("volumeClaimTemplate");
        fields.insert("persistentVolumeClaim".to_owned(), json!({ "claimName": claim }));
    }
}

impl Tasks<'_> {
    /// The tasks that left something in a workspace, where one that runs again may look for it.
    fn shared(&self, workspace: &str) -> Option<String> {
        let uses = |task: &&Value| used_as(task, workspace).is_some();
        let tasks = list(self.pipeline, "/tasks");
        let finally = list(self.pipeline, "/finally");
        let (kept, again): (Vec<&Value>, Vec<&Value>) =
            tasks.iter().filter(uses).partition(|task| self.is_kept(task));
        let is_read = !again.is_empty() || finally.iter().any(|task| uses(&task));
        let names: Vec<String> =
            kept.iter().map(|task| format!("`{}`", text(task, "/name"))).collect();
        (is_read && !names.is_empty()).then(|| names.join(", "))
    }

    fn is_kept(&self, task: &Value) -> bool {
        let is_kept = |outcome: &Outcome| matches!(outcome, Outcome::Kept(_));
        self.outcomes.iter().any(|(name, outcome)| name == text(task, "/name") && is_kept(outcome))
    }

    /// The claim that Tekton bound a workspace to, as the TaskRuns say.
    fn claim(&self, workspace: &str) -> Option<String> {
        list(self.pipeline, "/tasks").iter().find_map(|task| {
            let name = used_as(task, workspace)?;
            let children = self.children.of_task(text(task, "/name")).ok()?;
            let bound = |child: &&Value| {
                let binding = named(list(child, "/spec/workspaces"), name)?;
                let claim = text(binding, "/persistentVolumeClaim/claimName");
                Some(claim.to_owned()).filter(|claim| !claim.is_empty())
            };
            children.iter().find_map(bound)
        })
    }
}

/// The name by which a task knows a workspace of the pipeline. A task that is written in the
/// pipeline may also use one without saying so.
fn used_as<'a>(task: &'a Value, workspace: &'a str) -> Option<&'a str> {
    let declared = list(task, "/workspaces").iter().find(|own| {
        let pipelines = own.get("workspace").or_else(|| own.get("name"));
        pipelines.and_then(Value::as_str) == Some(workspace)
    });
    let mentioned = || task.get("taskSpec").is_some_and(|spec| mentions(spec, workspace));
    match declared {
        Some(own) => Some(text(own, "/name")),
        None => mentioned().then_some(workspace),
    }
}

fn mentions(place: &Value, workspace: &str) -> bool {
    match place {
        Value::String(text) => text.contains(&format!("$(workspaces.{workspace}.")),
        Value::Array(items) => items.iter().any(|item| mentions(item, workspace)),
        Value::Object(fields) => fields.values().any(|field| mentions(field, workspace)),
        _ => false,
    }
}
