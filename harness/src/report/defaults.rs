//! What the defaults cost: each library's own settings over those that all
//! servers share.
//!
//! Refuses to do: set one library beside another.

use maud::{Markup, html};

use super::table::{Cell, Line, table};
use crate::render::{SHIPPED_LEGEND, SHIPPED_TITLE, shipped_notes};
use crate::summarize::{Summary, plain};

const COLUMNS: [(&str, &str); 3] = [
    ("total_ms", "× classic total"),
    ("cpu_us_per_echo", "× µs CPU/echo"),
    ("latency_us_p99", "× p99"),
];

/// None where no server ran as shipped.
pub(super) fn defaults(summary: &Summary) -> Option<Markup> {
    let lines: Vec<Line> = summary
        .shipped
        .iter()
        .map(|lane| {
            let words = lane.defaults.words(&summary.plan.settings);
            let mut cells = vec![Cell::text(&words.join(", "))];
            cells.extend(COLUMNS.iter().map(|(metric, _)| {
                let ratio = lane.ratio(metric).map(|pair| &pair.ratio);
                Cell::figure(ratio, 1.0)
            }));
            let notes = shipped_notes(summary, lane);
            cells.push(Cell::text(&notes.join("; ")));
            Line { head: plain(&lane.lane), class: "", cells }
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let mut heads = vec!["server".to_owned(), "its own defaults".to_owned()];
    heads.extend(COLUMNS.iter().map(|(_, head)| (*head).to_owned()));
    heads.push("notes".into());
    Some(html! {
        (table("shipped", SHIPPED_TITLE, &heads, &lines))
        ul { @for sentence in SHIPPED_LEGEND { li { (sentence) } } }
    })
}
