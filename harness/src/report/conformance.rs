//! The conformance matrix: what every server does alike, and what not.
//!
//! Refuses to do: count as passed what was skipped or declared unsupported.

use maud::{Markup, html};

use super::table::{Cell, Line, table};
use crate::render::{Checked, deviations, grid};
use crate::summarize::plain;

/// None where nothing was selected.
pub(super) fn conformance(checked: &[Checked]) -> Option<Markup> {
    if checked.is_empty() {
        return None;
    }
    let (heads, rows) = grid(checked);
    let lines = rows.into_iter().map(|row| {
        let mut cells = row.iter().map(|cell| plain(cell));
        Line {
            head: cells.next().unwrap_or_default(),
            class: "",
            cells: cells.map(|cell| Cell::text(&cell)).collect(),
        }
    });
    let lines: Vec<Line> = lines.collect();
    let deviations = deviations(checked);
    let caption = "Cases passed of those that bind or should hold, by group";
    Some(html! {
        p { "Every server is put through one conformance suite, harness \
             check: the same bytes, closes, pressure, exhaustion, starts and \
             stops. What the committed checks of this revision of the suite \
             say:" }
        (table("matrix", caption, &heads, &lines))
        @if !deviations.is_empty() {
            h3 { "Deviations" }
            ul {
                @for found in &deviations {
                    li {
                        (plain(&found.servers.join(", "))) ": "
                        (plain(found.case)) " " (found.word) ": "
                        (plain(found.why))
                        @if let Some(source) = found.source {
                            " (upstream: " (plain(source)) ")"
                        }
                    }
                }
            }
        }
    })
}
