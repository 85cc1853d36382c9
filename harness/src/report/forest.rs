//! The forest plot: every server's cost over the reference's.
//!
//! Refuses to do: leave out a server whose ratio is known.

use super::figure::{Figure, Mark};
use super::figures::by_cost;
use super::intervals::{Base, Chart, Line, Point, draw};
use crate::plan::Scenario;
use crate::render::verdict;
use crate::stats::verdict::Verdict;
use crate::summarize::{Row, Summary, plain};
use crate::units::{LowHigh, Times};

/// None where nothing was measured beside the reference.
pub(super) fn forest(summary: &Summary, scenario: Scenario) -> Option<Figure> {
    let lines: Vec<Line> =
        by_cost(summary, scenario).into_iter().filter_map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let reference = plain(summary.plan.reference.as_deref()?);
    let floor = summary.controls.floors.get(&*scenario.name()).copied();
    let what = match scenario {
        Scenario::Load => "CPU per echo",
        Scenario::Classic => "Time of the original's test",
        other => other.series(),
    };
    Some(draw(&Chart {
        id: format!("ratios-{}", scenario.name()),
        title: format!("{what} over that of {reference}"),
        description: format!(
            "One line a server, cheapest first: the ratio to {reference} in \
             the same round with its interval, on a logarithmic axis. Left of \
             the line at 1 is cheaper. The grey band around it is what this \
             run does not resolve. A triangle is proved faster, a square \
             proved slower, a ring equivalent, a diamond undecided or not \
             tested."
        ),
        unit: format!("× {reference}, logarithmic"),
        lines,
        base: Some(Base { at: 1.0, floor: floor.unwrap_or(0.0) }),
    }))
}

fn line(row: &Row) -> Option<Line> {
    let estimate = row.ratio?;
    let (mark, class) = match row.verdict {
        Some(Verdict::Faster) => (Mark::Triangle, "good"),
        Some(Verdict::Slower) => (Mark::Square, "bad"),
        Some(Verdict::Equivalent) => (Mark::Ring, "open"),
        Some(Verdict::Undecided) | None => (Mark::Diamond, "open"),
    };
    let word = match row.verdict {
        Some(Verdict::Undecided) => "undecided".to_owned(),
        _ => verdict(row).unwrap_or_else(|| "not tested".into()),
    };
    Some(Line {
        name: plain(&row.server),
        remark: format!(
            "{} ({}) {word}",
            Times(estimate.median),
            LowHigh(estimate)
        ),
        points: vec![Point { estimate, mark, class }],
    })
}
