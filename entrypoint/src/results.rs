//! Results and artifacts: what the command left in files, as rows of the termination message (1.5).

use std::collections::HashSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::paths::Paths;
use crate::termination::content::{self, Content};
use crate::termination::{Row, RowType};

/// Who carries results to the controller: `-result_from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultsFrom {
    /// The termination message does.
    #[default]
    TerminationMessage,
    /// A sidecar reads the files, so that the message holds none of them.
    SidecarLogs,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The names of the task's results: `-results`.
    pub results: &'a [String],
    /// The names of the step's results: `-step_results`.
    pub step_results: &'a [String],
    /// The step's metadata folder; without it there are no step results and no step artifacts.
    pub step_metadata_dir: Option<&'a Path>,
    /// Who carries the results.
    pub from: ResultsFrom,
}

/// What was found. An error concerns one file, and none keeps another one back.
#[derive(Debug, Default)]
pub struct Collected {
    /// Rows of the task's results, then of the step's.
    pub results: Vec<Row>,
    /// The row of the step's artifacts, then of the task's.
    pub artifacts: Vec<Row>,
    /// What could not be read.
    pub errors: Vec<ResultError>,
}

/// A result that is lost.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// A name that leads out of the folder of results.
    #[error("result {name:?} cannot be in {}: name a file in that folder", folder.display())]
    Name {
        /// The name as given.
        name: String,
        /// Where results of this kind are.
        folder: PathBuf,
    },
    /// A folder, a pipe, a device in the place of a file.
    #[error("result {} is no regular file: write the result into a file", .0.display())]
    Irregular(PathBuf),
    /// The file may not be read.
    #[error("cannot read result {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
}

/// Reads what is there of the results and artifacts.
pub fn collect(wanted: &Wanted<'_>, paths: &Paths) -> Collected {
    let mut collected = Collected::default();
    if wanted.from == ResultsFrom::SidecarLogs {
        return collected;
    }
    collected.add_results(wanted.results, &paths.results(), RowType::TaskResult);
    if let Some(metadata) = wanted.step_metadata_dir {
        let folder = metadata.join("results");
        collected.add_results(wanted.step_results, &folder, RowType::StepResult);
        let provenance = metadata.join("artifacts/provenance.json");
        collected.add_artifacts(&provenance, RowType::StepArtifacts);
    }
    collected.add_artifacts(&paths.task_provenance(), RowType::TaskArtifacts);
    collected
}

impl Collected {
    fn add_results(&mut self, names: &[String], folder: &Path, kind: RowType) {
        let mut seen = HashSet::new();
        for name in names.iter().filter(|name| !name.is_empty()) {
            if !seen.insert(name) {
                continue;
            }
            match read_result(name, folder, kind) {
                Ok(row) => self.results.extend(row),
                Err(error) => self.errors.push(error),
            }
        }
    }

    fn add_artifacts(&mut self, path: &Path, kind: RowType) {
        match read_row(&path.to_string_lossy(), path, kind) {
            Ok(row) => self.artifacts.extend(row),
            Err(error) => self.errors.push(error),
        }
    }
}

fn read_result(name: &str, folder: &Path, kind: RowType) -> Result<Option<Row>, ResultError> {
    let inside = |component| matches!(component, Component::Normal(_));
    if !Path::new(name).components().all(inside) {
        return Err(ResultError::Name { name: name.to_owned(), folder: folder.to_owned() });
    }
    read_row(name, &folder.join(name), kind)
}

fn read_row(key: &str, path: &Path, kind: RowType) -> Result<Option<Row>, ResultError> {
    match content::read(path) {
        Ok(Content::Absent) => Ok(None),
        Ok(Content::Irregular) => Err(ResultError::Irregular(path.to_owned())),
        Ok(Content::TooLarge { bytes }) => Ok(Some(Row::unread(key, bytes, kind))),
        Ok(Content::Whole(bytes)) => Ok(Some(Row::new(key, content::text(bytes), kind))),
        Err(source) => Err(ResultError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nix::sys::stat::Mode;
    use std::fs;
    use tempfile::TempDir;

    struct Pod {
        root: TempDir,
    }

    impl Pod {
        fn new() -> Self {
            Self { root: tempfile::tempdir().unwrap() }
        }

        fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            self
        }

        fn at(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn collect(&self, results: &str, step_results: &str, from: ResultsFrom) -> Collected {
            let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
            let wanted = Wanted {
                results: &names(results),
                step_results: &names(step_results),
                step_metadata_dir: Some(&self.at("meta")),
                from,
            };
            collect(&wanted, &Paths::under(self.root.path()))
        }
    }

    #[test]
    fn each_file_that_exists_gives_a_row_with_its_content() {
        let pod = Pod::new()
            .with("tekton/results/a", "one\n")
            .with("tekton/results/empty", "")
            .with("tekton/results/bytes", b"\xff\xfe")
            .with("tekton/results/not-asked-for", "x")
            .with("meta/results/a", "two");
        let collected = pod.collect("a,,absent,empty,bytes,a", "absent,a", Default::default());
        let expected = [
            Row::new("a", "one\n", RowType::TaskResult),
            Row::new("empty", "", RowType::TaskResult),
            Row::new("bytes", "\u{fffd}\u{fffd}", RowType::TaskResult),
            Row::new("a", "two", RowType::StepResult),
        ];
        assert_eq!(collected.results, expected);
        assert!(collected.artifacts.is_empty() && collected.errors.is_empty());
    }

    #[test]
    fn provenance_rows_have_the_path_as_their_key() {
        let (step, task) = ("meta/artifacts/provenance.json", "tekton/artifacts/provenance.json");
        let pod = Pod::new().with(step, "{}").with(task, "{ }");
        let collected = pod.collect("", "", ResultsFrom::TerminationMessage);
        let key = |path| pod.at(path).to_string_lossy().into_owned();
        let expected = [
            Row::new(key(step), "{}", RowType::StepArtifacts),
            Row::new(key(task), "{ }", RowType::TaskArtifacts),
        ];
        assert_eq!(collected.artifacts, expected);
    }

    #[test]
    fn with_a_sidecar_none_of_the_rows_are_there() {
        let pod = Pod::new()
            .with("tekton/results/a", "1")
            .with("meta/results/b", "1")
            .with("tekton/artifacts/provenance.json", "{}");
        let collected = pod.collect("a", "b", ResultsFrom::SidecarLogs);
        assert!(collected.results.is_empty() && collected.artifacts.is_empty());
    }

    #[test]
    fn without_a_metadata_folder_only_the_tasks_rows_are_there() {
        let pod = Pod::new().with("tekton/results/a", "1");
        let names = ["a".to_owned()];
        let wanted = Wanted {
            results: &names,
            step_results: &names,
            step_metadata_dir: None,
            from: ResultsFrom::TerminationMessage,
        };
        let collected = collect(&wanted, &Paths::under(pod.root.path()));
        assert_eq!(collected.results, [Row::new("a", "1", RowType::TaskResult)]);
    }

    #[test]
    fn a_result_that_cannot_be_read_keeps_no_other_one_back() {
        let pod = Pod::new().with("tekton/results/good", "1").with("tekton/outside", "1");
        fs::create_dir(pod.at("tekton/results/folder")).unwrap();
        nix::unistd::mkfifo(&pod.at("tekton/results/pipe"), Mode::S_IRWXU).unwrap();
        let cases = [
            ("folder", "is no regular file"),
            ("pipe", "is no regular file"),
            ("good/below", "cannot read result"),
            ("../outside", "cannot be in"),
            ("/etc/hostname", "cannot be in"),
            (".", "cannot be in"),
        ];
        for (name, expected) in cases {
            let collected = pod.collect(&format!("{name},good"), "", Default::default());
            assert_eq!(collected.results, [Row::new("good", "1", RowType::TaskResult)]);
            let error = collected.errors[0].to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_huge_result_is_counted_but_not_read() {
        let pod = Pod::new().with("tekton/results/huge", "");
        let file = fs::OpenOptions::new().write(true).open(pod.at("tekton/results/huge")).unwrap();
        file.set_len(5 << 30).unwrap();
        let collected = pod.collect("huge", "", ResultsFrom::TerminationMessage);
        assert_eq!(collected.results, [Row::unread("huge", 5 << 30, RowType::TaskResult)]);
    }
}
