//! The hold before the step (1.3 step 4).

use super::*;

#[test]
fn a_step_held_before_its_command_runs_it_when_told_to() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-debug_before_step"]).logging("ran");
    let step = step.leaves("out.beforestepexit", "").any_stderr().start();
    step.reaches("held-before");
    assert!(sandbox.log().is_empty());
    sandbox.write("tekton/run/0/out.beforestepexit", "");
    step.finish();
    assert_eq!(sandbox.log(), ["ran"]);
}

#[test]
fn a_step_held_before_its_command_does_not_run_it_when_told_not_to() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-debug_before_step", "-breakpoint_on_failure"]);
    let step = step.logging("ran").fails(1).leaves("out.beforestepexit.err", "");
    let step = step.leaves("termination", "[{\"key\":\"StartedAt\",…}]").any_stderr().start();
    step.reaches("held-before");
    sandbox.write("tekton/run/0/out.beforestepexit.err", "");
    step.finish();
    assert!(sandbox.log().is_empty());
}

#[test]
fn the_hold_comes_after_the_wait() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-debug_before_step", "-wait_file", "w"]);
    let step = step.command(["true"]).leaves("out.beforestepexit", "").any_stderr().start();
    step.reaches("waiting");
    sandbox.write("w", "");
    step.reaches("held-before");
    sandbox.write("tekton/run/0/out.beforestepexit", "");
    step.finish();
}
