//! What gave no figure, and what has no rank, with the reasons.
//!
//! Refuses to do: leave one out, or soften a reason.

use maud::{Markup, html};

use super::table::{Cell, Line, table};
use crate::render::{failures, unranked};
use crate::summarize::{Row, Summary, plain};

/// A table of them, or the sentence that there is none.
pub(super) fn section(summary: &Summary) -> Markup {
    let lines: Vec<Line> = summary.rows.iter().filter_map(line).collect();
    if lines.is_empty() {
        return html! {
            p { "Every selected server was measured in every round, and every \
                 check held." }
        };
    }
    let heads = ["server", "scenario", "outcome", "why", "what mends it"];
    let caption = "Failures, skipped servers, rows without a rank";
    table("failures", caption, &heads.map(str::to_owned), &lines)
}

fn line(row: &Row) -> Option<Line> {
    let is_wanting = !row.is_sound() || !row.failures.is_empty();
    if !is_wanting {
        return None;
    }
    let mut why = failures(row);
    if row.is_measured() {
        why.extend(unranked(row));
    }
    let hint = row.hint.as_deref().map(plain);
    let outcome = plain(&row.outcome).replace('_', " ");
    Some(Line {
        head: plain(&row.server),
        class: "",
        cells: vec![
            Cell::text(&row.scenario.name()),
            Cell::text(&outcome),
            Cell::text(&why.join("; ")),
            Cell::text(&hint.unwrap_or_else(|| "–".into())),
        ],
    })
}
