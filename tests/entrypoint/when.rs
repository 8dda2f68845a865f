//! When expressions (1.8): whether a step runs, is skipped well, or cannot be.

use holdpoint_tests::{Sandbox, Step, internal, started_at};

use crate::sandbox;

fn asked<'a>(sandbox: &'a Sandbox, json: &str) -> Step<'a> {
    sandbox.step(0).flags(["-when_expressions", json]).command(["echo", "ran"])
}

fn runs(json: &str) {
    asked(&sandbox(), json).stdout("ran\n").run();
}

fn is_skipped(json: &str) {
    let rows = [started_at(), internal("Reason", "Skipped")];
    let message = "holdpoint: …skipped: its when expressions do not hold";
    asked(&sandbox(), json).rows(rows).stderr(message).run();
}

fn is_an_error(json: &str) {
    let ran = asked(&sandbox(), json).fails(1).any_stderr().run();
    assert!(!ran.stderr.is_empty(), "{json} fails without a word");
}

#[test]
fn a_match_that_holds_lets_the_step_run() {
    for json in [
        "",
        "[]",
        "null",
        r#"[{"input":"a","operator":"in","values":["b","a"]}]"#,
        r#"[{"input":"a","operator":"notin","values":["b"]}]"#,
        r#"[{"input":"a","operator":"notin","values":[]}]"#,
        r#"[{"input":"","operator":"in","values":[""]}]"#,
    ] {
        runs(json);
    }
}

#[test]
fn a_match_that_does_not_hold_skips_the_step_well() {
    for json in [
        r#"[{"input":"a","operator":"in","values":["b"]}]"#,
        r#"[{"input":"a","operator":"in","values":[]}]"#,
        r#"[{"input":"a","operator":"notin","values":["a"]}]"#,
        r#"[{"input":"a","operator":"in","values":["A"]}]"#,
    ] {
        is_skipped(json);
    }
}

#[test]
fn an_unknown_operator_acts_as_notin() {
    runs(r#"[{"input":"a","operator":"exists","values":["b"]}]"#);
    is_skipped(r#"[{"input":"a","operator":"exists","values":["a"]}]"#);
}

#[test]
fn one_that_does_not_hold_among_others_skips_the_step() {
    let (holds, fails) = (r#"{"cel":"true"}"#, r#"{"input":"a","operator":"in","values":[]}"#);
    runs(&format!("[{holds},{holds}]"));
    is_skipped(&format!("[{holds},{fails}]"));
    is_skipped(&format!("[{fails},{holds}]"));
    is_skipped(r#"[{"cel":"true"},{"cel":"false"}]"#);
}

#[test]
fn cel_knows_the_standard_functions_and_macros() {
    for expression in [
        "'foo-1'.matches('^foo-[0-9]$')",
        "'foobar'.startsWith('foo')",
        "size('four') == 4 && size([1,2]) == 2",
        "'a' in ['a','b']",
        "['a','b'].exists(x, x == 'b')",
        "has({'a': 1}.a)",
        "(1 < 2 ? 'yes' : 'no') == 'yes'",
        "int('42') == 42",
        "double('1.5') == 1.5",
        "timestamp('2024-01-02T00:00:00Z') > timestamp('2024-01-01T00:00:00Z')",
        "duration('90s') == duration('1m30s')",
        "{'a': {'b': 'c'}}.a.b == 'c'",
        "!([1,2,3].all(x, x > 1))",
    ] {
        runs(&serde_json::json!([{ "cel": expression }]).to_string());
        let negated = format!("!({expression})");
        is_skipped(&serde_json::json!([{ "cel": negated }]).to_string());
    }
}

#[test]
fn cel_that_does_not_compile_or_gives_no_boolean_is_an_error_of_the_step() {
    for expression in
        ["1 ==", "1 == 'a'", "'yes'", "42", "unknown == 'a'", "nosuch('a')", "1/0 == 1"]
    {
        is_an_error(&serde_json::json!([{ "cel": expression }]).to_string());
    }
}

#[test]
fn json_that_cannot_be_is_an_error_of_the_step() {
    for json in ["{", "{}", "[1]", r#"[{"input":1}]"#, r#"[{"values":"a"}]"#] {
        is_an_error(json);
    }
}
