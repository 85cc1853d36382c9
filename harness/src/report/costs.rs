//! What a server costs in everything that was counted, one row each.
//!
//! The script lets two of them be seen side by side.
//!
//! Refuses to do: weigh one cost against another.

use maud::Markup;

use super::figures::{KERNEL, USER, by_cost};
use super::table::{Cell, Line, table};
use crate::plan::Scenario;
use crate::render::rate;
use crate::summarize::{Summary, plain};

/// The table that the script looks for.
pub(super) const ID: &str = "costs";

/// A metric, its head, what its figures are multiplied by.
const COLUMNS: [(&str, &str, f64); 12] = [
    ("cpu_us_per_echo", "µs CPU/echo", 1.0),
    ("cpu_us_per_echo_in_flight", "µs CPU/echo, closed loop", 1.0),
    ("rest_cpu_percent", "% CPU at rest", 1.0),
    ("voluntary_switches_per_echo", "voluntary switches/echo", 1.0),
    ("involuntary_switches_per_echo", "involuntary switches/echo", 1.0),
    ("packets_per_echo", "packets/echo", 1.0),
    ("packets_per_echo_in_flight", "packets/echo, closed loop", 1.0),
    ("threads", "threads", 1.0),
    ("descriptors", "descriptors", 1.0),
    (USER, "user KiB/conn", 1.0 / 1024.0),
    (KERNEL, "kernel KiB/conn", 1.0 / 1024.0),
    ("echoes_per_s", "echoes/s, closed loop", 1.0),
];

/// All costs of all servers; none where no load was run.
pub(super) fn costs(summary: &Summary) -> Option<Markup> {
    let rows = by_cost(summary, Scenario::Load);
    let measured = rows.into_iter().filter(|row| row.is_measured());
    let lines: Vec<Line> = measured
        .map(|row| Line {
            head: plain(&row.server),
            class: "",
            cells: COLUMNS
                .iter()
                .map(|(metric, _, scale)| {
                    Cell::figure(row.metrics.get(*metric), *scale)
                })
                .collect(),
        })
        .collect();
    let at = rate(summary.plan.settings.rate_per_s);
    let heads = COLUMNS.iter().map(|(metric, head, _)| match *metric {
        "cpu_us_per_echo" => format!("{head} @{at}"),
        _ => (*head).to_owned(),
    });
    let heads: Vec<String> =
        std::iter::once("server".into()).chain(heads).collect();
    let caption = "Costs of every server, with intervals";
    (!lines.is_empty()).then(|| table(ID, caption, &heads, &lines))
}
