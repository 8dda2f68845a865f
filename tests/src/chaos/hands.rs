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
    halves: Vec<Half>,
    asked: Vec<Asked>,
    unanswered: Vec<String>,
    written: usize,
}

/// A file that is written slowly.
#[derive(Debug)]
struct Half {
    file: File,
    path: PathBuf,
    rest: String,
    due: Instant,
    /// What is told once it is whole.
    note: Option<String>,
}

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
        let (halves, asked, unanswered, written) = Default::default();
        Self {
            program: program.to_owned(),
            root: root.to_owned(),
            places: places.clone(),
            downward,
            halves,
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
            Manner::Slowly(_) => {
                log.note(&format!("half {kind} {place:?}"));
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
                let _ = fs::hard_link(&beside, path);
                let _ = fs::remove_file(&beside);
            }
            Manner::Slowly(length_ms) => {
                let Ok(mut file) = File::create(path) else { return };
                let (half, rest) = text.split_at(text.len() / 2);
                let _ = file.write_all(half.as_bytes());
                let due = Instant::now() + Duration::from_millis(length_ms);
                let (path, rest) = (path.to_owned(), rest.to_owned());
                self.halves.push(Half { file, path, rest, due, note });
            }
        }
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
        let (due, later) = self.halves.drain(..).partition(|half| half.due <= Instant::now());
        self.halves = later;
        let due: Vec<Half> = due;
        due.into_iter().for_each(|half| half.finish(log));
        let asked = std::mem::take(&mut self.asked);
        for mut asked in asked {
            match asked.child.try_wait().unwrap() {
                Some(end) => {
                    let code = end.code().unwrap_or(-1);
                    let said = fs::read_to_string(&asked.output).unwrap_or_default();
                    log.note(&format!("answer {code} {} | {}", asked.line, said.replace('\n', "⏎")));
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
        self.asked.is_empty() && self.halves.is_empty()
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
}

impl Half {
    fn finish(mut self, log: &Log) {
        let _ = self.file.write_all(self.rest.as_bytes());
        let own = self.file.metadata().map(|file| file.ino());
        drop(self.file);
        let there = fs::metadata(&self.path).map(|file| file.ino());
        // Somebody may have taken it away meanwhile.
        let stands = own.is_ok_and(|own| there.is_ok_and(|there| there == own));
        if let Some(note) = self.note.filter(|_| stands) {
            log.note(&format!("{note} slowly"));
        }
    }
}
