//! How a step ends: its post file, its `exitCode` file, its rows and its exit code (1.6).

use std::thread;

use holdpoint_tests::{Row, Signal, eventually, internal, started_at};

use crate::sandbox;

fn reason(word: &str) -> [Row; 2] {
    [started_at(), internal("Reason", word)]
}

fn exit_code(code: i32) -> [Row; 2] {
    [started_at(), internal("ExitCode", &code.to_string())]
}

/// Signals that end a process which does not care about them.
const DEADLY: [Signal; 21] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGKILL,
    Signal::SIGUSR1,
    Signal::SIGSEGV,
    Signal::SIGUSR2,
    Signal::SIGPIPE,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGSYS,
];

#[test]
fn a_command_that_succeeds_posts_success() {
    sandbox().step(0).command(["true"]).run();
}

#[test]
fn each_of_the_256_exit_codes_is_passed_on() {
    let quarter = |first: i32| {
        let sandbox = sandbox();
        for code in (first..256).step_by(4) {
            let step = sandbox.step(usize::try_from(code).unwrap()).shell(&format!("exit {code}"));
            match code {
                0 => step.run(),
                _ => {
                    let line = format!("holdpoint: step `{code}` exited with {code} after …");
                    step.fails(code).stderr(&line).run()
                }
            };
        }
    };
    thread::scope(|scope| (0..4).for_each(|first| drop(scope.spawn(move || quarter(first)))));
}

#[test]
fn a_failure_goes_on_with_on_error_continue() {
    let sandbox = sandbox();
    for code in [1, 2, 42, 126, 127, 128, 137, 255] {
        sandbox
            .step(usize::try_from(code).unwrap())
            .flags(["-on_error", "continue"])
            .shell(&format!("exit {code}"))
            .exit_code_file(&code.to_string())
            .rows(exit_code(code))
            .stderr("holdpoint: step …")
            .run();
    }
}

#[test]
fn any_other_on_error_stops_and_fails() {
    for word in ["stopAndFail", "", "Continue", "ignore"] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-on_error", word]).shell("exit 5");
        step.fails(5).stderr("holdpoint: step `0` exited with 5 after …").run();
    }
}

#[test]
fn a_signal_becomes_128_and_its_number() {
    let sandbox = sandbox();
    for signal in DEADLY {
        let number = signal as i32;
        let script = format!("ulimit -c 0; kill -{number} $$");
        let line = format!("holdpoint: step … was killed by {signal} after …");
        let place = usize::try_from(number).unwrap();
        let step = sandbox.step(place).shell(&script).fails(128 + number);
        step.stderr(&line).run();

        let step = sandbox.step(100 + place).flags(["-on_error=continue"]).shell(&script);
        let code = 128 + number;
        step.exit_code_file(&code.to_string()).rows(exit_code(code)).stderr(&line).run();
    }
}

#[test]
fn a_command_that_cannot_start_fails_even_with_on_error() {
    let sandbox = sandbox();
    let folder = sandbox.at("folder");
    sandbox.folder("folder");
    let plain = sandbox.write("plain", "#!/bin/sh\n").display().to_string();
    let text = sandbox.script("text", "no program\n").display().to_string();
    let orphan = sandbox.script("orphan", "#!/no/such/shell -e\n").display().to_string();
    let windows = sandbox.script("windows", "#!/bin/sh\r\n").display().to_string();
    let by_text = sandbox.script("by_text", &format!("#!{plain}\n")).display().to_string();
    let beyond = format!("{plain}/below");
    let cases = [
        ("no-such-command", 127, "command not found: \"no-such-command\" in PATH …"),
        ("/no/such/command", 127, "command not found: /no/such/command"),
        ("./none", 127, "command not found: ./none"),
        (&beyond, 127, "command not found: /plain/below"),
        (&orphan, 127, "command not found: /no/such/shell -e, the interpreter of /orphan"),
        (&windows, 127, "command not found: /bin/sh, …: save the script with LF line ends)"),
        (&plain, 126, "command is not executable: /plain"),
        (&by_text, 126, "command is not executable: /plain, the interpreter of /by_text"),
        (&folder, 126, "command is not executable: /folder"),
        (&text, 126, "command is not executable: /text: no program of this machine, …`#!`"),
    ];
    for (number, (command, code, problem)) in cases.iter().enumerate() {
        let line = format!("holdpoint: step `{number}` could not be started: {problem}");
        let plain = sandbox.step(number).command([command]);
        plain.fails(*code).stderr(&line).run();
        let line = format!("holdpoint: step … could not be started: {problem}");
        let lenient = sandbox.step(100 + number).flags(["-on_error=continue"]).command([command]);
        lenient.fails(*code).stderr(&line).run();
    }
}

#[test]
fn a_timeout_ends_the_command_even_with_on_error() {
    for on_error in ["continue", "stopAndFail"] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-timeout", "50ms", "-on_error", on_error]);
        step.command(["sleep", "600"])
            .fails(1)
            .rows(reason("TimeoutExceeded"))
            .stderr("holdpoint: step `0` ran longer than 50 ms; SIGTERM …")
            .stderr("holdpoint: step `0` ran out of time after …")
            .run();
    }
}

#[test]
fn a_command_that_ends_well_on_the_term_of_a_timeout_has_still_exceeded_it() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-timeout", "100ms"]);
    step.shell("trap 'echo well; exit 0' TERM; while :; do sleep 0.01; done")
        .fails(1)
        .rows(reason("TimeoutExceeded"))
        .stdout("well\n")
        .any_stderr()
        .run();
}

#[test]
fn a_command_that_ignores_term_is_killed_after_the_grace() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-timeout", "20ms", "-kill_grace", "50ms"]);
    step.shell("trap '' TERM; while :; do sleep 1; done")
        .fails(1)
        .rows(reason("TimeoutExceeded"))
        .any_stderr()
        .run();
}

#[test]
fn nothing_of_the_group_outlives_a_timeout() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-timeout", "200ms", "-kill_grace", "50ms"]);
    // The harness fails where a process of the step is left.
    step.shell("(trap '' TERM; while :; do sleep 1; done) & sleep 600 & setsid sleep 600 & wait")
        .fails(1)
        .rows(reason("TimeoutExceeded"))
        .any_stderr()
        .run();
}

#[test]
fn no_timeout_is_none() {
    for timeout in ["0s", "0", "-0s", "1h"] {
        sandbox().step(0).flags([&format!("-timeout={timeout}")]).shell("sleep 0.02").run();
    }
}

#[test]
fn a_negative_timeout_runs_nothing() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-timeout", "-1ms", "-on_error", "continue"]);
    let line = "holdpoint: step `0` could not run: -timeout -1ms is negative; …";
    step.command(["echo", "ran"]).fails(1).stderr(line).run();
}

#[test]
fn a_cancel_ends_a_running_command_even_with_on_error() {
    for on_error in ["continue", "stopAndFail"] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-on_error", on_error]).command(["sleep", "600"]);
        let step = step.fails(9).exit_code_file("killed").rows(reason("Cancelled"));
        let step = step.any_stderr().start();
        step.reaches("running");
        sandbox.write("tekton/downward/cancel", "wrong branch");
        step.finish();
    }
}

#[test]
fn a_command_that_ends_well_on_the_term_of_a_cancel_is_still_cancelled() {
    let sandbox = sandbox();
    let step =
        sandbox.step(0).shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    let step = step.fails(9).exit_code_file("killed").rows(reason("Cancelled"));
    let step = step.stdout("ready\n").any_stderr().start();
    eventually("ready", || (step.stdout() == "ready\n").then_some(()));
    sandbox.write("tekton/downward/cancel", "true");
    step.finish();
}

#[test]
fn nothing_of_the_group_outlives_a_cancel() {
    let sandbox = sandbox();
    let script = "(trap '' TERM; echo ready; while :; do sleep 1; done) & sleep 600 & wait";
    let step = sandbox.step(0).flags(["-kill_grace=50ms"]).shell(script);
    let step = step.fails(9).exit_code_file("killed").rows(reason("Cancelled"));
    let step = step.stdout("ready\n").any_stderr().start();
    eventually("ready", || (step.stdout() == "ready\n").then_some(()));
    sandbox.write("tekton/downward/cancel", "true");
    step.finish();
}

#[test]
fn an_empty_cancel_file_cancels_nothing() {
    let sandbox = sandbox();
    for (number, content) in ["", "\n", "false", "no", "0"].iter().enumerate() {
        sandbox.write("tekton/downward/cancel", content);
        sandbox.step(number).command(["true"]).run();
    }
}

#[test]
fn a_cancel_that_was_empty_counts_once_it_is_not() {
    let sandbox = sandbox();
    sandbox.write("tekton/downward/cancel", "");
    let step = sandbox.step(0).command(["sleep", "600"]);
    let step = step.fails(9).exit_code_file("killed").rows(reason("Cancelled"));
    let step = step.any_stderr().start();
    step.reaches("running");
    sandbox.write("tekton/downward/cancel", "true");
    step.finish();
}

#[test]
fn a_cancel_while_waiting_posts_only_after_the_step_before_has_posted() {
    let sandbox = sandbox();
    // It is cancelled too, and takes its time: what the second step does meanwhile counts here.
    let script = "trap '' TERM; until [ -e go ]; do sleep 0.01; done; echo first >> log";
    let first = sandbox.step(0).shell(script);
    let first = first.fails(9).exit_code_file("killed").rows(reason("Cancelled"));
    let first = first.any_stderr().start();
    first.reaches("running");
    let second = sandbox.step(1).after(0).logging("second").fails(9).exit_code_file("killed");
    let second = second.rows(reason("Cancelled")).any_stderr().start();
    second.reaches("waiting");
    sandbox.write("tekton/downward/cancel", "true");
    first.reaches("terminating");
    eventually("the state tells what will happen", || {
        let state = second.state()?;
        state["message"].as_str()?.contains("cancelled").then_some(())
    });
    assert!(!sandbox.has("tekton/run/1/out.err"), "it posted beside a step that is at work");
    sandbox.write("go", "");
    first.finish();
    second.finish();
    assert_eq!(sandbox.log(), ["first"]);
}

#[test]
fn a_cancel_ends_at_once_who_waits_for_no_step() {
    let sandbox = sandbox();
    let ready = sandbox.at("tekton/downward/ready");
    let step = sandbox.step(0).flags(["-wait_file", &ready, "-wait_file_content"]);
    let step = step.logging("ran").fails(9).exit_code_file("killed").rows(reason("Cancelled"));
    let step = step.stderr("holdpoint: will not run: the run was cancelled by `cancel` (\"why\")");
    let step = step.start();
    step.reaches("waiting");
    sandbox.write("tekton/downward/cancel", "why");
    step.finish();
    assert!(sandbox.log().is_empty());
}

#[test]
fn a_step_behind_a_failed_one_is_skipped() {
    let sandbox = sandbox();
    let first = sandbox.step(0).shell("exit 4").fails(4).any_stderr();
    first.run();
    let second = sandbox.step(1).after(0).logging("ran").fails(1).rows(reason("Skipped"));
    second.stderr("holdpoint: skipped: step `0` failed").run();
}

#[test]
fn a_message_that_cannot_be_written_fails_a_step_that_succeeded() {
    let sandbox = sandbox();
    sandbox.folder("tekton/run/0/termination");
    let step = sandbox.step(0).command(["true"]).exits(1).leaves_folder("termination");
    step.stderr(
        "holdpoint: cannot write the termination message to …/termination: Is a directory …",
    )
    .run();
}

#[test]
fn a_result_that_cannot_be_read_fails_a_step_that_succeeded() {
    let sandbox = sandbox();
    sandbox.folder("tekton/results/answer");
    let step = sandbox.step(0).flags(["-results", "answer"]).command(["true"]).exits(1);
    step.stderr("holdpoint: result /tekton/results/answer is no regular file: …").run();
}

#[test]
fn what_cannot_be_written_does_not_hide_the_codes_of_a_failure() {
    let sandbox = sandbox();
    sandbox.folder("tekton/run/0/termination");
    let step = sandbox.step(0).shell("exit 6").fails(6).leaves_folder("termination");
    step.any_stderr().run();
}

#[test]
fn the_folder_of_the_post_file_is_made() {
    let sandbox = sandbox();
    let post = sandbox.at("deep/er/out");
    let step = sandbox.call(["-post_file", &post, "-entrypoint", "true"]);
    step.leaves_folder("deep")
        .leaves_folder("deep/er")
        .leaves("deep/er/out", "")
        .leaves("deep/er/out.alive", "")
        .leaves_something("deep/er/out.state")
        .leaves_folder("tekton")
        .leaves_something("tekton/termination")
        .run();
}

#[test]
fn who_waits_hears_of_a_command_line_that_cannot_be_parsed() {
    let cases = [
        ("-no_such_flag", 2),
        ("-timeout=soon", 2),
        ("-breakpoint_on_failure=maybe", 2),
        ("-basic-git=a", 2),
        ("-enable_spire", 1),
    ];
    for (flag, code) in cases {
        let sandbox = sandbox();
        let post = sandbox.at("p/out");
        for words in [["-post_file", &post, flag], [flag, "-post_file", &post]] {
            let step = sandbox.call(words).command(["echo", "ran"]).exits(code).any_stderr();
            let step = step.leaves_folder("p").leaves("p/out.err", "");
            let begun = flag.starts_with("-basic-git");
            if begun {
                step.leaves("p/out.alive", "").run()
            } else {
                step.run()
            };
        }
    }
}

#[test]
fn a_step_that_must_not_post_posts_nothing() {
    // Without `-post_file` there is nobody who waits.
    let sandbox = sandbox();
    let step = sandbox.call(["-entrypoint", "false"]).exits(1).any_stderr();
    step.leaves_folder("tekton").leaves_something("tekton/termination").run();
    assert!(!sandbox.has(".err"));
}
