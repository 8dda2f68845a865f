//! The sentences of 1.7, one test each, on real folders of steps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::sys::stat::Mode;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A folder of steps with what they left.
struct Steps(TempDir);

impl Steps {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Step `a` with one result of each kind.
    fn usual() -> Self {
        Self::new()
            .result("a", "text", b"hello\n")
            .result("a", "string", br#""he said \"hi\"""#)
            .result("a", "bytes", b"\xff\xfe")
            .result("a", "list", br#"["one","","three"]"#)
            .result("a", "none", b"[]")
            .result("a", "map", r#"{"key":"value","ключ":"значение"}"#.as_bytes())
            .file("step-a/results/pretender", b"$(steps.a.results.text)")
    }

    fn result(self, step: &str, name: &str, content: &[u8]) -> Self {
        self.file(&format!("step-{step}/results/{name}"), content)
    }

    fn file(self, path: &str, content: &[u8]) -> Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn substitution(&self) -> Substitution<'_> {
        Substitution::new(self.0.path())
    }

    /// What becomes of one argument, and what is logged.
    fn argument(&self, argument: &[u8]) -> (Vec<Vec<u8>>, Vec<String>) {
        let mut substitution = self.substitution();
        let command = vec![OsString::from_vec(argument.to_vec())];
        let arguments = substitution.command(command).unwrap();
        let arguments = arguments.into_iter().map(OsString::into_vec).collect();
        (arguments, substitution.warnings().to_vec())
    }

    /// What becomes of one variable's value, and what is logged.
    fn variable(&self, value: &str) -> (OsString, Vec<String>) {
        let mut substitution = self.substitution();
        let environment = substitution.environment(vec![("V".into(), value.into())]).unwrap();
        let (_, value) = environment.variables.into_iter().next().unwrap();
        (value, substitution.warnings().to_vec())
    }
}

#[test]
fn a_reference_in_an_argument_is_replaced() {
    let steps = Steps::usual();
    for (argument, expected) in [
        ("$(steps.a.results.text)", vec!["hello\n"]),
        ("<$(steps.a.results.text)>", vec!["<hello\n>"]),
        ("$(steps.a.results.string)", vec!["he said \"hi\""]),
        ("$(steps.a.results.list[0])$(steps.a.results.map.key)", vec!["onevalue"]),
        ("$(steps.a.results.list[*])", vec!["one", "", "three"]),
        ("$(steps.a.results.none[*])", vec![""]),
        ("$(steps.a.results.map.ключ)", vec!["значение"]),
        ("$(steps.a.results.map.other)", vec![""]),
        ("$$(steps.a.results.map.key)", vec!["$value"]),
        ("$(steps.a.results.map.key)$(steps.a.results.map.key)", vec!["valuevalue"]),
        ("", vec![""]),
        ("$(params.x) $(steps) $STEPS", vec!["$(params.x) $(steps) $STEPS"]),
    ] {
        let expected: Vec<Vec<u8>> = expected.into_iter().map(|text| text.into()).collect();
        assert_eq!(steps.argument(argument.as_bytes()), (expected, vec![]), "{argument}");
    }
}

#[test]
fn bytes_survive_on_both_sides() {
    let (arguments, warnings) = Steps::usual().argument(b"\x80$(steps.a.results.bytes)\x81");
    assert_eq!((arguments, warnings), (vec![b"\x80\xff\xfe\x81".to_vec()], vec![]));
}

#[test]
fn the_other_arguments_stay_in_their_places() {
    let steps = Steps::usual();
    let command = ["sh", "$(steps.a.results.list[*])", "", "last"].map(OsString::from);
    let expected = ["sh", "one", "", "three", "", "last"].map(OsString::from);
    assert_eq!(steps.substitution().command(command.to_vec()).unwrap(), expected);
}

#[test]
fn a_value_is_not_substituted_again() {
    let (steps, text) = (Steps::usual(), "$(steps.a.results.text)");
    for (argument, expected) in [
        ("$(steps.a.results.pretender)", text.to_owned()),
        ("<$(steps.a.results.pretender)>", format!("<{text}>")),
    ] {
        assert_eq!(steps.argument(argument.as_bytes()), (vec![expected.into_bytes()], vec![]));
    }
}

#[test]
fn another_kind_than_asked_for_is_the_empty_string_and_said() {
    let steps = Steps::usual();
    for (reference, reason) in [
        ("$(steps.a.results.text[0])", "holds a string, not an array"),
        ("$(steps.a.results.text[*])", "holds a string, not an array"),
        ("$(steps.a.results.text.key)", "holds a string, not an object"),
        ("$(steps.a.results.list.key)", "holds an array, not an object"),
        ("$(steps.a.results.map[0])", "holds an object, not an array"),
        ("$(steps.a.results.map[*])", "holds an object, not an array"),
        ("$(steps.a.results.list)", "holds an array, not a string"),
        ("$(steps.a.results.map)", "holds an object, not a string"),
    ] {
        let (arguments, warnings) = steps.argument(reference.as_bytes());
        assert_eq!(arguments, [b""], "{reference}");
        assert_eq!(warnings.len(), 1, "{reference}");
        assert!(warnings[0].starts_with(&format!("{reference} becomes the empty string")));
        assert!(warnings[0].ends_with(reason), "{}", warnings[0]);
    }
}

#[test]
fn what_cannot_be_replaced_is_left_and_said() {
    let steps = Steps::usual().file("step-a/artifacts/provenance.json", b"{}");
    fs::create_dir(steps.at("step-a/results/folder")).unwrap();
    nix::unistd::mkfifo(&steps.at("step-a/results/fifo"), Mode::S_IRWXU).unwrap();
    for (argument, reason) in [
        ("$(steps.a.results.missing)", "No such file"),
        ("x$(steps.b.results.text)y", "No such file"),
        ("$(steps.b.results.text[*])", "No such file"),
        ("$(steps.a.results.folder)", "not a regular file"),
        ("$(steps.a.results.fifo[*])", "not a regular file"),
        ("$(steps.a.results.text.one.two)", "no form of"),
        ("$(steps.a.exitCode.path)", "no form of"),
        ("$(steps.a", "no form of"),
        ("x$(steps.a.results.list[*])", "[*] must be the whole argument"),
        ("$(steps.a.results.none[*]) ", "[*] must be the whole argument"),
        ("$(steps.a.results.text[*])$(steps.a.results.text[*])", "[*] must be the whole argument"),
        ("$(steps.a.outputs.image)", "no artifact \"image\" among its outputs"),
        ("$(steps.b.inputs.image)", "No such file"),
    ] {
        let (arguments, warnings) = steps.argument(argument.as_bytes());
        assert_eq!(arguments, [argument.as_bytes()], "{argument}");
        assert_eq!(warnings.len(), 1, "{argument}: {warnings:?}");
        let warning = &warnings[0];
        assert!(warning.contains(" is left as it stands: "), "{warning}");
        assert!(warning.contains(reason), "{argument}: {warning}");
    }
}

#[test]
fn one_bad_reference_does_not_keep_back_the_others() {
    let steps = Steps::usual();
    let (arguments, warnings) = steps
        .argument(b"$(steps.b.results.x) $(steps.a.results.map.key) $(steps.a.results.none[*])");
    assert_eq!(arguments, [b"$(steps.b.results.x) value $(steps.a.results.none[*])"]);
    assert_eq!(warnings.len(), 2);
}

#[test]
fn a_warning_is_given_once() {
    let steps = Steps::new();
    let mut substitution = steps.substitution();
    let argument = OsString::from("$(steps.b.results.x)$(steps.b.results.x)");
    substitution.command(vec![argument.clone(), argument.clone()]).unwrap();
    substitution.environment(vec![("V".into(), argument)]).unwrap();
    assert_eq!(substitution.warnings().len(), 1);
}

#[test]
fn a_long_malformed_reference_is_cut_in_the_log_only() {
    let argument = format!("$(steps.{}", "x".repeat(100_000));
    let (arguments, warnings) = Steps::new().argument(argument.as_bytes());
    assert_eq!(arguments, [argument.as_bytes()]);
    assert!(warnings[0].len() < 500);
}

#[test]
fn an_index_out_of_range_is_an_error_wherever_it_stands() {
    let steps = Steps::usual();
    for reference in [
        "$(steps.a.results.list[3])",
        "$(steps.a.results.none[0])",
        "$(steps.a.results.list[99999999999999999999999999])",
    ] {
        let text = format!("x{reference}");
        let mut substitution = steps.substitution();
        let errors = [
            substitution.command(vec![reference.into()]).unwrap_err(),
            substitution.environment(vec![("V".into(), text.clone().into())]).unwrap_err(),
            substitution.text(&text).unwrap_err(),
            substitution.values(&text).unwrap_err(),
        ];
        for error in errors.map(|error| error.to_string()) {
            assert!(error.contains(reference) && error.contains("out of range"), "{error}");
        }
    }
}

#[test]
fn values_of_the_environment_are_replaced_and_the_changed_ones_named() {
    let steps = Steps::usual();
    let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    let odd = (OsString::from_vec(b"\xff".to_vec()), OsString::from_vec(b"\xfe=".to_vec()));
    let given = vec![
        pair("PLAIN", "$HOME"),
        pair("ONE", "<$(steps.a.results.map.key)>"),
        odd.clone(),
        pair("$(steps.a.results.text)", "name"),
        pair("LEFT", "$(steps.b.results.text)"),
        pair("PLAIN", "twice"),
    ];
    let mut variables = given.clone();
    variables[1] = pair("ONE", "<value>");
    let changed = vec![pair("ONE", "<value>")];
    let environment = steps.substitution().environment(given).unwrap();
    assert_eq!(environment, Environment { variables, changed });
}

#[test]
fn a_list_in_a_variable_is_empty_and_said_where_it_held_something() {
    let steps = Steps::usual();
    for (value, expected, said) in [
        ("$(steps.a.results.none[*])", "", false),
        ("x$(steps.a.results.none[*])y", "xy", false),
        ("$(steps.a.results.list[*])", "", true),
        ("x$(steps.a.results.list[*])y", "xy", true),
        ("$(steps.a.results.text[*])", "", true),
        ("$(steps.b.results.text[*])", "$(steps.b.results.text[*])", true),
    ] {
        let (became, warnings) = steps.variable(value);
        assert_eq!((became, !warnings.is_empty()), (expected.into(), said), "{value}");
    }
}

#[test]
fn a_text_stays_one_text() {
    let steps = Steps::usual();
    for (text, expected, said) in [
        ("'$(steps.a.results.map.key)' == 'value'", "'value' == 'value'", false),
        ("$(steps.a.results.string)", "he said \"hi\"", false),
        ("$(steps.a.results.bytes)", "\u{fffd}\u{fffd}", false),
        ("$(steps.a.results.list[*])", "$(steps.a.results.list[*])", true),
    ] {
        let mut substitution = steps.substitution();
        assert_eq!(substitution.text(text).unwrap(), expected);
        assert_eq!(!substitution.warnings().is_empty(), said, "{text}");
    }
}

#[test]
fn a_value_of_a_when_expression_expands_as_an_argument_does() {
    let steps = Steps::usual();
    for (value, expected) in [
        ("$(steps.a.results.list[*])", vec!["one", "", "three"]),
        ("$(steps.a.results.none[*])", vec![""]),
        ("$(steps.a.results.map.key)!", vec!["value!"]),
        ("!$(steps.a.results.list[*])", vec!["!$(steps.a.results.list[*])"]),
        ("plain", vec!["plain"]),
    ] {
        assert_eq!(steps.substitution().values(value).unwrap(), expected);
    }
}

const PROVENANCE: &[u8] = br#"{
    "inputs": [{"name": "source", "values": [{"uri": "git:<x>", "digest": {"sha1": "1"}}]}],
    "outputs": [{"name": "image", "values": [{"uri": "pkg:a", "digest": {"b": "2", "a": "1"}}]}]
}"#;

#[test]
fn artifacts_are_the_json_of_their_values() {
    let steps = Steps::new().file("step-a/artifacts/provenance.json", PROVENANCE);
    let image = r#"[{"digest":{"a":"1","b":"2"},"uri":"pkg:a"}]"#;
    let source = r#"[{"digest":{"sha1":"1"},"uri":"git:\u003cx\u003e"}]"#;
    let text = "$(steps.a.outputs.image) $(steps.a.inputs.source)";
    let expected = format!("{image} {source}");
    assert_eq!(steps.argument(text.as_bytes()), (vec![expected.clone().into()], vec![]));
    assert_eq!(steps.variable(text), (expected.into(), vec![]));
}

#[test]
fn a_script_has_its_artifacts_put_into_a_copy() {
    let steps = Steps::new()
        .result("a", "text", b"no")
        .file("step-a/artifacts/provenance.json", PROVENANCE)
        .file("scripts/s", b"\xff'$(steps.a.outputs.image)' $(steps.a.results.text) $(date)\n");
    let (scripts, script) = (steps.at("scripts"), steps.at("scripts/s"));
    let folder = tempfile::tempdir().unwrap();
    let mut substitution = steps.substitution();
    let copy = substitution.script(&scripts, &[script.clone().into()], &[folder.path()]);
    let copy = copy.unwrap().expect("a copy");
    let image = br#"[{"digest":{"a":"1","b":"2"},"uri":"pkg:a"}]"#;
    let expected = [b"\xff'", image.as_slice(), b"' $(steps.a.results.text) $(date)\n"].concat();
    assert_eq!(fs::read(&copy).unwrap(), expected);
    assert_eq!(copy.parent().unwrap(), folder.path());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, 0o755);
    assert!(fs::read(script).unwrap().starts_with(b"\xff'$(steps"));
    assert!(substitution.warnings()[0].contains("a script takes no results"));
    assert_eq!(substitution.warnings().len(), 1);
}

#[test]
fn any_other_command_is_no_script_to_copy() {
    let steps = Steps::new()
        .file("step-a/artifacts/provenance.json", PROVENANCE)
        .file("scripts/s", b"$(steps.a.outputs.image)")
        .file("scripts/plain", b"echo $(steps.a.results.text)")
        .file("scripts/deep/s", b"$(steps.a.outputs.image)")
        .file("s", b"$(steps.a.outputs.image)");
    let scripts = steps.at("scripts");
    let script = |path: &str| steps.at(path).into_os_string();
    for command in [
        vec![],
        vec![script("s")],
        vec![script("scripts")],
        vec![script("scripts/plain")],
        vec![script("scripts/missing")],
        vec![script("scripts/deep")],
        vec![script("scripts/deep/s")],
        vec![script("scripts/s"), "argument".into()],
        vec!["sh".into(), script("scripts/s")],
    ] {
        let copy = steps.substitution().script(&scripts, &command, &[]).unwrap();
        assert_eq!(copy, None, "{command:?}");
    }
    let error = steps.substitution().script(&scripts, &[script("scripts/s")], &[]).unwrap_err();
    assert!(error.to_string().contains("cannot copy the script"), "{error}");
}

/// Texts of what references are made of, which plain random text would hardly ever hit.
fn fragments() -> impl Strategy<Value = String> {
    const FRAGMENTS: [&str; 19] = [
        "$(steps.", "$(", "steps", ".", "a", "results", "outputs", "inputs", "text", "list", "[*]",
        "[0]", "[9]", ")", "(", "$", "\n", "\u{fffd}", " ",
    ];
    prop::collection::vec(prop::sample::select(FRAGMENTS.to_vec()), 0..24)
        .prop_map(|fragments| fragments.concat())
}

proptest! {
    #[test]
    fn bytes_without_an_opening_never_change(bytes: Vec<u8>) {
        let expected = (vec![bytes.clone()], vec![]);
        prop_assert_eq!(Steps::new().argument(&bytes), expected);
    }

    #[test]
    fn a_text_without_an_opening_never_changes(text in fragments()) {
        prop_assume!(!text.contains("$(steps."));
        let steps = Steps::usual();
        prop_assert_eq!(steps.argument(text.as_bytes()), (vec![text.clone().into()], vec![]));
        prop_assert_eq!(steps.variable(&text), (text.into(), vec![]));
    }

    #[test]
    fn where_no_step_left_anything_nothing_changes(text in fragments()) {
        let steps = Steps::new();
        let (arguments, warnings) = steps.argument(text.as_bytes());
        prop_assert_eq!(arguments, vec![text.clone().into_bytes()]);
        prop_assert_eq!(warnings.is_empty(), !text.contains("$(steps."));
        prop_assert_eq!(steps.variable(&text).0, OsString::from(&text));
    }
}
