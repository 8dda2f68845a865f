//! Markers of a run: which are in force, and what they do to a step (contract 2.2, as its table).

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::state::{Reason, SeenMarker, written};

/// What a marker file asks, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// End everything, finally steps too.
    Cancel,
    /// Nothing more begins; what runs finishes.
    Abort,
    /// End what runs; finally steps run.
    CancelFinally,
    /// What runs finishes; finally steps run.
    StopFinally,
    /// No further command begins for now.
    Pause,
    /// Ends the pauses that are not newer.
    Resume,
    /// Sets breakpoints on a run that has begun.
    Breakpoint,
}

impl Kind {
    /// Every marker with the name of its file.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Cancel, "cancel"),
        (Self::Abort, "abort"),
        (Self::CancelFinally, "cancel-finally"),
        (Self::StopFinally, "stop-finally"),
        (Self::Pause, "pause"),
        (Self::Resume, "resume"),
        (Self::Breakpoint, "breakpoint"),
    ];

    /// The name of its file.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The marker with a file of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// A marker file as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What it asks.
    pub kind: Kind,
    /// Its text.
    pub reason: String,
    /// The control folder where it stands.
    pub folder: PathBuf,
    /// When it was written.
    pub written: SystemTime,
    /// Whether it comes from the pod's annotations, where only its annotation ends a pause.
    pub downward: bool,
}

impl Sighting {
    /// As the state shows it.
    pub fn shown(&self) -> SeenMarker {
        SeenMarker {
            name: self.kind.name().to_owned(),
            reason: self.reason.clone(),
            folder: self.folder.clone(),
            written: written(self.written),
        }
    }
}

/// The markers that are in force, strongest first: `resume` has ended the pauses that are not newer.
pub fn in_force(sightings: &[Sighting]) -> Vec<&Sighting> {
    let resumed = sightings.iter().filter(|s| s.kind == Kind::Resume).map(|s| s.written).max();
    let ended = |s: &Sighting| {
        s.kind == Kind::Pause && !s.downward && resumed.is_some_and(|resume| s.written <= resume)
    };
    let mut standing: Vec<_> =
        sightings.iter().filter(|s| s.kind != Kind::Resume && !ended(s)).collect();
    standing.sort_by_key(|s| (s.kind, Reverse(s.written)));
    standing
}

/// What a marker does to a step that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing.
    GoesOn,
    /// Its command is terminated.
    Terminated,
    /// Its hold ends, with this reason.
    HoldEnds(Reason),
}

/// What a marker does to a step whose turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It runs.
    Runs,
    /// It waits.
    Pauses,
    /// It does not run, for this reason.
    DoesNotRun(Reason),
}

/// A row of the table of 2.2.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    /// The marker.
    pub kind: Kind,
    /// On a step whose command runs.
    pub running: Begun,
    /// On a step that is held.
    pub held: Begun,
    /// On a step whose turn comes.
    pub turn: Turn,
    /// On a finally step whose turn comes.
    pub finally_turn: Turn,
}

/// The table of 2.2, strongest first. `breakpoint` is no row: it sets rules, see [`Breakpoints`].
pub const EFFECTS: [Effect; 5] = [
    Effect {
        kind: Kind::Cancel,
        running: Begun::Terminated,
        held: Begun::HoldEnds(Reason::Cancelled),
        turn: Turn::DoesNotRun(Reason::Cancelled),
        finally_turn: Turn::DoesNotRun(Reason::Cancelled),
    },
    Effect {
        kind: Kind::Abort,
        running: Begun::GoesOn,
        held: Begun::HoldEnds(Reason::Aborted),
        turn: Turn::DoesNotRun(Reason::Aborted),
        finally_turn: Turn::DoesNotRun(Reason::Aborted),
    },
    Effect {
        kind: Kind::CancelFinally,
        running: Begun::Terminated,
        held: Begun::HoldEnds(Reason::Cancelled),
        turn: Turn::DoesNotRun(Reason::Cancelled),
        finally_turn: Turn::Runs,
    },
    Effect {
        kind: Kind::StopFinally,
        running: Begun::GoesOn,
        held: Begun::HoldEnds(Reason::Stopped),
        turn: Turn::DoesNotRun(Reason::Stopped),
        finally_turn: Turn::Runs,
    },
    Effect {
        kind: Kind::Pause,
        running: Begun::GoesOn,
        held: Begun::GoesOn,
        turn: Turn::Pauses,
        finally_turn: Turn::Pauses,
    },
];

/// The markers in force with what they do, strongest first.
pub fn effects(sightings: &[Sighting]) -> impl Iterator<Item = (&Sighting, &'static Effect)> {
    in_force(sightings).into_iter().filter_map(|sighting| {
        let effect = EFFECTS.iter().find(|effect| effect.kind == sighting.kind)?;
        Some((sighting, effect))
    })
}

/// The strongest marker in force, with what it does.
pub fn strongest(sightings: &[Sighting]) -> Option<(&Sighting, &'static Effect)> {
    effects(sightings).next()
}

/// The pause that is in force, beside whatever else is.
pub fn pause(sightings: &[Sighting]) -> Option<&Sighting> {
    in_force(sightings).into_iter().find(|sighting| sighting.kind == Kind::Pause)
}

/// What the newest `breakpoint` marker asks of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breakpoints {
    /// There is no such marker: the flags hold.
    #[default]
    AsFlagged,
    /// `off`: no hold, whatever the flags say.
    Off,
    /// Holds beside those of the flags.
    Set {
        /// Before the command.
        before: bool,
        /// After the command, however it ended.
        after: bool,
        /// After a failure.
        on_failure: bool,
    },
}

/// What the newest `breakpoint` marker (text of 2.9) asks of the step with this name.
pub fn breakpoints(sightings: &[Sighting], step: &str) -> Breakpoints {
    let newest = sightings
        .iter()
        .filter(|s| s.kind == Kind::Breakpoint)
        .max_by_key(|s| s.written)
        .map(|s| s.reason.trim());
    let items = |text: &str| text.split(',').map(|item| item.trim().to_owned()).collect::<Vec<_>>();
    match newest {
        None => Breakpoints::AsFlagged,
        Some("off") => Breakpoints::Off,
        Some(text) => {
            let items = items(text);
            let asked = |when: &str| items.iter().any(|item| *item == format!("{when}:{step}"));
            Breakpoints::Set {
                before: asked("before"),
                after: asked("after"),
                on_failure: items.iter().any(|item| item == "on-failure"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen(kind: Kind, second: u64, downward: bool) -> Sighting {
        Sighting {
            kind,
            reason: String::new(),
            folder: "/tekton/run/0".into(),
            written: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            downward,
        }
    }

    #[test]
    fn the_stronger_marker_wins_in_whatever_order_they_come() {
        for (strong, (kind, _)) in Kind::ALL[..5].iter().enumerate() {
            for (weaker, _) in &Kind::ALL[strong..5] {
                for pair in [
                    [seen(*kind, 1, false), seen(*weaker, 2, false)],
                    [seen(*weaker, 1, false), seen(*kind, 2, false)],
                ] {
                    assert_eq!(strongest(&pair).map(|(s, _)| s.kind), Some(*kind));
                }
            }
        }
    }

    #[test]
    fn resume_ends_the_pauses_that_are_not_newer() {
        let paused = |sightings: &[Sighting]| strongest(sightings).is_some();
        assert!(paused(&[seen(Kind::Pause, 5, false)]));
        assert!(!paused(&[seen(Kind::Pause, 5, false), seen(Kind::Resume, 5, false)]));
        assert!(!paused(&[seen(Kind::Pause, 5, false), seen(Kind::Resume, 6, false)]));
        assert!(paused(&[seen(Kind::Pause, 7, false), seen(Kind::Resume, 6, false)]));
        assert!(paused(&[seen(Kind::Pause, 5, true), seen(Kind::Resume, 6, false)]));
        let [earlier, later] = [4, 6].map(|second| seen(Kind::Resume, second, false));
        assert!(!paused(&[earlier, seen(Kind::Pause, 5, false), later]));
    }

    #[test]
    fn resume_ends_no_stop() {
        let stopped = [seen(Kind::StopFinally, 1, false), seen(Kind::Resume, 9, false)];
        assert_eq!(strongest(&stopped).map(|(s, _)| s.kind), Some(Kind::StopFinally));
    }

    #[test]
    fn the_newest_breakpoint_counts() {
        let marker = |second, text: &str| Sighting {
            reason: text.to_owned(),
            ..seen(Kind::Breakpoint, second, false)
        };
        let set = |before, after, on_failure| Breakpoints::Set { before, after, on_failure };
        assert_eq!(breakpoints(&[], "test"), Breakpoints::AsFlagged);
        let spec = "before:test, after:build,on-failure\n";
        assert_eq!(breakpoints(&[marker(1, spec)], "test"), set(true, false, true));
        assert_eq!(breakpoints(&[marker(1, spec)], "build"), set(false, true, true));
        let newer = [marker(2, "off"), marker(1, spec)];
        assert_eq!(breakpoints(&newer, "test"), Breakpoints::Off);
        assert_eq!(breakpoints(&[marker(3, "before:x")], "test"), set(false, false, false));
    }

    #[test]
    fn kinds_stand_in_the_order_of_strength() {
        for (index, (kind, name)) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index);
            assert_eq!(Kind::named(name), Some(*kind));
            assert_eq!(kind.name(), *name);
        }
    }
}
