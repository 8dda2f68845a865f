//! What the command is given (1.3 step 6).

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
    let step = sandbox.step(0).flags(["-stdout_path", "pid"]).shell("echo $$; read line < gate");
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
        let with = sandbox.call(["-termination_path", &message]).command(["/bin/sh", "-c", GIVEN]);
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

#[test]
fn the_ends_of_children_are_no_signals_of_the_group() {
    let sandbox = sandbox();
    // Blocked signals stay to be seen.
    let step = sandbox.step(0).command(["env", "--block-signal=CHLD,WINCH", "sleep", "600"]);
    let step = step.fails(143).any_stderr().start();
    let command = step.reaches("running")["pid"].to_string();
    let pending = || {
        let status = std::fs::read_to_string(format!("/proc/{command}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    };
    let bit = |signal: Signal| 1_u64 << (signal as i32 - 1);
    let runs_sleep = || std::fs::read_to_string(format!("/proc/{command}/comm")).unwrap();
    eventually("both are blocked", || (runs_sleep() == "sleep\n").then_some(()));
    step.signal(Signal::SIGCHLD);
    step.signal(Signal::SIGWINCH);
    eventually("the later one is there", || (pending() & bit(Signal::SIGWINCH) != 0).then_some(()));
    assert_eq!(pending() & bit(Signal::SIGCHLD), 0, "the end of a child was passed on");
    step.signal(Signal::SIGTERM);
    step.finish();
}
