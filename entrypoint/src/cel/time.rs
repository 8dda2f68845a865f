//! CEL's timestamps and durations: how they are read, written and taken apart. As in cel-go, a
//! timestamp keeps the offset it was written with.

use cel::common::types::{CelDuration, CelInt, CelString, CelTimestamp};
use cel::{DeclarationError, Env, ExecutionError, add_member_overload, add_overload};
use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Timelike};

use super::convert::refuse;
use crate::go_duration;

/// Declares `timestamp` and `duration`, their conversions and the functions that take them apart.
///
/// # Errors
/// Where one of them is declared already.
pub(super) fn add(env: &mut Env) -> Result<(), DeclarationError> {
    add_overload!(env, fn same_timestamp: (CelTimestamp) -> CelTimestamp, name = "timestamp")?;
    add_overload!(env, fn timestamp_of_int: (CelInt) -> Result<CelTimestamp>, name = "timestamp")?;
    add_overload!(
        env,
        fn timestamp_of_string: (CelString) -> Result<CelTimestamp>,
        name = "timestamp"
    )?;
    add_overload!(env, fn same_duration: (CelDuration) -> CelDuration, name = "duration")?;
    add_overload!(env, fn duration_of_int: (CelInt) -> CelDuration, name = "duration")?;
    add_overload!(
        env,
        fn duration_of_string: (CelString) -> Result<CelDuration>,
        name = "duration"
    )?;
    add_overload!(env, fn int_of_timestamp: (CelTimestamp) -> CelInt, name = "int")?;
    add_overload!(env, fn int_of_duration: (CelDuration) -> Result<CelInt>, name = "int")?;
    add_overload!(env, fn string_of_timestamp: (CelTimestamp) -> CelString, name = "string")?;
    add_overload!(env, fn string_of_duration: (CelDuration) -> CelString, name = "string")?;
    add_member_overload!(env, fn hours_of_duration: (CelDuration) -> CelInt, name = "getHours")?;
    add_member_overload!(
        env,
        fn minutes_of_duration: (CelDuration) -> CelInt,
        name = "getMinutes"
    )?;
    add_member_overload!(
        env,
        fn seconds_of_duration: (CelDuration) -> CelInt,
        name = "getSeconds"
    )?;
    add_member_overload!(
        env,
        fn millis_of_duration: (CelDuration) -> CelInt,
        name = "getMilliseconds"
    )?;
    add_parts(env)
}

/// Declares a part of a timestamp twice: at its own offset, and in a time zone.
macro_rules! part {
    ($env:expr, $name:literal, $part:expr) => {{
        fn here(at: &CelTimestamp) -> CelInt {
            let part: fn(&DateTime<FixedOffset>) -> i64 = $part;
            CelInt::from(part(at.inner()))
        }
        fn there(at: &CelTimestamp, zone: &CelString<'_>) -> Result<CelInt, ExecutionError> {
            let part: fn(&DateTime<FixedOffset>) -> i64 = $part;
            Ok(CelInt::from(part(&in_zone(at, zone)?)))
        }
        add_member_overload!($env, fn here: (CelTimestamp) -> CelInt, name = $name)?;
        add_member_overload!(
            $env,
            fn there: (CelTimestamp, CelString) -> Result<CelInt>,
            name = $name
        )
    }};
}

fn add_parts(env: &mut Env) -> Result<(), DeclarationError> {
    part!(env, "getFullYear", |at| i64::from(at.year()))?;
    part!(env, "getMonth", |at| i64::from(at.month0()))?;
    part!(env, "getDate", |at| i64::from(at.day()))?;
    part!(env, "getDayOfMonth", |at| i64::from(at.day0()))?;
    part!(env, "getDayOfWeek", |at| i64::from(at.weekday().num_days_from_sunday()))?;
    part!(env, "getDayOfYear", |at| i64::from(at.ordinal0()))?;
    part!(env, "getHours", |at| i64::from(at.hour()))?;
    part!(env, "getMinutes", |at| i64::from(at.minute()))?;
    part!(env, "getSeconds", |at| i64::from(at.second()))?;
    part!(env, "getMilliseconds", |at| i64::from(at.timestamp_subsec_millis()))
}

/// The first and the last second of CEL's timestamps: the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

fn same_timestamp(value: &CelTimestamp) -> CelTimestamp {
    value.clone()
}

fn timestamp_of_int(seconds: &CelInt) -> Result<CelTimestamp, ExecutionError> {
    let seconds = *seconds.inner();
    DateTime::from_timestamp(seconds, 0)
        .filter(|_| SECONDS.contains(&seconds))
        .map(|at| CelTimestamp::from(at.fixed_offset()))
        .ok_or_else(|| refuse("timestamp", &seconds))
}

fn timestamp_of_string(text: &CelString<'_>) -> Result<CelTimestamp, ExecutionError> {
    let text = text.inner();
    DateTime::parse_from_rfc3339(text)
        .ok()
        .filter(|at| is_strict(text, at) && SECONDS.contains(&at.timestamp()))
        .map(CelTimestamp::from)
        .ok_or_else(|| refuse("timestamp", &text))
}

/// Go takes no lower-case `t` or `z`, no space between day and time, and no leap second.
fn is_strict(text: &str, at: &DateTime<FixedOffset>) -> bool {
    text.as_bytes().get(10) == Some(&b'T')
        && !text.ends_with('z')
        && at.nanosecond() < 1_000_000_000
}

fn int_of_timestamp(value: &CelTimestamp) -> CelInt {
    CelInt::from(value.inner().timestamp())
}

fn string_of_timestamp(value: &CelTimestamp) -> CelString<'static> {
    let at = value.inner();
    let fraction = match at.nanosecond() {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_string(),
    };
    let zone = match at.offset().local_minus_utc() {
        0 => "Z".to_string(),
        _ => at.format("%:z").to_string(),
    };
    CelString::from(format!("{}{fraction}{zone}", at.format("%Y-%m-%dT%H:%M:%S")))
}

/// `at` in `zone`: UTC, or an offset such as `-08:00`. Other names need a database that is not
/// here.
fn in_zone(
    at: &CelTimestamp,
    zone: &CelString<'_>,
) -> Result<DateTime<FixedOffset>, ExecutionError> {
    let zone = zone.inner();
    let seconds = match zone.split_once(':') {
        Some((hours, minutes)) => offset_seconds(hours, minutes),
        None if matches!(zone, "" | "UTC") => Some(0),
        None => None,
    };
    seconds
        .and_then(FixedOffset::east_opt)
        .map(|offset| at.inner().with_timezone(&offset))
        .ok_or_else(|| {
            let why = format!("time zone {zone:?}: take UTC or an offset such as +02:00");
            ExecutionError::function_error("time zone", why)
        })
}

fn offset_seconds(hours: &str, minutes: &str) -> Option<i32> {
    let minutes: i32 = minutes.parse().ok()?;
    let minutes = if hours.starts_with('-') { minutes.checked_neg()? } else { minutes };
    let hours: i32 = hours.parse().ok()?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)
}

fn same_duration(value: &CelDuration) -> CelDuration {
    *value
}

fn duration_of_int(nanos: &CelInt) -> CelDuration {
    CelDuration::from(TimeDelta::nanoseconds(*nanos.inner()))
}

fn duration_of_string(text: &CelString<'_>) -> Result<CelDuration, ExecutionError> {
    go_duration::parse(text.inner())
        .map(|read| CelDuration::from(TimeDelta::nanoseconds(read.nanoseconds())))
        .map_err(|error| ExecutionError::function_error("duration", error))
}

fn int_of_duration(value: &CelDuration) -> Result<CelInt, ExecutionError> {
    let value = value.inner();
    value.num_nanoseconds().map(CelInt::from).ok_or_else(|| refuse("int", value))
}

fn string_of_duration(value: &CelDuration) -> CelString<'static> {
    let (seconds, nanos) = (value.inner().num_seconds(), value.inner().subsec_nanos());
    CelString::from(format!("{}s", seconds as f64 + f64::from(nanos) / 1e9))
}

fn hours_of_duration(value: &CelDuration) -> CelInt {
    CelInt::from(value.inner().num_hours())
}

fn minutes_of_duration(value: &CelDuration) -> CelInt {
    CelInt::from(value.inner().num_minutes())
}

fn seconds_of_duration(value: &CelDuration) -> CelInt {
    CelInt::from(value.inner().num_seconds())
}

fn millis_of_duration(value: &CelDuration) -> CelInt {
    CelInt::from(value.inner().num_milliseconds())
}
