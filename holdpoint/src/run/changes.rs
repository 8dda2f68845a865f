//! Wakes the run when a step says something new of itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// How often files are looked at where the system cannot tell of changes.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Watches the folders of a run's steps.
pub struct Changes {
    changed: Arc<Notify>,
    _watcher: Box<dyn Watcher>,
}

impl Changes {
    /// Watches these folders; by looking at them where events cannot be had.
    pub fn of(folders: &[impl AsRef<Path>]) -> notify::Result<Self> {
        Self::seen_by::<RecommendedWatcher>(folders)
            .or_else(|_| Self::seen_by::<PollWatcher>(folders))
    }

    /// Returns when something has changed since it returned last.
    pub async fn next(&self) {
        self.changed.notified().await;
    }

    fn seen_by<W: Watcher + 'static>(folders: &[impl AsRef<Path>]) -> notify::Result<Self> {
        let changed = Arc::new(Notify::new());
        let wake = Arc::clone(&changed);
        let handler = move |event: notify::Result<Event>| {
            if !event.is_ok_and(|event| event.kind.is_access()) {
                wake.notify_one();
            }
        };
        let mut watcher = W::new(handler, Config::default().with_poll_interval(LOOK_EVERY))?;
        for folder in folders {
            watcher.watch(folder.as_ref(), RecursiveMode::NonRecursive)?;
        }
        Ok(Self { changed, _watcher: Box::new(watcher) })
    }
}
