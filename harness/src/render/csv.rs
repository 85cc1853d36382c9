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
/// Then the same of lanes as shipped, with the ratio of each metric to the
/// equalised server's, such as `total_ms_ratio_to_equalised`.
#[must_use]
pub fn csv(summary: &Summary) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |record: &[String]| {
        writer.write_record(record).expect("a vector takes every record");
    };
    write(&HEADER.map(str::to_owned));
    for (row, ratios) in rows(summary) {
        let metrics: Vec<(&str, &Estimate)> = row
            .metrics
            .iter()
            .map(|(name, estimate)| (name.as_str(), estimate))
            .chain(ratios.iter().map(|(name, of)| (name.as_str(), *of)))
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

/// A row, and its ratios by the names they get here.
type WithRatios<'a> = (&'a Row, Vec<(String, &'a Estimate)>);

fn rows(summary: &Summary) -> Vec<WithRatios<'_>> {
    let mut rows: Vec<WithRatios<'_>> = Vec::new();
    for row in &summary.rows {
        let name = || "ratio_to_reference".to_owned();
        rows.push((row, row.ratio.iter().map(|of| (name(), of)).collect()));
    }
    for lane in &summary.shipped {
        for row in &lane.rows {
            let pairs = lane.ratios.iter();
            let own = pairs.filter(|pair| pair.scenario == row.scenario);
            let name = |metric| format!("{metric}_ratio_to_equalised");
            let ratios = own.map(|pair| (name(&pair.metric), &pair.ratio));
            rows.push((row, ratios.collect()));
        }
    }
    rows
}

fn record(
    summary: &Summary,
    row: &Row,
    metric: Option<(&str, &Estimate)>,
) -> Vec<String> {
    let mut cells = vec![
        cell(&summary.run),
        cell(&row.server),
        cell(&row.scenario.name()),
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
