//! The debug scripts: one line each, which the kernel can start where there is no shell (contract 2.7).

use crate::{RUN_VERBS, TOOLS, VERBS, Word};

/// What each script consists of: the kernel adds the script's own path, whose name is the verb.
pub const FIRST_LINE: &str = "#!/tekton/bin/entrypoint script\n";

/// A debug script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name of its file.
    pub name: &'static str,
    /// What it stands for.
    pub word: Word,
}

impl Script {
    /// The script of this name.
    pub fn named(name: &str) -> Option<Self> {
        scripts().find(|script| script.name == name)
    }
}

/// Every script.
pub fn scripts() -> impl Iterator<Item = Script> {
    let steps = VERBS.iter().map(|row| (Word::Step(row.verb), row.scripts));
    let runs = RUN_VERBS.iter().map(|row| (Word::Run(row.verb), row.scripts));
    let tools = TOOLS.iter().map(|row| (Word::Tool(row.tool), row.scripts));
    let all = steps.chain(runs).chain(tools);
    all.flat_map(|(word, names)| names.iter().map(move |name| Script { name, word }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_stands_for_one_word() {
        let mut names: Vec<_> = scripts().map(|script| script.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_names_of_the_contract_are_there() {
        for (name, word) in [
            ("debug-continue", "continue"),
            ("debug-fail-continue", "fail-continue"),
            ("debug-continue-failure", "fail-continue"),
            ("debug-breakpointexit", "breakpointexit"),
            ("debug-fail", "fail"),
            ("debug-beforestep-continue", "before-continue"),
            ("debug-beforestep-fail-continue", "before-fail"),
            ("debug-retry", "retry"),
            ("debug-skip", "skip"),
            ("debug-cancel", "cancel"),
            ("debug-extend", "extend"),
            ("debug-pause", "pause"),
            ("debug-resume", "resume"),
            ("debug-stop-finally", "stop-finally"),
            ("debug-cancel-finally", "cancel-finally"),
            ("debug-abort", "abort"),
            ("debug-cancel-run", "cancel-run"),
            ("debug-breakpoint", "breakpoint"),
            ("debug-status", "status"),
            ("debug-shell", "shell"),
        ] {
            assert_eq!(Script::named(name).map(|script| script.word), Word::named(word), "{name}");
        }
        assert_eq!(scripts().count(), 20);
    }
}
