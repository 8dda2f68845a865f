//! What people do at a run: they write markers and requests, whole or half, and type verbs.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::log::Log;
use super::places::{Downward, Places};
use super::plan::{Manner, Place};
use crate::processes::ROOT;

/// How long a verb may take until nobody thinks that it ends.
const PATIENCE: Duration = Duration::from_secs(20);

/// The people at one run.
#[derive(Debug)]
pub(super) struct Hands {
    program: PathBuf,
    root: PathBuf,
    places: Places,
    downward: Downward,
    later: Vec<Later>,
    asked: Vec<Asked>,
    unanswered: Vec<String>,
    written: usize,
}

/// What is still to be done at a file.
#[derive(Debug)]
struct Later {
    due: Instant,
    path: PathBuf,
    rest: Rest,
    /// What is told then.
    note: Option<String>,
}

#[derive(Debug)]
enum Rest {
    /// To be written into it.
    Text(File, String),
    /// To be linked to this one.
    Link(PathBuf),
    /// To be taken away.
    Removal,
}

/// How long a person takes from one command to the next. The kernel's clock for files moves on
/// meanwhile.
const NEXT_COMMAND: Duration = Duration::from_millis(12);

#[derive(Debug)]
struct Asked {
    line: String,
    child: Child,
    since: Instant,
    output: PathBuf,
}

impl Hands {
    pub(super) fn new(program: &Path, root: &Path, places: &Places) -> Self {
        let downward = Downward::new(&places.downward());
        let (later, asked, unanswered, written) = Default::default();
        Self {
            program: program.to_owned(),
            root: root.to_owned(),
            places: places.clone(),
            downward,
            later,
            asked,
            unanswered,
            written,
        }
    }

    pub(super) fn set_downward(&mut self, name: &str, text: &str) {
        self.downward.set(name, text);
    }

    pub(super) fn mark(&mut self, log: &Log, place: Place, kind: &str, text: &str, manner: Manner) {
        let note = format!("mark {kind} {place:?}");
        if place == Place::Downward {
            self.set_downward(kind, text);
            return log.note(&note);
        }
        let path = self.places.control(place).join(kind);
        match manner {
            Manner::Slowly(_) | Manner::Linked => {
                let slowly = format!("{manner:?}").to_lowercase();
                log.note(&format!("half {kind} {place:?} {slowly}"));
                self.write(&path, text, manner, Some(note));
            }
            _ => {
                self.write(&path, text, manner, None);
                let manner = format!("{manner:?}").to_lowercase();
                log.note(&format!("{}{note} {manner}", if path.exists() { "" } else { "un" }));
            }
        }
    }

    pub(super) fn unmark(&mut self, log: &Log, place: Place, kind: &str) {
        log.note(&format!("unmark {kind} {place:?}"));
        if place == Place::Downward {
            self.set_downward(kind, "");
        } else {
            let _ = fs::remove_file(self.places.control(place).join(kind));
        }
    }

    /// Writes a file. A disk may be full: then it is written as far as that goes.
    pub(super) fn write(&mut self, path: &Path, text: &str, manner: Manner, note: Option<String>) {
        match manner {
            Manner::Renamed => self.write_whole(path, text),
            Manner::AtOnce => drop(fs::write(path, text)),
            Manner::Linked => {
                self.written += 1;
                let beside = path.with_file_name(format!(".by-hand-{}", self.written));
                let _ = fs::write(&beside, text);
                self.later(NEXT_COMMAND, path, Rest::Link(beside), note);
            }
            Manner::Slowly(length_ms) => {
                let Ok(mut file) = File::create(path) else { return };
                let (half, rest) = text.split_at(text.len() / 2);
                let _ = file.write_all(half.as_bytes());
                let length = Duration::from_millis(length_ms);
                self.later(length, path, Rest::Text(file, rest.to_owned()), note);
            }
        }
    }

    fn later(&mut self, wait: Duration, path: &Path, rest: Rest, note: Option<String>) {
        let due = Instant::now() + wait;
        self.later.push(Later { due, path: path.to_owned(), rest, note });
    }

    pub(super) fn write_whole(&self, path: &Path, text: &str) {
        let beside = path.with_file_name(".by-hand");
        let _ = fs::write(&beside, text);
        let _ = fs::rename(&beside, path);
    }

    pub(super) fn ask(&mut self, log: &Log, step: usize, words: &[String]) {
        let line = format!("{step} {}", words.join(" "));
        log.note(&format!("verb {line}"));
        let output = self.root.join(format!("meta/verb-{}", self.asked.len() + self.written));
        self.written += 1;
        let stream = File::create(&output).unwrap();
        let mut command = Command::new(&self.program);
        command.arg(&words[0]).arg("-post_file").arg(self.places.post(step));
        command.args(["--wait", "700ms"]).args(&words[1..]).env(ROOT, &self.root);
        command.stdin(Stdio::null()).stdout(stream.try_clone().unwrap()).stderr(stream);
        let child = command.spawn().unwrap();
        self.asked.push(Asked { line, child, since: Instant::now(), output });
    }

    /// Finishes what is half written, and hears what became of verbs.
    pub(super) fn tend(&mut self, log: &Log) {
        let (due, later) = self.later.drain(..).partition(|later| later.due <= Instant::now());
        self.later = later;
        let due: Vec<Later> = due;
        for Later { path, rest, note, .. } in due {
            let is_done = self.go_on(&path, rest);
            if let Some(note) = note.filter(|_| is_done) {
                log.note(&format!("{note} at last"));
            }
        }
        let asked = std::mem::take(&mut self.asked);
        for mut asked in asked {
            match asked.child.try_wait().unwrap() {
                Some(end) => {
                    let code = end.code().unwrap_or(-1);
                    let said = fs::read_to_string(&asked.output).unwrap_or_default();
                    log.note(&format!(
                        "answer {code} {} | {}",
                        asked.line,
                        said.replace('\n', "⏎")
                    ));
                }
                None if asked.since.elapsed() > PATIENCE => {
                    let _ = asked.child.kill();
                    let _ = asked.child.wait();
                    self.unanswered.push(asked.line);
                }
                None => self.asked.push(asked),
            }
        }
    }

    pub(super) fn are_idle(&self) -> bool {
        self.asked.is_empty() && self.later.is_empty()
    }

    /// Verbs that did not end.
    pub(super) fn unanswered(&mut self) -> Vec<String> {
        let waiting = self.asked.drain(..).map(|asked| asked.line);
        waiting.chain(self.unanswered.drain(..)).collect()
    }

    pub(super) fn end_pauses(&mut self, log: &Log, steps: usize) {
        let own = (0..steps).map(Place::Own);
        for place in own.chain([Place::Downward, Place::Control]) {
            if place == Place::Downward || self.places.control(place).join("pause").exists() {
                self.unmark(log, place, "pause");
            }
        }
        self.mark(log, Place::Control, "resume", "", Manner::Renamed);
    }

    /// Does what was left for later; whether the file stands in its place now. Somebody may have
    /// taken it away meanwhile.
    fn go_on(&mut self, path: &Path, rest: Rest) -> bool {
        match rest {
            Rest::Text(mut file, text) => {
                let _ = file.write_all(text.as_bytes());
                let own = file.metadata().map(|file| file.ino());
                let there = fs::metadata(path).map(|file| file.ino());
                own.is_ok_and(|own| there.is_ok_and(|there| there == own))
            }
            Rest::Link(beside) => {
                let linked = fs::hard_link(&beside, path).is_ok();
                self.later(NEXT_COMMAND, &beside, Rest::Removal, None);
                linked
            }
            Rest::Removal => fs::remove_file(path).is_ok(),
        }
    }
}
