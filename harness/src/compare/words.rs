//! Findings as sentences.
//!
//! Refuses to do: say more than the verdict does.

use super::types::{Change, Entry, Verdict};
use crate::plan::Scenario;
use crate::summarize::{Row, plain};
use crate::units::{Percent, Plain, Times, higher_is_better};

/// `rust-tokio load is 20 % dearer than before (cpu_us_per_echo × 1.20,
/// 1.17–1.23)`.
pub(super) fn judged(entry: &Entry, absolute: bool) -> String {
    let subject = subject(&entry.server, entry.scenario);
    let figures = entry.change.as_ref().map_or_else(String::new, |change| {
        format!(" ({})", figures(&entry.metric, change))
    });
    let mut caveat = String::new();
    if absolute {
        caveat.push_str("; drift not removed");
    }
    for (run, doubts) in
        [("before", &entry.doubts_before), ("now", &entry.doubts_now)]
    {
        if !doubts.is_empty() {
            caveat.push_str(&format!("; ~ {run}: {}", doubts.join(", ")));
        }
    }
    let median = entry.change.map_or(1.0, |change| change.median);
    match entry.verdict {
        Verdict::Faster | Verdict::Slower => format!(
            "{subject} is {} {} than before{figures}{caveat}",
            Percent(100.0 * (median - 1.0).abs()),
            adjective(&entry.metric, median > 1.0),
        ),
        Verdict::NoDifference => format!(
            "{subject}: no difference shown{figures}; one of up to {} could \
             have hidden{caveat}",
            Percent(100.0 * entry.could_hide.unwrap_or_default()),
        ),
        _ => {
            let needed = entry.rounds_needed.unwrap_or_default();
            let rounds = if needed == 1 { "round" } else { "rounds" };
            format!(
                "{subject}: undecided, needs {needed} more \
                 {rounds}{figures}{caveat}"
            )
        }
    }
}

pub(super) fn without_figures(
    server: &str,
    scenario: Scenario,
    why: &str,
) -> String {
    format!("{}: {why}", subject(server, scenario))
}

/// `measured before, crashed now: signal 11`.
pub(super) fn outcomes(before: &Row, after: &Row) -> String {
    let outcome = |row: &Row| row.outcome.replace('_', " ");
    let mut text =
        format!("{} before, {} now", outcome(before), outcome(after));
    let reason = after.reason.as_ref().or(before.reason.as_ref());
    if let Some(reason) = reason {
        text.push_str(": ");
        text.push_str(&plain(reason));
    }
    text
}

pub(super) fn drift(
    reference: &str,
    scenario: Scenario,
    metric: &str,
    change: &Change,
) -> String {
    format!(
        "the reference itself, {}, moved ({})",
        subject(reference, scenario),
        figures(metric, change),
    )
}

fn subject(server: &str, scenario: Scenario) -> String {
    format!("{} {}", plain(server), scenario.name())
}

fn figures(metric: &str, change: &Change) -> String {
    let median = Times(change.median);
    if change.low < change.high {
        let (low, high) = (Plain(change.low), Plain(change.high));
        format!("{metric} {median}, {low}–{high}")
    } else {
        format!("{metric} {median}")
    }
}

/// What a figure is that grew, or shrank.
fn adjective(metric: &str, grew: bool) -> &'static str {
    if metric.starts_with("cpu_us") {
        if grew { "dearer" } else { "cheaper" }
    } else if !higher_is_better(metric)
        && (metric.contains("_us") || metric.contains("_ms"))
    {
        if grew { "slower" } else { "faster" }
    } else if grew {
        "higher"
    } else {
        "lower"
    }
}
