//! The workspaces of a task: declared, bound by the TaskRun, given with `-w`.

use std::path::{Path, PathBuf};

use super::fields::{Fields, Notes};
use super::mounts::Mounts;
use super::problem::{Checked, Problem, choice, suggestion};
use super::schema;
use super::yaml::{Node, Text};

/// A workspace, and where steps see it.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) name: String,
    /// Where steps see it; none where it is optional and was not given.
    pub(super) path: Option<PathBuf>,
    /// The folder that was given with `-w`.
    pub(super) folder: Option<PathBuf>,
}

struct Declaration {
    name: String,
    line: usize,
    mount_path: Option<Text>,
    optional: bool,
}

/// What gives workspaces their folders.
pub(super) struct Givers<'a> {
    /// The bindings of the TaskRun.
    pub(super) bindings: &'a [Node],
    /// Whether the TaskRun brings its Task along; then a binding declares its workspace.
    pub(super) declares: bool,
    /// What was given with `-w`.
    pub(super) typed: &'a [(String, PathBuf)],
}

struct Binding {
    name: String,
    line: usize,
    is_empty_dir: bool,
}

/// Finds the folder and the path of every workspace.
///
/// # Errors
/// A declaration is wrong, or a folder is missing, or given to no workspace of the task.
pub(super) fn resolve(
    task: &Fields<'_>,
    givers: &Givers<'_>,
    mounts: &mut Mounts<'_>,
    notes: &mut Notes,
) -> Checked<Vec<Workspace>> {
    let mut declarations = declarations(task.list("workspaces")?, notes)?;
    let bindings = bindings(givers, &mut declarations, notes)?;
    check_typed(givers.typed, &declarations, task.line_of("workspaces"))?;
    let mut workspaces = Vec::new();
    for declaration in &declarations {
        let place = |problem: Problem| problem.of(&format!("workspace `{}`", declaration.name));
        let folder = givers.typed.iter().find(|(name, _)| *name == declaration.name);
        let folder = folder.map(|(_, folder)| folder.as_path());
        let binding = bindings.iter().find(|binding| binding.name == declaration.name);
        let is_bound = is_bound(declaration, folder, binding, notes).map_err(place)?;
        let path = match is_bound {
            true => Some(declaration.mount(folder, mounts, notes).map_err(place)?),
            false => None,
        };
        let (name, folder) = (declaration.name.clone(), folder.map(Path::to_owned));
        workspaces.push(Workspace { name, path, folder });
    }
    Ok(workspaces)
}

/// Whether a workspace gets a folder at all; says so where that is a temporary one.
fn is_bound(
    declaration: &Declaration,
    folder: Option<&Path>,
    binding: Option<&Binding>,
    notes: &mut Notes,
) -> Checked<bool> {
    let name = &declaration.name;
    match (folder, binding) {
        (Some(_), _) => Ok(true),
        (None, Some(binding)) if binding.is_empty_dir => Ok(true),
        (None, Some(binding)) => {
            let message = format!("its volume is in a cluster; give a folder: -w {name}=DIR");
            Err(Problem::at(binding.line, message))
        }
        (None, None) if declaration.optional => Ok(false),
        (None, None) => {
            notes.add(format!(
                "workspace `{name}` is a temporary folder; -w {name}=DIR gives another"
            ));
            Ok(true)
        }
    }
}

fn check_typed(
    typed: &[(String, PathBuf)],
    declarations: &[Declaration],
    line: usize,
) -> Checked<()> {
    let names = || declarations.iter().map(|it| it.name.as_str());
    for (place, (name, _)) in typed.iter().enumerate() {
        if !names().any(|own| own == name) {
            let (have, suggestion) = (choice("workspaces", names()), suggestion(name, names()));
            let message =
                format!("unknown workspace `{name}` (-w); the task has {have}{suggestion}");
            return Err(Problem::at(line, message));
        }
        if typed.iter().take(place).any(|(other, _)| other == name) {
            return Err(Problem::at(line, format!("workspace `{name}` has two folders (-w)")));
        }
    }
    Ok(())
}

fn declarations(nodes: &[Node], notes: &mut Notes) -> Checked<Vec<Declaration>> {
    let mut declarations: Vec<Declaration> = Vec::new();
    for node in nodes {
        let fields = Fields::read(node, &schema::WORKSPACE, notes)?;
        let declaration = Declaration {
            name: name(&fields)?,
            line: fields.line,
            mount_path: fields.text("mountPath")?,
            optional: fields.boolean("optional")?,
        };
        if declarations.iter().any(|other| other.name == declaration.name) {
            let message = format!("workspace `{}` is declared twice", declaration.name);
            return Err(Problem::at(declaration.line, message));
        }
        declarations.push(declaration);
    }
    Ok(declarations)
}

/// A name that can be a folder's.
fn name(fields: &Fields<'_>) -> Checked<String> {
    let name = fields.required_text("name")?;
    if name.value.starts_with('.') || name.value.contains(['/', ' ', ')', '\0']) {
        let message = format!("`{}` cannot be the name of a workspace", name.value);
        return Err(Problem::at(name.line, message));
    }
    Ok(name.value)
}

fn bindings(
    givers: &Givers<'_>,
    declarations: &mut Vec<Declaration>,
    notes: &mut Notes,
) -> Checked<Vec<Binding>> {
    let mut bindings = Vec::new();
    for node in givers.bindings {
        let fields = Fields::read(node, &schema::BINDING, notes)?;
        let (name, line) = (name(&fields)?, fields.line);
        let is_declared = declarations.iter().any(|declaration| declaration.name == name);
        if !is_declared && givers.declares {
            let own = Declaration { name: name.clone(), line, mount_path: None, optional: false };
            declarations.push(own);
        } else if !is_declared {
            let have = choice("workspaces", declarations.iter().map(|it| &it.name));
            let message = format!("unknown workspace `{name}`; the task has {have}");
            return Err(Problem::at(line, message));
        }
        let is_empty_dir = fields.get("emptyDir").is_some();
        bindings.push(Binding { name, line, is_empty_dir });
    }
    Ok(bindings)
}

impl Declaration {
    /// Mounts it, at `/workspace/NAME` where the file names no path. Returns where steps see it.
    fn mount(
        &self,
        folder: Option<&Path>,
        mounts: &mut Mounts<'_>,
        notes: &mut Notes,
    ) -> Checked<PathBuf> {
        let usual = format!("/workspace/{}", self.name);
        let (wanted, line) = match &self.mount_path {
            Some(text) => (text.value.as_str(), text.line),
            None => (usual.as_str(), self.line),
        };
        let at_line = |message| Problem::at(line, message);
        if let Some(path) = mounts.add(&self.name, wanted, folder).map_err(at_line)? {
            return Ok(path);
        }
        let instead = match folder {
            Some(folder) => folder.to_owned(),
            None => mounts.add(&self.name, &usual, None).map_err(at_line)?.unwrap_or_default(),
        };
        let name = &self.name;
        notes.add(format!(
            "workspace `{name}` is at {} instead of {wanted}, which takes a mount namespace",
            instead.display()
        ));
        Ok(instead)
    }
}
