//! Two runs side by side: first what differs, in words, then every figure.
//!
//! Refuses to do: show a difference without its interval.

use crate::compare::{Comparison, Entry, MAX_CHANCE, Verdict};
use crate::summarize::plain;
use crate::units::{Percent, Plain, PlusMinus, Times};

use super::json::pretty;
use super::markdown::{escape, rule};
use super::table::{columns, finish};
use super::text::{shorten, wrap};

const HEADER: [&str; 7] =
    ["server", "scenario", "metric", "before", "now", "change", "finding"];

/// A name longer than this is cut in the table of a terminal.
const NAME: usize = 22;

/// For a terminal.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let mut lines = Vec::new();
    let say = |sentence: &str, lines: &mut Vec<String>| {
        lines.extend(wrap(sentence, "  ", ""));
    };
    say(&title(comparison), &mut lines);
    for sentence in findings(comparison) {
        say(&sentence, &mut lines);
    }
    lines.push(String::new());
    let rows = comparison.entries.iter().map(|entry| {
        let mut cells = cells(entry);
        cells[0] = shorten(&cells[0], NAME);
        cells
    });
    let header = HEADER.map(str::to_owned).to_vec();
    lines.extend(columns(header, rows.collect()));
    lines.push(String::new());
    for sentence in remarks(comparison) {
        say(&sentence, &mut lines);
    }
    finish(lines)
}

/// For a pull request.
#[must_use]
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let mut out = format!("{}\n\n", escape(&title(comparison)));
    for sentence in findings(comparison) {
        out.push_str(&format!("- **{}**\n", escape(&sentence)));
    }
    let rows = comparison
        .entries
        .iter()
        .map(|entry| cells(entry).iter().map(|cell| escape(cell)).collect());
    let header = HEADER.map(str::to_owned).to_vec();
    out.push_str(&format!("\n{}\n", rule(header, rows.collect())));
    for sentence in remarks(comparison) {
        out.push_str(&format!("- {}\n", escape(&sentence)));
    }
    out
}

/// For a program.
#[must_use]
pub fn comparison_json(comparison: &Comparison) -> String {
    pretty(comparison)
}

fn title(comparison: &Comparison) -> String {
    let what = match &comparison.reference {
        Some(reference) if !comparison.absolute => {
            format!("as ratios to {} of the same round", plain(reference),)
        }
        _ => "by the figures themselves: drift not removed".into(),
    };
    format!(
        "{} (before) against {} (now), {what}.",
        plain(&comparison.a),
        plain(&comparison.b),
    )
}

/// Differences and changed outcomes, or that there are none.
fn findings(comparison: &Comparison) -> Vec<String> {
    let told = |entry: &&Entry| {
        entry.is_named()
            || matches!(entry.verdict, Verdict::Broken | Verdict::Mended)
    };
    let found: Vec<String> = comparison
        .entries
        .iter()
        .filter(told)
        .map(|entry| format!("{}.", entry.sentence))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let undecided = |entry: &Entry| entry.verdict == Verdict::Undecided;
    let needed =
        comparison.entries.iter().filter_map(|entry| entry.rounds_needed);
    let compared = comparison.entries.iter().any(|e| e.change.is_some());
    vec![match needed.max() {
        Some(needed) if comparison.entries.iter().any(undecided) => format!(
            "Undecided: needs {needed} more round{}.",
            if needed == 1 { "" } else { "s" },
        ),
        _ if compared => "No difference shown.".into(),
        _ => "There is nothing to compare.".into(),
    }]
}

fn cells(entry: &Entry) -> Vec<String> {
    let figure = |estimate: Option<_>, doubts: &[String]| {
        let mark = if doubts.is_empty() { "" } else { "~" };
        estimate.map_or_else(
            || "–".into(),
            |of| format!("{mark}{}", PlusMinus(of, 1.0)),
        )
    };
    let change = entry.change.map_or_else(
        || "–".into(),
        |change| {
            let median = Times(change.median);
            if change.low < change.high {
                let (low, high) = (Plain(change.low), Plain(change.high));
                format!("{median} ({low}–{high})")
            } else {
                median.to_string()
            }
        },
    );
    vec![
        plain(&entry.server),
        entry.scenario.name().into(),
        entry.metric.clone(),
        figure(entry.before, &entry.doubts_before),
        figure(entry.after, &entry.doubts_now),
        change,
        finding(entry),
    ]
}

fn finding(entry: &Entry) -> String {
    match entry.verdict {
        Verdict::Faster => "better".into(),
        Verdict::Slower => "worse".into(),
        Verdict::NoDifference => format!(
            "none (≤ {})",
            Percent(100.0 * entry.could_hide.unwrap_or_default()),
        ),
        Verdict::Undecided => {
            format!("+{} rounds", entry.rounds_needed.unwrap_or_default())
        }
        Verdict::Broken => "broken".into(),
        Verdict::Mended => "mended".into(),
        Verdict::Missing => "missing".into(),
    }
}

fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut out = Vec::new();
    for mismatch in &comparison.mismatches {
        out.push(format!("Compared in spite of it: {}.", plain(mismatch)));
    }
    for drift in &comparison.drift {
        let mut sentence = drift.sentence.clone();
        if sentence.starts_with('t') {
            sentence.replace_range(..1, "T");
        }
        let left_out = if comparison.absolute {
            "which is in the figures above"
        } else {
            "which ratios leave out"
        };
        out.push(format!("{sentence}, {left_out}."));
    }
    let missing = |entry: &&Entry| entry.verdict == Verdict::Missing;
    for entry in comparison.entries.iter().filter(missing) {
        out.push(format!("{}.", entry.sentence));
    }
    let has = |verdict: Verdict| {
        comparison.entries.iter().any(|entry| entry.verdict == verdict)
    };
    if has(Verdict::NoDifference) {
        out.push(
            "none (≤ X): no difference is shown; one of up to X could have \
             hidden."
                .into(),
        );
    }
    let is_marked = |entry: &Entry| {
        !entry.doubts_before.is_empty() || !entry.doubts_now.is_empty()
    };
    if comparison.entries.iter().any(is_marked) {
        out.push(
            "~: taken on a disturbed machine in half of the rounds or more, \
             or disputed by a check of the figure's own."
                .into(),
        );
    }
    if has(Verdict::Undecided) {
        out.push(format!(
            "+N rounds: so many more are needed before chance names any \
             difference in at most {} of comparisons.",
            Percent(100.0 * MAX_CHANCE),
        ));
    }
    if comparison.chance > 0.0 {
        let floors = comparison.entries.iter().map(|entry| entry.floor);
        let floor = floors.fold(0.0, f64::max);
        out.push(format!(
            "A difference is named when the exact intervals of both runs lie \
             apart and it is larger than {}; chance alone does that anywhere \
             above in at most {} of comparisons.",
            Percent(100.0 * floor),
            Percent(100.0 * comparison.chance),
        ));
    }
    out
}
