//! The command line (1.1), and what becomes of one that cannot be.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use holdpoint_tests::{Sandbox, Step, internal, result, started_at};

use crate::sandbox;

/// A line that runs `echo ran`, without any file of a step but the message.
fn echo<'a>(sandbox: &'a Sandbox, flags: &[&str]) -> Step<'a> {
    let step = sandbox.call(["-termination_path", "message"]).flags(flags);
    step.command(["echo", "ran"]).stdout("ran\n").leaves_something("message")
}

mod syntax {
    use super::*;

    #[test]
    fn a_value_comes_behind_the_flag_or_behind_an_equals_sign() {
        let forms: [&[&str]; 4] = [
            &["-on_error", "continue"],
            &["-on_error=continue"],
            &["--on_error", "continue"],
            &["--on_error=continue"],
        ];
        for form in forms {
            let sandbox = sandbox();
            let step = sandbox.step(0).flags(form).shell("exit 3").exit_code_file("3");
            step.rows([started_at(), internal("ExitCode", "3")]).any_stderr().run();
        }
    }

    #[test]
    fn a_switch_takes_a_value_only_behind_an_equals_sign() {
        for (flags, content) in [
            (&["-wait_file_content"][..], true),
            (&["-wait_file_content=true"], true),
            (&["-wait_file_content=T"], true),
            (&["-wait_file_content=1"], true),
            (&["-wait_file_content=false"], false),
            (&["-wait_file_content=0"], false),
            (&["-wait_file_content", "-wait_file_content=F"], false),
        ] {
            let sandbox = sandbox();
            sandbox.write("w", "");
            let step = sandbox.step(0).flags(["-wait_file", "w"]).flags(flags);
            let step = step.command(["true"]).start();
            if content {
                step.reaches("waiting");
                sandbox.write("w", "x");
            }
            step.finish();
        }
    }

    /// The error about a negative timeout shows what was understood.
    #[test]
    fn a_duration_is_written_as_in_go() {
        for (written, understood) in [
            ("-1h2m3.5s", "-1h2m3.5s"),
            ("-300ms", "-300ms"),
            ("-90m", "-1h30m0s"),
            ("-.5s", "-500ms"),
            ("-1.s", "-1s"),
            ("-1500us", "-1.5ms"),
            ("-2\u{b5}s", "-2µs"),
            ("-2\u{3bc}s", "-2µs"),
            ("-7ns", "-7ns"),
            ("-3s1h", "-1h0m3s"),
        ] {
            let sandbox = sandbox();
            for (number, flag) in [format!("-timeout={written}"), format!("--timeout={written}")]
                .into_iter()
                .enumerate()
            {
                let step = sandbox.step(number).flags([flag]).command(["echo", "ran"]).fails(1);
                step.stderr(&format!("holdpoint: …-timeout {understood} is negative; …")).run();
            }
            let step = sandbox.step(2).flags(["-timeout", written]).command(["echo", "ran"]);
            step.fails(1).stderr(&format!("…-timeout {understood} is negative; …")).run();
        }
        for written in ["+1h", "1h2m3.5s", "60000ms", "0", "+0"] {
            sandbox().step(0).flags(["-timeout", written]).command(["true"]).run();
        }
    }

    #[test]
    fn the_first_word_that_is_no_flag_ends_the_flags() {
        for word in ["word", "-", "", "true"] {
            let sandbox = sandbox();
            let flags = ["-termination_path=message", "-entrypoint=echo", word, "-no_such_flag"];
            let step = sandbox.call(flags).flags(["--", "ran"]);
            step.stdout("ran\n").leaves_something("message").run();
        }
    }

    #[test]
    fn words_that_are_left_over_are_ignored() {
        let sandbox = sandbox();
        let flags = ["-termination_path=message", "-entrypoint", "echo", "left", "over"];
        let step = sandbox.call(flags).flags(["--", "ran"]).stdout("ran\n");
        step.leaves_something("message").run();
    }

    #[test]
    fn the_usage_is_given_where_it_is_asked_for() {
        for flag in ["-h", "-help", "--help"] {
            let step = sandbox().call([flag]).stdout("Usage of entrypoint: …").run();
            for name in ["-entrypoint CMD", "-wait_file A,B", "-basic-git NAME=URL"] {
                assert!(step.stdout.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn arguments_reach_the_command_as_they_are() {
        let arguments = ["", "a b", "--", "-flag", "$HOME", "*", "ä", "\n", "--", ""];
        let sandbox = sandbox();
        let expected: String = arguments.iter().map(|word| format!("<{word}>")).collect();
        let command = ["printf", "<%s>"].iter().chain(&arguments);
        sandbox.step(0).command(command).stdout(&expected).run();
    }

    #[test]
    fn arguments_need_not_be_utf_8() {
        let sandbox = sandbox();
        let odd = OsStr::from_bytes(b"\xff\xfe");
        let command =
            [OsStr::new("sh"), OsStr::new("-c"), OsStr::new("printf %s \"$0\" | wc -c"), odd];
        sandbox.step(0).command(command).stdout("2\n").run();
    }

    #[test]
    fn empty_items_of_lists_are_ignored() {
        let sandbox = sandbox();
        sandbox.write("tekton/results/a", "v");
        let flags = ["-results=,a,,", "-step_results=,,", "-wait_file=,,"];
        let rows = [result("a", "v"), started_at()];
        sandbox.step(0).flags(flags).command(["true"]).rows(rows).run();
    }

    #[test]
    fn flags_that_change_nothing_here_are_taken() {
        let flags = [
            "-spire_socket_path=/run/spire.sock",
            "-enable_spire=false",
            "-result_from=termination-message",
            "-breakpoint_on_failure=false",
            "-debug_before_step=false",
            "-compress_termination_message=false",
        ];
        echo(&sandbox(), &flags).run();
    }

    #[test]
    fn signing_is_refused_and_never_left_out_in_silence() {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(["-enable_spire"]).command(["echo", "ran"]);
        let step = step.without_traces().exits(1).leaves("/tekton/run/0/out.err", "");
        step.stderr("holdpoint: -enable_spire is not supported: results would go out unsigned; …")
            .run();
    }
}

mod platforms {
    use super::*;

    fn platform() -> String {
        entrypoint::config::platform()
    }

    fn with_commands<'a>(sandbox: &'a Sandbox, json: &str, arguments: &[&str]) -> Step<'a> {
        let step = sandbox.call(["-termination_path=message", "--"]).flags(arguments);
        step.env("TEKTON_PLATFORM_COMMANDS", json)
    }

    #[test]
    fn the_command_of_this_platform_is_taken() {
        let json = format!(r#"{{"other/cpu":["false"],"{}":["echo","a"]}}"#, platform());
        let sandbox = sandbox();
        let step = with_commands(&sandbox, &json, &["b"]).stdout("a b\n");
        step.leaves_something("message").run();
    }

    #[test]
    fn a_flag_goes_before_the_variable() {
        let json = format!(r#"{{"{}":["false"]}}"#, platform());
        let sandbox = sandbox();
        echo(&sandbox, &[]).env("TEKTON_PLATFORM_COMMANDS", json).run();
    }

    #[test]
    fn an_empty_list_takes_the_command_from_the_arguments() {
        let json = format!(r#"{{"{}":[]}}"#, platform());
        let sandbox = sandbox();
        let step = with_commands(&sandbox, &json, &["echo", "ran"]).stdout("ran\n");
        step.leaves_something("message").run();
    }

    #[test]
    fn an_empty_list_without_arguments_is_a_success_that_runs_nothing() {
        let json = format!(r#"{{"{}":[]}}"#, platform());
        let sandbox = sandbox();
        sandbox.step(0).env("TEKTON_PLATFORM_COMMANDS", json).run();
    }

    #[test]
    fn no_command_at_all_is_an_error() {
        let cases = [
            ("", "no command: -entrypoint is not given, …"),
            ("{}", "could not find command for platform …"),
            (r#"{"linux/none":["true"]}"#, "could not find command …[\"linux/none\"]"),
            ("no json", "TEKTON_PLATFORM_COMMANDS is no JSON object of commands by platform: …"),
            ("[]", "TEKTON_PLATFORM_COMMANDS is no JSON object …"),
            (r#"{"linux/amd64":"true"}"#, "TEKTON_PLATFORM_COMMANDS is no JSON object …"),
            (r#"{"linux/amd64":[1]}"#, "TEKTON_PLATFORM_COMMANDS is no JSON object …"),
        ];
        for (json, problem) in cases {
            let sandbox = sandbox();
            let step = sandbox.step(0).env("TEKTON_PLATFORM_COMMANDS", json).without_traces();
            let step = step.exits(1).leaves("/tekton/run/0/out.err", "");
            step.stderr(&format!("holdpoint: {problem}")).run();
        }
    }
}

/// Bad input: each names the thing, fails with its code, posts, and never panics.
mod bad_input {
    use super::*;

    /// What cannot be parsed: exit 2, with the usage.
    const UNPARSABLE: &[(&[&str], &str)] = &[
        (&["-no_such_flag"], "flag provided but not defined: -no_such_flag"),
        (&["--no-such=1"], "flag provided but not defined: -no-such"),
        (&["-Timeout=1s"], "flag provided but not defined: -Timeout"),
        (&["-timeoutx"], "flag provided but not defined: -timeoutx"),
        (&["-=x"], "bad flag syntax: -=x"),
        (&["---timeout"], "bad flag syntax: ---timeout"),
        (&["--=1"], "bad flag syntax: --=1"),
        (&["-timeout"], "flag needs an argument: -timeout"),
        (&["-wait_file"], "flag needs an argument: -wait_file"),
        (&["-basic-git"], "flag needs an argument: -basic-git"),
        (&["-timeout="], "invalid value \"\" for flag -timeout: …"),
        (&["-timeout=1"], "invalid value \"1\" for flag -timeout: …"),
        (&["-timeout=soon"], "invalid value \"soon\" for flag -timeout: …"),
        (&["-timeout=1 s"], "invalid value \"1 s\" for flag -timeout: …"),
        (&["-timeout=1d"], "invalid value \"1d\" for flag -timeout: …"),
        (&["-timeout=9999999h"], "invalid value \"9999999h\" for flag -timeout: …"),
        (&["-timeout=1e3s"], "invalid value \"1e3s\" for flag -timeout: …"),
        (&["-kill_grace=-1s"], "invalid value \"-1s\" for flag -kill_grace: …"),
        (&["-wait_timeout=-1ns"], "invalid value \"-1ns\" for flag -wait_timeout: …"),
        (&["-breakpoint_timeout=x"], "invalid value \"x\" for flag -breakpoint_timeout: …"),
        (
            &["-breakpoint_on_failure=maybe"],
            "invalid boolean value \"maybe\" for -breakpoint_on_failure: …",
        ),
        (&["-finally=yes"], "invalid boolean value \"yes\" for -finally: …"),
        (&["-wait_file_content="], "invalid boolean value \"\" for -wait_file_content: …"),
        (&["-debug_before_step=TrUe"], "invalid boolean value \"TrUe\" for -debug_before_step: …"),
    ];

    #[test]
    fn what_cannot_be_parsed_says_so_with_the_usage() {
        for (flags, problem) in UNPARSABLE {
            let sandbox = sandbox();
            let post = sandbox.at("out");
            let call = sandbox.call(["-post_file", &post, "-entrypoint", "true"]).flags(*flags);
            let ran = call.exits(2).leaves("out.err", "").any_stderr().run();
            let first = ran.stderr.lines().next().unwrap();
            assert!(holdpoint_tests::matches(&format!("holdpoint: {problem}"), first), "{first}");
            assert!(ran.stderr.contains("\nUsage of entrypoint: "), "{}", ran.stderr);
        }
    }

    #[test]
    fn a_value_that_is_no_utf_8_where_text_is_wanted_is_named() {
        for flag in ["-timeout", "-results", "-when_expressions", "-on_error", "-step_name"] {
            let sandbox = sandbox();
            let odd = OsStr::from_bytes(b"a\xff");
            let call = sandbox.call([OsStr::new(flag), odd]).exits(2).any_stderr();
            let ran = call.run();
            assert!(ran.stderr.contains(flag) && ran.stderr.contains("UTF-8"), "{}", ran.stderr);
        }
    }

    /// Credentials that cannot be: exit 2, with the usage.
    const CREDENTIALS: &[(&str, &str)] = &[
        ("-basic-git=a", "invalid value \"a\" for flag -basic-git: …"),
        ("-basic-git=", "invalid value \"\" for flag -basic-git: …"),
        ("-basic-git=a=b=c", "invalid value \"a=b=c\" for flag -basic-git: …"),
        ("-ssh-git=a", "invalid value \"a\" for flag -ssh-git: …"),
        ("-basic-docker=a", "invalid value \"a\" for flag -basic-docker: …"),
        ("-basic-git=none=https://h", "invalid value …: cannot read /tekton/creds-secrets/none/…"),
        ("-ssh-git=none=host", "invalid value …: cannot read /tekton/creds-secrets/none/…"),
        (
            "-basic-docker=none=https://h",
            "invalid value …: cannot read /tekton/creds-secrets/none/…",
        ),
        ("-basic-git=../../etc=https://h", "invalid value …"),
    ];

    #[test]
    fn credentials_that_cannot_be_are_named_with_the_usage() {
        for (flag, problem) in CREDENTIALS {
            let sandbox = sandbox();
            let post = sandbox.at("out");
            let call = sandbox.call(["-post_file", &post, flag]).command(["true"]).exits(2);
            let ran = call.leaves("out.err", "").leaves("out.alive", "").any_stderr().run();
            let first = ran.stderr.lines().next().unwrap();
            assert!(holdpoint_tests::matches(&format!("holdpoint: {problem}"), first), "{first}");
            assert!(ran.stderr.contains("\nUsage of entrypoint: "), "{}", ran.stderr);
        }
    }

    /// What is found out only at the step's turn: exit 1, without the usage.
    const FAULTY: &[(&[&str], &str)] = &[
        (&["-timeout=-1h"], "-timeout -1h0m0s is negative"),
        (&["-when_expressions={"], "-when_expressions: "),
        (&["-when_expressions={}"], "-when_expressions: "),
        (&["-when_expressions=[1]"], "-when_expressions: "),
        (&["-when_expressions=[[]]"], "-when_expressions: "),
        (&["-when_expressions=\u{1}"], "-when_expressions: "),
        (&[r#"-when_expressions=[{"input":1}]"#], "`input` is 1"),
        (&[r#"-when_expressions=[{"values":"a"}]"#], "`values` is \"a\""),
        (&[r#"-when_expressions=[{"values":[{}]}]"#], "`values` is "),
        (&[r#"-when_expressions=[{"operator":[]}]"#], "`operator` is []"),
        (&[r#"-when_expressions=[{"cel":"1 +"}]"#], "when expression `1 +`: "),
        (&[r#"-when_expressions=[{"cel":"1"}]"#], "when expression `1`: "),
        (&[r#"-when_expressions=[{"cel":"'a' == 1"}]"#], "when expression `'a' == 1`: "),
        (&[r#"-when_expressions=[{"cel":"1 / 0 == 1"}]"#], "when expression `1 / 0 == 1`: "),
        (&[r#"-when_expressions=[{"cel":"nobody"}]"#], "when expression `nobody`: "),
        (&["-stdout_path=file/below"], "file/below: "),
        (&["-stdout_path=folder"], "folder: "),
        (&["-stderr_path=folder"], "folder: "),
        (&["-wait_file=file/below"], "cannot wait for /file/below: "),
        (&["-stdout_path=/proc/none/copy"], "/proc/none/copy: "),
    ];

    #[test]
    fn what_cannot_be_at_the_steps_turn_fails_the_step_and_is_named() {
        for (flags, problem) in FAULTY {
            let sandbox = sandbox();
            sandbox.write("file", "");
            sandbox.folder("folder");
            let step = sandbox.step(0).flags(*flags).shell("echo ran").fails(1);
            step.stderr(&format!("holdpoint: …{problem}…")).run();
        }
    }

    #[test]
    fn deep_json_does_not_overflow_the_stack() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = open.repeat(20_000) + &close.repeat(20_000);
            let sandbox = sandbox();
            let step = sandbox.step(0).flags(["-when_expressions", &deep]).command(["true"]);
            step.fails(1).stderr("holdpoint: …-when_expressions: …").run();
        }
        let sandbox = sandbox();
        let cel = format!(r#"[{{"cel":"{}1{} == 1"}}]"#, "(".repeat(20_000), ")".repeat(20_000));
        let step = sandbox.step(0).flags(["-when_expressions", &cel]).command(["true"]);
        step.fails(1).stderr("holdpoint: …when expression…").run();
    }

    #[test]
    fn huge_values_are_no_harm() {
        let huge = "x".repeat(100_000);
        let name = format!("-results={huge}");
        let sandbox = sandbox();
        let step = sandbox.step(0).flags([&name]).command(["true"]).exits(1).any_stderr();
        assert!(step.run().stderr.contains("File name too long"));
        let step = sandbox.step(1).flags([format!("-wait_file={huge}")]).command(["true"]);
        step.fails(1).stderr("holdpoint: cannot wait for /xxx…").run();
        let step = sandbox.step(2).flags([format!("-on_error={huge}")]).command(["true"]);
        step.run();
    }

    #[test]
    fn a_broken_substitution_is_left_as_it_stands_or_named() {
        let words = [
            ("$(steps.a.results.list[9])", None),
            ("$(steps.a.results.list[99999999999999999999])", None),
            ("$(steps.none.results.r)", Some("$(steps.none.results.r)\n")),
            ("$(steps..results.)", Some("$(steps..results.)\n")),
            ("x$(steps.a.results.list[*])", Some("x$(steps.a.results.list[*])\n")),
            ("$(steps.../../x.results.r)", Some("$(steps.../../x.results.r)\n")),
            ("$(steps.a.results.text[0])", Some("\n")),
            ("$(steps.a.results.list.key)", Some("\n")),
        ];
        for (word, output) in words {
            let sandbox = sandbox();
            sandbox.write("tekton/steps/step-a/results/list", r#"["one"]"#);
            sandbox.write("tekton/steps/step-a/results/text", "text");
            let step = sandbox.step(0).command(["echo", word]).any_stderr();
            match output {
                Some(output) => step.stdout(output).run(),
                None => step.fails(1).run(),
            };
        }
    }

    #[test]
    fn a_nul_byte_that_comes_by_a_file_is_named() {
        let sandbox = sandbox();
        sandbox.write("tekton/steps/step-a/results/r", "a\0b");
        let step = sandbox.step(0).command(["echo", "$(steps.a.results.r)"]).fails(1);
        step.stderr("holdpoint: …\"a\\0b\" has a NUL byte in it").run();
        let step = sandbox.step(1).command(["true"]).env("V", "$(steps.a.results.r)").fails(1);
        step.stderr("holdpoint: … has a NUL byte in it").run();
    }

    /// Things in the place of files that the entrypoint itself writes.
    const IN_THE_WAY: &[(&str, i32, &str)] = &[
        ("termination", 1, "cannot write the termination message to …/termination: …"),
        ("status/exitCode", 1, "cannot write …/status/exitCode: …"),
        (
            "status/results/../artifacts/provenance.json",
            1,
            "result …provenance.json is no regular file: …",
        ),
    ];

    #[test]
    fn a_folder_in_the_place_of_a_file_is_named() {
        for (place, code, problem) in IN_THE_WAY {
            let sandbox = sandbox();
            sandbox.folder("tekton/run/0/status/results");
            sandbox.folder(&format!("tekton/run/0/{place}"));
            let step = sandbox.step(0).command(["true"]).exits(*code);
            let place = place.replace("results/../", "");
            step.leaves_folder(&place).stderr(&format!("holdpoint: {problem}")).run();
        }
    }

    #[test]
    fn a_folder_in_the_place_of_a_post_file_is_named() {
        let sandbox = sandbox();
        sandbox.folder("tekton/run/0/out/below");
        let step = sandbox.step(0).command(["true"]).exits(1).leaves_folder("out");
        let step = step.leaves("out.err", "");
        let ran = step.any_stderr().run();
        assert!(ran.stderr.contains("cannot post /tekton/run/0/out"), "{}", ran.stderr);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_named() {
        let sandbox = sandbox();
        sandbox.write("tekton/run/0/status", "");
        let step = sandbox.step(0).shell("echo ran").exits(1).stdout("ran\n");
        let step = step.without("status/exitCode").without("status/results");
        let step = step.without("status/artifacts").leaves("status", "").any_stderr();
        assert!(step.run().stderr.contains("cannot make /tekton/run/0/status/results: "));

        sandbox.write("file", "");
        let call = sandbox.call(["-post_file", "file/out", "-termination_path", "message"]);
        let call = call.shell("echo ran").stdout("ran\n").exits(1).leaves_something("message");
        assert!(call.any_stderr().run().stderr.contains("cannot post /file/out"));
    }
}
