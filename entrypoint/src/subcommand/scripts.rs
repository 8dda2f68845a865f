//! `place-scripts`: the debug scripts, where a person looks for them (2.7).

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use debug_scripts::FIRST_LINE;

use super::SubcommandError;
use crate::os::files::{beside, make_folder};

/// Writes every script into this folder, which is made where it is missing. Scripts of the same names,
/// such as Tekton's own, are replaced.
pub(super) fn place(folder: &Path) -> Result<(), SubcommandError> {
    let failed = |path: &Path, source| SubcommandError::Write { path: path.to_owned(), source };
    make_folder(folder).map_err(|e| failed(folder, e))?;
    for script in debug_scripts::scripts() {
        let path = folder.join(script.name);
        write(&path).map_err(|e| failed(&path, e))?;
    }
    Ok(())
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(FIRST_LINE.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
