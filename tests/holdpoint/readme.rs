//! The README is true: every command in it is run here, and its tables are those of the code.

use std::fs;
use std::path::{Path, PathBuf};

use debug_scripts::Word;
use holdpoint::args::Arguments;
use holdpoint::program::Program;

use crate::runner::{Finished, Home, Running};

/// What a newcomer types in front of our words.
const CALL: &str = "cargo run --release -p holdpoint -- ";

/// The command that passes all tests; CI types it, and so does not this test.
const TESTS: &str = "cargo test --workspace";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The lines of all blocks of shell, in their order.
fn commands() -> Vec<String> {
    let readme = readme();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Starts our binary with the words of a README's command, in the project's folder.
fn start(home: &Home, command: &str) -> Running {
    let words: Vec<_> = command.strip_prefix(CALL).unwrap().split_whitespace().collect();
    let mut process = home.holdpoint(&words);
    process.current_dir(root());
    Running::start(process)
}

fn run(home: &Home, command: &str) -> Finished {
    start(home, command).finish()
}

#[test]
fn the_commands_are_those_that_are_run_here() {
    let known = [
        "run examples/repair.yaml --breakpoint on-failure --on-hold examples/repair.sh",
        "status",
        "retry",
        "stop-finally wrong branch",
        "run --help",
        "install",
    ];
    let mut expected: Vec<_> = known.iter().map(|words| format!("{CALL}{words}")).collect();
    expected.insert(1, TESTS.to_owned());
    assert_eq!(commands(), expected);
}

#[test]
fn the_example_fails_is_repaired_and_ends_green() {
    let finished = run(&Home::new(), &commands()[0]);
    assert_eq!(finished.lines_of("run"), ["60"], "{finished:#?}");
    for line in ["repair: step test exited with 101:", "test: begins again (attempt 2)"] {
        assert!(finished.stdout.contains(line) || finished.stderr.contains(line), "{finished:#?}");
    }
    assert!(finished.stdout.contains("result price = 60"), "{finished:#?}");
    finished.ended_with(0);
}

#[test]
fn without_a_script_a_person_repairs_it_from_another_terminal() {
    let (home, commands) = (Home::new(), commands());
    let by_hand = commands[0].split(" --on-hold").next().unwrap();
    let mut held = start(&home, by_hand);
    held.wait_for("retry: holdpoint retry");
    let status = run(&home, &commands[2]);
    assert!(status.stdout.contains("held-failed"), "{status:#?}");
    status.ended_with(0);

    let run_folder = fs::read_dir(home.path("state/holdpoint/runs")).unwrap().next().unwrap();
    let source = run_folder.unwrap().path().join("workspace/shop/shop.rs");
    let repaired = fs::read_to_string(&source).unwrap().replace("price + price", "price - price");
    fs::write(&source, repaired).unwrap();

    run(&home, &commands[3]).ended_with(0);
    held.finish().ended_with(0);
}

#[test]
fn a_held_run_is_stopped_gracefully() {
    let (home, commands) = (Home::new(), commands());
    let by_hand = commands[0].split(" --on-hold").next().unwrap();
    let mut held = start(&home, by_hand);
    held.wait_for("retry: holdpoint retry");
    run(&home, &commands[4]).ended_with(0);
    let ended = held.finish();
    let told = r#"run: will not run: the run was stopped by `stop-finally` ("wrong branch")"#;
    assert!(readme().contains(told) && ended.stdout.contains(told), "{ended:#?}");
    ended.ended_with(101);
}

#[test]
fn help_is_there() {
    run(&Home::new(), &commands()[5]).ended_with(0);
}

#[test]
fn a_cluster_is_given_what_install_prints() {
    let printed = run(&Home::new(), &commands()[6]).ended_with(0);
    assert!(printed.contains("\nkind: MutatingWebhookConfiguration\n"), "{printed}");
    let image = controller_shim::DEFAULT_IMAGE;
    assert!(printed.contains(image) && readme().contains(image), "{printed}");
}

#[test]
fn ci_types_the_command_for_the_tests() {
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(script.lines().any(|line| line.contains(TESTS)), "{script}");
}

#[test]
fn the_table_of_verbs_is_that_of_the_code() {
    let readme = readme();
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| `")).collect();
    for word in Word::all() {
        let [name, arguments, summary] = word.help();
        let typed = [name, arguments].join(" ");
        let row = format!("| `{}` | {summary} |", typed.trim_end());
        assert!(rows.contains(&row.as_str()), "the README lacks: {row}");
    }
    assert_eq!(rows.len(), Word::all().count(), "the README has rows that the code lacks");
}

/// The command lines of ours in a page, however they stand there.
fn lines_of(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let command = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("run: ").unwrap_or(line);
        line.starts_with("holdpoint ").then(|| line.replace('"', ""))
    };
    text.lines().filter_map(command).collect()
}

#[test]
fn the_command_lines_of_the_pages_can_be_typed() {
    for page in ["runs.md", "ci.md"] {
        let lines = lines_of(page);
        assert!(!lines.is_empty(), "{page}");
        for line in lines {
            let words = line.split_whitespace().map(Into::into).collect();
            let read = Arguments::read(words, Program::Holdpoint);
            assert!(read.is_ok(), "{page}: {line}: {}", read.unwrap_err());
        }
    }
}

#[test]
fn the_objects_of_the_page_on_ci_are_yaml() {
    let text = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let home = Home::new();
    for block in text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let file = home.file("block.yaml", block);
        let told =
            Running::start(home.holdpoint(&["inject", "-f", file.to_str().unwrap()])).finish();
        assert_eq!(told.code, Some(0), "{told:?}");
    }
}
