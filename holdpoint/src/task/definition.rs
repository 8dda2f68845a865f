//! What a document says of a run: the Task that it is, brings along or names, and what it gives.

use super::document::{Document, Documents, Kind};
use super::fields::{Fields, Notes};
use super::problem::{Checked, Problem, choice};
use super::schema;
use super::yaml::Node;

/// A Task or Pod to run, with what a TaskRun gives it.
#[derive(Debug)]
pub(super) struct Definition<'a> {
    /// The name of the document that is run.
    pub(super) name: String,
    /// The name of the Task.
    pub(super) task: String,
    pub(super) namespace: String,
    /// The `spec` of the Task or Pod.
    pub(super) spec: &'a Node,
    pub(super) params: &'a [Node],
    pub(super) bindings: &'a [Node],
    /// Whether a TaskRun brings its Task along, so that it need not declare what it is given.
    pub(super) declares: bool,
}

impl<'a> Definition<'a> {
    /// Reads the document that is run, and the Task that it names.
    ///
    /// # Errors
    /// A field is unknown, or the Task is not in the file.
    pub(super) fn of(
        document: Document<'a>,
        documents: &Documents<'a>,
        notes: &mut Notes,
    ) -> Checked<Self> {
        let header = document.header(notes)?;
        let (name, namespace) = (header.name, header.namespace);
        let task = name.clone();
        let (spec, params, bindings) = (header.spec, &[][..], &[][..]);
        let alone = Self { name, task, namespace, spec, params, bindings, declares: false };
        match document.kind {
            Kind::TaskRun => alone.with_run(documents, notes),
            Kind::Task | Kind::Pod => Ok(alone),
        }
    }

    /// The TaskRun's own `spec` is replaced by that of its Task.
    fn with_run(self, documents: &Documents<'a>, notes: &mut Notes) -> Checked<Self> {
        let run = Fields::read(self.spec, &schema::TASK_RUN, notes)?;
        let (params, bindings) = (run.list("params")?, run.list("workspaces")?);
        let given = Self { params, bindings, ..self };
        match (run.get("taskSpec"), run.get("taskRef")) {
            (Some(spec), None) => Ok(Self { spec, declares: true, ..given }),
            (None, Some(reference)) => given.with_task(reference, documents, notes),
            (Some(_), Some(reference)) => {
                Err(Problem::at(reference.line, "`taskRef` and `taskSpec` exclude each other"))
            }
            (None, None) => Err(Problem::at(run.line, "`taskRef` or `taskSpec` is missing")),
        }
    }

    fn with_task(
        self,
        reference: &'a Node,
        documents: &Documents<'a>,
        notes: &mut Notes,
    ) -> Checked<Self> {
        let fields = Fields::read(reference, &schema::TASK_REF, notes)?;
        let name = fields.required_text("name")?;
        if let Some(kind) = fields.text("kind")?.filter(|kind| kind.value != "Task") {
            let message = format!("a `{}` cannot be run here: name a Task", kind.value);
            return Err(Problem::at(kind.line, message));
        }
        let missing = || {
            let have = choice("Tasks", documents.tasks());
            let message = format!("Task `{}` is not in this file, which has {have}", name.value);
            Problem::at(name.line, message)
        };
        let task = documents.task(&name.value).ok_or_else(missing)?.header(notes)?;
        Ok(Self { task: task.name, spec: task.spec, ..self })
    }
}
