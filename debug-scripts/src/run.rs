//! The verbs that speak to a whole run: each is a marker file (contract 2.2, 2.7).

/// What a person can ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunVerb {
    /// No further command begins for now.
    Pause,
    /// The pauses are over.
    Resume,
    /// What runs finishes; then finally steps.
    StopFinally,
    /// What runs is ended; then finally steps.
    CancelFinally,
    /// What runs finishes; nothing more begins.
    Abort,
    /// What runs is ended; nothing more begins.
    CancelRun,
    /// Sets breakpoints, or takes them away.
    Breakpoint,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct RunDefinition {
    /// The verb.
    pub verb: RunVerb,
    /// Its name on the command line.
    pub name: &'static str,
    /// The name of the marker file that it writes.
    pub marker: &'static str,
    /// What stands behind it on the command line.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The debug scripts that stand for it.
    pub scripts: &'static [&'static str],
}

/// Every verb that speaks to a run, in the order of help.
pub const RUN_VERBS: [RunDefinition; 7] = [
    RunDefinition {
        verb: RunVerb::Pause,
        name: "pause",
        marker: "pause",
        arguments: "[REASON]",
        summary: "begin no further command until resume",
        scripts: &["debug-pause"],
    },
    RunDefinition {
        verb: RunVerb::Resume,
        name: "resume",
        marker: "resume",
        arguments: "[REASON]",
        summary: "end every pause of the run",
        scripts: &["debug-resume"],
    },
    RunDefinition {
        verb: RunVerb::StopFinally,
        name: "stop-finally",
        marker: "stop-finally",
        arguments: "[REASON]",
        summary: "stop gracefully: what runs finishes, then only finally steps run",
        scripts: &["debug-stop-finally"],
    },
    RunDefinition {
        verb: RunVerb::CancelFinally,
        name: "cancel-finally",
        marker: "cancel-finally",
        arguments: "[REASON]",
        summary: "end what runs, then run the finally steps",
        scripts: &["debug-cancel-finally"],
    },
    RunDefinition {
        verb: RunVerb::Abort,
        name: "abort",
        marker: "abort",
        arguments: "[REASON]",
        summary: "let what runs finish and begin nothing more, finally steps included",
        scripts: &["debug-abort"],
    },
    RunDefinition {
        verb: RunVerb::CancelRun,
        name: "cancel-run",
        marker: "cancel",
        arguments: "[REASON]",
        summary: "end what runs and begin nothing more, finally steps included",
        scripts: &["debug-cancel-run"],
    },
    RunDefinition {
        verb: RunVerb::Breakpoint,
        name: "breakpoint",
        marker: "breakpoint",
        arguments: "SPEC|off",
        summary: "set breakpoints, as in before:test,after:build,on-failure, or take them away",
        scripts: &["debug-breakpoint"],
    },
];

impl RunVerb {
    /// The verb of this name.
    pub fn named(name: &str) -> Option<Self> {
        RUN_VERBS.iter().find(|row| row.name == name).map(|row| row.verb)
    }

    /// Its row of the table.
    pub fn definition(self) -> &'static RunDefinition {
        &RUN_VERBS[self as usize]
    }
}
