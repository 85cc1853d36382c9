//! Tables of curves, from scripted launches.

use super::*;
use crate::plan::{Timing, Trial};
use crate::scripted::{self, corrupted, full, measured, plan, records};
use crate::summarize::{Summary, summarize};

fn summary(
    scenarios: &[Scenario],
    rounds: u32,
    cost: impl Fn(&Trial) -> f64,
) -> Summary {
    let plan = plan(&["rust-mio", "rust-tokio"], scenarios, rounds);
    let records = records(&plan, |trial| {
        let broken = trial.lane == "rust-tokio"
            && trial.scenario == Scenario::Scale(1_000);
        match broken {
            true => corrupted(),
            false => measured(full(trial.scenario, cost(trial), 100)),
        }
    });
    summarize("run", false, &scripted::host(), &plan, &records)
}

/// Cheaper than the reference with few connections, dearer with many; no two
/// rounds alike.
fn crossing(trial: &Trial) -> f64 {
    let noise = 1.0 + f64::from(trial.round) * 0.001;
    let many = trial.scenario != Scenario::Scale(10);
    match trial.lane.as_str() {
        "rust-tokio" if many => 24.0 * noise,
        "rust-tokio" => 8.0 * noise,
        _ => 12.0 * noise,
    }
}

const POINTS: [Scenario; 3] =
    [Scenario::Scale(10), Scenario::Scale(1_000), Scenario::Scale(10_000)];

#[test]
fn a_sweep_is_a_column_for_each_point_and_stars_the_cheapest() {
    let summary = summary(&POINTS, 6, crossing);
    let curves = curves(&summary);
    let titles: Vec<&str> = curves.iter().map(|it| &*it.title).collect();
    assert_eq!(
        titles,
        [
            "scale: µs CPU an echo at 10k/s, by held connections",
            "scale: p99 in ms at 10k/s, by held connections",
        ]
    );
    let cost = &curves[0].view;
    let heads: Vec<&str> = cost.titles.iter().map(|it| &*it[0]).collect();
    assert_eq!(heads, ["10", "1,000", "10,000"]);
    // By the last point; who failed a point says so there and nowhere else.
    assert_eq!(cost.lines[0].server, "rust-mio");
    assert_eq!(cost.lines[1].server, "rust-tokio");
    let cells = |at: usize| cost.lines[at].cells.clone();
    assert!(cells(0)[2].starts_with("12") && cells(0)[2].ends_with('*'));
    assert!(!cells(0)[0].ends_with('*'), "{:?}", cells(0));
    assert!(cells(1)[0].starts_with("8.0") && cells(1)[0].ends_with('*'));
    assert_eq!(cells(1)[1], "corrupted");
    assert!(!cells(1)[2].ends_with('*'), "{:?}", cells(1));
}

#[test]
fn every_point_is_tested_and_ranked_by_itself() {
    let summary = summary(&POINTS, 6, crossing);
    let rank = |server, scenario| summary.row(server, scenario).unwrap().rank;
    assert_eq!(rank("rust-tokio", POINTS[0]), Some([1, 1]));
    assert_eq!(rank("rust-mio", POINTS[0]), Some([2, 2]));
    assert_eq!(rank("rust-mio", POINTS[2]), Some([1, 1]));
    assert_eq!(rank("rust-tokio", POINTS[1]), None);
    let floors = summary.controls.floors.keys();
    let floors: Vec<&str> = floors.map(String::as_str).collect();
    assert_eq!(floors, ["scale@10", "scale@1000", "scale@10000"]);
}

#[test]
fn every_series_has_its_tables_in_text_and_markdown() {
    let mut scenarios = vec![Scenario::Load];
    scenarios.extend(
        SERIES
            .iter()
            .filter(|name| !["classic", "load"].contains(name))
            .flat_map(|name| Scenario::all_of(name, 10_000, true)),
    );
    let summary = summary(&scenarios, 2, crossing);
    for text in
        [crate::render::table(&summary), crate::render::markdown(&summary)]
    {
        for name in SERIES {
            let is_main = ["classic", "load"].contains(&name);
            let title = format!("{name}: ");
            assert!(is_main || text.contains(&title), "{name} in {text}");
        }
        assert!(text.contains("herd: 10,000 held, 100 of them active"));
        assert!(text.contains("1,000 sessions/s"), "{text}");
        assert!(text.contains("over scale"), "controls in {text}");
        assert!(text.contains("one more"), "the slope in {text}");
    }
    for line in crate::render::table(&summary).lines() {
        assert!(super::super::text::width(line) <= crate::render::WIDTH);
    }
}

#[test]
fn a_run_of_curves_alone_has_no_main_table() {
    let mut summary = summary(&POINTS, 1, crossing);
    Timing::DEFAULT.set(&mut summary.plan.settings);
    let text = crate::render::table(&summary);
    assert!(!text.contains("KiB/conn"), "{text}");
    assert!(text.contains("--scenario scale@10 "), "{text}");
    assert!(text.contains("rust-tokio scale@1000: "), "failures in {text}");
}
