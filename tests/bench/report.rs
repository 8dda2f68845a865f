//! The figures as a table to be read at a glance, or as JSON.

use serde_json::{Map, Value, json};

use super::contestant::{Contestant, Role};
use super::figures::{Budget, Figure};

/// A figure with each contestant's median.
pub(super) struct Measured {
    pub(super) figure: &'static Figure,
    pub(super) medians: Vec<Option<f64>>,
}

impl Measured {
    fn of(&self, role: Role, contestants: &[Contestant]) -> Option<f64> {
        let place = contestants.iter().position(|contestant| contestant.role == role)?;
        self.medians[place]
    }

    fn limit(&self, contestants: &[Contestant]) -> Option<f64> {
        self.figure.budget.limit(self.of(Role::Floor, contestants))
    }

    fn is_met(&self, contestants: &[Contestant]) -> Option<bool> {
        Some(self.of(Role::Ours, contestants)? <= self.limit(contestants)?)
    }
}

/// Beside each figure of the others how many times ours it is.
pub(super) fn table(contestants: &[Contestant], measured: &[Measured]) -> String {
    let mut head = vec!["FIGURE".to_owned(), "UNIT".to_owned(), "BUDGET".to_owned()];
    head.push("MET".to_owned());
    head.extend(contestants.iter().map(|contestant| contestant.name.to_uppercase()));
    let mut rows = vec![head];
    rows.extend(measured.iter().map(|measured| row(contestants, measured)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..rows[0].len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(contestants: &[Contestant], measured: &Measured) -> Vec<String> {
    let met = match measured.is_met(contestants) {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let (figure, ours) = (measured.figure, measured.of(Role::Ours, contestants));
    let mut row = vec![figure.title.to_owned(), figure.unit.to_owned()];
    row.push(budget(measured, contestants));
    row.push(met.to_owned());
    for (contestant, median) in contestants.iter().zip(&measured.medians) {
        let ratio = ours.zip(*median).filter(|(ours, _)| *ours > 0.0);
        let ratio = ratio.filter(|_| contestant.role != Role::Ours);
        let ratio = ratio.map_or(String::new(), |(ours, it)| format!(" ({:.2}x)", it / ours));
        row.push(median.map_or("-".to_owned(), |median| format!("{median:.2}{ratio}")));
    }
    row
}

fn budget(measured: &Measured, contestants: &[Contestant]) -> String {
    let limit = measured.limit(contestants).map_or(String::new(), |limit| format!("{limit:.2}"));
    match measured.figure.budget {
        Budget::TimesFloor(factor) => format!("<= {limit} = {factor} x floor"),
        Budget::AboveFloor(more) => format!("<= {limit} = floor + {more}"),
        Budget::AtMost(_) => format!("<= {limit}"),
        Budget::None => String::new(),
    }
}

pub(super) fn json(contestants: &[Contestant], measured: &[Measured]) -> String {
    let figure = |measured: &Measured| {
        let names = contestants.iter().map(|contestant| contestant.name.clone());
        let values = names.zip(measured.medians.iter().map(|median| json!(median)));
        json!({
            "name": measured.figure.name,
            "title": measured.figure.title,
            "unit": measured.figure.unit,
            "limit": measured.limit(contestants),
            "met": measured.is_met(contestants),
            "values": values.collect::<Map<String, Value>>(),
        })
    };
    let figures: Vec<_> = measured.iter().map(figure).collect();
    format!("{:#}\n", json!({ "figures": figures }))
}
