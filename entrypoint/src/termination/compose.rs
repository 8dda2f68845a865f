//! From old and new rows to the message that is written: all of them, or what fits (1.4).

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;

use super::encoding::Encoding;
use super::row::{Row, RowType};

/// The most that a message may have.
pub const LARGEST_MESSAGE_BYTES: usize = 4096;

const NAMED_AT_MOST: usize = 3;

/// A message, and whether anything had to be refused for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Composed {
    /// What to write: an array, at most [`LARGEST_MESSAGE_BYTES`] long.
    pub bytes: Vec<u8>,
    /// Set where rows were refused.
    pub too_large: Option<TooLarge>,
}

/// Puts `new` after `old`. Where that is too long, Holdpoint's own rows go first; if it still is,
/// that is an error, and whole kinds are left out: half of a kind would be taken for all of it.
pub fn compose(old: &[Row], new: &[Row], encoding: Encoding) -> Composed {
    let all: Vec<&Row> = old.iter().chain(new).collect();
    let foreign: Vec<&Row> = all.iter().copied().filter(|row| !row.is_own()).collect();
    for rows in [&all, &foreign] {
        if let Some(bytes) = encode_if_it_fits(rows, encoding) {
            return Composed { bytes, too_large: None };
        }
    }
    let too_large = TooLarge {
        bytes: full_size_bytes(&foreign, encoding),
        largest: largest_results(&grouped(old.iter(), new)),
    };
    Composed { bytes: squeeze(&candidates(old, new), encoding), too_large: Some(too_large) }
}

fn encode_if_it_fits(rows: &[&Row], encoding: Encoding) -> Option<Vec<u8>> {
    if rows.iter().any(|row| row.unread_bytes > 0) {
        return None;
    }
    let bytes = encoding.encode(rows);
    (bytes.len() <= LARGEST_MESSAGE_BYTES).then_some(bytes)
}

/// Takes group after group, the most important first, each if it fits as a whole.
fn squeeze(candidates: &[(Group, &Row)], encoding: Encoding) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut bytes = encoding.encode(&[]);
    for group in Group::BY_IMPORTANCE {
        kept.push(group);
        let rows: Vec<&Row> =
            candidates.iter().filter(|(of, _)| kept.contains(of)).map(|(_, row)| *row).collect();
        match encode_if_it_fits(&rows, encoding) {
            Some(fitting) => bytes = fitting,
            None => drop(kept.pop()),
        }
    }
    bytes
}

/// Old rows that a new one supersedes are left out, so that they do not come back to life where
/// the new one is refused.
fn candidates<'a>(old: &'a [Row], new: &'a [Row]) -> Vec<(Group, &'a Row)> {
    let renewed: HashSet<&str> = new.iter().map(|row| row.key.as_str()).collect();
    grouped(old.iter().filter(|row| !renewed.contains(row.key.as_str())), new)
}

fn grouped<'a>(old: impl Iterator<Item = &'a Row>, new: &'a [Row]) -> Vec<(Group, &'a Row)> {
    let old = old.map(|row| (Group::of(row, Group::OldRest), row));
    let new = new.iter().map(|row| (Group::of(row, Group::Ending), row));
    old.chain(new).filter(|(_, row)| !row.is_own()).collect()
}

/// What is kept or refused together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// When the step began and how it ended.
    Ending,
    /// Rows of the old message that are no results.
    OldRest,
    Artifacts,
    TaskResults,
    StepResults,
}

impl Group {
    const BY_IMPORTANCE: [Self; 5] =
        [Self::Ending, Self::OldRest, Self::Artifacts, Self::TaskResults, Self::StepResults];

    fn of(row: &Row, rest: Self) -> Self {
        match row.kind {
            RowType::StepArtifacts | RowType::TaskArtifacts => Self::Artifacts,
            RowType::TaskResult => Self::TaskResults,
            RowType::StepResult => Self::StepResults,
            RowType::Internal | RowType::Other(_) => rest,
        }
    }
}

/// A message that is too long: how long, and because of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The size that the message would have.
    pub bytes: u64,
    /// The largest results, the largest first: key and size of the content in bytes.
    pub largest: Vec<(String, u64)>,
}

fn full_size_bytes(rows: &[&Row], encoding: Encoding) -> u64 {
    let read = encoding.encode(rows).len() as u64;
    rows.iter().fold(read, |bytes, row| bytes.saturating_add(row.unread_bytes))
}

/// Each key once, with the larger of its old and its new row: both are counted.
fn largest_results(rows: &[(Group, &Row)]) -> Vec<(String, u64)> {
    let results = rows.iter().filter(|(group, _)| *group != Group::Ending);
    let mut largest: Vec<_> = results.map(|(_, row)| (row.key.clone(), row.size_bytes())).collect();
    largest.sort_by_key(|(_, bytes)| Reverse(*bytes));
    let mut named = HashSet::new();
    largest.retain(|(key, _)| named.insert(key.clone()));
    largest.truncate(NAMED_AT_MOST);
    largest
}

impl fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> =
            self.largest.iter().map(|(key, bytes)| format!("{key:?} ({bytes} bytes)")).collect();
        write!(
            formatter,
            "Termination message is above max allowed size {LARGEST_MESSAGE_BYTES}, caused by large \
             task result. It has {} bytes; the largest results are {}. Make them smaller, or pass \
             them on in a workspace",
            self.bytes,
            named.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::encoding::{Decoded, decode};
    use super::*;
    use proptest::prelude::*;

    fn row(key: &str, size: usize, kind: RowType) -> Row {
        Row::new(key, "x".repeat(size), kind)
    }

    fn decoded(composed: &Composed) -> Vec<Row> {
        match decode(composed.bytes.clone()) {
            Decoded::Rows(rows) => rows,
            other => panic!("no array: {other:?}"),
        }
    }

    fn keys(composed: &Composed) -> String {
        decoded(composed).iter().map(|row| row.key.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn new_rows_come_after_the_old_ones() {
        let old = [row("a", 1, RowType::TaskResult), row("b", 1, RowType::Other(2))];
        let new = [row("a", 2, RowType::TaskResult)];
        let composed = compose(&old, &new, Encoding::Plain);
        let expected = r#"[{"key":"a","value":"x","type":1},{"key":"b","value":"x","type":2},{"key":"a","value":"xx","type":1}]"#;
        assert_eq!(String::from_utf8(composed.bytes).unwrap(), expected);
        assert_eq!(composed.too_large, None);
    }

    #[test]
    fn exactly_4096_bytes_are_allowed() {
        let frame = compose(&[], &[row("a", 0, RowType::TaskResult)], Encoding::Plain).bytes.len();
        let fits = compose(&[], &[row("a", 4096 - frame, RowType::TaskResult)], Encoding::Plain);
        assert_eq!((fits.bytes.len(), fits.too_large), (4096, None));
        let large = compose(&[], &[row("a", 4097 - frame, RowType::TaskResult)], Encoding::Plain);
        assert_eq!(large.bytes, b"[]");
        assert_eq!(large.too_large.unwrap().bytes, 4097);
    }

    /// Each case: the sizes of own, task, step, step artifacts, task artifacts, and what is left.
    #[test]
    fn what_does_not_fit_goes_by_kind() {
        let cases = [
            ([10, 10, 10, 10, 10], "own task step StartedAt sa ta", false),
            ([5000, 10, 10, 10, 10], "task step StartedAt sa ta", false),
            ([5000, 10, 5000, 10, 10], "task StartedAt sa ta", true),
            ([10, 10, 5000, 10, 10], "task StartedAt sa ta", true),
            ([10, 3000, 3000, 10, 10], "task StartedAt sa ta", true),
            ([10, 5000, 10, 10, 10], "step StartedAt sa ta", true),
            ([10, 3000, 10, 1000, 1000], "step StartedAt sa ta", true),
            ([10, 10, 10, 5000, 10], "task step StartedAt", true),
            ([10, 5000, 5000, 2500, 2500], "StartedAt", true),
        ];
        for (sizes, left, too_large) in cases {
            let new = [
                row("holdpoint.dev/own", sizes[0], RowType::Internal),
                row("task", sizes[1], RowType::TaskResult),
                row("step", sizes[2], RowType::StepResult),
                row("StartedAt", 24, RowType::Internal),
                row("sa", sizes[3], RowType::StepArtifacts),
                row("ta", sizes[4], RowType::TaskArtifacts),
            ];
            let composed = compose(&[], &new, Encoding::Plain);
            assert_eq!(keys(&composed).replace("holdpoint.dev/", ""), left, "{sizes:?}");
            assert_eq!(composed.too_large.is_some(), too_large, "{sizes:?}");
        }
    }

    #[test]
    fn a_kind_is_there_whole_or_not_at_all() {
        let new = [
            row("small", 1, RowType::TaskResult),
            row("large", 5000, RowType::TaskResult),
            row("StartedAt", 24, RowType::Internal),
        ];
        assert_eq!(keys(&compose(&[], &new, Encoding::Plain)), "StartedAt");
    }

    #[test]
    fn old_rows_that_are_too_large_make_way() {
        let new = [row("a", 10, RowType::TaskResult), row("StartedAt", 24, RowType::Internal)];
        for (old, left) in [
            (row("old", 5000, RowType::Internal), "a StartedAt"),
            (row("old", 5000, RowType::StepResult), "a StartedAt"),
            (row("old", 5000, RowType::TaskResult), "StartedAt"),
        ] {
            let composed = compose(&[old], &new, Encoding::Plain);
            assert_eq!(keys(&composed), left);
            assert_eq!(composed.too_large.unwrap().largest[0], ("old".into(), 5000));
        }
    }

    #[test]
    fn an_old_row_does_not_come_back_where_its_successor_is_refused() {
        let old = [row("a", 3, RowType::StepResult), row("b", 3, RowType::StepResult)];
        let composed = compose(&old, &[row("a", 5000, RowType::TaskResult)], Encoding::Plain);
        assert_eq!(keys(&composed), "b");
    }

    #[test]
    fn the_message_names_the_size_and_the_largest_results() {
        let new = [
            row("small", 1, RowType::TaskResult),
            row("large", 5000, RowType::TaskResult),
            Row::unread("huge", 3 << 30, RowType::StepResult),
            row("middle", 50, RowType::TaskResult),
        ];
        let too_large = compose(&[], &new, Encoding::Plain).too_large.unwrap();
        let plain = Encoding::Plain.encode(&new.iter().collect::<Vec<_>>()).len() as u64;
        let text = too_large.to_string();
        let start = format!(
            "Termination message is above max allowed size 4096, caused by large task result. It has \
             {} bytes; the largest results are \"huge\" (3221225472 bytes), \"large\" (5000 bytes), \
             \"middle\" (50 bytes).",
            plain + (3 << 30)
        );
        assert!(text.starts_with(&start), "{text}");
    }

    #[test]
    fn an_old_row_that_makes_it_too_large_is_named_with_its_own_size() {
        let (old, new) = (row("a", 5000, RowType::TaskResult), row("a", 10, RowType::TaskResult));
        let composed = compose(&[old], &[new, row("b", 20, RowType::TaskResult)], Encoding::Plain);
        assert_eq!(keys(&composed), "a b");
        let largest = composed.too_large.unwrap().largest;
        assert_eq!(largest, [("a".to_owned(), 5000), ("b".to_owned(), 20)]);
    }

    #[test]
    fn compression_counts_what_is_written() {
        let new = [row("a", 100_000, RowType::TaskResult)];
        assert!(compose(&[], &new, Encoding::Plain).too_large.is_some());
        let composed = compose(&[], &new, Encoding::Shortest);
        assert_eq!(composed.too_large, None);
        assert_eq!(decoded(&composed), new);
    }

    fn any_kind() -> impl Strategy<Value = RowType> {
        prop_oneof![
            Just(RowType::TaskResult),
            Just(RowType::Internal),
            Just(RowType::StepResult),
            Just(RowType::StepArtifacts),
            Just(RowType::TaskArtifacts),
            Just(RowType::Other(10)),
        ]
    }

    fn any_row() -> impl Strategy<Value = Row> {
        let key = prop_oneof!["[ab]", "holdpoint.dev/[ab]", "\\PC{0,20}"];
        let value = prop_oneof!["\\PC{0,40}", "[<\"\n\u{0}\u{2028}]{0,900}", "[a-z]{0,2500}"];
        (key, value, any_kind(), prop_oneof![9 => Just(0), 1 => 1_u64..9]).prop_map(
            |(key, value, kind, unread_bytes)| Row { unread_bytes, ..Row::new(key, value, kind) },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_always_an_array_that_fits(
            old in proptest::collection::vec(any_row(), 0..5),
            new in proptest::collection::vec(any_row(), 0..5),
            compress in any::<bool>(),
        ) {
            let encoding = if compress { Encoding::Shortest } else { Encoding::Plain };
            let composed = compose(&old, &new, encoding);
            prop_assert!(composed.bytes.len() <= 4096);
            let written = decoded(&composed);
            let all: Vec<Row> = old.iter().chain(&new).cloned().collect();
            // Nothing is invented, nothing changes places.
            let mut source = all.iter();
            prop_assert!(written.iter().all(|row| source.any(|from| from == row)));
            if composed.too_large.is_none() {
                let foreign = |rows: &[Row]| -> Vec<Row> {
                    rows.iter().filter(|row| !row.is_own()).cloned().collect()
                };
                prop_assert_eq!(foreign(&written), foreign(&all));
            }
        }

        #[test]
        fn the_last_row_of_a_key_is_never_older_than_what_is_new(
            old in proptest::collection::vec(any_row(), 0..5),
            new in proptest::collection::vec(any_row(), 0..5),
        ) {
            let written = decoded(&compose(&old, &new, Encoding::Plain));
            for row in &written {
                let last = written.iter().rfind(|other| other.key == row.key);
                let of_new = new.iter().any(|other| other.key == row.key);
                prop_assert!(row.is_own() || !of_new || last.is_some_and(|row| new.contains(row)));
            }
        }
    }
}
