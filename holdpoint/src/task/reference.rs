//! Finding Tekton's variables in a text: where `$(params.x)` stands, and what it is made of.

/// The words that Tekton's variables begin with; every other `$(…)` is the shell's.
pub(crate) const TEKTONS_WORDS: &[&str] = &[
    "params",
    "inputs",
    "results",
    "workspaces",
    "context",
    "steps",
    "step",
    "tasks",
    "credentials",
];

/// A variable: `$(params.o.key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    /// All of it, with `$(` and `)`.
    pub(crate) text: &'a str,
    pub(crate) word: &'a str,
    /// What follows the word; none where it cannot be read.
    pub(crate) path: Option<Vec<Segment<'a>>>,
}

/// A part of a variable behind its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// `.name`, `["name"]` or `['name']`
    Name(&'a str),
    /// `[2]`
    Index(usize),
    /// `[*]`
    All,
}

/// The first variable in a text that begins with one of the words, and where it begins.
pub(crate) fn find<'a>(text: &'a str, words: &[&str]) -> Option<(usize, Reference<'a>)> {
    text.match_indices("$(").find_map(|(offset, _)| {
        let inside = text.get(offset + 2..)?;
        let word = words.iter().find(|word| begins_with(inside, word))?;
        let end = inside.find([')', '\n']).unwrap_or(inside.len());
        let is_closed = inside.get(end..)?.starts_with(')');
        let path = inside.get(word.len()..end).filter(|_| is_closed).and_then(path);
        let text = text.get(offset..offset + 2 + end + usize::from(is_closed))?;
        Some((offset, Reference { text, word: inside.get(..word.len())?, path }))
    })
}

/// A text that is one variable and nothing else.
pub(crate) fn whole<'a>(text: &'a str, words: &[&str]) -> Option<Reference<'a>> {
    find(text, words).map(|(_, reference)| reference).filter(|reference| reference.text == text)
}

/// `params.` and `params[` are Tekton's, `params x` is a command of the shell.
fn begins_with(inside: &str, word: &str) -> bool {
    inside.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '[']))
}

fn path(mut text: &str) -> Option<Vec<Segment<'_>>> {
    let mut segments = Vec::new();
    while !text.is_empty() {
        let (segment, rest) = if let Some(rest) = text.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at_checked(end)?;
            (Segment::Name(name).checked()?, rest)
        } else {
            let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
            (bracket(inside)?, rest)
        };
        segments.push(segment);
        text = rest;
    }
    Some(segments)
}

fn bracket(inside: &str) -> Option<Segment<'_>> {
    let quoted = |quote| inside.strip_prefix(quote)?.strip_suffix(quote);
    match quoted('"').or_else(|| quoted('\'')) {
        Some(name) => Some(Segment::Name(name)),
        None if inside == "*" => Some(Segment::All),
        None => inside.parse().ok().map(Segment::Index),
    }
}

impl Segment<'_> {
    fn checked(self) -> Option<Self> {
        let Self::Name(name) = self else { return Some(self) };
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        (is_plain && !name.is_empty()).then_some(self)
    }
}

/// `a.b` for the names at the beginning of a path, and what follows them.
pub(crate) fn names<'p, 'a>(path: &'p [Segment<'a>]) -> (Vec<&'a str>, &'p [Segment<'a>]) {
    let names: Vec<&str> = path
        .iter()
        .map_while(|segment| match segment {
            Segment::Name(name) => Some(*name),
            _ => None,
        })
        .collect();
    let rest = path.get(names.len()..).unwrap_or_default();
    (names, rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Segment::{All, Index, Name};
    use super::*;

    #[test]
    fn variables_are_told_from_the_shells_own() {
        type Found = (&'static str, &'static str, Option<Vec<Segment<'static>>>);
        let table: &[(&str, Option<Found>)] = &[
            ("$(date)", None),
            ("$(step something)", None),
            ("$(paramsx.y) $( params.x ) $((params.x)) ${params.x}", None),
            ("a $(params.x) b", Some(("$(params.x)", "params", Some(vec![Name("x")])))),
            ("$(params.x[*])", Some(("$(params.x[*])", "params", Some(vec![Name("x"), All])))),
            (
                "$(params['a.b'][2])",
                Some(("$(params['a.b'][2])", "params", Some(vec![Name("a.b"), Index(2)]))),
            ),
            (
                "$(params[\"x\"].k)",
                Some(("$(params[\"x\"].k)", "params", Some(vec![Name("x"), Name("k")]))),
            ),
            ("$(echo $(params.x))", Some(("$(params.x)", "params", Some(vec![Name("x")])))),
            (
                "$(step.results.x.path)",
                Some((
                    "$(step.results.x.path)",
                    "step",
                    Some(vec![Name("results"), Name("x"), Name("path")]),
                )),
            ),
            ("$(params.)", Some(("$(params.)", "params", None))),
            ("$(params.x y)", Some(("$(params.x y)", "params", None))),
            ("$(params.x\n)", Some(("$(params.x", "params", None))),
            ("$(params[x])", Some(("$(params[x])", "params", None))),
        ];
        for (text, expected) in table {
            let found = find(text, TEKTONS_WORDS).map(|(_, it)| (it.text, it.word, it.path));
            assert_eq!(&found, expected, "{text}");
        }
    }

    #[test]
    fn a_whole_variable_has_nothing_beside_it() {
        assert_eq!(whole("$(params.x)", TEKTONS_WORDS).unwrap().text, "$(params.x)");
        assert_eq!(whole("$(params.x) ", TEKTONS_WORDS), None);
        assert_eq!(whole("$(params.x)$(params.y)", TEKTONS_WORDS), None);
    }
}
