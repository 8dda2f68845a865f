//! The figures as a table to be read at a glance, or as JSON.

use serde_json::{Value, json};

use crate::load::Samples;

/// A figure of reviews, and the same of health checks where it has a sense there.
struct Figure {
    name: &'static str,
    budget: Option<Budget>,
    review: f64,
    health: Option<f64>,
}

enum Budget {
    AtLeast(f64),
    Below(f64),
}

fn figures([review, health]: &[Samples; 2], memory: f64) -> [Figure; 5] {
    let figure = |name, budget, of: fn(&Samples) -> f64| Figure {
        name,
        budget,
        review: of(review),
        health: Some(of(health)),
    };
    [
        figure("answers per second", Some(Budget::AtLeast(2000.0)), Samples::per_second),
        figure("median, ms", None, |samples| samples.percentile_ms(50.0)),
        figure("99th percentile, ms", Some(Budget::Below(10.0)), |samples| {
            samples.percentile_ms(99.0)
        }),
        figure("server's processor time, ms", None, Samples::worked_ms),
        Figure {
            name: "largest resident memory, MiB",
            budget: Some(Budget::Below(30.0)),
            review: memory,
            health: None,
        },
    ]
}

impl Figure {
    fn budget(&self) -> String {
        match self.budget {
            None => String::new(),
            Some(Budget::AtLeast(limit)) => format!(">= {limit}"),
            Some(Budget::Below(limit)) => format!("< {limit}"),
        }
    }

    fn is_met(&self) -> Option<bool> {
        Some(match self.budget.as_ref()? {
            Budget::AtLeast(limit) => self.review >= *limit,
            Budget::Below(limit) => self.review < *limit,
        })
    }
}

pub(crate) fn table(samples: &[Samples; 2], memory: f64) -> String {
    let mut text = format!(
        "{:29} {:>9} {:>4} {:>12} {:>12}\n",
        "FIGURE", "BUDGET", "MET", "/mutate", "/healthz"
    );
    for figure in figures(samples, memory) {
        let met = figure.is_met().map_or("", |met| if met { "yes" } else { "no" });
        let health = figure.health.map(|health| format!("{health:.2}")).unwrap_or_default();
        let line = format!(
            "{:29} {:>9} {met:>4} {:>12.2} {health:>12}",
            figure.name,
            figure.budget(),
            figure.review
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

pub(crate) fn json(samples: &[Samples; 2], memory: f64) -> String {
    let figures = figures(samples, memory).map(|figure| {
        json!({
            "figure": figure.name,
            "budget": figure.budget(),
            "met": figure.is_met(),
            "review": figure.review,
            "health": figure.health,
        })
    });
    format!("{:#}\n", Value::from(figures.to_vec()))
}
