//! The termination message: what the controller reads of a step once its container is gone (1.4).

use std::fs;
use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use holdpoint_tests::{Row, Sandbox, internal, result, row, started_at, step_result};
use serde_json::{Value, json};

use crate::sandbox;

const MESSAGE: &str = "tekton/run/0/termination";

const TOO_LARGE: &str = "holdpoint: Termination message is above max allowed size 4096, \
    caused by large task result. …";

fn deflated(text: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    format!("tknz:{}", STANDARD_NO_PAD.encode(encoder.finish().unwrap()))
}

fn inflated(message: &str) -> Value {
    let encoded = message.strip_prefix("tknz:").expect("it is compressed");
    let bytes = STANDARD_NO_PAD.decode(encoded).unwrap();
    let mut text = String::new();
    DeflateDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn message(sandbox: &Sandbox) -> String {
    sandbox.read(MESSAGE).expect("there is a message")
}

/// Text that does not get smaller.
fn noise(bytes: usize) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from(state >> 24).unwrap() % 90).to_ascii_lowercase()
    };
    std::iter::repeat_with(&mut next).filter(|c| !matches!(c, '"' | '\\')).take(bytes).collect()
}

#[test]
fn each_kind_of_row_has_its_number_and_its_place() {
    let sandbox = sandbox();
    sandbox.write("tekton/results/task", "t");
    let script = "echo -n s > tekton/run/0/status/results/step
        echo -n '{}' > tekton/run/0/status/artifacts/provenance.json
        mkdir tekton/artifacts; echo -n '[]' > tekton/artifacts/provenance.json; exit 7";
    let own = sandbox.at("tekton/run/0/status/artifacts/provenance.json");
    let shared = sandbox.at("tekton/artifacts/provenance.json");
    let flags = ["-results=task", "-step_results=step", "-on_error=continue"];
    sandbox
        .step(0)
        .flags(flags)
        .shell(script)
        .rows([
            result("task", "t"),
            step_result("step", "s"),
            started_at(),
            internal("ExitCode", "7"),
            row(&own, "{}", 5),
            row(&shared, "[]", 6),
        ])
        .exit_code_file("7")
        .leaves("status/results/step", "s")
        .leaves("status/artifacts/provenance.json", "{}")
        .leaves_folder("/tekton/artifacts")
        .leaves("/tekton/artifacts/provenance.json", "[]")
        .any_stderr()
        .run();
}

#[test]
fn the_start_is_rfc_3339_with_milliseconds() {
    let sandbox = sandbox();
    sandbox.step(0).command(["true"]).run();
    let rows: Value = serde_json::from_str(&message(&sandbox)).unwrap();
    let started = rows[0]["value"].as_str().unwrap();
    let time = chrono::DateTime::parse_from_rfc3339(started).unwrap();
    assert_eq!(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), started);
}

#[test]
fn new_rows_come_after_old_ones() {
    let sandbox = sandbox();
    let old = json!([{"key": "before", "value": "b", "type": 1}, {"key": "Reason", "value": "r", "type": 3}]);
    sandbox.write(MESSAGE, old.to_string());
    sandbox.write("tekton/results/after", "a");
    let rows = [result("before", "b"), internal("Reason", "r"), result("after", "a"), started_at()];
    sandbox.step(0).flags(["-results=after"]).command(["true"]).rows(rows).run();
}

#[test]
fn types_may_be_words_in_old_rows() {
    let words = [("TaskRunResult", 1), ("InternalTektonResult", 3), ("StepResult", 4)];
    for (word, number) in words {
        let sandbox = sandbox();
        sandbox.write(MESSAGE, json!([{"key": "k", "value": "v", "type": word}]).to_string());
        sandbox.step(0).command(["true"]).rows([row("k", "v", number), started_at()]).run();
    }
}

#[test]
fn other_content_is_replaced() {
    let others = ["", "no json", "{}", "[1,2]", "null", "tknz:", "tknz:!!!", "[{\"key\":", "\u{0}"];
    for other in others {
        let sandbox = sandbox();
        sandbox.write(MESSAGE, other);
        sandbox.step(0).command(["true"]).run();
    }
}

#[test]
fn the_file_is_written_in_place() {
    let sandbox = sandbox();
    fs::hard_link(sandbox.write(MESSAGE, "x".repeat(10_000)), sandbox.path("mounted")).unwrap();
    // The kubelet reads the file that it mounted, not the name.
    let step = sandbox.step(0).command(["true"]).leaves("/mounted", "[…\"StartedAt\"…]");
    step.run();
}

#[test]
fn without_the_flag_it_goes_to_its_default_place() {
    let sandbox = sandbox();
    let step = sandbox.call(["-entrypoint", "true"]).leaves_folder("tekton");
    step.leaves("tekton/termination", "[{\"key\":\"StartedAt\",…}]").run();
}

#[test]
fn every_message_has_its_start_and_is_short_without_results() {
    let never = r#"-when_expressions=[{"input":"a","operator":"in","values":[]}]"#;
    let cases: [(&[&str], &str, i32, Option<&str>); 4] = [
        (&[never], "true", 0, Some("0")),
        (&["-timeout=20ms", "-kill_grace=20ms"], "sleep 600", 1, None),
        (&["-on_error=continue"], "exit 255", 0, Some("255")),
        (&[], "kill -9 $$", 137, None),
    ];
    for (flags, script, code, exit_code_file) in cases {
        let sandbox = sandbox();
        let step = sandbox.step(0).flags(flags).shell(script).any_stderr();
        let step = match exit_code_file {
            Some(content) => step.exits(code).exit_code_file(content),
            None => step.fails(code),
        };
        step.leaves("termination", "[{\"key\":\"StartedAt\",…}]").run();
        assert!(message(&sandbox).len() < 256, "{}", message(&sandbox));
    }
}

#[test]
fn no_message_has_both_a_reason_and_an_exit_code() {
    let never = r#"-when_expressions=[{"cel":"false"}]"#;
    for (flag, script, ending) in [
        ("-on_error=continue", "exit 3", "ExitCode"),
        ("-on_error=continue", "kill -9 $$", "ExitCode"),
        ("-timeout=20ms", "sleep 600", "Reason"),
        ("-timeout=20ms", "trap 'exit 3' TERM; while :; do sleep 0.01; done", "Reason"),
        (never, "exit 3", "Reason"),
        ("-wait_file=failed", "exit 3", "Reason"),
    ] {
        let sandbox = sandbox();
        sandbox.write("failed.err", "");
        sandbox.step(0).flags(["-on_error=continue", flag]).shell(script).start().end();
        let rows: Vec<Value> = serde_json::from_str(&message(&sandbox)).unwrap();
        let keys: Vec<_> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
        assert_eq!(keys, ["StartedAt", ending], "{flag} {script}");
    }
}

#[test]
fn no_result_is_lost_up_to_the_limit() {
    let sandbox = sandbox();
    sandbox.step(0).command(["true"]).run();
    let empty = message(&sandbox).len();
    let room = 4096 - empty - r#"{"key":"r","value":"","type":1},"#.len();
    for (number, size, fits) in [(1, room, true), (2, room + 1, false)] {
        let content = "x".repeat(size);
        sandbox.write("tekton/results/r", &content);
        let step = sandbox.step(number).flags(["-results=r"]).command(["true"]);
        if fits {
            step.rows([result("r", &content), started_at()]).run();
            assert_eq!(sandbox.read("tekton/run/1/termination").unwrap().len(), 4096);
        } else {
            let size = format!("{TOO_LARGE}4097 bytes…\"r\" ({} bytes)…", room + 1);
            step.exits(1).stderr(&size).run();
        }
    }
}

#[test]
fn what_is_too_large_goes_by_kind_and_the_rest_stays() {
    let small = "s".repeat(10);
    let large = "l".repeat(4000);
    let cases: [(&str, &str, &[Row]); 3] = [
        (&small, &large, &[result("task", &small)]),
        (&large, &small, &[step_result("step", &small)]),
        (&large, &large, &[]),
    ];
    for (task, step, kept) in cases {
        let sandbox = sandbox();
        sandbox.write("tekton/results/task", task);
        sandbox.write("tekton/run/0/status/results/step", step);
        let mut rows = kept.to_vec();
        rows.push(started_at());
        let own = sandbox.at("tekton/run/0/status/artifacts/provenance.json");
        let bulky = "p".repeat(150);
        sandbox.write("tekton/run/0/status/artifacts/provenance.json", &bulky);
        rows.push(row(&own, &bulky, 5));
        let flags = ["-results=task", "-step_results=step"];
        let run = sandbox.step(0).flags(flags).command(["true"]).exits(1).rows(rows);
        run.stderr(TOO_LARGE).run();
    }
}

#[test]
fn results_of_any_size_give_valid_json() {
    for bytes in [4096, 65_536, 1 << 20, 1 << 34] {
        let sandbox = sandbox();
        let path = sandbox.write("tekton/results/r", "");
        // Sparse: it takes no room.
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
        let step = sandbox.step(0).flags(["-results=r"]).command(["true"]).exits(1);
        // Not `run`, which would read all files of the sandbox.
        step.stderr(TOO_LARGE).start().finish();
    }
}

#[test]
fn invalid_utf_8_becomes_the_replacement_character() {
    let sandbox = sandbox();
    sandbox.write("tekton/results/r", b"a\xff\xfeb\xc3");
    let rows = [result("r", "a\u{fffd}\u{fffd}b\u{fffd}"), started_at()];
    sandbox.step(0).flags(["-results=r"]).command(["true"]).rows(rows).run();
}

#[test]
fn a_message_is_compressed_where_that_is_shorter() {
    let sandbox = sandbox();
    let content = "compress me ".repeat(800);
    sandbox.write("tekton/results/r", &content);
    let flags = ["-results=r", "-compress_termination_message"];
    sandbox.step(0).flags(flags).command(["true"]).leaves("termination", "tknz:…").run();
    let rows = inflated(&message(&sandbox));
    assert_eq!(rows[0], json!({"key": "r", "value": content, "type": 1}));
    assert_eq!(rows[1]["key"], "StartedAt");
    assert!(!message(&sandbox).contains('='), "the base64 is unpadded");
}

#[test]
fn a_message_is_plain_where_compression_would_make_it_longer() {
    let sandbox = sandbox();
    sandbox.step(0).flags(["-compress_termination_message"]).command(["true"]).run();
}

#[test]
fn the_limit_holds_for_what_is_written() {
    let sandbox = sandbox();
    sandbox.write("tekton/results/r", noise(8000));
    let flags = ["-results=r", "-compress_termination_message"];
    sandbox.step(0).flags(flags).command(["true"]).exits(1).stderr(TOO_LARGE).run();
}

#[test]
fn compressed_content_is_merged() {
    let old = json!([{"key": "before", "value": "b", "type": 1}]).to_string();
    let rows = [result("before", "b"), started_at()];
    let sandbox = sandbox();
    sandbox.write(MESSAGE, deflated(&old));
    sandbox.step(0).command(["true"]).rows(rows).run();
}

#[test]
fn no_more_than_128_kib_are_inflated() {
    let of_size = |bytes: usize| {
        let frame = json!([{"key": "k", "value": "", "type": 1}]).to_string().len();
        let value = "v".repeat(bytes - frame);
        deflated(&json!([{"key": "k", "value": value, "type": 1}]).to_string())
    };
    let sandbox = sandbox();
    sandbox.write(MESSAGE, of_size(128 * 1024));
    let step = sandbox.step(0).flags(["-compress_termination_message"]).command(["true"]);
    step.leaves("termination", "tknz:…").run();
    assert_eq!(inflated(&message(&sandbox))[0]["key"], "k", "what may be inflated is kept");

    sandbox.write(MESSAGE, of_size(128 * 1024 + 1));
    let step = sandbox.step(0).flags(["-compress_termination_message"]).command(["true"]);
    step.stderr("holdpoint: the old content of … is too large to be a message: …").run();
}

#[test]
fn rows_of_our_own_go_before_anything_else_is_refused() {
    let own = "holdpoint.dev/";
    for (result_bytes, has_own) in [(10, true), (3980, false)] {
        let sandbox = sandbox();
        sandbox.write("tekton/results/r", "x".repeat(result_bytes));
        let step = sandbox.step(0).flags(["-results=r", "-breakpoint_on_failure"]).shell("exit 3");
        let step = step.exits(0).without("status/exitCode").leaves("termination", "[…]");
        let step = step.leaves("out.breakpointexit", "0").any_stderr().start();
        step.reaches("held-failed");
        assert_eq!(message(&sandbox).contains(own), has_own, "{}", message(&sandbox));
        assert!(message(&sandbox).contains("xxxxxxxxxx"), "{}", message(&sandbox));
        sandbox.write("tekton/run/0/out.breakpointexit", "0");
        let ran = step.finish();
        assert!(!ran.stderr.contains("above max allowed size"), "{}", ran.stderr);
    }
}
