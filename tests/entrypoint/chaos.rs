//! A few runs of seeded chaos: `just chaos SEED RUNS` plays more of them.

use holdpoint_tests::chaos;

/// Plays as many runs as `HOLDPOINT_CHAOS_RUNS` says, from `HOLDPOINT_CHAOS_SEED` on.
#[test]
fn what_must_always_be_true_is_true_whatever_happens() {
    let number = |name, default| {
        std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let (seed, runs) = (number("HOLDPOINT_CHAOS_SEED", 1), number("HOLDPOINT_CHAOS_RUNS", 24));
    let program = env!("CARGO_BIN_EXE_entrypoint");
    let (figures, failures) = chaos::play(program.as_ref(), seed, runs, 4);
    eprintln!("{figures}");
    for chaos::Failure { seed, report } in &failures {
        eprintln!("== failed: just chaos {seed} 1\n{report}");
    }
    assert!(failures.is_empty(), "{} of {runs} runs failed", failures.len());
}
