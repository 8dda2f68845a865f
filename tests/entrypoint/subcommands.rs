//! The subcommands that prepare a pod before its steps run (1.2).

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use holdpoint_tests::Sandbox;
use nix::unistd::geteuid;

use crate::{sandbox, surroundings};

#[test]
fn a_new_copy_is_exact_and_may_be_run_but_not_read() {
    let sandbox = sandbox();
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let from = sandbox.write("from", &content);
    let to = sandbox.path("to");
    sandbox.call([Path::new("cp"), &from, &to]).leaves_something("to").run();
    assert!(fs::read(to).unwrap() == content, "the copy differs");
    assert_eq!(sandbox.mode("to"), 0o311);
}

#[test]
fn a_copy_has_its_mode_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let sandbox = sandbox();
        sandbox.write("from", "new");
        let step = sandbox.call(["cp", "from", "to"]).leaves("to", "new");
        step.by(["/bin/sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"]).run();
        assert_eq!(sandbox.mode("to"), 0o311, "umask {umask}");
    }
}

#[test]
fn an_existing_file_is_overwritten_as_a_whole() {
    let sandbox = sandbox();
    sandbox.write("from", "new");
    sandbox.write("to", "much longer than the new one");
    sandbox.call(["cp", "from", "to"]).leaves("to", "new").run();
}

#[test]
fn the_binary_installs_itself_and_its_copy_works() {
    let sandbox = sandbox();
    let program = env!("CARGO_BIN_EXE_entrypoint");
    sandbox.folder("tekton/bin");
    let copy = sandbox.at("tekton/bin/entrypoint");
    sandbox
        .call(["init", program, &copy])
        .leaves_something("tekton/bin/entrypoint")
        .leaves_folder("tekton/steps")
        .run();
    assert!(fs::read(&copy).unwrap() == fs::read(program).unwrap(), "the copy differs");
    // Once more, over one that is running: a container may be started again.
    let step = sandbox.step(0).flags(["-wait_file", "go"]).command(["true"]).start();
    step.reaches("waiting");
    sandbox.call(["cp", program, &copy]).leaves_something("tekton/bin/entrypoint").run();
    sandbox.write("go", "");
    step.finish();
}

#[test]
fn a_copy_needs_little_memory() {
    let sandbox = sandbox();
    let large = sandbox.write("from", "");
    fs::OpenOptions::new().write(true).open(large).unwrap().set_len(256 << 20).unwrap();
    // `-d` limits what is allocated, which `-v` would not tell from the binary's own pages.
    let limited = ["/bin/sh", "-c", "ulimit -d 16384; exec \"$@\"", "sh"];
    // Not the whole sandbox, which the harness would read.
    sandbox.call(["cp", "from", "to"]).by(limited).leaves_something("to").run();
    assert_eq!(fs::metadata(sandbox.path("to")).unwrap().len(), 256 << 20);
}

#[test]
fn what_cannot_be_copied_is_an_error_that_names_it() {
    let cases = [
        ("absent", "to", "cannot read absent: No such file …"),
        ("folder", "to", "folder is no regular file"),
        ("/dev/zero", "to", "/dev/zero is no regular file"),
        ("from/below", "to", "cannot read from/below: Not a directory …"),
        ("from", "folder", "folder is no regular file"),
        ("from", "no/such/to", "cannot write no/such/to: No such file …"),
        ("from", "from/to", "cannot write from/to: Not a directory …"),
        ("", "to", "cannot read : No such file …"),
        ("from", "", "cannot write : …"),
    ];
    for (from, to, problem) in cases {
        let sandbox = sandbox();
        sandbox.write("from", "content");
        sandbox.folder("folder");
        let step = sandbox.call(["cp", from, to]).exits(1);
        step.stderr(&format!("holdpoint: {problem}")).run();
    }
}

#[test]
fn a_full_disk_leaves_no_half_copy() {
    let mount = "mount -t tmpfs -o size=64k none disk";
    let Some(disk) = surroundings::with_mounts(mount, "ls -A disk") else { return };
    let sandbox = sandbox();
    sandbox.folder("disk");
    sandbox.write("from", vec![b'x'; 200_000]);
    let step = sandbox.call(["cp", "from", "disk/to"]).by(disk);
    step.exits(1).stderr("holdpoint: cannot write disk/to: No space left on device …").run();
}

fn links(sandbox: &Sandbox, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        let target = sandbox.path(format!("tekton/run/{number}/status"));
        for link in [(*name).to_owned(), number.to_string()] {
            let found = fs::read_link(sandbox.path("tekton/steps").join(&link)).unwrap();
            assert_eq!(found, target, "{link}");
        }
    }
}

#[test]
fn step_init_links_each_step_by_its_name_and_its_number() {
    let sandbox = sandbox();
    let names = ["step-a", "step-b", "step-c"];
    let all = ["step-a", "step-b", "step-c", "0", "1", "2"];
    // Once more: existing links are fine.
    for _ in 0..2 {
        let call = sandbox.call(["step-init"]).flags(names).leaves_folder("tekton");
        let call = call.leaves_folder("tekton/steps");
        all.iter()
            .fold(call, |call, name| call.leaves_something(&format!("tekton/steps/{name}")))
            .run();
        links(&sandbox, &names);
    }
}

#[test]
fn step_init_without_steps_makes_the_folder() {
    sandbox().call(["step-init"]).leaves_folder("tekton").leaves_folder("tekton/steps").run();
}

#[test]
fn init_copies_then_links() {
    let sandbox = sandbox();
    sandbox.write("from", "binary");
    let call = sandbox.call(["init", "from", "to", "step-a"]).leaves("to", "binary");
    call.leaves_folder("tekton")
        .leaves_folder("tekton/steps")
        .leaves_something("tekton/steps/step-a")
        .leaves_something("tekton/steps/0")
        .run();
    links(&sandbox, &["step-a"]);
}

#[test]
fn init_works_as_the_image_calls_it() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can run the binary as somebody else");
        return;
    }
    let sandbox = sandbox();
    sandbox.folder("tekton/bin");
    sandbox.folder("tekton/steps");
    for folder in ["tekton/bin", "tekton/steps"] {
        sandbox.set_mode(folder, 0o777);
    }
    let program = env!("CARGO_BIN_EXE_entrypoint");
    let call = sandbox.call(["init", program, "tekton/bin/entrypoint", "step-a"]).as_user(65532);
    call.leaves_something("tekton/bin/entrypoint")
        .leaves_something("tekton/steps/step-a")
        .leaves_something("tekton/steps/0")
        .run();
    assert_eq!(sandbox.mode("tekton/bin/entrypoint"), 0o311);
}

#[test]
fn what_is_installed_is_never_read_again() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can run the binary as somebody else");
        return;
    }
    // Neither its owner nor anybody else may read it; root might, unseen.
    let image = sandbox();
    let installed = image.path("bin/entrypoint");
    image.folder("bin");
    image.set_mode("bin", 0o777);
    for _ in 0..2 {
        let program = env!("CARGO_BIN_EXE_entrypoint");
        let call = image.call([Path::new("init"), Path::new(program), &installed]);
        let call = call.as_user(65532).leaves_something("bin/entrypoint");
        call.leaves_folder("tekton").leaves_folder("tekton/steps").run();
        assert_eq!(image.mode("bin/entrypoint"), 0o311);
    }

    let sandbox = Sandbox::new(&installed);
    for user in ["65532", "4711"] {
        let user = [format!("--reuid={user}"), format!("--regid={user}")];
        let by = ["setpriv", "--clear-groups", &user[0], &user[1]];
        sandbox.write("script", "ZWNobyBkZWNvZGVk");
        sandbox.set_mode("script", 0o777);
        sandbox.call(["decode-script", "script"]).by(by).leaves("script", "echo decoded").run();
        let step = sandbox.step(0).by(by).flags(["-breakpoint_on_failure"]).shell("exit 3");
        let step = step.fails(7).leaves_something("out.breakpointexit").any_stderr().start();
        step.reaches("held-failed");
        sandbox.write("tekton/run/0/out.breakpointexit", "7");
        step.finish();
        fs::remove_dir_all(sandbox.path("tekton")).unwrap();
    }
    let copy = [Path::new("cp"), &installed, Path::new("copy")];
    let ran = image.call(copy).as_user(65532).exits(1).any_stderr().run();
    assert!(
        ran.stderr.contains("cannot read /bin/entrypoint: Permission denied"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_cannot_be_linked_is_an_error_that_names_it() {
    let cases = [
        ("a/b", "step name \"a/b\" cannot be a file name: …"),
        ("..", "step name \"..\" cannot be a file name: …"),
        ("", "step name \"\" cannot be a file name: …"),
        ("taken", "/tekton/steps/taken is there and is no link: remove it"),
    ];
    for (name, problem) in cases {
        let sandbox = sandbox();
        sandbox.write("tekton/steps/taken", "");
        let call = sandbox.call(["step-init", name]).exits(1);
        call.stderr(&format!("holdpoint: {problem}")).run();
    }
    let sandbox = sandbox();
    sandbox.write("tekton/steps", "a file");
    let call = sandbox.call(["step-init", "step-a"]).exits(1);
    call.stderr("holdpoint: cannot write /tekton/steps…").run();
}

#[test]
fn a_script_is_decoded_in_place_with_its_mode() {
    let long = "#!/bin/sh\necho a line that is long enough to be broken\n".repeat(100);
    for (script, mode) in [("", 0o644), ("#!/bin/sh\n", 0o755), (&long, 0o700), ("ä\0", 0o4755)] {
        let encoded = STANDARD.encode(script);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        for content in [&encoded, &lines.join("\n"), &(lines.join("\r\n") + "\n")] {
            let sandbox = sandbox();
            sandbox.write("script", content);
            sandbox.set_mode("script", mode);
            sandbox.call(["decode-script", "script"]).leaves("script", script).run();
            assert_eq!(sandbox.mode("script"), mode);
        }
    }
}

#[test]
fn the_bits_that_base64_leaves_over_are_ignored_as_in_go() {
    let sandbox = sandbox();
    sandbox.write("script", "YR==");
    sandbox.call(["decode-script", "script"]).leaves("script", "a").run();
}

#[test]
fn bad_base64_leaves_the_script_as_it_was() {
    for content in ["#!/bin/sh", "YQ", "YQ=", "YQ==YQ==", "Y Q==", "YQ==\u{e4}", "-_-_", "===="] {
        let sandbox = sandbox();
        sandbox.write("script", content);
        let call = sandbox.call(["decode-script", "script"]).exits(1);
        call.stderr("holdpoint: script is not base64: …").run();
        assert_eq!(sandbox.read("script").unwrap(), content);
    }
}

#[test]
fn what_cannot_be_decoded_is_an_error_that_names_it() {
    for (script, problem) in [
        ("absent", "cannot read absent: No such file …"),
        ("folder", "folder is no regular file"),
        ("/dev/zero", "/dev/zero is no regular file"),
    ] {
        let sandbox = sandbox();
        sandbox.folder("folder");
        let call = sandbox.call(["decode-script", script]).exits(1);
        call.stderr(&format!("holdpoint: {problem}")).run();
    }
}

#[test]
fn a_wrong_number_of_arguments_makes_it_no_subcommand() {
    let lines: [&[&str]; 8] = [
        &["cp"],
        &["cp", "from"],
        &["cp", "from", "to", "too-many"],
        &["init"],
        &["init", "from"],
        &["decode-script"],
        &["decode-script", "from", "too-many"],
        &["cp", "from", "--", "to"],
    ];
    for line in lines {
        let sandbox = sandbox();
        sandbox.write("from", "YQ==");
        let call = sandbox.call(line).exits(1);
        call.stderr("holdpoint: no command: -entrypoint is not given, …").run();
    }
}

#[test]
fn a_verb_counts_only_as_the_first_word() {
    let sandbox = sandbox();
    let call = sandbox.call(["word", "status", "-post_file", "none"]).exits(1);
    call.stderr("holdpoint: no command: …").run();
}

#[test]
fn a_subcommand_counts_only_as_the_first_word_and_without_a_command() {
    let sandbox = sandbox();
    sandbox.write("from", "content");
    let call = sandbox.call(["word", "cp", "from", "to"]).exits(1);
    call.stderr("holdpoint: no command: …").run();

    let termination = sandbox.at("message");
    let flags = ["-termination_path", &termination, "-entrypoint", "echo", "cp", "from", "to"];
    let call = sandbox.call(flags).flags(["--", "ran"]).stdout("ran\n");
    call.leaves_something("message").run();
}
