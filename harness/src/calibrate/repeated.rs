//! What two runs of one plan say of one another.
//!
//! Refuses to do: leave out a row because one of them did not measure it.

use super::{Figure, Goal};
use crate::plan::Scenario::Load;
use crate::stats::verdict::Verdict::{Faster, Slower};
use crate::summarize::{Row, Summary};

/// Contradictions, how far apart the medians of cost are, ranks kept.
pub(super) fn repeated(once: &Summary, again: &Summary) -> Vec<Figure> {
    let pairs: Vec<(&Row, Option<&Row>)> = once
        .rows
        .iter()
        .map(|row| (row, again.row(&row.server, row.scenario)))
        .collect();
    let contradict = |(a, b): &&(&Row, Option<&Row>)| {
        let verdicts = (a.verdict, b.and_then(|row| row.verdict));
        matches!(
            verdicts,
            (Some(Faster), Some(Slower)) | (Some(Slower), Some(Faster))
        )
    };
    let contradictions = pairs.iter().filter(contradict).count();
    let load: Vec<_> =
        pairs.iter().filter(|(row, _)| row.scenario == Load).collect();
    let apart = |figure: fn(&Row) -> Option<f64>| -> Vec<f64> {
        let apart = load.iter().filter_map(|(a, b)| {
            Some(100.0 * (figure((*b)?)? / figure(a)? - 1.0).abs())
        });
        let mut apart: Vec<f64> = apart.collect();
        apart.sort_by(f64::total_cmp);
        apart
    };
    let middle =
        |apart: &[f64]| apart.get(apart.len() / 2).copied().unwrap_or(f64::NAN);
    let costs = apart(|row| Some(row.metrics.get("cpu_us_per_echo")?.median));
    // What the machine's drift between the runs is no part of.
    let ratios = apart(|row| Some(row.ratio.as_ref()?.median));
    let ranked = load.iter().filter(|(a, b)| {
        a.rank.is_some() && b.is_some_and(|row| row.rank.is_some())
    });
    let ranked = ranked.count() as f64 / load.len().max(1) as f64;
    vec![
        Figure::new(
            "verdicts that contradict",
            contradictions as f64,
            "",
            Goal::AtMost(0.0),
        ),
        Figure::new(
            "medians of cost apart at most",
            costs.last().copied().unwrap_or(f64::NAN),
            "%",
            Goal::AtMost(5.0),
        ),
        Figure::aside("in the median", middle(&costs), "%"),
        Figure::aside("ratios to the reference", middle(&ratios), "%"),
        Figure::new(
            "rows ranked twice",
            100.0 * ranked,
            "%",
            Goal::AtLeast(80.0),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{bare, corrupted, host, measured, plan, records};
    use crate::summarize::summarize;

    /// The same servers on a machine that is this much slower.
    fn drifted(slower: f64) -> Summary {
        on(slower, [Some(20.0), Some(30.0)])
    }

    /// Six rounds of a reference and of two servers that cost so much.
    fn run(costs: [Option<f64>; 2]) -> Summary {
        on(1.0, costs)
    }

    fn on(slower: f64, costs: [Option<f64>; 2]) -> Summary {
        let servers = ["rust-mio", "a", "b"];
        let plan = plan(&servers, &[Load], 6);
        let records = records(&plan, |trial| {
            let cost = match trial.lane.as_str() {
                "a" => costs[0],
                "b" => costs[1],
                _ => Some(10.0),
            };
            let own = (f64::from(trial.round) * trial.lane.len() as f64).sin();
            let own = slower * (1.0 + 0.01 * own);
            let launch = |cost| measured(bare(Load, cost * own));
            cost.map_or_else(corrupted, launch)
        });
        summarize("r", false, &host(), &plan, &records)
    }

    fn missed(once: &Summary, again: &Summary) -> Vec<String> {
        let figures = repeated(once, again).into_iter();
        figures.filter(Figure::is_missed).map(|figure| figure.name).collect()
    }

    #[test]
    fn equal_runs_meet_every_goal() {
        let once = run([Some(20.0), Some(30.0)]);
        assert_eq!(missed(&once, &run([Some(20.4), Some(30.0)])), [""; 0]);
    }

    #[test]
    fn a_machine_that_drifts_moves_costs_and_not_ratios() {
        let figure = |found: &[Figure], name: &str| {
            found.iter().find(|it| it.name == name).unwrap().value
        };
        let once = run([Some(20.0), Some(30.0)]);
        let found = repeated(&once, &run([Some(20.0), Some(33.0)]));
        assert!(figure(&found, "medians of cost apart at most") > 9.0);
        let all_dearer = repeated(&drifted(1.0), &drifted(1.2));
        assert!(figure(&all_dearer, "in the median") > 19.0);
        assert!(figure(&all_dearer, "ratios to the reference") < 0.1);
    }

    #[test]
    fn a_turned_verdict_and_a_moved_median_are_missed() {
        let once = run([Some(20.0), Some(30.0)]);
        let again = run([Some(5.0), Some(30.0)]);
        let names = missed(&once, &again);
        assert_eq!(
            names,
            ["verdicts that contradict", "medians of cost apart at most"]
        );
    }

    #[test]
    fn a_row_without_figures_in_one_of_them_is_not_ranked_twice() {
        let whole = run([Some(20.0), Some(30.0)]);
        let lacking = run([Some(20.0), None]);
        for (once, again) in [(&whole, &lacking), (&lacking, &whole)] {
            assert_eq!(missed(once, again), ["rows ranked twice"]);
        }
    }
}
