//! The volumes of a task or Pod, and where steps mount them and workspaces.

use super::fields::{Fields, Notes};
use super::mounts::Mounts;
use super::problem::{Checked, Problem, choice};
use super::schema;
use super::steps::{At, Source};
use super::variables::{Field, Site, Variables};
use super::yaml::Node;

/// Reads the names of the volumes; each is an emptyDir.
///
/// # Errors
/// A volume is something else, or a name is used twice.
pub(super) fn read(nodes: &[Node], notes: &mut Notes) -> Checked<Vec<String>> {
    let mut names = Vec::new();
    for node in nodes {
        let volume = Fields::read(node, &schema::VOLUME, notes).map_err(|it| it.of("volume"))?;
        let name = volume.required_text("name")?;
        if name.value.contains(['/', '\0']) || name.value.starts_with('.') {
            let message = format!("`{}` cannot be the name of a volume", name.value);
            return Err(Problem::at(name.line, message));
        }
        if names.contains(&name.value) {
            let message = format!("volume `{}` is declared twice", name.value);
            return Err(Problem::at(volume.line, message));
        }
        names.push(name.value);
    }
    Ok(names)
}

/// Mounts what a step asks for by itself: volumes, and workspaces at a path of its own.
///
/// # Errors
/// There is no such volume or workspace, or it cannot be at that path.
pub(super) fn mount(
    step: &Source,
    site: Site,
    variables: &Variables<'_>,
    volumes: &[String],
    mounts: &mut Mounts<'_>,
    notes: &mut Notes,
) -> Checked<()> {
    let site = Site { field: Field::Early, ..site };
    for at in &step.mounts {
        if !volumes.contains(&at.name) {
            let have = choice("volumes", volumes);
            let message = format!("there is no volume `{}`; the task has {have}", at.name);
            return Err(Problem::at(at.line, message));
        }
        let Some(path) = path(at, site, variables)? else { continue };
        let seen = mounts.add(&format!("volumes/{}", at.name), &path, None);
        if seen.map_err(|message| Problem::at(at.line, message))?.is_none() {
            notes.add(missed("volume", &at.name, &path));
        }
    }
    for at in &step.workspaces {
        let found = variables.workspaces.iter().find(|workspace| workspace.name == at.name);
        let Some(workspace) = found else {
            let have = choice("workspaces", variables.workspaces.iter().map(|it| &it.name));
            let message = format!("there is no workspace `{}`; the task has {have}", at.name);
            return Err(Problem::at(at.line, message));
        };
        let Some(path) = path(at, site, variables)?.filter(|_| workspace.path.is_some()) else {
            continue;
        };
        let seen = mounts.add(&at.name, &path, workspace.folder.as_deref());
        if seen.map_err(|message| Problem::at(at.line, message))?.is_none() {
            notes.add(missed("workspace", &at.name, &path));
        }
    }
    Ok(())
}

fn path(at: &At, site: Site, variables: &Variables<'_>) -> Checked<Option<String>> {
    at.path.as_ref().map(|text| variables.text(text, site)).transpose()
}

fn missed(what: &str, name: &str, path: &str) -> String {
    format!("{what} `{name}` is not at {path}, which takes a mount namespace")
}
