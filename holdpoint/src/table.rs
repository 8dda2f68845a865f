//! Tables and times as a person reads them.

use chrono::{DateTime, NaiveDate, Utc};

/// Rows with each column as wide as its widest cell, a line each.
pub fn columns(rows: &[impl AsRef<[String]>]) -> Vec<String> {
    let cells = || rows.iter().map(|row| row.as_ref());
    let width = |column: usize| {
        cells().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..).map_while(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells().map(line).collect()
}

/// A time of RFC 3339 as a table shows it, in UTC as all messages of steps have it: `09:47:18Z`, and
/// with its date where that is not this one. What is no such time stays as it is.
pub fn clock(time: &str, today: NaiveDate) -> String {
    let Ok(time) = DateTime::parse_from_rfc3339(time) else { return time.to_owned() };
    let time = time.with_timezone(&Utc);
    let format = if time.date_naive() == today { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%M:%SZ" };
    time.format(format).to_string()
}

/// A time as a person says it: `0.3 s`, `2 min 5 s`, `3 h 20 min`.
pub fn time(seconds: f64) -> String {
    let parts = |large: &str, small: &str, size: f64| {
        let (whole, rest) = ((seconds / size).floor(), seconds % size / (size / 60.0));
        format!("{whole:.0} {large} {:.0} {small}", rest.floor())
    };
    match seconds {
        ..60.0 => format!("{seconds:.1} s"),
        60.0..3600.0 => parts("min", "s", 60.0),
        _ => parts("h", "min", 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_are_said() {
        for (seconds, text) in [
            (0.0, "0.0 s"),
            (59.94, "59.9 s"),
            (125.9, "2 min 5 s"),
            (3600.0, "1 h 0 min"),
            (90_000.0, "25 h 0 min"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn a_table_has_columns() {
        let row = |one: &str, other: &str| [one.to_owned(), other.to_owned()];
        assert_eq!(columns(&[row("A", "B"), row("long", "")]), ["A     B", "long"]);
    }

    #[test]
    fn a_time_has_its_date_on_another_day() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap_or_default();
        for (time, today, text) in [
            ("2026-11-21T23:30:01.500Z", 21, "23:30:01Z"),
            ("2026-11-22T01:30:01+02:00", 21, "23:30:01Z"),
            ("2026-11-21T23:30:01Z", 22, "2026-11-21 23:30:01Z"),
            ("soon", 22, "soon"),
        ] {
            assert_eq!(clock(time, day(today)), text);
        }
    }
}
