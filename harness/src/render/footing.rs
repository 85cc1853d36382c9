//! What stands below a table: controls, what an interval means, what the run
//! cannot say, and every failure in a full sentence.
//!
//! Refuses to do: reassure.

use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::stats::verdict::MIN_ROUNDS;
use crate::summarize::{Row, Summary, plain};
use crate::units::{LowHigh, of_metric};

use super::conformance;
use super::controls::controls;
use super::legend::legend;
use super::notes::{failures, is_to_come};
use super::view::View;

/// Sentences, in the order of importance to a reader.
pub(super) fn sentences(summary: &Summary, view: &View) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(interrupted(summary));
    out.extend(repeated(summary));
    out.extend(controls(summary));
    out.extend(reading(summary));
    out.extend(limits(summary));
    out.extend(legend(summary, view));
    out.extend(conformance::sentences(summary));
    let shipped = summary.shipped.iter().flat_map(|lane| &lane.rows);
    for row in summary.rows.iter().chain(shipped) {
        out.extend(of_row(summary, row));
    }
    out
}

/// What the figures and their intervals are.
pub(crate) fn reading(summary: &Summary) -> Vec<String> {
    let mut out: Vec<String> = reference(summary).into_iter().collect();
    out.push(intervals(summary));
    if summary.rows.iter().any(|row| row.ratio.is_some()) {
        out.push(
            "× is taken within rounds: the Hodges–Lehmann estimate with its \
             exact signed-rank interval."
                .into(),
        );
    }
    out
}

/// How much of an unfinished run there is.
pub(crate) fn interrupted(summary: &Summary) -> Option<String> {
    if !summary.partial {
        return None;
    }
    let planned = summary.plan.trials.len();
    let controls = &summary.controls;
    let lanes = controls.same.iter().chain(&controls.spin_5_percent);
    let all = summary
        .rows
        .iter()
        .chain(&controls.reference)
        .chain(summary.shipped.iter().flat_map(|lane| &lane.rows))
        .chain(lanes.flat_map(|lane| &lane.rows));
    let interrupted =
        |row: &Row| row.failures.iter().any(|f| f.outcome == "interrupted");
    let done: usize = all
        .map(|row| {
            let failed = row.failures.len() - usize::from(interrupted(row));
            failed + usize::try_from(row.rounds).unwrap_or(usize::MAX)
        })
        .sum();
    Some(format!("Partial: {done} of {planned} trials are done."))
}

/// Rounds of which only the second attempt counts.
pub(crate) fn repeated(summary: &Summary) -> impl Iterator<Item = String> {
    summary.repeated.iter().map(|repeat| {
        format!(
            "Round {} was made again whole, and only that counts: {} {} was \
             broken by the environment: {}.",
            repeat.round,
            plain(&repeat.lane),
            repeat.scenario.name(),
            plain(&repeat.reason).trim_end_matches('.'),
        )
    })
}

/// The reference has no row of its own when it was not selected.
fn reference(summary: &Summary) -> Option<String> {
    let rows = &summary.controls.reference;
    let server = plain(&rows.first()?.server);
    let figures: Vec<String> = rows
        .iter()
        .map(|row| {
            let metric = row.scenario.primary_metric();
            match row.metrics.get(metric) {
                Some(estimate) => format!(
                    "{} {}{}",
                    row.scenario.name(),
                    of_metric(metric, estimate.median),
                    within(estimate),
                ),
                None => format!(
                    "{} {}",
                    row.scenario.name(),
                    failures(row).join("; "),
                ),
            }
        })
        .collect();
    Some(format!(
        "The reference {server} was not selected; it ran for the ratios: {}.",
        figures.join(", "),
    ))
}

fn within(estimate: &Estimate) -> String {
    estimate
        .interval()
        .map_or_else(String::new, |_| format!(" ({})", LowHigh(*estimate)))
}

fn intervals(summary: &Summary) -> String {
    let estimates = summary.rows.iter().flat_map(|row| {
        row.metrics.get(row.scenario.primary_metric()).into_iter()
    });
    let widest = estimates.max_by_key(|estimate| estimate.n);
    match widest {
        Some(estimate) if estimate.level > 0.0 => format!(
            "Figures are medians over rounds; ± is the farther end of the \
             exact order-statistic interval, level {} at {} rounds{}.",
            format_args!("{:.1} %", 100.0 * estimate.level),
            estimate.n,
            if estimate.level < crate::stats::LEVEL {
                ": from 6 rounds on it is at least 95 %"
            } else {
                ""
            },
        ),
        Some(_) => {
            "One round: estimates without intervals, which say nothing of how \
             much the next round would differ."
                .into()
        }
        None => "Nothing was measured.".into(),
    }
}

/// Who is cheapest as far as tests tell, or why nobody is said to be.
fn limits(summary: &Summary) -> Vec<String> {
    if !summary.rows.iter().any(Row::is_measured) {
        return Vec::new();
    }
    let quick = if summary.plan.settings.quick {
        "Quick windows are short. "
    } else {
        ""
    };
    let ranked: Vec<Scenario> = summary
        .plan
        .scenarios
        .iter()
        .copied()
        .filter(|scenario| summary.is_ranked(*scenario))
        .collect();
    let (ranked, curves): (Vec<Scenario>, Vec<Scenario>) =
        ranked.into_iter().partition(|scenario| scenario.is_main());
    if ranked.is_empty() && curves.is_empty() {
        let why = format!("ranks need {MIN_ROUNDS} rounds of two servers");
        return vec![format!(
            "{quick}Rows are sorted by cost and not ranked: {why}."
        )];
    }
    let mut out: Vec<String> = ranked
        .into_iter()
        .map(|scenario| {
            let servers: Vec<String> =
                summary.cheapest(scenario).into_iter().map(plain).collect();
            let tied = if servers.len() > 1 {
                "Tied for cheapest"
            } else {
                "Cheapest"
            };
            let tied = format!("{tied} in {}", scenario.name());
            format!("{quick}{tied}: {}.", servers.join(", "))
        })
        .collect();
    out.push(
        "Notes compare to the reference: faster and slower are proved, at 5 % \
         for all servers together, equivalent is within ±5 %, undecided \
         may be either."
            .into(),
    );
    out
}

/// A row without figures, or with some rounds that gave none.
fn of_row(summary: &Summary, row: &Row) -> Vec<String> {
    let (server, scenario) = (plain(&row.server), row.scenario);
    if is_to_come(row) {
        return Vec::new();
    }
    if row.outcome == "skipped" && row.failures.is_empty() {
        // All scenarios of a server are skipped for one reason: say it once.
        let first = summary.rows.iter().find(|other| {
            other.server == row.server && other.reason == row.reason
        });
        if first.is_some_and(|first| first.scenario != scenario) {
            return Vec::new();
        }
        let reason = row.reason.as_deref().map(plain).unwrap_or_default();
        let mend = row
            .hint
            .as_deref()
            .map(|hint| format!(" To mend it: {}", plain(hint)));
        let mend = mend.unwrap_or_default();
        return vec![format!("{server} was skipped: {reason}.{mend}")];
    }
    let mend =
        row.hint.as_deref().map(|hint| format!(" More: {}", plain(hint)));
    failures(row)
        .into_iter()
        .map(|failure| {
            let mend = mend.as_deref().unwrap_or_default();
            format!("{server} {}: {failure}.{mend}", scenario.name())
        })
        .collect()
}
