//! The table of 2.2: each marker in each phase of a step, beside siblings whose folders can be written
//! to, and beside read-only ones, as Tekton mounts them.

use holdpoint_tests::{Post, Running, Sandbox, Step, behind, started_at};

use super::{at_work, mark, not_run, rows, sees};
use crate::sandbox;

/// What a marker does to a step that runs, to one that is held, to one whose turn comes, and to a
/// finally step whose turn comes.
const TABLE: [(&str, [&str; 4]); 5] = [
    ("pause", ["goes on", "stays held", "paused", "paused"]),
    ("stop-finally", ["goes on", "ends", "Stopped", "runs"]),
    ("cancel-finally", ["Cancelled", "Cancelled", "Cancelled", "runs"]),
    ("abort", ["goes on", "ends", "Aborted", "Aborted"]),
    ("cancel", ["Cancelled", "Cancelled", "Cancelled", "Cancelled"]),
];

const PHASES: [&str; 6] =
    ["waiting", "paused", "held-before", "running", "held-failed", "held-after"];

/// How the folders of the other steps are mounted.
#[derive(Clone, Copy, PartialEq)]
enum Siblings {
    Writable,
    ReadOnly,
}

/// What becomes of a step in this phase: a cell of the table.
fn cell(marker: &str, row: [&'static str; 4], phase: &str, finally: bool) -> &'static str {
    let [running, held, turn, finally_turn] = row;
    match phase {
        "running" | "held-failed" | "held-after" if finally && marker != "cancel" => "stays",
        "running" => running,
        "held-failed" | "held-after" => held,
        _ if finally => finally_turn,
        // It has not begun: what ends its hold ends it as it ends a step whose turn comes.
        "held-before" if held == "stays held" => held,
        _ => turn,
    }
}

/// Step 1 as it comes into this phase, with step 0 before and step 2 behind it.
fn in_phase<'a>(sandbox: &'a Sandbox, phase: &str, siblings: Siblings) -> Option<Step<'a>> {
    let mount = |number: usize| {
        let folder = sandbox.folder(&format!("tekton/run/{number}")).display().to_string();
        format!(
            "mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} \
             && ! touch {folder}/probe 2>/dev/null"
        )
    };
    let step = sandbox.step(1).any_stderr();
    let step = match siblings {
        Siblings::Writable => step,
        Siblings::ReadOnly => step.by(behind(&[0, 2].map(mount).join(" && "))?),
    };
    Some(match phase {
        "waiting" => step.after(0).command(["true"]),
        "paused" => {
            sandbox.write("tekton/run/2/pause", "lunch");
            step.command(["true"])
        }
        "held-before" => step.flags(["-debug_before_step"]).command(["true"]),
        "running" => step.shell(&crate::waiting_for(sandbox, "go")),
        "held-failed" => step.flags(["-breakpoint_on_failure"]).shell("exit 3"),
        _ => step.flags(["-debug_after_step"]).command(["true"]),
    })
}

/// The end that a marker brings to a step in this phase.
fn ended<'a>(step: Step<'a>, marker: &str, phase: &str, cell: &str) -> Step<'a> {
    let reason = match (cell, marker) {
        ("ends", "stop-finally") => "Stopped",
        ("ends", _) => "Aborted",
        (word, _) => word,
    };
    let cancelled = reason == "Cancelled";
    match phase {
        "running" => step.fails(9).rows(rows(reason)).exit_code_file("killed"),
        "held-failed" => step.fails(if cancelled { 9 } else { 3 }).rows(rows(reason)),
        "held-after" if cancelled => step.fails(9).rows(rows(reason)),
        "held-after" => step.posts(Post::Done).rows([started_at()]).without("status/exitCode"),
        _ => not_run(step, reason, if cancelled { 9 } else { 1 }),
    }
}

/// The step goes on as if there were no marker, but for a pause, which waits for its turn.
fn goes_on(sandbox: &Sandbox, step: Running<'_>, phase: &str, cell: &str) {
    match phase {
        "waiting" => {
            sandbox.write("tekton/run/0/out", "");
            if cell != "paused" {
                return drop(step.finish());
            }
            step.reaches("paused");
        }
        "running" => {
            crate::release(sandbox, "go");
            return drop(step.finish());
        }
        _ => {}
    }
    step.kill();
}

fn each_cell(siblings: Siblings) {
    for (marker, row) in TABLE {
        for (phase, finally) in PHASES.iter().flat_map(|phase| [(*phase, false), (*phase, true)]) {
            let cell = cell(marker, row, phase, finally);
            let sandbox = sandbox();
            let Some(step) = in_phase(&sandbox, phase, siblings) else { return };
            let _lock = at_work(&sandbox, 0);
            if phase != "waiting" {
                sandbox.write("tekton/run/0/out", "");
            }
            let step = if finally { step.flags(["-finally"]) } else { step };
            let ends = ["ends", "Stopped", "Aborted", "Cancelled"].contains(&cell);
            let step = if ends { ended(step, marker, phase, cell) } else { step };
            let step = step.start();
            step.reaches(phase);
            mark(&sandbox, marker, "wrong branch");
            if ends && phase != "waiting" {
                step.finish();
                continue;
            }
            let state = sees(&step, marker);
            assert_eq!(state["phase"], phase, "{marker}, finally: {finally}");
            if ends {
                assert_eq!(state["reason"], cell, "{marker}, finally: {finally}");
                sandbox.write("tekton/run/0/out", "");
                step.finish();
            } else {
                assert!(state["reason"] != "Cancelled" && state["reason"] != "Stopped", "{state}");
                goes_on(&sandbox, step, phase, cell);
            }
        }
    }
}

#[test]
fn each_marker_does_to_each_phase_what_the_table_says() {
    each_cell(Siblings::Writable);
}

#[test]
fn each_marker_does_the_same_where_siblings_are_read_only() {
    each_cell(Siblings::ReadOnly);
}

/// The last row: `breakpoint`, on a step that has not begun, that runs, and that is held.
#[test]
fn a_breakpoint_holds_as_it_says_in_each_phase() {
    let table = [
        ("waiting", "before:1", "held-before"),
        ("waiting", "after:1", "held-after"),
        ("paused", "before:1", "held-before"),
        ("running", "after:1", "held-after"),
        ("running", "on-failure", "held-failed"),
        ("held-before", "off", "held-before"),
        ("held-failed", "off", "held-failed"),
        ("held-after", "off", "held-after"),
    ];
    for siblings in [Siblings::Writable, Siblings::ReadOnly] {
        for ((phase, text, held), finally) in
            table.iter().flat_map(|row| [(row, false), (row, true)])
        {
            let sandbox = sandbox();
            let Some(step) = in_phase(&sandbox, phase, siblings) else { return };
            let step = if finally { step.flags(["-finally"]) } else { step };
            let step = if *held == "held-failed" && *phase == "running" {
                step.shell(&format!("read line < {}; exit 3", sandbox.at("go")))
            } else {
                step
            };
            let step = step.start();
            step.reaches(phase);
            mark(&sandbox, "breakpoint", text);
            assert_eq!(sees(&step, "breakpoint")["phase"], *phase, "{text}");
            match *phase {
                "waiting" => drop(sandbox.write("tekton/run/0/out", "")),
                "paused" => std::fs::remove_file(sandbox.path("tekton/run/2/pause")).unwrap(),
                "running" => crate::release(&sandbox, "go"),
                _ => {}
            }
            step.reaches(held);
            step.kill();
        }
    }
}
