//! What a plain word of YAML is to Kubernetes: its YAML is 1.1, and its numbers are those of Go.

use serde_json::Number;

/// A word without quotes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Null,
    Bool(bool),
    Number(Number),
    /// In the place of a key: takes over what another map has.
    Merge,
    Text,
}

/// What this word is.
pub(crate) fn word(word: &str) -> Word {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Word::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Word::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Word::Bool(false)
        }
        "<<" => Word::Merge,
        _ => number(word).map_or(Word::Text, Word::Number),
    }
}

fn number(word: &str) -> Option<Number> {
    let begins = word.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    if !begins {
        return None;
    }
    let word = word.replace('_', "");
    integer(&word).and_then(Number::from_i128).or_else(|| float(&word))
}

/// With the bases of Go, where a leading zero is octal too.
fn integer(word: &str) -> Option<i128> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, word.strip_prefix('+').unwrap_or(word)),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // A second sign is none of Go's.
    let is_digit = |c: char| c.is_digit(base);
    let magnitude = digits.chars().all(is_digit).then(|| i128::from_str_radix(digits, base));
    magnitude?.ok().map(|magnitude| sign * magnitude)
}

/// A whole number is written as one.
fn float(word: &str) -> Option<Number> {
    let float: f64 = word.parse().ok()?;
    let whole = float as i64;
    // why: only what comes back exactly is that number.
    #[allow(clippy::float_cmp)]
    let is_whole = whole as f64 == float && whole != i64::MAX;
    if is_whole { Some(whole.into()) } else { Number::from_f64(float) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn words_are_what_kubernetes_takes_them_for() {
        let cases = [
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+1", json!(1)),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("-017", json!(-15)),
            ("0x1F", json!(31)),
            ("0X1f", json!(31)),
            ("0b11", json!(3)),
            ("-0b11", json!(-3)),
            ("-1_000", json!(-1000)),
            ("089", json!(89)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1.", json!(1)),
            ("1e3", json!(1000)),
            ("-1.5E+3", json!(-1500)),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!(1.8446744073709552e19)),
            ("yes", json!(true)),
            ("y", json!(true)),
            ("OFF", json!(false)),
            ("N", json!(false)),
            ("~", Value::Null),
            ("", Value::Null),
        ];
        for (text, wanted) in cases {
            let found = match word(text) {
                Word::Null => Value::Null,
                Word::Bool(truth) => json!(truth),
                Word::Number(number) => Value::Number(number),
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn all_else_is_text() {
        let texts = [
            "yEs",
            "nULL",
            "oN",
            "1m",
            "1:20",
            "2001-01-01",
            "0x",
            "0b12",
            "0x-1",
            "--1",
            "+-1",
            "1e400",
            "1.2.3",
            ".inf",
            ".nan",
            "inf",
            "-",
            "+",
            ".",
            "_1",
            "1e",
            "0x1p-2",
        ];
        for text in texts {
            assert_eq!(word(text), Word::Text, "{text}");
        }
        assert_eq!(word("<<"), Word::Merge);
    }
}
