//! What stands below a table: controls, what an interval means, what the run
//! cannot say, and every failure in a full sentence.
//!
//! Refuses to do: reassure.

use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{CLIENT_LIMITED, Row, Summary, plain};
use crate::units::{LowHigh, Percent, of_metric};

use super::notes::{failures, is_to_come};
use super::view::View;

/// Sentences, in the order of importance to a reader.
pub(super) fn sentences(summary: &Summary, view: &View) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(partial(summary));
    out.extend(controls(summary));
    out.extend(reference(summary));
    out.push(intervals(summary));
    out.extend(limits(summary));
    out.extend(legend(summary, view));
    for row in &summary.rows {
        out.extend(of_row(summary, row));
    }
    out
}

fn partial(summary: &Summary) -> Option<String> {
    if !summary.partial {
        return None;
    }
    let planned = summary.plan.trials.len();
    let same = summary.controls.same.iter().flat_map(|same| &same.rows);
    let all =
        summary.rows.iter().chain(&summary.controls.reference).chain(same);
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

fn controls(summary: &Summary) -> Option<String> {
    let same = summary.controls.same.as_ref()?;
    let server = plain(&same.server);
    if same.ratios.is_empty() {
        return Some(format!(
            "Controls: {server} was to run twice, and was not measured both \
             times; how far noise alone sets figures apart is not known."
        ));
    }
    let apart: Vec<String> = same
        .ratios
        .iter()
        .map(|pair| {
            let apart = summary.control_floor(pair.scenario);
            let apart = Percent(100.0 * apart.unwrap_or_default());
            let interval = match pair.ratio.interval() {
                Some(_) => format!(" (× {})", LowHigh(pair.ratio)),
                None => String::new(),
            };
            format!("{} {apart} apart{interval}", pair.scenario.name())
        })
        .collect();
    Some(format!(
        "Controls: the reference {server} ran twice under two names: {}.",
        apart.join(", "),
    ))
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

fn limits(summary: &Summary) -> Option<String> {
    summary.rows.iter().find(|row| row.is_measured())?;
    let quick = if summary.plan.settings.quick {
        "Quick windows are short. "
    } else {
        ""
    };
    let floor = summary
        .plan
        .scenarios
        .iter()
        .filter_map(|scenario| summary.control_floor(*scenario))
        .fold(0.0, f64::max);
    let floor = Percent(100.0 * floor.max(crate::compare::MIN_CHANGE));
    Some(format!(
        "{quick}Rows are sorted by cost and not ranked: no test was made of \
         their differences, and none below {floor} should be read as one."
    ))
}

/// Marks that the table uses.
fn legend(summary: &Summary, view: &View) -> Vec<String> {
    let mut out = Vec::new();
    let cells = || view.lines.iter().flat_map(|line| &line.cells);
    if cells().any(|cell| cell.contains("few")) {
        out.push(
            "few: fewer than 400 samples lie beyond that percentile; more \
             rounds would carry it."
                .into(),
        );
    }
    if summary.rows.iter().any(|row| row.is_flagged(CLIENT_LIMITED)) {
        out.push(
            "≥: the client was the bottleneck; the server could do more."
                .into(),
        );
    }
    let held = summary.plan.scenarios.contains(&Scenario::Load);
    if held && cells().any(|cell| cell.contains(" + ")) {
        out.push(
            "Kernel memory holds both ends of every connection, the client's \
             too."
                .into(),
        );
    }
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
