//! The tables of verbs that a person has at a step and for a run (contract 2.7). They are the one
//! definition of their names, their help, their debug scripts and of when each is accepted.

mod run;
mod script;
mod tool;

use std::fmt;

pub use run::{RUN_VERBS, RunDefinition, RunVerb};
pub use script::{FIRST_LINE, Script, scripts};
pub use tool::{TOOLS, Tool, ToolDefinition};

/// A word that stands for something a person can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Of one step.
    Step(Verb),
    /// Of the whole run.
    Run(RunVerb),
    /// Of nobody: it only shows, or opens a shell.
    Tool(Tool),
}

impl Word {
    /// The word of this name.
    pub fn named(name: &str) -> Option<Self> {
        let step = Verb::named(name).map(Self::Step);
        step.or_else(|| RunVerb::named(name).map(Self::Run))
            .or_else(|| Tool::named(name).map(Self::Tool))
    }

    /// Its name, what stands behind it on the command line, and what it does in one line.
    pub fn help(self) -> [&'static str; 3] {
        match self {
            Self::Step(verb) => {
                let row = verb.definition();
                [row.name, row.arguments, row.summary]
            }
            Self::Run(verb) => {
                let row = verb.definition();
                [row.name, row.arguments, row.summary]
            }
            Self::Tool(tool) => {
                let row = tool.definition();
                [row.name, row.arguments, row.summary]
            }
        }
    }

    /// Every word, in the order of help.
    pub fn all() -> impl Iterator<Item = Self> {
        let steps = VERBS.iter().map(|row| Self::Step(row.verb));
        let runs = RUN_VERBS.iter().map(|row| Self::Run(row.verb));
        steps.chain(runs).chain(TOOLS.iter().map(|row| Self::Tool(row.tool)))
    }
}

/// What a person can ask of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Leave the hold as a success.
    Continue,
    /// Leave the hold as a failure, but let the next step run where breakpoints are set.
    FailContinue,
    /// Leave the hold with the command's own code; the next step runs.
    BreakpointExit,
    /// Leave the hold as a failure; only finally steps run.
    Fail,
    /// Run the step that is held before it begins.
    BeforeContinue,
    /// Do not run the step that is held before it begins.
    BeforeFail,
    /// Run the command again.
    Retry,
    /// Do not run the step and go on as if it had succeeded.
    Skip,
    /// End the step.
    Cancel,
    /// Give the hold more time.
    Extend,
}

/// What a step is doing, as far as it matters for a verb: the columns of the table in 2.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It waits for its turn, or is paused.
    Waiting,
    /// It is held before it begins.
    HeldBefore,
    /// Its command runs.
    Running,
    /// It is held after a failure.
    HeldFailed,
    /// It is held after a success.
    HeldAfter,
}

/// A cell of the table: what a verb meets at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// It is acted on.
    Yes,
    /// It is acted on as another verb.
    As(Verb),
    /// It is acted on where the hold has a limit.
    WithLimit,
    /// It is rejected, for this reason.
    No(&'static str),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The verb.
    pub verb: Verb,
    /// Its name on the command line.
    pub name: &'static str,
    /// What stands behind it on the command line.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The debug scripts that stand for it.
    pub scripts: &'static [&'static str],
    accepts: [Accepts; 5],
}

use Accepts::{As, No, WithLimit, Yes};

const NOT_YET: Accepts = No("the step has not begun");
const IT_RUNS: Accepts = No("its command is running");
const NOT_HELD_BEFORE: Accepts = No("the step is not held before its command");
const HELD_ONLY: Accepts = No("the step is not held");
const HELD_BEFORE: Accepts = No("the step is held before its command");
const HAS_BEGUN: Accepts = No("the step has begun; use continue at its hold");

/// Every verb that speaks to one step, in the order of help.
pub const VERBS: [Definition; 10] = [
    Definition {
        verb: Verb::Continue,
        name: "continue",
        arguments: "",
        summary: "leave the hold as a success: the next step runs",
        scripts: &["debug-continue"],
        accepts: [NOT_YET, As(Verb::BeforeContinue), IT_RUNS, Yes, Yes],
    },
    Definition {
        verb: Verb::FailContinue,
        name: "fail-continue",
        arguments: "",
        summary: "leave the hold as a failure: with breakpoints the next step runs",
        scripts: &["debug-fail-continue", "debug-continue-failure"],
        accepts: [NOT_YET, HELD_BEFORE, IT_RUNS, Yes, Yes],
    },
    Definition {
        verb: Verb::BreakpointExit,
        name: "breakpointexit",
        arguments: "",
        summary: "leave the hold with the command's own code: the next step runs",
        scripts: &["debug-breakpointexit"],
        accepts: [NOT_YET, HELD_BEFORE, IT_RUNS, Yes, Yes],
    },
    Definition {
        verb: Verb::Fail,
        name: "fail",
        arguments: "",
        summary: "leave the hold as a failure and stop the run: only finally steps run",
        scripts: &["debug-fail"],
        accepts: [NOT_YET, As(Verb::BeforeFail), IT_RUNS, Yes, Yes],
    },
    Definition {
        verb: Verb::BeforeContinue,
        name: "before-continue",
        arguments: "",
        summary: "at a hold before the step: run it",
        scripts: &["debug-beforestep-continue"],
        accepts: [NOT_HELD_BEFORE, Yes, NOT_HELD_BEFORE, NOT_HELD_BEFORE, NOT_HELD_BEFORE],
    },
    Definition {
        verb: Verb::BeforeFail,
        name: "before-fail",
        arguments: "",
        summary: "at a hold before the step: fail it without running it",
        scripts: &["debug-beforestep-fail-continue"],
        accepts: [NOT_HELD_BEFORE, Yes, NOT_HELD_BEFORE, NOT_HELD_BEFORE, NOT_HELD_BEFORE],
    },
    Definition {
        verb: Verb::Retry,
        name: "retry",
        arguments: "[-- COMMAND…]",
        summary: "run the failed command again, or another one in its place",
        scripts: &["debug-retry"],
        accepts: [NOT_YET, HELD_BEFORE, IT_RUNS, Yes, No("its command succeeded")],
    },
    Definition {
        verb: Verb::Skip,
        name: "skip",
        arguments: "",
        summary: "do not run the step: go on as if it had succeeded",
        scripts: &["debug-skip"],
        accepts: [Yes, Yes, HAS_BEGUN, HAS_BEGUN, HAS_BEGUN],
    },
    Definition {
        verb: Verb::Cancel,
        name: "cancel",
        arguments: "",
        summary: "end the step, begun or not",
        scripts: &["debug-cancel"],
        accepts: [Yes, Yes, Yes, Yes, Yes],
    },
    Definition {
        verb: Verb::Extend,
        name: "extend",
        arguments: "DURATION",
        summary: "give the hold more time, counted from now",
        scripts: &["debug-extend"],
        accepts: [HELD_ONLY, WithLimit, HELD_ONLY, WithLimit, WithLimit],
    },
];

impl Verb {
    /// The verb of this name.
    pub fn named(name: &str) -> Option<Self> {
        VERBS.iter().find(|row| row.name == name).map(|row| row.verb)
    }

    /// Its row of the table.
    pub fn definition(self) -> &'static Definition {
        &VERBS[self as usize]
    }

    /// What it meets at a step that is at this moment.
    pub fn accepted_at(self, moment: Moment) -> Accepts {
        self.definition().accepts[moment as usize]
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition().name)
    }
}

/// The verbs that would be acted on at this moment, in the order of the table.
pub fn accepted_at(moment: Moment, limited: bool) -> impl Iterator<Item = Verb> {
    VERBS.iter().map(|row| row.verb).filter(move |verb| match verb.accepted_at(moment) {
        Yes | As(_) => true,
        WithLimit => limited,
        No(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verb_stands_at_its_own_row() {
        for row in &VERBS {
            assert_eq!(row.verb.definition().name, row.name);
            assert_eq!(Verb::named(row.name), Some(row.verb));
        }
    }

    #[test]
    fn the_table_is_that_of_the_contract() {
        let names = |moment, limited| {
            accepted_at(moment, limited).map(|verb| verb.definition().name).collect::<Vec<_>>()
        };
        assert_eq!(names(Moment::Waiting, true), ["skip", "cancel"]);
        assert_eq!(
            names(Moment::HeldBefore, true),
            ["continue", "fail", "before-continue", "before-fail", "skip", "cancel", "extend"]
        );
        assert_eq!(names(Moment::Running, true), ["cancel"]);
        assert_eq!(
            names(Moment::HeldFailed, false),
            ["continue", "fail-continue", "breakpointexit", "fail", "retry", "cancel"]
        );
        assert_eq!(
            names(Moment::HeldAfter, true),
            ["continue", "fail-continue", "breakpointexit", "fail", "cancel", "extend"]
        );
    }

    #[test]
    fn each_word_is_found_by_its_name() {
        for word in Word::all() {
            assert_eq!(Word::named(word.help()[0]), Some(word));
        }
        assert_eq!(Word::named("nosuch"), None);
    }
}
