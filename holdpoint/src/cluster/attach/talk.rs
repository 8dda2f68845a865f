//! The screen of several pods at once: a question stays below all else, and nothing is shown while a
//! shell has the terminal.

use std::cell::{Cell, RefCell};

use crate::run::screen::Screen;
use crate::run::summary::Summary;

type Shown = Box<dyn FnOnce(&mut Screen)>;

/// What is said to a person, and asked.
pub(super) struct Talk {
    screen: RefCell<Screen>,
    question: RefCell<Option<String>>,
    names: RefCell<Vec<String>>,
    /// Whether a shell has the terminal.
    away: Cell<bool>,
    /// What is shown after that.
    kept: RefCell<Vec<Shown>>,
}

impl Talk {
    pub(super) fn new(screen: Screen) -> Self {
        Self {
            screen: RefCell::new(screen),
            question: RefCell::default(),
            names: RefCell::default(),
            away: Cell::new(false),
            kept: RefCell::default(),
        }
    }

    /// Makes room for the name of a step, and gives its colour.
    pub(super) fn know(&self, name: &str) -> usize {
        let mut names = self.names.borrow_mut();
        names.push(name.to_owned());
        self.screen.borrow_mut().fit(names.iter().map(String::as_str));
        names.len() - 1
    }

    /// Shows something above the question.
    pub(super) fn show(&self, show: impl FnOnce(&mut Screen) + 'static) {
        if self.away.get() {
            self.kept.borrow_mut().push(Box::new(show));
            return;
        }
        let mut screen = self.screen.borrow_mut();
        let question = self.question.borrow();
        if question.is_some() {
            screen.answer("");
        }
        show(&mut screen);
        if let Some(question) = &*question {
            screen.ask(question);
        }
    }

    /// Asks, until there is an answer.
    pub(super) fn ask(&self, question: String) {
        self.screen.borrow_mut().ask(&question);
        *self.question.borrow_mut() = Some(question);
    }

    /// Asks once more, where something else has been shown.
    pub(super) fn ask_again(&self) {
        self.show(|_| {});
    }

    /// The question is answered, or of no interest any more.
    pub(super) fn answer(&self, text: &str) {
        if self.question.borrow_mut().take().is_some() {
            self.screen.borrow_mut().answer(text);
        }
    }

    /// Shows nothing while a shell has the terminal.
    pub(super) fn leave(&self) -> Away<'_> {
        self.away.set(true);
        Away(self)
    }

    pub(super) fn sum_up(&self, summary: &Summary) {
        summary.show(&mut self.screen.borrow_mut());
    }
}

/// As long as this is there, a shell has the terminal.
pub(super) struct Away<'a>(&'a Talk);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.away.set(false);
        let kept = self.0.kept.take();
        kept.into_iter().for_each(|show| self.0.show(show));
    }
}
