//! What a person sees of a run: the lines of steps, each with the step's name before it, and the
//! words of the run itself.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};

use crate::args::Output;

/// The colours of steps, in turn. Red is left for what goes wrong.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Green,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
];

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    Everything,
    OnlyWhatMatters,
}

/// How important a word of the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What goes its way; unsaid where the run is to be quiet.
    Progress,
    /// What a person must know.
    Alert,
}

/// Where a run speaks to a person.
pub struct Screen {
    stream: Box<dyn Write>,
    /// Where a person is asked, also where the rest goes into a file or a pipe.
    prompt: Box<dyn Write>,
    coloured: bool,
    talk: Talk,
    /// The width of the longest name of a step.
    width: usize,
}

impl Screen {
    /// The screen that flags ask for: stdout, or stderr where stdout is for a program.
    pub fn new(output: Output, quiet: bool, no_color: bool) -> Self {
        let (stream, terminal): (Box<dyn Write>, bool) = match output {
            Output::Text => (Box::new(io::stdout()), io::stdout().is_terminal()),
            Output::Json => (Box::new(io::stderr()), io::stderr().is_terminal()),
        };
        let prompt: Box<dyn Write> = match output {
            Output::Text if terminal => Box::new(io::stdout()),
            Output::Text | Output::Json => Box::new(io::stderr()),
        };
        let plain = no_color || is_plain();
        let talk = if quiet { Talk::OnlyWhatMatters } else { Talk::Everything };
        Self { stream, prompt, coloured: terminal && !plain, talk, width: 0 }
    }

    /// One for what is read from elsewhere, on stdout.
    pub fn of_stdout() -> Self {
        let coloured = io::stdout().is_terminal() && !is_plain();
        let (stream, prompt) = (Box::new(io::stdout()), Box::new(io::stderr()));
        Self { stream, prompt, coloured, talk: Talk::Everything, width: 0 }
    }

    /// Makes all names of steps take the room of the longest.
    pub fn fit<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.width = names.map(|name| name.chars().count()).max().unwrap_or(0);
    }

    /// Shows a line that a step wrote, byte for byte.
    pub fn line(&mut self, index: usize, name: &str, line: &[u8]) {
        let name = self.paint(of_step(index), &format!("{name:width$}", width = self.width));
        self.write(&[name.as_bytes(), b" | ", line].concat());
    }

    /// Says something of a step.
    pub fn step(&mut self, tone: Tone, index: usize, name: &str, text: &str) {
        let name = self.paint(of_step(index).bold(), name);
        self.say(tone, &format!("{name}: {text}"));
    }

    /// Says how a step ended: whether well, and a sentence.
    pub fn ends(&mut self, index: usize, name: &str, (good, text): (bool, String)) {
        let tone = if good { Tone::Progress } else { Tone::Alert };
        self.step(tone, index, name, &self.verdict(good, &text));
    }

    /// Says something of the run.
    pub fn say(&mut self, tone: Tone, text: &str) {
        if tone == Tone::Alert || self.talk == Talk::Everything {
            self.write(text.as_bytes());
        }
    }

    /// The text in the colour of what succeeded or failed.
    pub fn verdict(&self, good: bool, text: &str) -> String {
        let colour = if good { AnsiColor::Green } else { AnsiColor::Red };
        self.paint(colour.on_default().bold(), text)
    }

    /// Asks on the current line and waits for no line break.
    pub fn ask(&mut self, text: &str) {
        let text = self.paint(Style::new().bold(), text);
        drop(write!(self.prompt, "{text} ").and_then(|()| self.prompt.flush()));
    }

    /// Ends the line on which a person was asked.
    pub fn answer(&mut self, text: &str) {
        drop(writeln!(self.prompt, "{text}").and_then(|()| self.prompt.flush()));
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A screen that is gone (`holdpoint run … | head`) is no reason to end the run.
    fn write(&mut self, line: &[u8]) {
        drop(self.stream.write_all(&[line, b"\n"].concat()).and_then(|()| self.stream.flush()));
    }
}

fn of_step(index: usize) -> Style {
    COLOURS[index % COLOURS.len()].on_default()
}

/// Whether the environment asks for no colours.
fn is_plain() -> bool {
    is_set("NO_COLOR") || is_dumb(std::env::var_os("TERM"))
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn is_dumb(terminal: Option<OsString>) -> bool {
    terminal.is_some_and(|terminal| terminal == "dumb")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(talk: Talk, coloured: bool) -> String {
        let paper = Paper::default();
        let (stream, prompt) = (Box::new(paper.clone()), Box::new(paper.clone()));
        let mut screen = Screen { stream, prompt, coloured, talk, width: 0 };
        screen.fit(["build", "it"].into_iter());
        screen.step(Tone::Progress, 0, "build", "begins");
        screen.line(1, "it", b"a \xff");
        screen.step(Tone::Alert, 1, "it", "held");
        String::from_utf8_lossy(&paper.0.borrow()).into_owned()
    }

    #[test]
    fn lines_stand_in_columns_and_quiet_leaves_progress_out() {
        assert_eq!(shown(Talk::Everything, false), "build: begins\nit    | a \u{fffd}\nit: held\n");
        assert_eq!(shown(Talk::OnlyWhatMatters, false), "it    | a \u{fffd}\nit: held\n");
    }

    #[test]
    fn each_step_has_a_colour_of_its_own() {
        let shown = shown(Talk::Everything, true);
        assert!(shown.contains("\u{1b}[36mbuild") || shown.contains("\u{1b}[1m\u{1b}[36mbuild"));
        assert!(shown.contains("\u{1b}[33mit   \u{1b}[0m | a"));
    }
}
