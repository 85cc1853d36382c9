//! What a ladder of rates adds to a row, and what it must leave alone.

use super::*;
use crate::plan::Scenario::Load;
use crate::render;
use crate::scripted::{self, climb, full, measured, plan, records};

const RATES: [f64; 3] = [20_000.0, 40_000.0, 80_000.0];

/// Six rounds, with a ladder whose steps have this median latency, one in
/// fifty ten times as late, or without one.
fn run(us: Option<u64>, client_busy_ns: u64) -> Summary {
    let mut plan = plan(&["rust-mio"], &[Load], 6);
    plan.settings.step_ms = 600;
    let records = records(&plan, |_| {
        let mut launch = full(Load, 10.0, 100);
        if let Some(us) = us {
            climb(&mut launch, &RATES, us);
            launch.report.windows[3].client_busy_ns = client_busy_ns;
        }
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

fn median(summary: &Summary, metric: &str) -> f64 {
    summary.row("rust-mio", Load).unwrap().metrics[metric].median
}

#[test]
fn the_highest_step_within_10_ms_is_held() {
    let summary = run(Some(300), 0);
    assert_eq!(median(&summary, "held_per_s"), 40_000.0);
    assert!((median(&summary, "cpu_us_per_echo_at_20000") - 6.0).abs() < 0.01);
    // At 10 times 2 ms the steps are carried, but not held.
    assert_eq!(median(&run(Some(2_000), 0), "held_per_s"), 10_000.0);
    let without = run(None, 0);
    let row = without.row("rust-mio", Load).unwrap();
    assert!(!row.metrics.contains_key("held_per_s"));
}

#[test]
fn a_ladder_changes_no_other_figure_and_no_check() {
    let (with, without) = (run(Some(300), 0), run(None, 0));
    let row =
        |summary: &Summary| summary.row("rust-mio", Load).unwrap().clone();
    assert_eq!(row(&with).gates, row(&without).gates);
    for (name, estimate) in row(&without).metrics {
        // Switches are counted over all of a launch.
        if !name.contains("switches") {
            assert_eq!(row(&with).metrics[&name], estimate, "{name}");
        }
    }
}

#[test]
fn the_table_shows_the_rate_and_whether_the_client_ended_the_ladder() {
    let table = render::table(&run(Some(300), 0));
    assert!(table.contains("p99 ≤ 10 ms") && table.contains(" 40k/s "));
    assert!(!table.contains("≥"), "{table}");
    // Two seconds of a step at 95 % of the client's loop.
    let table = render::table(&run(Some(300), 1_900_000_000));
    assert!(table.contains("≥ 40k/s") && table.contains("ladder-limited"));
}

/// The client was busy on that step of so many launches.
fn held(busy_at: usize, launches: u32) -> Held {
    let mut plan = plan(&["rust-mio"], &[Load], 6);
    plan.settings.step_ms = 600;
    let records = records(&plan, |trial| {
        let mut launch = full(Load, 10.0, 100);
        climb(&mut launch, &RATES, 300);
        if trial.round <= launches {
            launch.report.windows[busy_at].client_busy_ns = 1_900_000_000;
        }
        measured(launch)
    });
    let summary = summarize("r", false, &scripted::host(), &plan, &records);
    summary.row("rust-mio", Load).unwrap().held().unwrap()
}

#[test]
fn the_step_above_the_rate_that_was_held_decides() {
    // Windows: the fixed rate, 20k, 40k, and 80k, which is too much.
    assert!(held(3, 6).at_least);
    assert!(!held(2, 6).at_least, "a step that was held");
    assert!(!held(2, 6).is_open);
}

#[test]
fn one_launch_that_the_client_limited_raises_no_median() {
    let one = held(3, 1);
    assert!(!one.at_least && one.is_open, "the interval is the extremes");
    let most = held(3, 4);
    assert!(most.at_least && most.is_open);
}
