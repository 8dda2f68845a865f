//! How references are written, and how they are found in a text.
//!
//! Names are those that Tekton's own patterns take: anything without a dot. A name that is also
//! the name of a file may hold neither `/` nor brackets.

/// What begins every reference.
pub(super) const OPENING: &str = "$(steps.";

/// The forms there are, for whoever wrote another.
pub(super) const FORMS: &str = "no form of $(steps.NAME.results.RESULT), with [*], [2] or .KEY \
    before the bracket, $(steps.NAME.outputs.ARTIFACT) or $(steps.NAME.inputs.ARTIFACT)";

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t [u8]),
    Reference(Reference<'t>),
    Malformed(&'t [u8]),
}

/// A reference, as it is written and as it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    pub(super) raw: &'t str,
    pub(super) step: &'t str,
    pub(super) target: Target<'t>,
}

/// What of a step is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'t> {
    Result { name: &'t str, part: Part<'t> },
    Artifact { side: Side, name: &'t str },
}

/// What of a result is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Whole,
    Every,
    Item(usize),
    Key(&'t str),
}

/// Which of a step's artifacts are referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Inputs,
    Outputs,
}

impl Part<'_> {
    /// The kind of content that has such a part.
    pub(super) fn asks_for(self) -> &'static str {
        match self {
            Part::Whole => "a string",
            Part::Every | Part::Item(_) => "an array",
            Part::Key(_) => "an object",
        }
    }
}

impl Side {
    /// Its member in the provenance, and its word in a reference.
    pub(super) fn word(self) -> &'static str {
        match self {
            Side::Inputs => "inputs",
            Side::Outputs => "outputs",
        }
    }
}

/// The pieces of a text in order, none empty; put together they are the text.
pub(super) fn pieces(text: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = find_opening(rest) {
        let (before, from) = rest.split_at(start);
        let (raw, after) = from.split_at(extent(from));
        pieces.extend((!before.is_empty()).then_some(Piece::Text(before)));
        pieces.push(parse(raw).map_or(Piece::Malformed(raw), Piece::Reference));
        rest = after;
    }
    pieces.extend((!rest.is_empty()).then_some(Piece::Text(rest)));
    pieces
}

fn find_opening(text: &[u8]) -> Option<usize> {
    text.windows(OPENING.len()).position(|window| window == OPENING.as_bytes())
}

/// How far what begins with the opening goes: to its `)`, or to what cannot be in a reference.
fn extent(from: &[u8]) -> usize {
    for (at, byte) in from.iter().enumerate().skip(OPENING.len()) {
        match byte {
            b')' => return at + 1,
            b'\n' => return at,
            b'$' if from[at..].starts_with(b"$(") => return at,
            _ => {}
        }
    }
    from.len()
}

fn parse(raw: &[u8]) -> Option<Reference<'_>> {
    let raw = std::str::from_utf8(raw).ok()?;
    let body = raw.strip_prefix(OPENING)?.strip_suffix(')')?;
    let words: Vec<&str> = body.split('.').collect();
    let (step, target) = match words[..] {
        [step, "results", word] => (step, parse_result(word)?),
        [step, "results", name, key] => (step, named_result(name, Part::Key(filled(key)?))?),
        [step, "outputs", name] => (step, parse_artifact(Side::Outputs, name)?),
        [step, "inputs", name] => (step, parse_artifact(Side::Inputs, name)?),
        _ => return None,
    };
    Some(Reference { raw, step: file_name(step)?, target })
}

fn parse_result(word: &str) -> Option<Target<'_>> {
    let Some((name, index)) = word.split_once('[') else {
        return named_result(word, Part::Whole);
    };
    let part = match index.strip_suffix(']')? {
        "*" => Part::Every,
        digits => Part::Item(parse_index(digits)?),
    };
    named_result(name, part)
}

/// An index too big to count to is out of every array's range, not malformed.
fn parse_index(digits: &str) -> Option<usize> {
    let numeric = filled(digits)?.bytes().all(|byte| byte.is_ascii_digit());
    numeric.then(|| digits.parse().unwrap_or(usize::MAX))
}

fn named_result<'t>(name: &'t str, part: Part<'t>) -> Option<Target<'t>> {
    Some(Target::Result { name: file_name(name)?, part })
}

fn parse_artifact(side: Side, name: &str) -> Option<Target<'_>> {
    Some(Target::Artifact { side, name: filled(name)? })
}

fn file_name(word: &str) -> Option<&str> {
    filled(word).filter(|word| !word.contains(['/', '[', ']', '\0']))
}

fn filled(word: &str) -> Option<&str> {
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    fn result<'t>(name: &'t str, part: Part<'t>) -> Target<'t> {
        Target::Result { name, part }
    }

    #[test]
    fn each_form_is_read() {
        let output = Target::Artifact { side: Side::Outputs, name: "image" };
        let input = Target::Artifact { side: Side::Inputs, name: "a/b [x]" };
        for (raw, step, target) in [
            ("$(steps.a.results.r)", "a", result("r", Part::Whole)),
            ("$(steps.a-b_c.results.R-1_x)", "a-b_c", result("R-1_x", Part::Whole)),
            ("$(steps.a.results.r[*])", "a", result("r", Part::Every)),
            ("$(steps.a.results.r[0])", "a", result("r", Part::Item(0))),
            ("$(steps.a.results.r[007])", "a", result("r", Part::Item(7))),
            (
                "$(steps.a.results.r[99999999999999999999999])",
                "a",
                result("r", Part::Item(usize::MAX)),
            ),
            ("$(steps.a.results.r.key)", "a", result("r", Part::Key("key"))),
            ("$(steps.a.results.r.key[0])", "a", result("r", Part::Key("key[0]"))),
            ("$(steps.a.results.r.ключ)", "a", result("r", Part::Key("ключ"))),
            ("$(steps.results.results.results)", "results", result("results", Part::Whole)),
            ("$(steps.a.outputs.image)", "a", output),
            ("$(steps.a.inputs.a/b [x])", "a", input),
        ] {
            let expected = Reference { raw, step, target };
            assert_eq!(pieces(raw.as_bytes()), [Piece::Reference(expected)], "{raw}");
        }
    }

    #[test]
    fn another_form_is_malformed() {
        for raw in [
            "$(steps.)",
            "$(steps.a)",
            "$(steps.a.results)",
            "$(steps.a.results.)",
            "$(steps..results.r)",
            "$(steps.a.result.r)",
            "$(steps.a.results.r.)",
            "$(steps.a.results.r.k.l)",
            "$(steps.a.results.r[])",
            "$(steps.a.results.r[-1])",
            "$(steps.a.results.r[+1])",
            "$(steps.a.results.r[1*])",
            "$(steps.a.results.r[1][2])",
            "$(steps.a.results.r[*)",
            "$(steps.a.results.r[*].k)",
            "$(steps.a.results.[*])",
            "$(steps.a.results.r/../s)",
            "$(steps.a/b.results.r)",
            "$(steps.a.outputs)",
            "$(steps.a.outputs.)",
            "$(steps.a.outputs.x.y)",
            "$(steps.a.exitCode.path)",
            "$(steps.a.results.r",
            "$(steps.",
            "$(steps.a.results.\0)",
        ] {
            assert_eq!(pieces(raw.as_bytes()), [Piece::Malformed(raw.as_bytes())], "{raw}");
        }
    }

    #[test]
    fn a_text_falls_into_pieces_in_order() {
        let found = pieces(b"\xffx$(steps.a.results.r)$(steps.b.results.s)$(steps.q)$$)");
        let reference = |raw, step, name| {
            Piece::Reference(Reference { raw, step, target: result(name, Part::Whole) })
        };
        let expected = [
            Piece::Text(b"\xffx"),
            reference("$(steps.a.results.r)", "a", "r"),
            reference("$(steps.b.results.s)", "b", "s"),
            Piece::Malformed(b"$(steps.q)"),
            Piece::Text(b"$$)"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_malformed_reference_ends_before_the_next_or_at_the_line_end() {
        let inner = "$(steps.b.results.r)";
        let target = result("r", Part::Whole);
        let good = Piece::Reference(Reference { raw: inner, step: "b", target });
        let text = format!("$(steps.a{inner}");
        assert_eq!(pieces(text.as_bytes()), [Piece::Malformed(b"$(steps.a"), good]);
        let parts = [Piece::Malformed(b"$(steps.a.results".as_slice()), Piece::Text(b"\n.r)")];
        assert_eq!(pieces(b"$(steps.a.results\n.r)"), parts);
    }

    #[test]
    fn bytes_that_are_no_text_are_no_name() {
        let raw = b"$(steps.a.results.\xff)";
        assert_eq!(pieces(raw), [Piece::Malformed(raw.as_slice())]);
    }
}
