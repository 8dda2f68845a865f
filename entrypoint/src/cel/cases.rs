//! What cel-go says of each of these expressions in the environment that `cel.NewEnv()` makes, from
//! CEL's specification and cel-go's declarations.

mod hostile;
mod library;

use super::{CelError, Evaluate, Standard};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    True,
    False,
    /// It does not compile.
    Refused,
    /// It fails when it runs.
    Fails,
}

use Outcome::{Fails, False, Refused, True};

fn outcome(expression: &str) -> Outcome {
    match Standard.evaluate(expression) {
        Ok(true) => True,
        Ok(false) => False,
        Err(CelError::Compile { .. }) => Refused,
        Err(CelError::Run { .. }) => Fails,
    }
}

fn assert_all(table: &[(&str, Outcome)]) {
    let wrong: Vec<_> = table
        .iter()
        .filter(|(expression, wanted)| outcome(expression) != *wanted)
        .map(|(expression, wanted)| (expression, wanted, Standard.evaluate(expression)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn literals_and_syntax() {
    assert_all(&[
        ("true", True),
        ("false", False),
        ("  true // a comment", True),
        ("true\n&&\ntrue", True),
        ("", Refused),
        ("   ", Refused),
        ("tru", Refused),
        ("1 +", Refused),
        ("(true", Refused),
        ("true)", Refused),
        ("true true", Refused),
        ("true and true", Refused),
        ("a = 1", Refused),
        ("$(x)", Refused),
        ("1 == 0x1", True),
        ("-1 == -0x1", True),
        ("10u == 0xAu", True),
        ("10u == 10U", True),
        ("1.5e3 == 1500.0", True),
        (".5 == 0.5", True),
        ("9223372036854775807 == 0x7fffffffffffffff", True),
        ("9223372036854775808 == 1", Refused),
        ("-9223372036854775808 < 0", True),
        ("18446744073709551615u > 1u", True),
        ("18446744073709551616u > 1u", Refused),
        (r#""a" == 'a'"#, True),
        (r"'''a'b''' == 'a\'b'", True),
        (r"r'\n' == '\\n'", True),
        (r"'\x41\u0042\U00000043\104' == 'ABCD'", True),
        (r"'\q' == 'q'", Refused),
        ("'a\nb' == 'a'", Refused),
        ("'''a\nb''' == 'a\\nb'", True),
        ("'a", Refused),
        ("rb'a' == b'a'", Refused),
        ("br'a' == b'a'", True),
        ("0X1 == 1", Refused),
        ("0X1u == 1u", Refused),
        (r"b'\xff' == b'\377'", True),
        (r"b'ü' == b'\xc3\xbc'", True),
        ("null == null", True),
        ("if == 1", Refused),
        ("for(1)", Refused),
        ("a.?b == 1", Refused),
        ("[?1] == [1]", Refused),
        ("{}.`a` == 1", Refused),
        ("[1, 2,] == [1, 2]", True),
        ("{'a': 1,} == {'a': 1}", True),
        ("size('a',) == 1", Refused),
    ]);
}

#[test]
fn names() {
    assert_all(&[
        ("x", Refused),
        ("x == 1", Refused),
        ("params.a == 'b'", Refused),
        ("true || x", Refused),
        ("false && x", Refused),
        ("nothing(1)", Refused),
        ("'a'.nothing()", Refused),
        ("startsWith('a', 'b')", Refused),
        ("'a'.string() == 'a'", Refused),
        (".size('ab') == 2", True),
        ("type(1) == int", True),
        ("type(1) == .int", True),
        ("type(1u) == uint", True),
        ("type(1.0) == double", True),
        ("type('') == string", True),
        ("type(b'') == bytes", True),
        ("type(true) == bool", True),
        ("type(null) == null_type", True),
        ("type([1]) == list", True),
        ("type({1: 2}) == map", True),
        ("type(type(1)) == type", True),
        ("type(timestamp(0)) == google.protobuf.Timestamp", True),
        ("type(duration('1s')) == google.protobuf.Duration", True),
        ("type(1) == string", False),
        ("int == 1", Refused),
        ("google.protobuf.Nothing == int", Refused),
        ("google.protobuf.Int32Value{value: 1} == 1", Refused),
    ]);
}

#[test]
fn equality_wants_one_type() {
    assert_all(&[
        ("1 == 1", True),
        ("1 == 'a'", Refused),
        ("1 != 'a'", Refused),
        ("1 == 1u", Refused),
        ("1 == 1.0", Refused),
        ("1 == null", Refused),
        ("'a' == b'a'", Refused),
        ("true == 1", Refused),
        ("dyn(1) == 'a'", False),
        ("dyn(1) != 'a'", True),
        ("dyn(1) == 1u", True),
        ("dyn(1) == 1.0", True),
        ("1 == dyn(1.5)", False),
        ("dyn(-1) == 18446744073709551615u", False),
        ("timestamp(0) == null", False),
        ("duration('1s') == null", False),
        ("[1] == [1]", True),
        ("[1] == [2]", False),
        ("[1] == ['a']", Refused),
        ("[1] == []", False),
        ("[] == []", True),
        ("[] == {}", Refused),
        ("[1, 'a'] == [1, 'a']", True),
        ("[1, 'a'] == [1]", False),
        ("[dyn(1)] == [1.0]", True),
        ("{'a': 1} == {'a': 1}", True),
        ("{'a': 1} == {'a': 2}", False),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", True),
        ("{'a': 1} == {1: 'a'}", Refused),
        ("{} == {}", True),
        ("0.0 / 0.0 == 0.0 / 0.0", False),
        ("0.0 == -0.0", True),
    ]);
}

#[test]
fn order_wants_one_type() {
    assert_all(&[
        ("1 < 2", True),
        ("2 <= 2", True),
        ("1 > 2", False),
        ("2 >= 3", False),
        ("1 < 'a'", Refused),
        ("1 < 1.5", Refused),
        ("1 < 2u", Refused),
        ("1u < 2.0", Refused),
        ("dyn(1) < 1.5", True),
        ("dyn(1) < 2u", True),
        ("dyn(1) < 'a'", Fails),
        ("1u < 2u", True),
        ("1.0 < 2.0", True),
        ("'a' < 'b'", True),
        ("'Z' < 'a'", True),
        ("b'a' < b'b'", True),
        ("false < true", True),
        ("true >= false", True),
        ("[1] < [2]", Refused),
        // Null may stand for a timestamp or a duration, so this compiles.
        ("null < null", Fails),
        ("{} < {}", Refused),
        ("1 < 2 < 3", Refused),
        ("timestamp(0) < timestamp(1)", True),
        ("duration('1s') < duration('1m')", True),
        ("0.0 / 0.0 < 1.0", Fails),
    ]);
}

#[test]
fn logic() {
    assert_all(&[
        ("true && true", True),
        ("true && false", False),
        ("true && 1", Refused),
        ("1 || true", Refused),
        ("!true", False),
        ("!!true", True),
        ("!1", Refused),
        ("!dyn(1)", Fails),
        ("true || 1 / 0 == 1", True),
        ("1 / 0 == 1 || true", True),
        ("1 / 0 == 1 && false", False),
        ("false && 1 / 0 == 1", False),
        ("1 / 0 == 1 && true", Fails),
        ("1 / 0 == 1 || false", Fails),
        ("dyn('a') || true", True),
        ("dyn('a') || false", Fails),
        ("dyn(1) && false", False),
        ("true ? true : false", True),
        ("false ? 1 / 0 == 1 : true", True),
        ("(true ? 1 : 2) == 1", True),
        ("(true ? 1 : 'a') == 1", Refused),
        ("(true ? dyn(1) : 'a') == 1", True),
        ("1 ? true : false", Refused),
        ("dyn(1) ? true : false", Fails),
        ("false ? false : false ? false : true", True),
        ("(true ? timestamp(0) : null) == null", False),
        ("(true ? null : timestamp(0)) == null", Refused),
    ]);
}

#[test]
fn arithmetic() {
    assert_all(&[
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 9", True),
        ("7 / 2 == 3", True),
        ("-7 / 2 == -3", True),
        ("-7 % 3 == -1", True),
        ("7u % 3u == 1u", True),
        ("7.0 / 2.0 == 3.5", True),
        ("5.0 % 2.0 == 1.0", Refused),
        ("1 + 1.0 == 2.0", Refused),
        ("1 + 1u == 2", Refused),
        ("1 + 'a' == '1a'", Refused),
        ("true + true == true", Refused),
        ("-1u == 1u", Refused),
        ("-'a' == 'a'", Refused),
        ("--1 == 1", True),
        ("-(-1) == 1", True),
        ("'a' + 'b' == 'ab'", True),
        ("b'a' + b'b' == b'ab'", True),
        ("[1] + [2] == [1, 2]", True),
        ("[1] + ['a'] == [1]", Refused),
        ("[] + [1] == [1]", True),
        ("{} + {} == {}", Refused),
        ("'a' - 'a' == ''", Refused),
        ("1 / 0 == 1", Fails),
        ("1 % 0 == 1", Fails),
        ("1u / 0u == 1u", Fails),
        ("1u % 0u == 1u", Fails),
        ("1.0 / 0.0 > 1.0", True),
        ("9223372036854775807 + 1 > 0", Fails),
        ("-9223372036854775808 - 1 < 0", Fails),
        ("9223372036854775807 * 2 > 0", Fails),
        ("-9223372036854775808 / -1 > 0", Fails),
        ("-9223372036854775808 % -1 == 0", Fails),
        ("-(-9223372036854775807 - 1) > 0", Fails),
        ("18446744073709551615u + 1u > 0u", Fails),
        ("0u - 1u > 0u", Fails),
        ("18446744073709551615u * 2u > 0u", Fails),
        ("dyn(1) + 1 == 2", True),
        ("dyn(1) + 1.0 == 2.0", Fails),
        ("dyn('a') + 1 == 2", Fails),
    ]);
}

#[test]
fn lists_and_maps() {
    assert_all(&[
        ("1 in [1, 2]", True),
        ("3 in [1, 2]", False),
        ("'a' in [1]", Refused),
        ("1 in [1.0]", Refused),
        ("dyn(1) in [1.0]", True),
        ("1 in []", False),
        ("'a' in ['b', 1]", False),
        ("'a' in {'a': 1}", True),
        ("1 in {'a': 1}", Refused),
        ("1 in {}", False),
        ("'a' in 'abc'", Refused),
        ("'a' in dyn('abc')", Fails),
        ("null in [null]", True),
        ("[1, 2][0] == 1", True),
        ("[1, 2][2] == 1", Fails),
        ("[1, 2][-1] == 1", Fails),
        ("[1, 2]['a'] == 1", Refused),
        ("[1, 2][1u] == 2", Refused),
        ("[1, 2][dyn(1u)] == 2", True),
        ("[1, 2][dyn(0.5)] == 2", Fails),
        ("[true][0]", True),
        ("[1, true][1]", True),
        ("[1, true][0]", Fails),
        ("{'a': 1}['a'] == 1", True),
        ("{'a': 1}['b'] == 1", Fails),
        ("{'a': 1}[1] == 1", Refused),
        ("{'a': 1}.a == 1", True),
        ("{'a': 1}.b == 1", Fails),
        ("{'a': {'b': true}}.a.b", True),
        ("{'a': 1}.a.b == 1", Refused),
        ("{1: true}[1]", True),
        ("{1u: true}[1u]", True),
        ("{1u: true}[dyn(1)]", True),
        ("{true: true}[true]", True),
        ("{'a': 1, 'a': 2}['a'] == 2", True),
        ("{'a': 1, 'b': 'x'}.b == 'x'", True),
        ("{'a': 1, 1: 'x'}[1] == 'x'", True),
        ("dyn({'a': 1}).a == 1", True),
        ("dyn(1).a == 1", Fails),
        ("1.a == 1", Refused),
        ("'a'.b == 1", Refused),
        ("[1].a == 1", Refused),
        ("true[0]", Refused),
        ("size([]) == 0", True),
        ("size([1, 2]) == 2", True),
        ("[1, 2].size() == 2", True),
        ("size({'a': 1}) == 1", True),
        ("{'a': 1}.size() == 1", True),
        ("size('ü€😀') == 3", True),
        ("'ü'.size() == 1", True),
        ("size(b'ü') == 2", True),
        ("size(1) == 1", Refused),
        ("size() == 0", Refused),
        ("size('a', 'b') == 1", Refused),
        ("size(dyn(1)) == 1", Fails),
        ("size(null) == 0", Refused),
    ]);
}

#[test]
fn macros() {
    assert_all(&[
        ("has({'a': 1}.a)", True),
        ("has({'a': 1}.b)", False),
        ("has({'a': {'b': 1}}.a.b)", True),
        ("has({}.a)", False),
        ("has({'a': 1}['a'])", Refused),
        ("has(x.y)", Refused),
        ("has('a')", Refused),
        ("has('a'.b)", Refused),
        ("has(dyn({'a': 1}).a)", True),
        ("[1, 2].all(x, x > 0)", True),
        ("[1, 2].all(x, x > 1)", False),
        ("[].all(x, x > 0)", True),
        ("[1, 0].all(x, 1 / x > 5)", False),
        ("[0, 1].all(x, 1 / x > 0)", Fails),
        ("[1, 2].exists(x, x == 2)", True),
        ("[1, 2].exists(x, x == 'a')", Refused),
        ("[].exists(x, x == 'a')", False),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("[1, 2, 1].exists_one(x, x == 1)", False),
        ("[1, 2].exists_one(x, x == 1)", True),
        ("[1, 2].map(x, x * 2) == [2, 4]", True),
        ("[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]", True),
        ("[1, 2].map(x, string(x)) == ['1', '2']", True),
        ("[1, 2].map(x, x) == ['a']", Refused),
        ("[1, 2, 3].filter(x, x > 1) == [2, 3]", True),
        ("[1, 2].filter(x, x) == [1]", Refused),
        ("[1].filter(x, dyn(x)) == [1]", Fails),
        ("{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", True),
        ("{'a': 1}.map(k, k) == ['a']", True),
        ("'abc'.all(c, c == 'a')", Refused),
        ("1.all(x, true)", Refused),
        ("dyn(1).all(x, true)", Fails),
        ("[1].all(x.y, true)", Refused),
        ("[1].all(x)", Refused),
        ("[1].all(x, 1)", Refused),
        ("[[1, 2], [3]].all(x, x.all(y, y > 0))", True),
        ("[[1], [2]].exists(x, x.exists(x, x == 2))", True),
        ("[1].map(x, [2].map(y, x + y)) == [[3]]", True),
        ("[1].map(x, [2].map(x, x)) == [[2]]", True),
        ("[1].all(x, true) && x == 1", Refused),
        ("[1].all(int, int == 1)", True),
        ("[].map(x, x + 1) == [1]", False),
        ("[[]].map(x, x.all(y, y == 1)) == [true]", True),
        ("[1, 'a'].exists(x, x == 'a')", True),
        ("[1, 'a'].all(x, x > 0)", Fails),
    ]);
}

#[test]
fn the_result_is_a_boolean() {
    assert_all(&[
        ("1", Refused),
        ("'true'", Refused),
        ("null", Refused),
        ("[true]", Refused),
        ("int", Refused),
        ("dyn(true)", True),
        ("dyn(1)", Fails),
        ("[][0]", Fails),
        ("{}.a", Fails),
        ("{'a': true}.a", True),
    ]);
}
