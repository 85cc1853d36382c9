//! One line for each server, scenario and metric.
//!
//! Refuses to do: hand a spreadsheet a formula.

use crate::stats::Estimate;
use crate::summarize::{Row, Summary, plain};

const HEADER: [&str; 16] = [
    "run", "server", "scenario", "family", "model", "status", "outcome",
    "rounds", "metric", "median", "low", "high", "n", "level", "flags",
    "reason",
];

/// Every figure of every row, the ratio to the reference as a metric
/// `ratio_to_reference`; a row without figures is one line without a metric.
#[must_use]
pub fn csv(summary: &Summary) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |record: &[String]| {
        writer.write_record(record).expect("a vector takes every record");
    };
    write(&HEADER.map(str::to_owned));
    for row in &summary.rows {
        let ratio = row.ratio.as_ref().map(|r| ("ratio_to_reference", r));
        let metrics: Vec<(&str, &Estimate)> = row
            .metrics
            .iter()
            .map(|(name, estimate)| (name.as_str(), estimate))
            .chain(ratio)
            .collect();
        for (name, estimate) in &metrics {
            write(&record(summary, row, Some((name, estimate))));
        }
        if metrics.is_empty() {
            write(&record(summary, row, None));
        }
    }
    let bytes = writer.into_inner().expect("a vector can be flushed");
    String::from_utf8(bytes).expect("every cell was text")
}

fn record(
    summary: &Summary,
    row: &Row,
    metric: Option<(&str, &Estimate)>,
) -> Vec<String> {
    let mut cells = vec![
        cell(&summary.run),
        cell(&row.server),
        cell(row.scenario.name()),
        cell(&row.family),
        cell(&row.model),
        cell(&row.status),
        cell(&row.outcome),
        row.rounds.to_string(),
    ];
    match metric {
        Some((name, estimate)) => cells.extend([
            cell(name),
            estimate.median.to_string(),
            estimate.low.to_string(),
            estimate.high.to_string(),
            estimate.n.to_string(),
            estimate.level.to_string(),
        ]),
        None => cells.extend(std::iter::repeat_n(String::new(), 6)),
    }
    cells.push(cell(&row.flags.join(" ")));
    cells.push(cell(row.reason.as_deref().unwrap_or_default()));
    cells
}

/// Spreadsheets run what begins like a formula; an apostrophe makes it text.
fn cell(text: &str) -> String {
    let text = plain(text);
    let formula =
        text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text }
}
