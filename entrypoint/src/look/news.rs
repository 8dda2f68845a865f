//! Which changes are worth waking for. Every step sees what all others do: if each woke at each
//! post, a long run would spend its time looking around.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::step::markers::Kind;

/// What matters to one step.
#[derive(Clone, Debug)]
pub(super) struct News {
    /// The folders of its own files and of those that it waits for.
    near: Vec<PathBuf>,
    /// Where the folders of the other steps are.
    siblings: Option<PathBuf>,
    /// Whether it waits only for steps that are still at work: then their ends matter.
    turn_has_come: Arc<AtomicBool>,
}

impl News {
    pub(super) fn new(near: Vec<PathBuf>, siblings: Option<PathBuf>) -> Self {
        Self { near, siblings, turn_has_come: Arc::default() }
    }

    pub(super) fn turn_has_come(&self, come: bool) {
        self.turn_has_come.store(come, Ordering::SeqCst);
    }

    /// Whether a change of this file could matter: temporary files and states do not, and of a step
    /// far away only its markers.
    pub(super) fn matters(&self, path: &Path) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        if name.starts_with(".holdpoint-") || name.ends_with(".state") || name.ends_with(".env") {
            return false;
        }
        !self.is_far(path)
            || Kind::named(&name).is_some()
            || self.turn_has_come.load(Ordering::SeqCst)
    }

    fn is_far(&self, path: &Path) -> bool {
        let Some(folder) = path.parent() else { return false };
        let is_near = self.near.iter().any(|near| near == folder);
        !is_near && self.siblings.is_some() && folder.parent() == self.siblings.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_step_far_away_only_markers_matter_until_the_turn_has_come() {
        let news = News::new(vec!["/run/2".into(), "/run/1".into()], Some("/run".into()));
        let table = [
            ("/run/2/out.cancel", true, true),
            ("/run/2/out.state", false, false),
            ("/run/2/.holdpoint-aB3", false, false),
            ("/run/1/out", true, true),
            ("/run/1/out.alive", true, true),
            ("/run/0/out", false, true),
            ("/run/0/out.alive", false, true),
            ("/run/0/out.state", false, false),
            ("/run/0/pause", true, true),
            ("/run/3", true, true),
            ("/tekton/downward/..data", true, true),
        ];
        for (path, before, after) in table {
            for (come, expected) in [(false, before), (true, after)] {
                news.turn_has_come(come);
                assert_eq!(news.matters(Path::new(path)), expected, "{path}, come: {come}");
            }
        }
    }

    #[test]
    fn in_one_folder_for_all_every_post_matters() {
        let news = News::new(vec!["/tools".into()], None);
        assert!(news.matters(Path::new("/tools/0")));
        assert!(news.matters(Path::new("/tools/0.alive")));
    }
}
