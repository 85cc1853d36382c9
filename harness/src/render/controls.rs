//! The control lanes of a run in words.
//!
//! Refuses to do: reassure.

use crate::plan::{SERIES, Scenario};
use crate::stats::verdict::Verdict;
use crate::summarize::{Pair, Summary};
use crate::units::Percent;

/// What shows how far the figures can be trusted, and what they don't tell.
pub(crate) fn controls(summary: &Summary) -> Vec<String> {
    let Some(same) = &summary.controls.same else { return Vec::new() };
    let same = if same.ratios.is_empty() {
        "same binary not measured twice".to_owned()
    } else {
        let main = same.ratios.iter().filter(|it| it.scenario.is_main());
        let mut apart: Vec<String> = main
            .map(|pair| {
                let apart = summary.control_floor(pair.scenario);
                let apart = Percent(100.0 * apart.unwrap_or_default());
                let name = pair.scenario.name();
                format!("{apart} apart in {name} ({})", told_apart(pair))
            })
            .collect();
        apart.extend(over_points(
            summary,
            |scenario| summary.control_floor(scenario),
            "apart over",
        ));
        format!("same binary {}", listed(&apart))
    };
    let floors = summary.plan.scenarios.iter().filter_map(|scenario| {
        let floor = summary.controls.floors.get(&*scenario.name())?;
        let floor = Percent(100.0 * floor);
        let name = scenario.name();
        scenario.is_main().then(|| format!("{floor} ({name})"))
    });
    let mut floors: Vec<String> = floors.collect();
    floors.extend(over_points(
        summary,
        |scenario| summary.controls.floors.get(&*scenario.name()).copied(),
        "over",
    ));
    let floors = match floors.as_slice() {
        [] => {
            "How large a difference must be to be resolved is not known.".into()
        }
        _ => format!(
            "Differences under {} are not resolved here.",
            listed(&floors)
        ),
    };
    vec![format!("Controls: {same}; {}.", spin(summary)), floors]
}

/// `a`, `a and b`, `a, b and c`.
fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

/// `1.2 %–3.4 % over scale`: the least and the most of a fraction over the
/// points of every scenario that is not in the main table.
fn over_points(
    summary: &Summary,
    of: impl Fn(Scenario) -> Option<f64>,
    words: &str,
) -> Vec<String> {
    let series = SERIES.iter().filter_map(|series| {
        let points = summary.plan.scenarios.iter().copied();
        let own = points.filter(|it| !it.is_main() && it.series() == *series);
        let found: Vec<f64> = own.filter_map(&of).collect();
        let least = found.iter().copied().reduce(f64::min)?;
        let most = found.iter().copied().reduce(f64::max)?;
        let (least, most) = (Percent(100.0 * least), Percent(100.0 * most));
        Some(match found.len() {
            1 => format!("{most} {words} {series}"),
            _ => format!("{least} to {most} {words} {series}"),
        })
    });
    series.collect()
}

const fn told_apart(pair: &Pair) -> &'static str {
    match pair.verdict {
        None => "not tested",
        Some(_) if pair.is_different() => "different",
        Some(_) => "not different",
    }
}

/// The copy that is dearer by design, and whether that was found.
fn spin(summary: &Summary) -> String {
    let Some(lane) = &summary.controls.spin_5_percent else {
        return "+5 % copy not run".into();
    };
    let Some(pair) = lane.pair(Scenario::Load) else {
        return "+5 % copy not measured".into();
    };
    let found = match pair.verdict {
        None => "not tested",
        Some(Verdict::Slower) => "yes",
        Some(_) => "no",
    };
    let measured = Percent(100.0 * (pair.ratio.median - 1.0));
    let by_design = lane.spin_us.zip(lane.spin_percent);
    let by_design = by_design.map_or_else(String::new, |(us, percent)| {
        format!("{us} µs, by design {}; ", Percent(percent))
    });
    format!("+5 % copy found: {found} ({by_design}measured {measured})")
}
