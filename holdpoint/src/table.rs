//! Tables and times as a person reads them.

/// Rows with each column as wide as its widest cell, a line each.
pub fn columns<const N: usize>(rows: Vec<[String; N]>) -> Vec<String> {
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
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
        assert_eq!(columns(vec![row("A", "B"), row("long", "")]), ["A     B", "long"]);
    }
}
