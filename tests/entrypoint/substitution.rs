//! What earlier steps left, in this step's command, arguments, environment, when expressions and
//! script (1.7).

use holdpoint_tests::{Sandbox, Step, internal, started_at};

use crate::sandbox;

/// A sandbox in which a step `a` left one result of each kind, and artifacts.
fn after_a() -> Sandbox {
    let sandbox = sandbox();
    for (name, content) in [
        ("text", "plain text\n"),
        ("string", r#""a \"quoted\" string""#),
        ("list", r#"["one","","two words"]"#),
        ("none", "[]"),
        ("map", r#"{"key":"value","other":"second"}"#),
        ("number", "42"),
        ("mixed", r#"["one",2]"#),
        ("program", "printf"),
        ("reference", "$(steps.a.results.text)"),
        ("quote", "x' != 'x' || 'value"),
    ] {
        sandbox.write(&format!("tekton/steps/step-a/results/{name}"), content);
    }
    let provenance = r#"{"inputs":[{"name":"source","values":[{"uri":"git","digest":{"b":"2","a":"1"}}]}],
        "outputs":[{"name":"image","values":[{"uri":"oci", "digest":{"sha256":"f00"}}]}]}"#;
    sandbox.write("tekton/steps/step-a/artifacts/provenance.json", provenance);
    sandbox
}

const SOURCE: &str = r#"[{"digest":{"a":"1","b":"2"},"uri":"git"}]"#;
const IMAGE: &str = r#"[{"digest":{"sha256":"f00"},"uri":"oci"}]"#;

/// A step that prints each of its arguments between brackets.
fn printing<'a>(sandbox: &'a Sandbox, arguments: &[&str]) -> Step<'a> {
    sandbox.step(1).command([&["printf", "<%s>"], arguments].concat())
}

#[test]
fn references_in_arguments_are_replaced() {
    for (argument, printed) in [
        ("$(steps.a.results.text)", "<plain text\n>"),
        ("-$(steps.a.results.text)-", "<-plain text\n->"),
        ("$(steps.a.results.string)", "<a \"quoted\" string>"),
        ("$(steps.a.results.list[*])", "<one><><two words>"),
        ("$(steps.a.results.list[2])", "<two words>"),
        ("$(steps.a.results.none[*])", "<>"),
        ("$(steps.a.results.map.key)", "<value>"),
        ("$(steps.a.results.map.key)/$(steps.a.results.map.other)", "<value/second>"),
        ("$(steps.a.results.number)", "<42>"),
        ("$(steps.a.results.mixed)", r#"<["one",2]>"#),
        ("$(steps.a.outputs.image)", &format!("<{IMAGE}>")),
        ("$(steps.a.inputs.source)", &format!("<{SOURCE}>")),
        ("$(params.x) $HOME $(date)", "<$(params.x) $HOME $(date)>"),
    ] {
        printing(&after_a(), &[argument]).stdout(printed).run();
    }
}

#[test]
fn an_empty_list_is_one_empty_argument() {
    let command = ["sh", "-c", "printf '%s' \"$#:$1\"", "sh", "$(steps.a.results.none[*])"];
    after_a().step(1).command(command).stdout("1:").run();
}

#[test]
fn a_value_that_was_put_in_is_not_looked_at_again() {
    let printed = "<$(steps.a.results.text)>";
    printing(&after_a(), &["$(steps.a.results.reference)"]).stdout(printed).run();
    let sandbox = after_a();
    let step = sandbox.step(1).env("VALUE", "<$(steps.a.results.reference)>");
    step.command(["printenv", "VALUE"]).stdout(&format!("{printed}\n")).run();
}

#[test]
fn what_is_not_there_in_a_result_is_the_empty_string() {
    for argument in [
        "$(steps.a.results.map.absent)",
        "$(steps.a.results.text[0])",
        "$(steps.a.results.list.key)",
    ] {
        printing(&after_a(), &[argument]).stdout("<>").any_stderr().run();
    }
}

#[test]
fn what_cannot_be_replaced_is_logged_and_stays_and_the_step_runs() {
    for argument in [
        "$(steps.a.results.absent)",
        "$(steps.b.results.text)",
        "$(steps.a.results)",
        "all of $(steps.a.results.list[*])",
    ] {
        let sandbox = after_a();
        let step = printing(&sandbox, &[argument]).stdout(&format!("<{argument}>"));
        let ran = step.any_stderr().run();
        let reference = argument.strip_prefix("all of ").unwrap_or(argument);
        assert!(ran.stderr.contains(reference), "{argument} is not in {:?}", ran.stderr);
    }
}

#[test]
fn an_index_out_of_range_is_an_error_that_names_it() {
    for argument in ["$(steps.a.results.list[3])", "$(steps.a.results.none[0])"] {
        let ran = printing(&after_a(), &[argument]).fails(1).any_stderr().run();
        assert!(ran.stderr.contains(argument), "{:?}", ran.stderr);
        assert!(ran.stderr.contains("out of range"), "{:?}", ran.stderr);
    }
}

#[test]
fn a_plain_text_comes_byte_for_byte() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/bytes", b"\xff\n\x01\xc3\xa9\n");
    let show = "printf %s \"$0\" | od -An -v -tx1";
    sandbox
        .step(1)
        .command(["sh", "-c", show, "$(steps.a.results.bytes)"])
        .stdout(" ff 0a 01 c3 a9 0a\n")
        .run();
}

#[test]
fn the_command_itself_may_be_a_reference() {
    let sandbox = after_a();
    sandbox.step(1).command(["$(steps.a.results.program)", "ran"]).stdout("ran").run();
}

#[test]
fn a_command_that_becomes_an_empty_word_says_so() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/empty", "");
    let step = sandbox.step(0).command(["$(steps.a.results.empty)"]).fails(127);
    step.stderr("holdpoint: …: command not found: the command is an empty word").run();
}

#[test]
fn a_value_that_no_command_can_take_says_so() {
    let sandbox = sandbox();
    sandbox.write("tekton/steps/step-a/results/long", "x".repeat(200_000));
    let step = sandbox.step(0).command(["/bin/echo", "$(steps.a.results.long)"]).fails(1);
    step.stderr("holdpoint: …/bin/echo: …: pass large values in files").run();
}

#[test]
fn values_of_the_environment_are_replaced_and_a_list_is_empty_there() {
    for (value, printed) in [
        ("<$(steps.a.results.map.key)>", "<value>"),
        ("$(steps.a.results.list[0])", "one"),
        ("$(steps.a.results.none[*])", ""),
    ] {
        let sandbox = after_a();
        let step = sandbox.step(1).env("VALUE", value).shell("printf %s \"$VALUE\"");
        step.stdout(printed).any_stderr().run();
    }
}

#[test]
fn the_command_is_looked_up_in_the_path_that_it_is_given() {
    let sandbox = after_a();
    sandbox.write("tekton/steps/step-a/results/folder", sandbox.at("tools"));
    sandbox.script("tools/tool", "#!/bin/sh\necho found\n");
    let path = "$(steps.a.results.folder):/usr/bin:/bin";
    sandbox.step(1).env("PATH", path).command(["tool"]).stdout("found\n").run();
}

#[test]
fn when_expressions_are_replaced() {
    for (expression, runs) in [
        (r#"[{"input":"$(steps.a.results.map.key)","operator":"in","values":["value"]}]"#, true),
        (r#"[{"input":"one","operator":"in","values":["$(steps.a.results.list[*])"]}]"#, true),
        (r#"[{"input":"three","operator":"in","values":["$(steps.a.results.list[*])"]}]"#, false),
        (r#"[{"cel":"'$(steps.a.results.map.key)' == 'value'"}]"#, true),
        (r#"[{"cel":"$(steps.a.results.number) > 41"}]"#, true),
        // Textual: a result can change what the expression means.
        (r#"[{"cel":"'$(steps.a.results.quote)' == 'value'"}]"#, true),
    ] {
        let sandbox = after_a();
        let step =
            sandbox.step(1).flags(["-when_expressions", expression]).command(["echo", "ran"]);
        if runs {
            step.stdout("ran\n").run();
        } else {
            step.rows([started_at(), internal("Reason", "Skipped")]).any_stderr().run();
        }
    }
}

#[test]
fn artifacts_are_put_into_a_copy_of_the_script() {
    let sandbox = after_a();
    let content = "#!/bin/sh\nprintf '%s' '$(steps.a.outputs.image)'\nstat -c ' %a' \"$0\"\n";
    let script = sandbox.script("tekton/scripts/script-0-x", content);
    sandbox.set_mode("tekton/scripts/script-0-x", 0o755);
    sandbox.step(1).command([&script]).stdout(&format!("{IMAGE} 755\n")).run();
    assert_eq!(sandbox.read("tekton/scripts/script-0-x").as_deref(), Some(content));
}

#[test]
fn results_are_not_put_into_a_script() {
    let sandbox = after_a();
    let content = "#!/bin/sh\nprintf '%s' '$(steps.a.results.text)'\n";
    let script = sandbox.script("tekton/scripts/script-0-x", content);
    sandbox.step(1).command([script]).stdout("$(steps.a.results.text)").any_stderr().run();
}

#[test]
fn a_script_elsewhere_or_with_arguments_stays_as_it_is() {
    let sandbox = after_a();
    let content = "#!/bin/sh\nprintf '%s' '$(steps.a.outputs.image)'\n";
    let elsewhere = sandbox.script("workspace/script", content);
    let with_arguments = sandbox.script("tekton/scripts/script-0-x", content);
    sandbox.step(1).command([elsewhere]).stdout("$(steps.a.outputs.image)").run();
    let words = [with_arguments.as_os_str(), "x".as_ref()];
    sandbox.step(2).command(words).stdout("$(steps.a.outputs.image)").run();
}
