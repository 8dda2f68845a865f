//! A step's files, and the command line of its entrypoint (contract 1.1 and 2.3).

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::breakpoint::Breakpoints;
use super::folder::RunFolder;
use crate::error::Error;
use crate::plan::{Action, Layout, Plan, Step};

/// Makes the folders, links and script of each step.
pub fn prepare(run: &RunFolder, plan: &Plan) -> Result<(), Error> {
    for (index, step) in plan.steps.iter().enumerate() {
        let status = run.step(index).join("status");
        fs::create_dir_all(&status).map_err(|error| Error::file(&status, error))?;
        for name in [format!("step-{}", step.name), index.to_string()] {
            let link = run.tekton().join("steps").join(name);
            symlink(format!("../run/{index}/status"), &link)
                .map_err(|error| Error::file(&link, error))?;
        }
        if let Action::Script { text, .. } = &step.action {
            place_script(&run.tekton().join(script(index)), text)?;
        }
    }
    Ok(())
}

fn place_script(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| Error::file(path, error))
}

fn script(index: usize) -> PathBuf {
    format!("scripts/script-{index}").into()
}

/// Where the step starts: its own folder, which counts from the workspace, else the workspace.
pub fn folder(step: &Step, layout: &Layout) -> PathBuf {
    match &step.working_dir {
        Some(own) => layout.workspace.join(own),
        None => layout.workspace.clone(),
    }
}

/// The entrypoint's arguments for one step of the plan.
pub fn arguments(
    plan: &Plan,
    index: usize,
    layout: &Layout,
    breakpoints: &Breakpoints,
) -> Vec<OsString> {
    let step = &plan.steps[index];
    let run = |index: usize| layout.tekton.join("run").join(index.to_string());
    let mut flags = Flags::default();
    if let Some(before) = index.checked_sub(1) {
        flags.value("-wait_file", run(before).join("out"));
    }
    flags.value("-post_file", run(index).join("out"));
    flags.value("-termination_path", run(index).join("termination"));
    flags.value("-step_metadata_dir", run(index).join("status"));
    flags.value("-step_name", &step.name);
    flags.list("-results", plan.results.iter().map(|result| result.name.as_str()));
    flags.list("-step_results", step.results.iter().map(String::as_str));
    flags.some("-when_expressions", step.when.as_ref());
    flags.some("-timeout", step.timeout.as_ref());
    flags.some("-stdout_path", step.stdout_path.as_ref());
    flags.some("-stderr_path", step.stderr_path.as_ref());
    flags.some("-on_error", step.continue_on_error.then_some("continue"));
    flags.switch("-finally", step.finally);
    flags.switch("-breakpoint_on_failure", breakpoints.on_failure);
    flags.switch("-debug_before_step", breakpoints.hold_before(&step.name));
    flags.switch("-debug_after_step", breakpoints.hold_after(&step.name));
    flags.some("-breakpoint_timeout", breakpoints.timeout.as_ref());
    flags.command(&step.action, &layout.tekton.join(script(index)))
}

#[derive(Default)]
struct Flags {
    words: Vec<OsString>,
}

impl Flags {
    fn value(&mut self, name: &str, value: impl Into<OsString>) {
        self.words.extend([name.into(), value.into()]);
    }

    fn some(&mut self, name: &str, value: Option<impl Into<OsString>>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    fn list<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        let values = values.collect::<Vec<_>>().join(",");
        self.some(name, Some(values).filter(|values| !values.is_empty()));
    }

    fn switch(&mut self, name: &str, on: bool) {
        self.words.extend(on.then(|| name.into()));
    }

    fn command(mut self, action: &Action, script: &Path) -> Vec<OsString> {
        let (program, rest) = match action {
            Action::Script { args, .. } => (script.as_os_str().to_owned(), args.as_slice()),
            Action::Command(words) => match words.split_first() {
                Some((program, rest)) => (program.into(), rest),
                None => (OsString::new(), [].as_slice()),
            },
        };
        self.value("-entrypoint", program);
        self.words.push("--".into());
        self.words.extend(rest.iter().map(OsString::from));
        self.words
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::plan::TaskResult;

    fn layout() -> Layout {
        Layout { tekton: "/tekton".into(), workspace: "/workspace".into() }
    }

    fn plan(step: Step) -> Plan {
        let first = Step { name: "first".to_owned(), ..Step::default() };
        let result = |name: &str| TaskResult { name: name.to_owned(), from_step: None };
        Plan {
            name: "plan".to_owned(),
            steps: vec![first, step],
            results: vec![result("digest"), result("url")],
            mounts: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn line(step: Step, breakpoints: &Breakpoints) -> String {
        let words = arguments(&plan(step), 1, &layout(), breakpoints);
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_step_waits_for_the_one_before_it_and_tells_all_results() {
        let action = Action::Command(vec!["make".into(), "-j".into(), "--".into()]);
        let step = Step { name: "build".into(), action, ..Step::default() };
        assert_eq!(
            line(step, &Breakpoints::default()),
            "-wait_file /tekton/run/0/out -post_file /tekton/run/1/out \
             -termination_path /tekton/run/1/termination -step_metadata_dir /tekton/run/1/status \
             -step_name build -results digest,url -entrypoint make -- -j --"
        );
    }

    #[test]
    fn all_that_a_step_says_stands_on_the_command_line() {
        let step = Step {
            name: "build".into(),
            action: Action::Script { text: "#!/bin/sh\n".into(), args: vec!["a b".into()] },
            continue_on_error: true,
            timeout: Some("1m".into()),
            when: Some("[]".into()),
            results: vec!["x".into()],
            stdout_path: Some("/o".into()),
            stderr_path: Some("/e".into()),
            finally: true,
            ..Step::default()
        };
        let words = ["on-failure", "before:build", "after:build"].map(str::to_owned);
        let timeout = Some("30m".to_owned());
        let breakpoints = Breakpoints::parse(&words, timeout, std::slice::from_ref(&step)).unwrap();
        let line = line(step, &breakpoints);
        assert!(
            line.ends_with(
                " -step_results x -when_expressions [] -timeout 1m -stdout_path /o -stderr_path /e \
                 -on_error continue -finally -breakpoint_on_failure -debug_before_step \
                 -debug_after_step -breakpoint_timeout 30m -entrypoint /tekton/scripts/script-1 -- a b"
            ),
            "{line}"
        );
    }

    #[test]
    fn a_folder_counts_from_the_workspace() {
        for (own, starts_in) in
            [(None, "/workspace"), (Some("src"), "/workspace/src"), (Some("/srv"), "/srv")]
        {
            let step = Step { working_dir: own.map(Into::into), ..Step::default() };
            assert_eq!(folder(&step, &layout()), Path::new(starts_in));
        }
    }

    #[test]
    fn scripts_are_executable_and_results_are_found_by_name() {
        let home = tempfile::tempdir().unwrap();
        let run = RunFolder::at(home.path());
        for folder in ["tekton/steps", "tekton/scripts"] {
            fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        let action = Action::Script { text: "#!/bin/sh\nexit 0\n".into(), args: Vec::new() };
        let step = Step { name: "build".into(), action, ..Step::default() };
        prepare(&run, &plan(step)).unwrap();
        fs::write(run.step(1).join("status/exitCode"), "7").unwrap();
        for link in ["step-build", "1"] {
            let path = run.tekton().join("steps").join(link).join("exitCode");
            assert_eq!(fs::read_to_string(path).unwrap(), "7");
        }
        let mode = fs::metadata(run.tekton().join(script(1))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}
