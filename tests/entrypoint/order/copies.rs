//! Copies of the output (1.3 step 6).

use super::*;
use crate::surroundings::with_mounts;

#[test]
fn output_is_copied_and_still_goes_where_it_went() {
    let sandbox = sandbox();
    sandbox.write("copies/out", "before\n");
    let step = sandbox.step(0).flags(["-stdout_path=copies/out", "-stderr_path=new/folder/err"]);
    step.shell("echo to-out; echo to-err >&2")
        .stdout("to-out\n")
        .stderr("to-err")
        .leaves("/copies/out", "before\nto-out\n")
        .leaves_folder("/new")
        .leaves_folder("/new/folder")
        .leaves("/new/folder/err", "to-err\n")
        .run();
}

#[test]
fn both_copies_may_go_to_one_file() {
    for both in ["all", "./all"] {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-stdout_path=all", "-stderr_path", both]);
        let script = "for i in 1 2 3; do echo out; echo err >&2; done";
        step.shell(script)
            .stdout("out\nout\nout\n")
            .stderr("err")
            .stderr("err")
            .stderr("err")
            .leaves("/all", "…")
            .run();
        let mut lines: Vec<_> = sandbox.read("all").unwrap().lines().map(str::to_owned).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["err", "err", "err", "out", "out", "out"]);
    }
}

#[test]
fn a_large_output_is_copied_whole() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-stdout_path=all"]).shell("seq 200000");
    let ran = step.stdout("…").leaves("/all", "…").run();
    assert_eq!(ran.stdout.lines().count(), 200_000);
    assert!(sandbox.read("all").unwrap() == ran.stdout, "the copy differs");
}

/// Leaves a process that is out of the group for certain, and holds stdout open.
const ESCAPES: &str = "setsid sh -c '> away; exec sleep 600' & \
    until [ -e away ]; do sleep 0.01; done; echo done";

#[test]
fn a_process_that_holds_the_pipe_open_does_not_hang_the_step() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-stdout_path=all"]);
    step.shell(ESCAPES).stdout("done\n").leaves("/all", "done\n").leaves("/away", "").run();
}

#[test]
fn a_process_that_cannot_be_found_does_not_hang_the_step_either() {
    let alone = "unshare -p -f /bin/sh -c 'mount -t tmpfs none /proc; \"$@\"; exit $?' sh";
    let set = format!("set -- {alone} \"$@\"");
    let Some(mounts) = with_mounts(&set, ":") else { return };
    let sandbox = sandbox();
    let step = sandbox.step(0).by(mounts).flags(["-stdout_path=all"]);
    step.shell(ESCAPES).stdout("done\n").leaves("/all", "done\n").leaves("/away", "").run();
}

#[test]
fn a_copy_that_cannot_be_made_is_an_error_that_names_it() {
    let sandbox = sandbox();
    sandbox.write("file", "");
    sandbox.folder("folder");
    for (number, path) in ["file/copy", "folder"].into_iter().enumerate() {
        for (offset, flag) in ["-stdout_path", "-stderr_path"].into_iter().enumerate() {
            let step = sandbox.step(2 * number + offset).flags([flag, path]).command(["true"]);
            step.fails(1).stderr(&format!("holdpoint: …{path}: …")).run();
        }
    }
}

#[test]
fn a_copy_onto_a_full_disk_does_not_stop_the_command() {
    let sandbox = sandbox();
    let step = sandbox.step(0).flags(["-stdout_path=/dev/full"]).shell("seq 100000 | tail -n 1");
    step.stdout("100000\n").stderr("holdpoint: the copy of stdout ends here: …").run();
}
