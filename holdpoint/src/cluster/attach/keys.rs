//! What keys stand for at a hold of a run in a cluster: the words of `holdpoint run`, and the ways to end
//! a PipelineRun.

use debug_scripts::{RunVerb, Word};

use crate::cluster::runs::order::Order;
use crate::run::hold::{self, Choice};

/// The key that asks for the end of the run.
pub(super) const QUIT: Word = Word::Run(RunVerb::StopFinally);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// This word.
    Word(Word),
    /// What each key does.
    Help,
}

/// The keys of the ways to end a PipelineRun.
const ENDINGS: [Choice; 4] = [
    (b's', "[s]top", QUIT),
    (b'f', "cancel-[f]inally", Word::Run(RunVerb::CancelFinally)),
    (b'a', "[a]bort", Word::Run(RunVerb::Abort)),
    (b'c', "[c]ancel", Word::Run(RunVerb::CancelRun)),
];

/// Asks in which way it is to end.
pub(super) const HOW: &str = "[s]top  cancel-[f]inally  [a]bort  [c]ancel  [b]ack ?";

/// What a key stands for at a hold. Neither Enter nor an arrow says anything.
pub(super) fn pressed(choices: &[Choice], key: u8) -> Option<(&'static str, Pressed)> {
    let choice = choices.iter().find(|(it, ..)| *it == key);
    let help = || (key == b'?' || key.is_ascii_lowercase()).then_some(("?", Pressed::Help));
    choice.map(|(_, shown, word)| (*shown, Pressed::Word(*word))).or_else(help)
}

/// The way to end the run that a key stands for; any other letter goes back.
pub(super) fn ending(key: u8) -> Option<(&'static str, Option<Word>)> {
    let choice = ENDINGS.iter().find(|(it, ..)| *it == key);
    let back = || key.is_ascii_lowercase().then_some(("[b]ack", None));
    choice.map(|(_, shown, word)| (*shown, Some(*word))).or_else(back)
}

/// What each key does, a line each; of a PipelineRun two keys speak to the whole.
pub(super) fn explained(choices: &[Choice], is_pipeline_run: bool) -> Vec<String> {
    let line = |(choice, line): (&Choice, String)| match choice {
        (_, shown, QUIT) if is_pipeline_run => {
            format!("    {shown:<11} end the PipelineRun in the way that is asked for then")
        }
        (_, shown, Word::Run(RunVerb::Abort)) if is_pipeline_run => {
            format!("    {shown:<11} end the PipelineRun: {}", Order::Abort.effect())
        }
        _ => line,
    };
    choices.iter().zip(hold::explained(choices)).map(line).collect()
}

/// How the ways to end a PipelineRun differ, a line each.
pub(super) fn endings() -> Vec<String> {
    let order = |word: &Word| match word {
        Word::Run(verb) => Order::of(*verb),
        _ => None,
    };
    let ways = ENDINGS.iter().filter_map(|(_, shown, word)| Some((*shown, order(word)?)));
    ways.map(|(shown, order)| format!("    {}", order.difference(shown, 16))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_a_run_has_its_key_and_its_line() {
        let lines = endings();
        assert_eq!(lines.len(), ENDINGS.len());
        for ((key, shown, word), line) in ENDINGS.iter().zip(lines) {
            assert!(HOW.contains(shown) && line.contains(shown), "{line}");
            assert_eq!(ending(*key), Some((*shown, Some(*word))));
        }
        assert_eq!(ending(b'b'), Some(("[b]ack", None)));
        assert_eq!((ending(b'\n'), pressed(&[], b'\n')), (None, None));
        assert_eq!(pressed(&[], b'?'), Some(("?", Pressed::Help)));
    }
}
