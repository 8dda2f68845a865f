//! Input that was made to break something: it gives an answer or an error, and never ends the process.

#![allow(clippy::unwrap_used)]

use cel::parser::{Parser, PrattParser};
use proptest::prelude::*;

use super::Outcome::{Fails, Refused, True};
use super::{CelError, Evaluate, Standard, assert_all, outcome};
use crate::cel::limits;

#[test]
fn messages_name_the_expression_and_the_reason() {
    let table = [
        ("1 == 'a'", "when expression `1 == 'a'`: no operator == for int and string"),
        ("1 + 1.0 == 2.0", "no operator + for int and double"),
        ("'a' in [1]", "no operator in for string and list(int)"),
        ("true ? 1 : 'a'", "no operator ?: for bool and int and string"),
        ("-'a' == ''", "no operator - for string"),
        ("!1", "no operator ! for int"),
        ("[1]['a'] == 1", "no operator [] for list(int) and string"),
        ("size(1) == 1", "no function size(int)"),
        ("'a'.startsWith(1)", "no function string.startsWith(int)"),
        ("size() == 1", "no function size()"),
        ("x == 1", "undeclared variable x: there are none in a when expression"),
        ("f(1)", "undeclared function f"),
        ("1.a == 1", "int has no field a"),
        ("[].all(x, 1)", "no operator && for bool and int"),
        ("1.all(x, true)", "int cannot be gone through: take a list or a map"),
        ("{1.5: 1} == {}", "double as the key of a map: take int, uint, bool or string"),
        ("'a'", "it gives string, not a boolean"),
        ("dyn(1)", "it gives int, not a boolean"),
        ("1 / 0 == 1", "division by zero"),
        ("1 % 0 == 1", "modulus by zero"),
        ("9223372036854775807 + 1 > 0", "add goes out of range"),
        ("{'a': 1}.b == 1", "no such key: b"),
        ("int('x') == 1", "int: \"x\" is not in its range or form"),
        (
            "timestamp(0).getHours('X/Y') == 1",
            "time zone \"X/Y\": take UTC or an offset such as +02:00",
        ),
        ("A{b: 1} == 1", "message type A is not supported"),
        ("1 +", "line 1, column 4: "),
        ("'a\nb' == ''", "'a\nb' is no literal of CEL"),
    ];
    for (expression, part) in table {
        let message = Standard.evaluate(expression).unwrap_err().to_string();
        assert!(message.contains(part), "{expression}: {message}");
        assert!(message.contains(expression), "{expression}: {message}");
    }
}

#[test]
fn messages_stay_short() {
    let expressions = [
        format!("'{}'", "é".repeat(10_000)),
        format!("{{}}['{}']", "é".repeat(10_000)),
        format!("[1{}][dyn(0.5)] == 1", ", 1".repeat(10_000)),
        format!("'a'.matches('({}')", "é".repeat(10_000)),
        format!("'{}", "é".repeat(10_000)),
    ];
    for expression in expressions {
        let message = Standard.evaluate(&expression).unwrap_err().to_string();
        assert!(message.chars().count() < 450, "{message}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_parsed() {
    let refused = [
        "(".repeat(100_000),
        "[".repeat(90_000),
        "{1:".repeat(30_000),
        "-!".repeat(50_000),
        "!".repeat(100_000),
        "1+".repeat(49_999) + "1 == 1",
        "a.".repeat(49_999) + "b",
        format!("[]{}", "[0]".repeat(30_000)),
        format!("''{}", ".f()".repeat(20_000)),
        format!("[]{}", ".map(x,x)".repeat(10_000)),
        format!("{}true", "true?true:".repeat(9_999)),
        format!("{}true", "true?".repeat(9_999)),
        format!("@ {}true", "true?true:".repeat(9_999)),
        format!("'\\q' + {}1", "1+".repeat(40_000)),
        "f(".repeat(40_000),
        "\"".repeat(100_000),
        "'''".to_string() + &"\\".repeat(90_000),
        "\0".repeat(1_000),
        "é".repeat(100_001),
        format!("{}true", " ".repeat(100_000)),
    ];
    for expression in refused {
        let shown: String = expression.chars().take(20).collect();
        assert_eq!(outcome(&expression), Refused, "{shown}");
    }
}

#[test]
fn what_is_just_within_the_limits_runs() {
    let deep = |before: &str, inner: &str, after: &str, times: usize| {
        format!("{}{inner}{}", before.repeat(times), after.repeat(times))
    };
    let table = [
        (deep("(", "true", ")", 90), True),
        (deep("[", "", "]", 90) + " == []", super::Outcome::False),
        (format!("{}1 > 0", "1+".repeat(240)), True),
        (format!("{}true", "false ? false : ".repeat(100)), True),
        (format!("{}true", "true && ".repeat(5_000)), True),
        (format!("'x' in ['x'{}]", ", 'y'".repeat(10_000)), True),
        (format!("size([1]{}) == 1", ".map(x, x)".repeat(120)), True),
        (deep("[1].all(x, ", "true", ")", 40), True),
        (deep("[1].map(x, ", "x", ")", 40) + ".size() == 1", True),
        (deep("dyn(", "1", ")", 90), Fails),
        (format!("dyn({{}}){} == 1", ".a".repeat(200)), Fails),
        (format!("'{}'.size() == 90000", "x".repeat(90_000)), True),
    ];
    for (expression, wanted) in table {
        let shown: String = expression.chars().take(40).collect();
        assert_eq!(outcome(&expression), wanted, "{shown}");
    }
}

#[test]
fn what_the_crate_panics_on_is_refused_or_fails() {
    assert_all(&[
        ("{a: 1}.b{c: 1}", Refused),
        ("a{1: 2} == 1", Refused),
        ("{'a': 1}{b: 2} == 1", Refused),
        ("@result == 1", Refused),
        ("has(1)", Refused),
        ("[1].map(1, 1) == []", Refused),
        ("[1].exists_one(x, 1) == true", Refused),
        ("timestamp('9999-12-31T23:59:59.999999999Z').getHours('+23:59') == 23", True),
        ("timestamp('0001-01-01T00:00:00Z').getHours('-23:59') == 0", True),
        ("timestamp('0001-01-01T00:00:00+23:59') == timestamp(0)", Fails),
        ("duration('-9223372036854775808ns') < duration('0')", True),
        ("duration('-9223372036854775809ns') < duration('0')", Fails),
        ("duration(-9223372036854775807 - 1) + duration(-1) < duration('0')", Fails),
        ("timestamp('9999-12-31T23:59:59Z') + duration('2562047h') > timestamp(0)", Fails),
        ("string(duration('-2562047h')) == '-9.2233692e+15s'", super::Outcome::False),
        ("'a'.matches('\\\\pL')", Fails),
        (
            "''.matches('(((((((((((((((((((((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))))))))))))))))))))')",
            Fails,
        ),
    ]);
}

/// What CEL is written with, to be put together at random.
const PIECES: [&str; 62] = [
    "1",
    "-1",
    "0",
    "1u",
    "1.5",
    ".5",
    "1e3",
    "0x1F",
    "'a'",
    "\"b\"",
    "'''c'''",
    "r'\\d'",
    "b'x'",
    "true",
    "false",
    "null",
    "x",
    "int",
    "string",
    "type",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    ".",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    " in ",
    "has(",
    ".all(x, ",
    ".exists(x, ",
    ".map(x, ",
    ".filter(x, ",
    ".size()",
    "size(",
    "dyn(",
    ".matches(",
    "timestamp(",
    "duration(",
    ".getHours(",
    ".a",
    "[0]",
    "\n",
    " ",
    "9223372036854775807",
];

/// The tree without the ids of its nodes, which the two parsers number differently.
fn shape(tree: &cel::IdedExpr) -> String {
    let written = format!("{tree:?}");
    let mut parts = written.split("id: ");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |shape, part| shape + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Texts that parse, of any types but dyn. Null is left out: it may stand for a timestamp.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &["1", "-1", "0", "2u", "1.5", "'a'", "''", "b'a'", "true", "false", "x", "int", "[]"][..],
    );
    let leaf = leaf.prop_map(str::to_string);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(
            &["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"][..],
        );
        let function = prop::sample::select(
            &[
                "int",
                "uint",
                "double",
                "string",
                "bytes",
                "bool",
                "type",
                "size",
                "timestamp",
                "duration",
            ][..],
        );
        let word = prop::sample::select(&["all", "exists", "exists_one", "map", "filter"][..]);
        let (one, two) = (inner.clone(), (inner.clone(), inner.clone()));
        prop_oneof![
            (two.clone(), operator)
                .prop_map(|((left, right), word)| format!("({left} {word} {right})")),
            (one.clone(), function).prop_map(|(inner, function)| format!("{function}({inner})")),
            (two.clone(), word)
                .prop_map(|((range, body), word)| format!("{range}.{word}(x, {body})")),
            (two.clone(), inner)
                .prop_map(|((left, right), test)| format!("({test} ? {left} : {right})")),
            two.clone().prop_map(|(left, right)| format!("[{left}] + [{right}]")),
            two.clone().prop_map(|(key, value)| format!("{{{key}: {value}}}")),
            two.prop_map(|(list, index)| format!("{list}[{index}]")),
            one.clone().prop_map(|inner| format!("{inner}.a")),
            one.clone().prop_map(|inner| format!("has({inner}.a)")),
            one.prop_map(|inner| format!("!{inner}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_an_answer(text in "\\PC{0,60}") {
        let _: Result<bool, CelError> = Standard.evaluate(&text);
    }

    #[test]
    fn any_pieces_give_an_answer(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..16)) {
        let _: Result<bool, CelError> = Standard.evaluate(&pieces.concat());
    }

    /// What has no dyn in it and compiles is never given to a function that does not take it.
    #[test]
    fn the_checker_keeps_its_word(source in expressions()) {
        if let Err(CelError::Run { reason, .. }) = Standard.evaluate(&format!("[{source}] == [{source}]")) {
            prop_assert!(!reason.contains("overload"), "{source}: {reason}");
        }
    }

    /// The crate has two parsers; the small one that is used takes nothing that the other refuses, and
    /// reads the same.
    #[test]
    fn both_parsers_agree(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)) {
        let source = pieces.concat();
        // They differ in signs after signs, where neither is ever a boolean.
        let dense: String = source.split_whitespace().collect();
        prop_assume!(!dense.contains("!-") && !dense.contains("-!"));
        let used = PrattParser::new().parse(&source).ok().filter(|_| limits::check_source(&source).is_ok());
        let other = Parser::new().parse(&source).ok();
        prop_assert_eq!(used.map(|tree| shape(&tree)), other.map(|tree| shape(&tree)), "{}", source);
    }
}
