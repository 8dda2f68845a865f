//! Results and artifacts: what the command left in files (1.5).

use std::os::unix::fs::symlink;

use holdpoint_tests::{result, row, started_at, step_result};
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use crate::sandbox;

const IRREGULAR: &str = "holdpoint: result /tekton/results/r is no regular file: …";

#[test]
fn each_named_result_gives_a_row_byte_for_byte() {
    let contents = ["", "a", "a\n", "\n\n a \t\r\n", "ä€😀", "\"\\\u{1}\u{7f}", "[\"a\"]", "a\0b"];
    for content in contents {
        let sandbox = sandbox();
        sandbox.write("tekton/results/r", content);
        sandbox.write("tekton/run/0/status/results/s", content);
        let rows = [result("r", content), step_result("s", content), started_at()];
        let step = sandbox.step(0).flags(["-results=r", "-step_results=s"]);
        step.command(["true"]).rows(rows).run();
    }
}

#[test]
fn a_result_that_is_not_there_gives_no_row() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-results=a,b", "-step_results=c"]);
    step.command(["true"]).run();
}

#[test]
fn a_result_that_nobody_named_gives_no_row() {
    let sandbox = sandbox();
    for place in ["tekton/results/other", "tekton/run/0/status/results/other"] {
        sandbox.write(place, "o");
    }
    sandbox.step(0).flags(["-results=a", "-step_results=b"]).command(["true"]).run();
}

#[test]
fn results_come_in_the_order_of_the_flag_each_once() {
    let sandbox = sandbox();
    for name in ["a", "b", "c"] {
        sandbox.write(&format!("tekton/results/{name}"), name);
    }
    let rows = [result("c", "c"), result("a", "a"), result("b", "b"), started_at()];
    let step = sandbox.step(0).flags(["-results", ",c,,a,c,b,"]).command(["true"]);
    step.rows(rows).run();
}

#[test]
fn a_failed_step_gives_its_results_too() {
    let sandbox = sandbox();
    sandbox.folder("tekton/results");
    let script = "echo -n t > tekton/results/r; echo -n s > tekton/run/0/status/results/s; exit 3";
    let step = sandbox.step(0).flags(["-results=r", "-step_results=s"]).shell(script);
    step.fails(3)
        .rows([result("r", "t"), step_result("s", "s"), started_at()])
        .leaves("/tekton/results/r", "t")
        .leaves("status/results/s", "s")
        .any_stderr()
        .run();
}

#[test]
fn a_step_that_did_not_run_gives_no_results_of_others() {
    let sandbox = sandbox();
    sandbox.write("tekton/results/r", "of another step");
    sandbox.write("tekton/run/0/out.err", "");
    let step = sandbox.step(1).after(0).flags(["-results=r"]).command(["true"]);
    let rows = [started_at(), holdpoint_tests::internal("Reason", "Skipped")];
    step.fails(1).rows(rows).any_stderr().run();
}

#[test]
fn results_go_elsewhere_with_sidecar_logs() {
    let sandbox = sandbox();
    for place in [
        "tekton/results/r",
        "tekton/run/0/status/results/s",
        "tekton/run/0/status/artifacts/provenance.json",
        "tekton/artifacts/provenance.json",
    ] {
        sandbox.write(place, "{}");
    }
    let flags = ["-results=r", "-step_results=s", "-result_from", "sidecar-logs"];
    sandbox.step(0).flags(flags).command(["true"]).run();
}

#[test]
fn results_go_into_the_message_by_any_other_word() {
    for word in ["termination-message", "", "sidecar"] {
        let sandbox = sandbox();
        sandbox.write("tekton/results/r", "v");
        let step = sandbox.step(0).flags(["-results=r", "-result_from", word]);
        step.command(["true"]).rows([result("r", "v"), started_at()]).run();
    }
}

#[test]
fn artifacts_give_a_row_whose_key_is_the_path() {
    let sandbox = sandbox();
    let own = "tekton/run/0/status/artifacts/provenance.json";
    let shared = "tekton/artifacts/provenance.json";
    sandbox.write(own, "{\"inputs\": []}\n");
    sandbox.write(shared, "no json at all");
    let own = row(&sandbox.at(own), "{\"inputs\": []}\n", 5);
    let shared = row(&sandbox.at(shared), "no json at all", 6);
    sandbox.step(0).command(["true"]).rows([started_at(), own, shared]).run();
}

#[test]
fn a_result_may_be_a_link_to_a_file() {
    let sandbox = sandbox();
    sandbox.folder("tekton/results");
    symlink(sandbox.write("elsewhere", "e"), sandbox.path("tekton/results/r")).unwrap();
    let step = sandbox.step(0).flags(["-results=r"]).command(["true"]);
    step.rows([result("r", "e"), started_at()]).run();
}

#[test]
fn a_result_that_is_no_file_is_an_error_and_never_waited_for() {
    let makers: [fn(&std::path::Path); 3] = [
        |path| std::fs::create_dir(path).unwrap(),
        |path| mkfifo(path, Mode::S_IRWXU).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
    ];
    for make in makers {
        let sandbox = sandbox();
        sandbox.folder("tekton/results");
        make(&sandbox.path("tekton/results/r"));
        let step = sandbox.step(0).flags(["-results=r"]).command(["true"]);
        step.exits(1).stderr(IRREGULAR).run();
    }
}

#[test]
fn a_name_cannot_lead_out_of_the_folder_of_results() {
    for name in ["../secret", "a/../../secret", "/secret", ".."] {
        let sandbox = sandbox();
        sandbox.write("tekton/secret", "s");
        sandbox.folder("tekton/results/a");
        let step = sandbox.step(0).flags(["-results", name]).command(["true"]).exits(1);
        step.stderr(&format!("holdpoint: result \"{name}\" cannot be in /tekton/results: …")).run();
    }
}

#[test]
fn one_bad_result_does_not_keep_back_the_others() {
    let sandbox = sandbox();
    sandbox.folder("tekton/results/r");
    sandbox.write("tekton/results/good", "g");
    let step = sandbox.step(0).flags(["-results=r,good"]).command(["true"]);
    step.exits(1).rows([result("good", "g"), started_at()]).stderr(IRREGULAR).run();
}

#[test]
fn a_result_that_may_not_be_read_is_an_error_that_names_it() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can run a step as somebody else");
        return;
    }
    let sandbox = sandbox();
    sandbox.write("tekton/results/r", "secret");
    sandbox.set_mode("tekton/results/r", 0o000);
    let step = sandbox.step(0).as_user(4711).flags(["-results=r"]).command(["true"]).exits(1);
    step.stderr("holdpoint: cannot read result /tekton/results/r: Permission denied …").run();
}
