//! What a person is asked and told while a step waits for them: at a hold, and in a pause.

use std::io;
use std::process::ExitStatus;

use debug_scripts::Word;
use entrypoint::state::{Phase, State};

use super::super::hold::{self, Event, Hold};
use super::super::prompt::{self, Keys};
use super::super::screen::{Screen, Tone};
use super::{Followed, Supervisor};

impl Supervisor<'_> {
    pub(super) fn begin_hold(&mut self, step: &Followed) {
        let Some(state) = step.progress.state() else { return };
        self.says(step, Tone::Alert, step.progress.message(&step.name));
        if self.interrupted.is_some() {
            return;
        }
        let hook = self.on_hold.filter(|_| state.phase.is_held());
        match hook.map(|hook| hold::start_hook(self.run, step.index, state, hook)) {
            Some(Ok(child)) => self.hold = Some(Hold::Hook(child)),
            Some(Err(error)) => {
                self.says(step, Tone::Alert, &format!("--on-hold cannot be run: {error}"));
                self.offer(step);
            }
            None => {
                prompt::forget_what_was_typed();
                self.offer(step);
            }
        }
    }

    /// Asks the person here, or says what can be typed elsewhere.
    fn offer(&mut self, step: &Followed) {
        let Some(state) = step.progress.state() else { return };
        let keys = if prompt::is_possible() { Keys::read().ok() } else { None };
        if let Some(keys) = keys {
            self.hold = Some(Hold::Prompt(keys));
            let choices = hold::choices(state, self.steps_behind(step));
            self.screen.ask(&hold::question(&choices, state));
        } else {
            self.hold = Some(Hold::Elsewhere);
            for line in hold::commands(self.run, state) {
                self.screen.say(Tone::Alert, &line);
            }
        }
    }

    fn steps_behind(&self, step: &Followed) -> usize {
        self.run.plan.steps.len() - 1 - step.index
    }

    pub(super) fn leave_hold(&mut self) {
        match self.hold.take() {
            Some(Hold::Hook(child)) => self.hooks.push(child),
            Some(Hold::Prompt(_)) => self.screen.answer(""),
            _ => {}
        }
    }

    /// Tells which markers have come since, whoever put them there.
    pub(super) fn hear_markers(&mut self, step: &Followed, state: &State) {
        let new = state
            .markers
            .iter()
            .filter(|marker| !self.heard.iter().any(|heard| heard.says_the_same(marker)));
        let new: Vec<_> = new.cloned().collect();
        let lines: Vec<_> = new.iter().filter_map(hold::marker).collect();
        self.heard.extend(new);
        if self.interrupted.is_none() && !lines.is_empty() {
            self.interject(step, state.phase, |screen| {
                lines.iter().for_each(|line| screen.say(Tone::Alert, line));
            });
        }
    }

    /// Shows something in the middle of a hold; where it still stands in the `phase` that the step is
    /// in now, it is asked for again below.
    pub(super) fn interject(
        &mut self,
        step: &Followed,
        phase: Phase,
        show: impl FnOnce(&mut Screen),
    ) {
        let asked = matches!(self.hold, Some(Hold::Prompt(_)));
        if asked {
            self.leave_hold();
        }
        show(self.screen);
        if asked && phase == step.progress.phase() {
            self.offer(step);
        }
    }

    /// While the run was stopped the terminal was a shell's, which has its own ways with it.
    pub(super) fn ask_again(&mut self, step: &Followed) {
        self.interject(step, step.progress.phase(), |_| {});
    }

    pub(super) async fn at_hold(&mut self, step: &mut Followed, event: Event) {
        match event {
            Event::HookEnded(status) => self.hook_ended(step, status),
            Event::Key(key) => self.key(step, key),
            Event::Answered(word, Ok(output)) if output.status.success() => {
                self.hold = Some(Hold::Elsewhere);
                self.look(step).await;
                if hold::leaves_standing(word) && matches!(self.hold, Some(Hold::Elsewhere)) {
                    self.offer(step);
                }
            }
            Event::Answered(_, answer) => {
                let text = answer.map_or_else(
                    |error| error.to_string(),
                    |output| {
                        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into()
                    },
                );
                self.screen.say(Tone::Alert, text.trim_end());
                self.offer(step);
            }
            Event::ShellEnded => self.offer(step),
        }
    }

    fn hook_ended(&mut self, step: &Followed, status: io::Result<ExitStatus>) {
        self.hold = Some(Hold::Elsewhere);
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => self.says(step, Tone::Alert, &format!("--on-hold failed ({status})")),
            Err(error) => self.says(step, Tone::Alert, &format!("--on-hold is lost: {error}")),
        }
        let phase = self.run.folder.state(step.index).map(|state| (state.phase, state.attempt));
        let held = step.progress.state().map(|state| (state.phase, state.attempt));
        if phase == held {
            self.says(step, Tone::Alert, "still held");
            self.offer(step);
        }
    }

    fn key(&mut self, step: &Followed, key: Option<u8>) {
        let (Some(key), Some(state)) = (key, step.progress.state()) else {
            self.hold = Some(Hold::Elsewhere);
            return;
        };
        let choices = hold::choices(state, self.steps_behind(step));
        let Some((_, shown, word)) = choices.iter().copied().find(|(it, ..)| *it == key) else {
            if key == b'?' || key.is_ascii_lowercase() {
                self.interject(step, step.progress.phase(), |screen| {
                    hold::explained(&choices).iter().for_each(|line| screen.say(Tone::Alert, line));
                });
            }
            return;
        };
        // The terminal is given back before anyone else uses it.
        self.hold = None;
        self.screen.answer(shown);
        let started = match word {
            Word::Tool(_) => {
                self.screen.say(Tone::Alert, hold::SHELL_OPENS);
                hold::start_shell(self.run, step.index)
            }
            Word::Step(_) | Word::Run(_) => hold::ask(self.run, step.index, word),
        };
        match started {
            Ok(hold) => self.hold = Some(hold),
            Err(error) => {
                self.screen.say(Tone::Alert, &error.to_string());
                self.offer(step);
            }
        }
    }
}
