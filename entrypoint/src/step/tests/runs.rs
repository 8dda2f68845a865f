//! Random runs of up to eight steps in one world. Whatever comes, each step does what its model does,
//! and the run keeps its order and comes to its end.

use debug_scripts::Verb;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::facts::Wish;
use super::super::markers::Kind;
use super::super::*;
use super::bench::{rules, seconds};
use super::world::{Checked, Happening, Part, World};

fn wishes() -> impl Strategy<Value = Wish> {
    let verb = |verb| Just(Wish::Leave(verb));
    prop_oneof![
        2 => Just(Wish::Cancel),
        2 => verb(Verb::Continue),
        2 => verb(Verb::Fail),
        2 => verb(Verb::FailContinue),
        2 => verb(Verb::BreakpointExit),
        3 => Just(Wish::Begin),
        2 => Just(Wish::DoNotBegin),
        2 => Just(Wish::Skip),
        5 => Just(Wish::Retry(Ok(None))),
        1 => Just(Wish::Retry(Ok(Some(vec!["true".to_owned()])))),
        1 => Just(Wish::Retry(Err("its command is no list".to_owned()))),
        3 => (0..40_u64).prop_map(|count| Wish::Extend(Ok(seconds(count)))),
        1 => Just(Wish::Extend(Err("no duration".to_owned()))),
    ]
}

/// Exit files as hands write them.
fn exit_files() -> impl Strategy<Value = Wish> {
    prop_oneof![
        select(vec![0, 0, 1, 42, 255]).prop_map(Wish::Exit),
        Just(Wish::Begin),
        Just(Wish::DoNotBegin),
    ]
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        5 => Just(Outcome::Exited(0)),
        5 => select(vec![1, 7, 255]).prop_map(Outcome::Exited),
        2 => select(vec![9, 11, 15]).prop_map(Outcome::Killed),
    ]
}

fn breakpoints() -> impl Strategy<Value = String> {
    let items = vec!["before", "after", "on-failure", "off"];
    let item = (select(items), 0..8_usize).prop_map(|(item, step)| match item {
        "before" | "after" => format!("{item}:step-{step}"),
        _ => item.to_owned(),
    });
    prop_oneof![
        2 => Just("off".to_owned()),
        2 => Just("on-failure\n".to_owned()),
        4 => prop::collection::vec(item, 1..10).prop_map(|items| items.join(", ")),
        1 => ".*",
    ]
}

fn marks() -> impl Strategy<Value = Happening> {
    let kind = |row: &(Kind, &str)| row.0;
    let kinds: Vec<_> = Kind::ALL.iter().map(kind).collect();
    let often = [[Kind::Pause; 3], [Kind::Resume; 3], [Kind::Breakpoint; 3]].concat();
    let kinds = [kinds.as_slice(), often.as_slice()].concat();
    (select(kinds), breakpoints(), prop::bool::weighted(0.3))
        .prop_map(|(kind, text, downward)| Happening::Marks(kind, text, downward))
}

fn happenings() -> impl Strategy<Value = Happening> {
    let step = || 0..16_usize;
    prop_oneof![
        2 => Just(Happening::Ready),
        4 => step().prop_map(Happening::Begins),
        40 => step().prop_map(Happening::Hears),
        3 => (1..20_u64).prop_map(Happening::Passes),
        2 => marks(),
        2 => step().prop_map(Happening::Unmarks),
        8 => (step(), wishes()).prop_map(|(step, wish)| Happening::Asks(step, wish)),
        1 => (step(), exit_files()).prop_map(|(step, wish)| Happening::Writes(step, wish)),
        1 => (step(), any::<bool>()).prop_map(|(step, well)| Happening::Posts(step, well)),
        1 => (step(), select(vec![1, 1, 2, 3, 10, 10, 15]))
            .prop_map(|(step, signal)| Happening::Signals(step, signal)),
        10 => (step(), outcomes()).prop_map(|(step, outcome)| Happening::Ends(step, outcome)),
        2 => step().prop_map(Happening::GroupGone),
        1 => step().prop_map(Happening::Dies),
    ]
}

/// Something comes between a retry that is accepted and its start.
fn disturbed_retry() -> impl Strategy<Value = Vec<Happening>> {
    let post = any::<bool>().prop_map(|well| Happening::Posts(0, well));
    prop_oneof![marks(), post].prop_map(|disturbance| {
        let retry = Happening::Asks(0, Wish::Retry(Ok(None)));
        vec![retry, Happening::Hears(0), disturbance, Happening::Hears(0), Happening::Hears(0)]
    })
}

fn some_happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = happenings().prop_map(|happening| vec![happening]);
    let some = prop_oneof![40 => one, 1 => disturbed_retry()];
    prop::collection::vec(some, 0..250).prop_map(|some| some.concat())
}

fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.2)
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let limit = || prop::option::weighted(0.3, (1..40_u64).prop_map(seconds));
    let holds = (seldom(), any::<bool>(), prop::bool::weighted(0.4));
    let limits = (limit(), limit(), limit());
    (seldom(), prop::bool::weighted(0.4), holds, limits, 1..20_u64).prop_map(
        |(finally, goes_on, (before, on_failure, after), (timeout, wait, breakpoint), grace)| {
            Rules {
                finally,
                on_error: if goes_on { OnError::Continue } else { OnError::StopAndFail },
                hold_before: before,
                hold_on_failure: on_failure,
                hold_after: after,
                timeout,
                kill_grace: seconds(grace),
                wait_timeout: wait,
                breakpoint_timeout: breakpoint,
                ..rules()
            }
        },
    )
}

fn some_part() -> impl Strategy<Value = Part> {
    let prepared = prop_oneof![
        10 => Just(Prepared::Ready),
        1 => Just(Prepared::Unwanted),
        1 => Just(Prepared::Nothing),
        1 => Just(Prepared::Faulty("no such index".to_owned())),
    ];
    let not_started = prop::option::weighted(0.1, select(vec![1, 126, 127]));
    let prepared = prop::collection::vec(prepared, 0..4);
    (some_rules(), prepared, not_started, prop::bool::weighted(0.1), seldom()).prop_map(
        |(rules, prepared, not_started, cannot_record, waits_for_first)| Part {
            rules,
            prepared,
            not_started,
            cannot_record,
            waits_for_first,
        },
    )
}

fn named(parts: Vec<Part>) -> Vec<Part> {
    let name = |number| format!("step-{number}");
    let rules = |number, rules| Rules { name: name(number), ..rules };
    (0..).zip(parts).map(|(n, part)| Part { rules: rules(n, part.rules), ..part }).collect()
}

fn play(world: &mut World, together: bool, happenings: &[Happening]) -> Checked {
    if together {
        world.begin_all();
    }
    happenings.iter().try_for_each(|happening| world.happens(happening))?;
    world.comes_to_rest()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_step_of_a_random_run_does_what_the_contract_says(
        parts in prop_oneof![1..=2_usize, 1..=8_usize]
            .prop_flat_map(|count| prop::collection::vec(some_part(), count)),
        together in any::<bool>(),
        never in prop::bool::weighted(0.02),
        happenings in some_happenings(),
    ) {
        let parts = named(parts);
        let mut world = World::new(parts.clone(), never);
        if play(&mut world, together, &happenings).is_err() {
            let mut told = World::new(parts, never);
            told.trace = Some(String::new());
            let why = play(&mut told, together, &happenings).expect_err("the same again");
            let trace = told.trace.unwrap_or_default();
            return Err(TestCaseError::fail(format!("{why}\n{trace}")));
        }
    }
}
