//! The order of events (1.3): before the command, the waits, the command itself, and after it.

use std::os::unix::fs::symlink;

use holdpoint_tests::{Post, Row, Sandbox, Signal, eventually, internal, started_at};
use nix::unistd::{Pid, getpgid};
use serde_json::Value;

use crate::sandbox;

fn skipped() -> [Row; 2] {
    [started_at(), internal("Reason", "Skipped")]
}

fn started(sandbox: &Sandbox, number: usize) -> String {
    let text = sandbox.read(&format!("tekton/run/{number}/termination")).unwrap();
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let row = rows.iter().find(|row| row["key"] == "StartedAt").unwrap();
    row["value"].as_str().unwrap().to_owned()
}

mod before {
    use super::*;

    fn with_secret() -> Sandbox {
        let sandbox = sandbox();
        sandbox.write("tekton/creds-secrets/s/username", "u");
        sandbox.write("tekton/creds-secrets/s/password", "p");
        sandbox
    }

    const FLAG: [&str; 1] = ["-basic-git=s=https://git.example"];

    #[test]
    fn credentials_are_there_before_the_command_and_copied_home() {
        let sandbox = with_secret();
        sandbox.folder("home");
        let step = sandbox.step(0).flags(FLAG).env("HOME", sandbox.path("home"));
        step.command(["cat", "tekton/creds/.git-credentials", "home/.git-credentials"])
            .stdout("https://u:p@git.example\nhttps://u:p@git.example\n")
            .leaves_folder("/tekton/creds")
            .leaves_something("/tekton/creds/.gitconfig")
            .leaves_something("/tekton/creds/.git-credentials")
            .leaves_something("/home/.gitconfig")
            .leaves_something("/home/.git-credentials")
            .run();
    }

    #[test]
    fn credentials_are_there_while_the_step_waits() {
        let sandbox = with_secret();
        let step = sandbox.step(0).flags(FLAG).flags(["-wait_file", "go"]).command(["true"]);
        let step = step.any_stderr().start();
        step.makes("tekton/creds/.git-credentials");
        step.reaches("waiting");
        sandbox.write("go", "");
        step.finish();
    }

    #[test]
    fn credentials_that_cannot_be_written_are_told_and_change_nothing() {
        let sandbox = with_secret();
        sandbox.write("tekton/creds", "a file in the way");
        let step = sandbox.step(0).flags(FLAG).shell("echo ran").stdout("ran\n");
        let ran = step.any_stderr().run();
        assert!(ran.stderr.contains("credentials: cannot write /tekton/creds"), "{}", ran.stderr);
    }

    #[test]
    fn credentials_that_cannot_be_copied_home_are_told_and_change_nothing() {
        let sandbox = with_secret();
        let step = sandbox.step(0).flags(FLAG).env("HOME", "/dev/null/home").shell("echo ran");
        let ran = step
            .stdout("ran\n")
            .leaves_folder("/tekton/creds")
            .leaves_something("/tekton/creds/.gitconfig")
            .leaves_something("/tekton/creds/.git-credentials")
            .any_stderr()
            .run();
        assert!(ran.stderr.contains("/dev/null/home"), "{}", ran.stderr);
    }

    #[test]
    fn the_metadata_folders_are_open_to_all_whatever_the_umask() {
        for umask in ["000", "022", "077"] {
            let sandbox = sandbox();
            let shell = format!("umask {umask}; exec \"$@\"");
            sandbox.step(0).by(["/bin/sh", "-c", &shell, "sh"]).command(["true"]).run();
            for folder in ["results", "artifacts"] {
                let mode = sandbox.mode(&format!("tekton/run/0/status/{folder}"));
                assert_eq!(mode, 0o777, "{folder} with umask {umask}");
            }
        }
    }

    #[test]
    fn the_metadata_folders_are_there_while_the_step_waits() {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-wait_file", "go"]).command(["true"]).start();
        step.makes("tekton/run/0/status/results");
        step.makes("tekton/run/0/status/artifacts");
        assert!(!sandbox.has("tekton/run/0/status/exitCode"));
        sandbox.write("go", "");
        step.finish();
    }

    #[test]
    fn without_a_metadata_folder_nothing_of_it_is_made() {
        let sandbox = sandbox();
        let (post, message) = (sandbox.at("out"), sandbox.at("message"));
        let flags = ["-post_file", &post, "-termination_path", &message, "-entrypoint", "true"];
        let step = sandbox.call(flags).leaves("out", "").leaves("message", "[…]");
        step.leaves("out.alive", "").leaves_something("out.state").run();
    }
}

mod waits {
    use super::*;

    #[test]
    fn a_command_starts_only_when_its_file_is_there() {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-wait_file", "go"]).logging("ran").start();
        step.reaches("waiting");
        assert!(sandbox.log().is_empty());
        sandbox.write("go", "");
        step.finish();
        assert_eq!(sandbox.log(), ["ran"]);
    }

    #[test]
    fn every_file_is_waited_for() {
        let names = ["a", "b", "c"];
        for last in names {
            let sandbox = sandbox();
            let step = sandbox.step(0).flags(["-wait_file", ",a,,b,c,"]).logging(last);
            let step = step.start();
            names
                .iter()
                .filter(|name| **name != last)
                .for_each(|name| drop(sandbox.write(name, "")));
            eventually("only the last is waited for", || {
                (step.state()?["waitingFor"] == last).then_some(())
            });
            sandbox.write(last, "");
            step.finish();
            assert_eq!(sandbox.log(), [last]);
        }
    }

    #[test]
    fn a_failed_file_that_is_not_yet_due_does_not_skip_the_step() {
        let sandbox = sandbox();
        sandbox.write("b.err", "");
        let step = sandbox.step(0).flags(["-wait_file", "a,b"]).command(["true"]);
        let step = step.fails(1).rows(skipped()).any_stderr().start();
        step.reaches("waiting");
        sandbox.write("a", "");
        step.finish();
    }

    #[test]
    fn a_failure_before_it_skips_a_waiting_step() {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-wait_file", "w"]).logging("ran").fails(1);
        let step = step.rows(skipped()).stderr("holdpoint: skipped: …").start();
        step.reaches("waiting");
        sandbox.write("w.err", "");
        step.finish();
        assert!(sandbox.log().is_empty());
    }

    #[test]
    fn success_wins_where_both_files_are_there() {
        for content in [false, true] {
            let sandbox = sandbox();
            sandbox.write("w.err", "");
            sandbox.write("w", "x");
            let flags = ["-wait_file=w".to_owned(), format!("-wait_file_content={content}")];
            sandbox.step(0).flags(flags).command(["true"]).run();
        }
    }

    #[test]
    fn an_empty_file_is_no_content() {
        let sandbox = sandbox();
        sandbox.write("w", "");
        let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]).logging("ran");
        let step = step.start();
        step.reaches("waiting");
        // It has looked: the state comes after the look.
        assert!(sandbox.log().is_empty());
        sandbox.write("w", "x");
        step.finish();
        assert_eq!(sandbox.log(), ["ran"]);
    }

    #[test]
    fn an_empty_file_and_a_failure_are_a_failure_where_content_is_waited_for() {
        let sandbox = sandbox();
        sandbox.write("w", "");
        sandbox.write("w.err", "");
        let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]);
        step.command(["true"]).fails(1).rows(skipped()).any_stderr().run();
    }

    #[test]
    fn content_that_is_added_to_the_file_counts() {
        let sandbox = sandbox();
        let file = sandbox.write("w", "");
        let step = sandbox.step(0).flags(["-wait_file", "w", "-wait_file_content"]);
        let step = step.command(["true"]).start();
        step.reaches("waiting");
        std::fs::write(file, "x").unwrap();
        step.finish();
    }

    #[test]
    fn a_debugged_run_goes_on_behind_a_failure() {
        let sandbox = sandbox();
        sandbox.write("w.err", "");
        let flags = ["-wait_file", "w", "-breakpoint_on_failure"];
        sandbox.step(0).flags(flags).shell("echo ran").stdout("ran\n").run();
    }

    #[test]
    fn the_folder_may_be_made_later() {
        for (file, number) in [("later/w", 0), ("a/b/c/d/w", 1)] {
            let sandbox = sandbox();
            let step = sandbox.step(number).flags(["-wait_file", file]).command(["true"]).start();
            step.reaches("waiting");
            for (at, _) in file.match_indices('/') {
                sandbox.folder(&file[..at]);
            }
            sandbox.write(file, "");
            step.finish();
        }
    }

    #[test]
    fn the_folder_may_be_replaced() {
        let sandbox = sandbox();
        sandbox.folder("place");
        let step = sandbox.step(0).flags(["-wait_file", "place/w"]).command(["true"]).start();
        step.reaches("waiting");
        sandbox.write("ready/w", "");
        std::fs::rename(sandbox.path("place"), sandbox.path("old")).unwrap();
        std::fs::rename(sandbox.path("ready"), sandbox.path("place")).unwrap();
        step.finish();
    }

    /// As the kubelet does: `ready` is a link to `..data/ready`, and `..data` a link that is swapped.
    #[test]
    fn a_link_may_be_swapped_as_in_a_downward_volume() {
        let sandbox = sandbox();
        sandbox.write("tekton/downward/..1/ready", "");
        symlink("..1", sandbox.path("tekton/downward/..data")).unwrap();
        symlink("..data/ready", sandbox.path("tekton/downward/ready")).unwrap();
        let file = sandbox.at("tekton/downward/ready");
        let step = sandbox.step(0).flags(["-wait_file", &file, "-wait_file_content"]);
        let step = step.logging("ran").start();
        step.reaches("waiting");
        assert!(sandbox.log().is_empty());
        sandbox.write("tekton/downward/..2/ready", "READY");
        sandbox.link("tekton/downward/..data", "..2");
        step.finish();
        assert_eq!(sandbox.log(), ["ran"]);
    }

    #[test]
    fn a_file_below_a_file_can_never_be() {
        let sandbox = sandbox();
        sandbox.write("file", "");
        for (number, wait) in ["file/w", "file/a/b/w"].into_iter().enumerate() {
            let step = sandbox.step(number).flags(["-wait_file", wait]).logging("ran").fails(1);
            step.stderr(&format!("holdpoint: …cannot wait for {wait}: …")).run();
        }
        assert!(sandbox.log().is_empty());
    }

    #[test]
    fn a_folder_that_becomes_a_file_can_never_be() {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-wait_file", "later/w"]).command(["true"]).fails(1);
        let step = step.any_stderr().start();
        step.reaches("waiting");
        sandbox.write("later", "a file");
        step.finish();
    }

    #[test]
    fn fifty_steps_run_in_their_order() {
        let sandbox = sandbox();
        let describe = |number: usize| {
            let step = sandbox.step(number).logging(&format!("begin-{number} end-{number}"));
            if number == 0 { step } else { step.after(number - 1) }
        };
        // The last one first, so that all but one have to wait.
        let steps: Vec<_> = (0..50).rev().map(|number| describe(number).start()).collect();
        steps.into_iter().rev().for_each(|step| drop(step.finish()));
        let expected: Vec<String> =
            (0..50).flat_map(|n| [format!("begin-{n}"), format!("end-{n}")]).collect();
        assert_eq!(sandbox.log(), expected);
    }

    #[test]
    fn a_failure_skips_all_steps_behind_it() {
        let sandbox = sandbox();
        let steps: Vec<_> = (1..10)
            .map(|number| {
                let step = sandbox.step(number).after(number - 1).logging("ran").fails(1);
                step.rows(skipped()).any_stderr().start()
            })
            .collect();
        sandbox.step(0).shell("exit 1").fails(1).any_stderr().start().finish();
        steps.into_iter().for_each(|step| drop(step.finish()));
        assert!(sandbox.log().is_empty());
    }

    #[test]
    fn the_start_is_when_the_turn_comes() {
        let sandbox = sandbox();
        let second = sandbox.step(1).after(0).command(["true"]).start();
        second.reaches("waiting");
        sandbox.step(0).shell("sleep 0.01").start().finish();
        second.finish();
        assert!(started(&sandbox, 0) < started(&sandbox, 1));
    }
}

mod holds {
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
}

mod command {
    use super::*;

    #[test]
    fn a_when_expression_that_is_false_skips_with_success() {
        let sandbox = sandbox();
        let never = r#"[{"input":"a","operator":"in","values":["b"]}]"#;
        let step = sandbox.step(0).flags(["-when_expressions", never]).logging("ran");
        step.rows(skipped()).stderr("holdpoint: …skipped…").run();
        assert!(sandbox.log().is_empty());
    }

    #[test]
    fn a_when_expression_that_is_true_changes_nothing() {
        let always = r#"[{"input":"a","operator":"in","values":["a"]},{"cel":"1 < 2"}]"#;
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-when_expressions", always]);
        step.shell("echo ran").stdout("ran\n").run();
    }

    #[test]
    fn when_expressions_are_asked_after_the_wait() {
        let sandbox = sandbox();
        let when = r#"[{"input":"$(steps.a.results.r)","operator":"in","values":["yes"]}]"#;
        let step = sandbox.step(0).flags(["-when_expressions", when, "-wait_file", "w"]);
        let step = step.logging("ran").start();
        step.reaches("waiting");
        sandbox.write("tekton/steps/step-a/results/r", "yes");
        sandbox.write("w", "");
        step.finish();
        assert_eq!(sandbox.log(), ["ran"]);
    }

    #[test]
    fn the_command_leads_a_group_of_its_own() {
        let sandbox = sandbox();
        let step =
            sandbox.step(0).flags(["-stdout_path", "pid"]).shell("echo $$; read line < gate");
        let gate = sandbox.path("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let step = step.stdout("…\n").start();
        let text =
            eventually("it says its number", || Some(step.stdout()).filter(|t| t.ends_with('\n')));
        let pid = Pid::from_raw(text.trim().parse().unwrap());
        assert_eq!(getpgid(Some(pid)), Ok(pid));
        assert_ne!(getpgid(Some(step.pid())), Ok(pid));
        std::fs::write(gate, "go\n").unwrap();
        step.finish();
    }

    /// What a process is given by its parent, the entrypoint's own traces apart.
    const GIVEN: &str = "grep -E '^(Sig(Q|Pnd|Blk|Ign|Cgt)|ShdPnd|Uid|Gid|Groups|Umask|Cap|NoNewPrivs|Seccomp):?' \
        /proc/self/status | grep -v SigQ; cat /proc/self/limits; pwd; umask; env | sort; ls -l /proc/self/fd | wc -l; nice";

    #[test]
    fn the_command_is_given_what_the_entrypoint_was_given() {
        let shell = "umask 027; ulimit -n 99; ulimit -c 0; ulimit -s 4096; trap '' USR1 PIPE HUP CHLD; \
            exec nice -n 3 \"$@\"";
        let wrapper = ["env", "--block-signal=USR2,WINCH,TERM,CHLD", "/bin/sh", "-c", shell, "sh"];
        let plain: [&str; 0] = [];
        for wrapper in [&plain[..], &wrapper[..]] {
            let sandbox = sandbox();
            sandbox.folder("place");
            let without = sandbox.other("/bin/sh").flags(["-c", GIVEN]).by(wrapper);
            let without = without.in_folder("place").env("ODD", "a=b\nc ").stdout("…").run();
            let message = sandbox.at("message");
            let with =
                sandbox.call(["-termination_path", &message]).command(["/bin/sh", "-c", GIVEN]);
            let with = with.in_folder("place").env("ODD", "a=b\nc ").by(wrapper);
            let with = with.leaves_something("message").stdout("…").run();
            assert_eq!(with.stdout, without.stdout);
            assert!(with.stdout.contains("SigIgn:") && with.stdout.contains("ODD=a=b"));
        }
    }

    #[test]
    fn stdin_is_dev_null() {
        let sandbox = sandbox();
        let script = "readlink /proc/self/fd/0; cat";
        let step = sandbox.step(0).by(["/bin/sh", "-c", "echo typed | \"$@\"", "sh"]).shell(script);
        step.stdout("/dev/null\n").run();
    }

    #[test]
    fn output_is_inherited_unless_a_copy_is_asked_for() {
        let script = "for i in 1 2; do readlink /proc/$PPID/fd/$i; readlink /proc/$$/fd/$i; done";
        let ran = sandbox().step(0).shell(script).stdout("…").run();
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!((lines[0], lines[2]), (lines[1], lines[3]));
    }

    #[test]
    fn the_command_is_looked_up_in_path() {
        let sandbox = sandbox();
        sandbox.write("first/tool", "not executable");
        sandbox.folder("second/tool");
        sandbox.script("third/tool", "#!/bin/sh\necho third \"$@\"\n");
        sandbox.script("fourth/tool", "#!/bin/sh\necho fourth\n");
        let path: Vec<String> =
            ["none", "first", "second", "third", "fourth"].map(|f| sandbox.at(f)).into();
        let path = path.join(":") + ":/usr/bin:/bin";
        let step = sandbox.step(0).env("PATH", path).command(["tool", "", "a b"]);
        step.stdout("third  a b\n").run();
    }

    #[test]
    fn every_signal_goes_to_the_whole_group() {
        let signals = [
            Signal::SIGHUP,
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
            Signal::SIGTERM,
            Signal::SIGALRM,
            Signal::SIGWINCH,
            Signal::SIGPIPE,
            Signal::SIGIO,
        ];
        for signal in signals {
            let sandbox = sandbox();
            let name = signal.as_str().strip_prefix("SIG").unwrap();
            let body = "echo ready >> log; while :; do sleep 0.01; done";
            sandbox.script(
                "member",
                &format!("#!/bin/sh\ntrap 'echo got >> log; exit 0' {name}\n{body}\n"),
            );
            // Members of a pipeline, since a shell makes those in the background ignore SIGINT.
            let step = sandbox.step(0).shell(&format!("trap : {name}; ./member | ./member"));
            let step = step.any_stderr().start();
            eventually("both are ready", || (sandbox.log().len() == 2).then_some(()));
            step.signal(signal);
            step.finish();
            assert_eq!(sandbox.log()[2..], ["got", "got"], "{name}");
        }
    }
}

mod copies {
    use super::*;
    use crate::surroundings::with_mounts;

    #[test]
    fn output_is_copied_and_still_goes_where_it_went() {
        let sandbox = sandbox();
        sandbox.write("copies/out", "before\n");
        let step =
            sandbox.step(0).flags(["-stdout_path=copies/out", "-stderr_path=new/folder/err"]);
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
            let mut lines: Vec<_> =
                sandbox.read("all").unwrap().lines().map(str::to_owned).collect();
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
        let step =
            sandbox.step(0).flags(["-stdout_path=/dev/full"]).shell("seq 100000 | tail -n 1");
        step.stdout("100000\n").stderr("holdpoint: the copy of stdout ends here: …").run();
    }
}

mod after {
    use std::sync::mpsc::channel;

    use holdpoint_tests::DEADLINE;
    use notify::{RecursiveMode, Watcher};

    use super::*;

    /// The files of a step in the order in which they were last written.
    fn written(sandbox: &Sandbox, run: impl FnOnce()) -> Vec<String> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(sender).unwrap();
        for folder in ["tekton/run/0", "tekton/run/0/status"] {
            watcher.watch(&sandbox.folder(folder), RecursiveMode::NonRecursive).unwrap();
        }
        run();
        let mut order: Vec<String> = Vec::new();
        while !order.iter().any(|name| name.starts_with("out") && !name.contains('.')) {
            for path in events.recv_timeout(DEADLINE).unwrap().unwrap().paths {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                order.retain(|other| *other != name);
                order.push(name);
            }
        }
        order
    }

    #[test]
    fn the_post_comes_after_all_that_others_read() {
        let sandbox = sandbox();
        let step = sandbox.step(0).command(["true"]);
        let order = written(&sandbox, || drop(step.start().finish()));
        let place = |name| order.iter().position(|other| other == name).expect(name);
        for name in ["exitCode", "termination", "out.state"] {
            assert!(place(name) < place("out"), "{name} in {order:?}");
        }
    }

    #[test]
    fn a_step_that_ends_leaves_nothing_running() {
        let sandbox = sandbox();
        // The harness fails where a process of the step is left.
        let script = "sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & wait' &) ; exit 0";
        sandbox.step(0).shell(script).run();
        sandbox.step(1).shell(&script.replace("exit 0", "exit 3")).fails(3).any_stderr().run();
    }

    #[test]
    fn a_failed_step_is_not_posted_twice() {
        let sandbox = sandbox();
        let step = sandbox.step(0).shell("exit 1").fails(1).posts(Post::Failed).any_stderr();
        step.run();
        assert!(!sandbox.has("tekton/run/0/out"));
    }
}
