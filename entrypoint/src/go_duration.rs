//! Durations as Go writes and reads them: `1h2m3.5s`, `300ms`, `-5s` (1.1, 2.1, 2.3).
//!
//! Manifests, annotations and flags of Tekton carry durations in this form, so it is read to the
//! letter, its limits and its errors included.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// A signed count of nanoseconds, about 292 years either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration {
    nanoseconds: i64,
}

/// Why a text is no duration; the texts are those that Go gives.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// It is empty, malformed, or greater than 292 years.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number has no unit after it.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit other than `h`, `m`, `s`, `ms`, `us`, `µs` and `ns`.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stood in the unit's place.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads a duration in Go's form.
///
/// # Errors
/// Fails where Go's `time.ParseDuration` does.
pub fn parse(text: &str) -> Result<GoDuration, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (is_negative, magnitude) = split_sign(text);
    if magnitude == "0" {
        return Ok(GoDuration::default());
    }
    if magnitude.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    let mut rest = magnitude;
    while !rest.is_empty() {
        let (nanoseconds, after) = parse_term(rest, text)?;
        total = nanoseconds.checked_add(total).ok_or_else(invalid)?;
        rest = after;
    }
    GoDuration::of_magnitude(total, is_negative).ok_or_else(invalid)
}

impl GoDuration {
    /// The duration of so many nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self { nanoseconds }
    }

    /// Its nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }

    /// Whether it is `0s`, which stands for "no limit" in most flags.
    pub const fn is_zero(self) -> bool {
        self.nanoseconds == 0
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.nanoseconds < 0
    }

    /// The same as an unsigned duration, or nothing where it is negative.
    pub fn to_unsigned(self) -> Option<Duration> {
        u64::try_from(self.nanoseconds).ok().map(Duration::from_nanos)
    }

    fn of_magnitude(nanoseconds: u64, is_negative: bool) -> Option<Self> {
        let signed = if is_negative {
            0_i64.checked_sub_unsigned(nanoseconds)
        } else {
            0_i64.checked_add_unsigned(nanoseconds)
        };
        signed.map(Self::from_nanoseconds)
    }
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        Self { nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse(text)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.nanoseconds.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        formatter.pad(&format!("{sign}{}", in_units(magnitude)))
    }
}

fn in_units(nanoseconds: u64) -> String {
    let (hours, minutes) = (nanoseconds / HOUR, nanoseconds % HOUR / MINUTE);
    let seconds = decimal(nanoseconds % MINUTE, SECOND);
    match nanoseconds {
        0 => "0s".to_owned(),
        _ if nanoseconds < MICROSECOND => format!("{nanoseconds}ns"),
        _ if nanoseconds < MILLISECOND => format!("{}µs", decimal(nanoseconds, MICROSECOND)),
        _ if nanoseconds < SECOND => format!("{}ms", decimal(nanoseconds, MILLISECOND)),
        _ if nanoseconds < MINUTE => format!("{seconds}s"),
        _ if nanoseconds < HOUR => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(nanoseconds: u64, unit: u64) -> String {
    let (whole, rest) = (nanoseconds / unit, nanoseconds % unit);
    let digits = unit.ilog10() as usize;
    let text = format!("{whole}.{rest:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Reads one number with its unit; gives its nanoseconds and what comes after.
fn parse_term<'a>(term: &'a str, text: &str) -> Result<(u64, &'a str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (whole, after_whole) = split_digits(term);
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let unit_end = after_number
        .find(|letter: char| letter == '.' || letter.is_ascii_digit())
        .unwrap_or(after_number.len());
    let (unit_name, rest) = after_number.split_at(unit_end);
    let unit = unit_nanoseconds(unit_name, text)?;
    let nanoseconds = whole_nanoseconds(whole, unit)
        .and_then(|whole| whole.checked_add(fraction_nanoseconds(fraction, unit)))
        .ok_or_else(invalid)?;
    Ok((nanoseconds, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn unit_nanoseconds(unit: &str, text: &str) -> Result<u64, DurationError> {
    match unit {
        "ns" => Ok(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(MICROSECOND), // the micro sign, and the Greek letter
        "ms" => Ok(MILLISECOND),
        "s" => Ok(SECOND),
        "m" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "" => Err(DurationError::MissingUnit(text.to_owned())),
        _ => Err(DurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() }),
    }
}

fn whole_nanoseconds(digits: &str, unit: u64) -> Option<u64> {
    if digits.is_empty() {
        return Some(0);
    }
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(unit)
}

/// The share of a unit after the point. Digits past 63 bits are dropped, and the product is
/// rounded as a float, so that `0.3333333333333333333h` is twenty minutes, as in Go.
fn fraction_nanoseconds(digits: &str, unit: u64) -> u64 {
    let mut numerator: u64 = 0;
    let mut scale = 1.0;
    for digit in digits.bytes() {
        let longer = u128::from(numerator) * 10 + u128::from(digit - b'0');
        match u64::try_from(longer) {
            Ok(longer) if longer <= 1 << 63 => numerator = longer,
            _ => break,
        }
        scale *= 10.0;
    }
    (numerator as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const S: i64 = SECOND as i64;

    #[test]
    fn texts_are_read_as_go_reads_them() {
        let cases = [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5s", 5 * S),
            ("+5s", 5 * S),
            ("-5s", -5 * S),
            ("5.s", 5 * S),
            (".5s", S / 2),
            ("5.0s", 5 * S),
            ("1.004s", S + 4_000_000),
            ("300ms", 300_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("1.5h", 5400 * S),
            ("1h2m3.5s", 3723 * S + S / 2),
            ("3s1h", 3603 * S),
            ("10.5s4m", 250 * S + S / 2),
            ("-2m3.4s", -(123 * S + 400_000_000)),
            ("1h2m3s4ms5us6ns", 3723 * S + 4_005_006),
            ("0.3333333333333333333h", 1200 * S),
            ("0.100000000000000000000h", 360 * S),
            ("0.9223372036854775807h", 3_320_413_933_267),
            ("9007199254740993ns", (1 << 53) + 1),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-9223372036854775.808us", i64::MIN),
        ];
        for (text, nanoseconds) in cases {
            assert_eq!(parse(text), Ok(GoDuration { nanoseconds }), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let invalid = ["", "-", "+", ".", "-.", ".s", "+.s", "s", "--5s", " 5s", "٣s", "é"]
            .map(|text| (text, format!("time: invalid duration {text:?}")));
        let overflow = [
            "9223372036854775808ns",
            "9223372036854775.808us",
            "-9223372036854775809ns",
            "18446744073709551616ns",
            "3000000h",
            "9223372036s854775808ns",
        ]
        .map(|text| (text, format!("time: invalid duration {text:?}")));
        let units = [
            ("3", r#"time: missing unit in duration "3""#),
            ("1h2", r#"time: missing unit in duration "1h2""#),
            ("1.5", r#"time: missing unit in duration "1.5""#),
            ("3x", r#"time: unknown unit "x" in duration "3x""#),
            ("3000h3d", r#"time: unknown unit "d" in duration "3000h3d""#),
            ("5 s", r#"time: unknown unit " s" in duration "5 s""#),
            ("1S", r#"time: unknown unit "S" in duration "1S""#),
        ]
        .map(|(text, error)| (text, error.to_owned()));
        for (text, error) in invalid.into_iter().chain(overflow).chain(units) {
            assert_eq!(parse(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (300_000_000, "300ms"),
            (S, "1s"),
            (3 * S + 300_000_000, "3.3s"),
            (90 * S, "1m30s"),
            (3600 * S, "1h0m0s"),
            (3723 * S + S / 2, "1h2m3.5s"),
            (245 * S + 1, "4m5.000000001s"),
            (-5 * S, "-5s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(GoDuration { nanoseconds }.to_string(), text);
            assert_eq!(text.parse(), Ok(GoDuration { nanoseconds }));
        }
    }

    #[test]
    fn only_what_is_not_negative_is_unsigned() {
        assert_eq!(parse("1.5s").unwrap().to_unsigned(), Some(Duration::from_millis(1500)));
        assert_eq!(parse("-1ns").unwrap().to_unsigned(), None);
        assert_eq!(GoDuration::from(Duration::from_secs(2)), parse("2s").unwrap());
        assert_eq!(GoDuration::from(Duration::MAX), GoDuration::from_nanoseconds(i64::MAX));
    }
}
