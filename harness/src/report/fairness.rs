//! Whether every connection was served alike, and how long one waited.
//!
//! Refuses to do: call a server fair by an average.

use maud::{Markup, html};

use super::figures::by_cost;
use super::table::{Cell, Line, table};
use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{Summary, plain};
use crate::units::of_metric;

/// A metric and its head; each is read at the fixed rate and in the closed
/// loop.
const COLUMNS: [(&str, &str); 4] = [
    ("jain", "Jain index"),
    ("fewest_echoes", "fewest echoes"),
    ("starved", "starved"),
    ("longest_gap_ms", "longest gap"),
];
const LOADS: [(&str, &str); 2] = [("", ""), ("_in_flight", ", closed loop")];

/// A figure in the digits of its metric, with its interval below.
fn cell(estimate: Option<&Estimate>, metric: &str) -> Cell {
    let Some(estimate) = estimate else { return Cell::text("–") };
    let shown = |value: f64| of_metric(metric, value);
    let interval = estimate.interval();
    let content = html! {
        (shown(estimate.median))
        @if let Some((low, high)) = interval {
            small { (shown(low)) "–" (shown(high)) }
        }
    };
    Cell::markup(content, Some(estimate.median))
}

/// None where no load was run, or fairness not counted.
pub(super) fn fairness(summary: &Summary) -> Option<Markup> {
    let columns = || {
        LOADS.into_iter().flat_map(|(suffix, words)| {
            COLUMNS.into_iter().map(move |(metric, head)| {
                (format!("{metric}{suffix}"), format!("{head}{words}"))
            })
        })
    };
    let rows = by_cost(summary, Scenario::Load).into_iter();
    let counted = rows.filter(|row| row.metrics.contains_key("jain"));
    let lines: Vec<Line> = counted
        .map(|row| Line {
            head: plain(&row.server),
            class: "",
            cells: columns()
                .map(|(metric, _)| cell(row.metrics.get(&metric), &metric))
                .collect(),
        })
        .collect();
    let heads = std::iter::once("server".to_owned())
        .chain(columns().map(|(_, head)| head));
    let heads: Vec<String> = heads.collect();
    let caption = "Echoes of single connections";
    (!lines.is_empty()).then(|| {
        html! {
            p { "The Jain index is 1 where all connections get the echoes \
                 they asked for, and 1/n where one gets them all (Jain, Chiu \
                 and Hawe 1984); starved counts connections that asked and \
                 got none; the longest gap is the longest wait of any single \
                 connection for its next echo." }
            (table("fair", caption, &heads, &lines))
        }
    })
}
