//! What the defaults cost: servers as their libraries would have started
//! them, each over itself in the table above.
//!
//! Refuses to do: set one beside another server's.

use crate::plan::Scenario;
use crate::summarize::{ACCEPT_OVERFLOWED, Pair, ShippedLane, Summary, plain};
use crate::units::{LowHigh, Plain};

use super::notes::{notes, remarks};
use super::text::rate;
use super::view::{Line, View};

/// What stands above the table.
pub(crate) const TITLE: &str = "What the defaults cost: × the same server \
                                with every setting equal, in the same round";

/// What stands below it, a sentence each.
pub(crate) const LEGEND: [&str; 3] = [
    "@shipped: a server with its library's own defaults, under the same load; \
     whatever is not named is as in the table above.",
    "Hodges–Lehmann estimates within rounds, with their exact signed-rank \
     intervals: at least 95 % from 6 rounds on.",
    "No rank and no verdict: a library is held against itself, and what is \
     not resolved below is not resolved here.",
];

/// The table; `None` where no lane ran as shipped.
pub(super) fn view(summary: &Summary) -> Option<View> {
    if summary.shipped.is_empty() {
        return None;
    }
    let at = format!("@{}", rate(summary.plan.settings.rate_per_s));
    let at = at.as_str();
    let columns = [
        (Scenario::Classic, "total_ms", ["× classic", "total"]),
        (Scenario::Load, "cpu_us_per_echo", ["× µs CPU/echo", at]),
        (Scenario::Load, "latency_us_p99", ["× p99", at]),
    ];
    let ran = |scenario| summary.plan.scenarios.contains(&scenario);
    let columns: Vec<_> =
        columns.into_iter().filter(|(scenario, ..)| ran(*scenario)).collect();
    let lines = summary.shipped.iter().map(|lane| Line {
        server: plain(&lane.lane),
        model: lane.defaults.words(&summary.plan.settings).join(", "),
        tied: false,
        cells: columns
            .iter()
            .map(|(_, metric, _)| cell(lane.ratio(metric)))
            .collect(),
        notes: own_notes(summary, lane),
    });
    Some(View {
        lines: lines.collect(),
        titles: columns
            .iter()
            .map(|(.., title)| title.map(str::to_owned))
            .collect(),
    })
}

/// `5.21 (4.90–5.61)`, or the ratio alone where there is no interval.
fn cell(pair: Option<&Pair>) -> String {
    let Some(pair) = pair else { return "–".into() };
    let ratio = Plain(pair.ratio.median);
    match pair.ratio.interval() {
        Some(_) => format!("{ratio} ({})", LowHigh(pair.ratio)),
        None => ratio.to_string(),
    }
}

/// What can be said of it and not of the same server above.
pub(crate) fn own_notes(summary: &Summary, lane: &ShippedLane) -> Vec<String> {
    let above = notes(summary, &lane.server);
    let mut own = remarks(&lane.rows.iter().collect::<Vec<_>>());
    own.retain(|note| !above.contains(note));
    // What a short accept queue did comes first: it is what is asked for.
    own.sort_by_key(|note| !note.contains(ACCEPT_OVERFLOWED));
    own
}
