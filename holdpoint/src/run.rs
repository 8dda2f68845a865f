//! `holdpoint run FILE`: from the file to a finished run.
//!
//! One folder holds all of a run, one process looks after it, and each step is the carried
//! entrypoint as it is in a pod: it waits for its turn, runs the command and holds it. What is said
//! between them is files (contract 2.1 to 2.5).

pub mod breakpoint;
pub mod carried;
pub mod changes;
pub mod early;
pub mod folder;
pub mod hold;
pub mod launch;
pub mod lines;
pub mod processes;
pub mod progress;
pub mod prompt;
pub mod runs;
pub mod sandbox;
pub mod screen;
pub mod signals;
pub mod step;
pub mod summary;
pub mod supervise;
pub mod view;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use crate::args::{Output, RunArguments};
use crate::error::Error;
use crate::exit::Exit;
use crate::plan::{Layout, Plan, Step};
use crate::task::{self, Options, Source};
use breakpoint::Breakpoints;
use folder::{Place, Record, RunFolder};
use sandbox::View;
use screen::{Screen, Tone};
use summary::Summary;
use supervise::{Outcome, supervise};

/// A run that is ready to start.
pub struct Run {
    folder: RunFolder,
    plan: Plan,
    layout: Layout,
    view: View,
    breakpoints: Breakpoints,
    /// How `holdpoint` is typed here.
    command_name: String,
    stdout_is_for_a_program: bool,
}

/// Runs what the arguments name, and gives the code of its first step that failed.
pub fn run(arguments: RunArguments) -> Result<Exit, Error> {
    let (name, text) = read(&arguments)?;
    let source = Source { name: &name, text: &text };
    let mut screen = Screen::new(arguments.output, arguments.quiet, arguments.no_color);
    runs::clean_up()?;
    let (folder, _alive) = runs::create(&name)?;
    let prepared = prepare(&folder, &source, &arguments, &mut screen);
    let run = prepared.inspect_err(|_| folder.remove())?;
    let began = Instant::now();
    let outcome = follow(&run, &mut screen, arguments.on_hold.as_deref());
    processes::end_all();
    let Outcome { steps, signal } = outcome?;
    let summary = Summary::of(&run, steps, began.elapsed().as_secs_f64(), signal);
    summary.show(&mut screen);
    // A run whose folder is gone has still ended as it did.
    drop(run.folder.set_outcome(&summary));
    if run.stdout_is_for_a_program {
        let json = summary.json().map_err(io::Error::from);
        crate::print(&json.map_err(Error::system("cannot print the outcome"))?)?;
    }
    Ok(summary.exit())
}

fn follow(run: &Run, screen: &mut Screen, on_hold: Option<&str>) -> Result<Outcome, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::system("cannot start the event loop"))?;
    runtime.block_on(supervise(run, screen, on_hold))
}

/// The name of the file and its text.
fn read(arguments: &RunArguments) -> Result<(String, String), Error> {
    let path = &arguments.file;
    if path.as_os_str() == "-" {
        let text = io::read_to_string(io::stdin()).map_err(Error::system("cannot read stdin"))?;
        return Ok(("<stdin>".to_owned(), text));
    }
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, error))?;
    Ok((path.display().to_string(), text))
}

/// Checks everything and makes all files of the run; nothing has been started after it.
fn prepare(
    folder: &RunFolder,
    source: &Source<'_>,
    arguments: &RunArguments,
    screen: &mut Screen,
) -> Result<Run, Error> {
    let view = view::of(folder, screen)?;
    let layout = view::layout(folder, &view);
    let plan = task::plan(source, &options(arguments), &layout, &folder.id());
    let plan = plan.map_err(Error::Task)?;
    let timeout = arguments.breakpoint_timeout.clone();
    let breakpoints = Breakpoints::parse(&arguments.breakpoints, timeout, &plan.steps)?;
    let view = view::with_mounts(view, folder, &plan.mounts, screen)?;
    folder.set_view(&view)?;
    step::prepare(folder, &plan)?;
    let stdout_is_for_a_program = arguments.output == Output::Json;
    let command_name = command_name();
    let folder = folder.clone();
    let run =
        Run { folder, plan, layout, view, breakpoints, command_name, stdout_is_for_a_program };
    run.folder.set_record(&Record::new(&run.folder.id(), &run.plan.name, run.places()))?;
    run.introduce(screen);
    Ok(run)
}

fn options(arguments: &RunArguments) -> Options {
    Options {
        params: arguments.params.clone(),
        workspaces: arguments.workspaces.clone(),
        env: arguments.env.clone(),
        name: arguments.name.clone(),
        finally: arguments.finally.clone(),
    }
}

impl Run {
    fn step_names(&self) -> Vec<String> {
        self.plan.steps.iter().map(|step| step.name.clone()).collect()
    }

    fn places(&self) -> Vec<Place> {
        let place = |step: &Step| Place {
            name: step.name.clone(),
            folder: step::folder(step, &self.layout),
            env: step.env.clone(),
        };
        self.plan.steps.iter().map(place).collect()
    }

    fn introduce(&self, screen: &mut Screen) {
        screen.fit(self.plan.steps.iter().map(|step| step.name.as_str()));
        for note in &self.plan.notes {
            screen.say(Tone::Progress, note);
        }
        let (id, folder) = (self.folder.id(), self.folder.path().display());
        screen.say(Tone::Progress, &format!("run {id} of `{}` in {folder}", self.plan.name));
    }

    /// The words that start the entrypoint of a step, as its view has it.
    fn entrypoint(&self, index: usize) -> io::Result<Vec<OsString>> {
        let mut words = carried::program(&self.folder, &self.view)?;
        words.extend(step::arguments(&self.plan, index, &self.layout, &self.breakpoints));
        Ok(words)
    }

    /// Where on this machine the folder is in which a step starts.
    fn step_folder_on_host(&self, index: usize) -> PathBuf {
        self.view.on_host(&step::folder(&self.plan.steps[index], &self.layout))
    }
}

/// The name alone where that is found, else the path of the binary that runs.
fn command_name() -> String {
    let name = "holdpoint";
    let Ok(me) = std::env::current_exe() else { return name.to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
    let is_me = found.is_some_and(|found| fs::canonicalize(found).is_ok_and(|found| found == me));
    if is_me { name.to_owned() } else { me.display().to_string() }
}
