//! When expressions: what must hold for a step to run (contract 1.8). They come as JSON on the
//! command line, are rewritten by substitution (1.7), and only then asked.

use serde_json::{Map, Value};

use crate::cel::{CelError, Evaluate, Standard};

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Compares a text with several.
    Match {
        /// The text.
        input: String,
        /// How to compare.
        operator: Operator,
        /// What to compare with.
        values: Vec<String>,
    },
    /// A CEL expression.
    Cel(String),
}

/// How a match compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operator {
    /// Holds where the input is one of the values.
    In,
    /// Holds where the input is none of the values. Any word but `in` acts so.
    NotIn,
}

/// Why when expressions cannot be read or asked.
#[derive(Debug, thiserror::Error)]
pub enum WhenError {
    /// The text is no JSON array of objects.
    #[error("-when_expressions: no JSON array of objects: {0}")]
    Json(#[from] serde_json::Error),
    /// A field holds something else than it should.
    #[error("-when_expressions: entry {entry}: `{field}` is {found}, not {wanted}")]
    Field {
        /// The entry's place in the array, from 1.
        entry: usize,
        /// The field's name, as it is written.
        field: String,
        /// What it holds, as JSON.
        found: Value,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A CEL expression is neither true nor false.
    #[error(transparent)]
    Cel(#[from] CelError),
}

/// Reads the value of `-when_expressions` as Go reads it: letter case of field names does not
/// matter, unknown fields are ignored, null and what is missing are empty. An empty text has no
/// expressions.
///
/// # Errors
/// Where it is no JSON array of objects, or a field has a value of the wrong kind.
pub fn parse(json: &str) -> Result<Vec<Expression>, WhenError> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let entries: Option<Vec<Option<Map<String, Value>>>> = serde_json::from_str(json)?;
    let entries = entries.unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    entries.zip(1..).map(|(fields, entry)| read(&fields, entry)).collect()
}

/// Whether every one of `expressions` holds. The CEL expressions are asked first, in their order,
/// up to the first that is false; those behind it may be wrong unseen, as with Tekton's own
/// entrypoint.
///
/// # Errors
/// Where a CEL expression that is asked does not compile, fails, or gives no boolean.
pub fn all_hold(expressions: &[Expression]) -> Result<bool, WhenError> {
    for expression in expressions {
        if let Expression::Cel(source) = expression
            && !Standard.evaluate(source)?
        {
            return Ok(false);
        }
    }
    Ok(expressions.iter().all(|expression| match expression {
        Expression::Match { input, operator, values } => operator.holds(input, values),
        Expression::Cel(_) => true,
    }))
}

impl Expression {
    /// Rewrites the texts: the input and the CEL source by `one`, each value by `many`, which may
    /// give several for it.
    ///
    /// # Errors
    /// Where `one` or `many` fails.
    pub fn map<E>(
        self,
        one: &mut impl FnMut(&str) -> Result<String, E>,
        many: &mut impl FnMut(&str) -> Result<Vec<String>, E>,
    ) -> Result<Self, E> {
        match self {
            Self::Cel(source) => Ok(Self::Cel(one(&source)?)),
            Self::Match { input, operator, values } => {
                let input = one(&input)?;
                let values: Result<Vec<_>, E> = values.iter().map(|value| many(value)).collect();
                Ok(Self::Match { input, operator, values: values?.concat() })
            }
        }
    }
}

impl Operator {
    fn named(word: &str) -> Self {
        if word == "in" { Self::In } else { Self::NotIn }
    }

    fn holds(self, input: &str, values: &[String]) -> bool {
        let is_one_of_them = values.iter().any(|value| value == input);
        match self {
            Self::In => is_one_of_them,
            Self::NotIn => !is_one_of_them,
        }
    }
}

fn read(fields: &Map<String, Value>, entry: usize) -> Result<Expression, WhenError> {
    let (mut input, mut operator, mut cel) = (String::new(), String::new(), String::new());
    let mut values = Vec::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let wrong =
            |wanted| WhenError::Field { entry, field: name.clone(), found: value.clone(), wanted };
        match name.to_ascii_lowercase().as_str() {
            "input" => input = text(value).ok_or_else(|| wrong("a string"))?,
            "operator" => operator = text(value).ok_or_else(|| wrong("a string"))?,
            "cel" => cel = text(value).ok_or_else(|| wrong("a string"))?,
            "values" => values = texts(value).ok_or_else(|| wrong("an array of strings"))?,
            _ => {}
        }
    }
    if cel.is_empty() {
        Ok(Expression::Match { input, operator: Operator::named(&operator), values })
    } else {
        Ok(Expression::Cel(cel))
    }
}

fn text(value: &Value) -> Option<String> {
    if value.is_null() { Some(String::new()) } else { value.as_str().map(str::to_string) }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn matches_hold_as_tekton_has_it() {
        let table = [
            ("", true),
            ("null", true),
            ("[]", true),
            (r#"[{"input":"a","operator":"in","values":["a","b"]}]"#, true),
            (r#"[{"input":"c","operator":"in","values":["a","b"]}]"#, false),
            (r#"[{"input":"a","operator":"in","values":[]}]"#, false),
            (r#"[{"input":"a","operator":"in"}]"#, false),
            (r#"[{"operator":"in","values":[""]}]"#, true),
            (r#"[{"operator":"in","values":[null]}]"#, true),
            (r#"[{"input":null,"operator":"in","values":[""]}]"#, true),
            (r#"[{"input":"a","operator":"in","values":null}]"#, false),
            (r#"[{"input":"a","operator":"notin","values":["a"]}]"#, false),
            (r#"[{"input":"a","operator":"notin","values":["b"]}]"#, true),
            (r#"[{"input":"a","operator":"notin"}]"#, true),
            (r#"[{"input":"a","operator":"IN","values":["a"]}]"#, false),
            (r#"[{"input":"a","operator":"like","values":["b"]}]"#, true),
            (r#"[{"input":"A","operator":"in","values":["a"]}]"#, false),
            (r#"[{"Input":"a","OPERATOR":"in","vaLues":["a"]}]"#, true),
            (r#"[{"input":"a","operator":"in","values":["a"],"more":{"x":[1]}}]"#, true),
            (r#"[{}]"#, true),
            (r#"[null]"#, true),
            (r#"[{"operator":"in","values":[""]},{"operator":"in"}]"#, false),
        ];
        for (json, holds) in table {
            assert_eq!(all_hold(&parse(json).unwrap()).unwrap(), holds, "{json}");
        }
    }

    #[test]
    fn cel_is_asked_before_matches_and_stops_at_the_first_that_is_false() {
        let table = [
            (r#"[{"cel":"'a' == 'a'"}]"#, Some(true)),
            (r#"[{"cel":"'a' == 'b'"}]"#, Some(false)),
            (r#"[{"CEL":"true"},{"cel":"false"}]"#, Some(false)),
            (r#"[{"cel":"true","operator":"in"}]"#, Some(true)),
            (r#"[{"cel":"","operator":"in"}]"#, Some(false)),
            (r#"[{"cel":"1 == 'a'"}]"#, None),
            (r#"[{"cel":"false"},{"cel":"1 == 'a'"}]"#, Some(false)),
            (r#"[{"operator":"in"},{"cel":"1 == 'a'"}]"#, None),
        ];
        for (json, wanted) in table {
            assert_eq!(all_hold(&parse(json).unwrap()).ok(), wanted, "{json}");
        }
    }

    #[test]
    fn what_is_no_list_of_expressions_is_refused_by_name() {
        let table = [
            ("{", "no JSON array of objects"),
            ("{}", "no JSON array of objects"),
            ("[1]", "no JSON array of objects"),
            (r#"[] []"#, "no JSON array of objects"),
            (r#"[{"input":5}]"#, "entry 1: `input` is 5, not a string"),
            (r#"[{},{"values":"a"}]"#, r#"entry 2: `values` is "a", not an array of strings"#),
            (r#"[{"values":[1]}]"#, "entry 1: `values` is [1], not an array of strings"),
            (r#"[{"Cel":true}]"#, "entry 1: `Cel` is true, not a string"),
        ];
        for (json, part) in table {
            let message = parse(json).unwrap_err().to_string();
            assert!(message.contains(part), "{json}: {message}");
        }
    }

    #[test]
    fn a_rewritten_value_may_become_several() {
        let json = r#"[{"input":"i","operator":"in","values":["v","w"]},{"cel":"c"}]"#;
        let mut one = |text: &str| Ok::<_, ()>(format!("<{text}>"));
        let mut many = |text: &str| Ok(vec![format!("{text}1"), format!("{text}2")]);
        let rewritten: Vec<_> = parse(json)
            .unwrap()
            .into_iter()
            .map(|expression| expression.map(&mut one, &mut many).unwrap())
            .collect();
        let values = ["v1", "v2", "w1", "w2"].map(str::to_string).to_vec();
        let input = "<i>".to_string();
        let wanted = Expression::Match { input, operator: Operator::In, values };
        assert_eq!(rewritten, [wanted, Expression::Cel("<c>".to_string())]);
    }

    #[test]
    fn a_failed_rewrite_is_passed_on() {
        let expression = Expression::Cel("c".to_string());
        let mut one = |_: &str| Err("no");
        let mut many = |_: &str| Ok(Vec::new());
        assert_eq!(expression.map(&mut one, &mut many), Err("no"));
    }
}
