//! The objects that Tekton made for the tasks of a run: TaskRuns, and those of other controllers.

use serde_json::Value;

use super::look::{called, list, mark, name, text};

/// A run and what was made for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Children<'a> {
    run: &'a Value,
    objects: &'a [Value],
}

/// How an object ended, by its condition `Succeeded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Cancelled,
    /// It has not ended.
    Open,
}

impl<'a> Children<'a> {
    pub(crate) fn new(run: &'a Value, objects: &'a [Value]) -> Self {
        Self { run, objects }
    }

    /// All of the run's.
    fn all(self) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| self.is_own(object))
    }

    pub(crate) fn are_none(self) -> bool {
        self.all().next().is_none() && self.references().is_empty()
    }

    /// Those of one task, by name, as Tekton orders the results of a matrix.
    ///
    /// # Errors
    /// One that the run names is gone: this one.
    pub(crate) fn of_task(self, task: &str) -> Result<Vec<&'a Value>, String> {
        let is_of_task = |object: &&Value| {
            mark(object, "labels", "tekton.dev/pipelineTask") == Some(task)
                || self.references().iter().any(|reference| {
                    text(reference, "/pipelineTaskName") == task && is_meant(reference, object)
                })
        };
        let mut found: Vec<&Value> = self.all().filter(is_of_task).collect();
        let of_task = |reference: &&Value| text(reference, "/pipelineTaskName") == task;
        for reference in self.references().iter().filter(of_task) {
            if !found.iter().any(|object| is_meant(reference, object)) {
                return Err(called(text(reference, "/kind"), text(reference, "/name")));
            }
        }
        found.sort_by_key(|object| name(object));
        Ok(found)
    }

    /// One that has not ended, where there is one.
    pub(crate) fn open(self) -> Option<String> {
        let object = self.all().find(|object| end(object) == End::Open)?;
        Some(called(kind(object), name(object)))
    }

    /// An earlier run may have had the same name: the owner's uid tells.
    fn is_own(self, object: &Value) -> bool {
        let owners = list(object, "/metadata/ownerReferences");
        let owned = owners.iter().any(|owner| {
            text(owner, "/kind") == "PipelineRun"
                && text(owner, "/uid") == text(self.run, "/metadata/uid")
        });
        owned || self.references().iter().any(|reference| is_meant(reference, object))
    }

    fn references(self) -> &'a [Value] {
        list(self.run, "/status/childReferences")
    }
}

/// How an object ended.
pub(crate) fn end(object: &Value) -> End {
    match (condition(object, "status"), condition(object, "reason")) {
        ("True", _) => End::Succeeded,
        ("False", "Cancelled" | "TaskRunCancelled" | "CustomRunCancelled") => End::Cancelled,
        ("False", _) => End::Failed,
        _ => End::Open,
    }
}

/// A field of the condition `Succeeded`.
pub(crate) fn condition<'a>(object: &'a Value, field: &str) -> &'a str {
    let conditions = list(object, "/status/conditions");
    let succeeded = conditions.iter().find(|condition| text(condition, "/type") == "Succeeded");
    succeeded.map_or("", |condition| text(condition, &format!("/{field}")))
}

/// Items of a list may leave their kind to it.
fn kind(object: &Value) -> &str {
    Some(text(object, "/kind")).filter(|kind| !kind.is_empty()).unwrap_or("TaskRun")
}

fn is_meant(reference: &Value, object: &Value) -> bool {
    text(reference, "/kind") == kind(object) && text(reference, "/name") == name(object)
}
