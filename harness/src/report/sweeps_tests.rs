//! Curves and the sentences on them turn over with the figures.

use super::sweeps::sweeps;
use super::words::answers;
use super::{Report, drawings, html};
use crate::plan::{SERIES, Scenario};
use crate::scripted::{self, full, measured, plan, records};
use crate::summarize::{Summary, summarize};

const A: &str = "rust-a";
const B: &str = "rust-b";

/// Six rounds over all points; `cost` of a server at a point.
fn run(points: &[Scenario], cost: impl Fn(&str, Scenario) -> f64) -> Summary {
    let plan = plan(&[A, B], points, 6);
    let records = records(&plan, |trial| {
        // Rounds differ a little, as they do.
        let factor = 1.0 + f64::from(trial.round % 3) * 0.002;
        let cost = cost(&trial.lane, trial.scenario) * factor;
        let mut launch = full(trial.scenario, cost, 100);
        if let Some(held) = &mut launch.held {
            let connections = scripted::settings().at(trial.scenario);
            let bytes = cost * 1024.0 * f64::from(connections.connections);
            held.pss_bytes = launch.fresh.pss_bytes + bytes as u64;
            held.kernel_bytes = launch.fresh.kernel_bytes + 1;
        }
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

const SCALE: [Scenario; 3] =
    [Scenario::Scale(10), Scenario::Scale(1_000), Scenario::Scale(10_000)];

/// One server is the cheaper one up to 1,000 connections.
fn crossing(first: &'static str) -> Summary {
    run(&SCALE, move |lane, point| {
        let many = point == Scenario::Scale(10_000);
        if (lane == first) == many { 30.0 } else { 10.0 }
    })
}

fn sentences(summary: &Summary) -> Vec<String> {
    sweeps(summary)[0].crossings(summary)
}

#[test]
fn a_crossing_is_named_and_turns_over_with_the_figures() {
    let turn = "connections and dearer at 10,000 connections.";
    let all = sentences(&crossing(A));
    assert!(
        all.contains(&format!("{A} is cheaper than {B} at 1,000 {turn}")),
        "{all:?}"
    );
    let all = sentences(&crossing(B));
    assert!(
        all.contains(&format!("{B} is cheaper than {A} at 1,000 {turn}")),
        "{all:?}"
    );
}

#[test]
fn where_nobody_is_overtaken_no_sentence_says_so() {
    let summary = run(&SCALE, |lane, _| if lane == A { 10.0 } else { 30.0 });
    assert_eq!(sentences(&summary), [""; 0]);
    let page = html(&Report::of(&summary));
    assert!(page.contains("No server is proved cheaper than another at one"));
}

#[test]
fn a_curve_leaves_out_the_point_at_which_a_check_failed() {
    let mut summary = crossing(A);
    let spots = |summary: &Summary| {
        let panels = sweeps(summary)[0].panels(summary).unwrap();
        let own = panels.curves.iter().find(|curve| curve.name == A);
        own.unwrap().points.len()
    };
    assert_eq!(spots(&summary), 3);
    let row = summary
        .rows
        .iter_mut()
        .find(|row| row.server == A && row.scenario == SCALE[1]);
    row.unwrap().gates[0].pass = false;
    assert_eq!(spots(&summary), 2);
}

#[test]
fn every_series_has_its_figures_and_every_sweep_a_drawing() {
    let points: Vec<Scenario> = SERIES
        .iter()
        .flat_map(|series| Scenario::all_of(series, 10_000, true))
        .collect();
    let summary = run(&points, |lane, _| if lane == A { 10.0 } else { 30.0 });
    let report = Report::of(&summary);
    let page = html(&report);
    for series in SERIES.iter().skip(2) {
        let id = format!("id=\"{series}-figures\"");
        assert!(page.contains(&id), "{series}");
    }
    let names: Vec<String> =
        drawings(&report).into_iter().map(|(name, _)| name).collect();
    for series in ["scale", "idle", "sizes", "handler"] {
        let name = format!("{series}-curves.svg");
        assert!(names.contains(&name), "{name} in {names:?}");
    }
}

#[test]
fn the_answers_of_curves_turn_over_with_the_figures() {
    let points = [
        Scenario::Idle(5_000),
        Scenario::Idle(10_000),
        Scenario::Sizes(1),
        Scenario::Sizes(1 << 20),
        Scenario::Handler(0),
        Scenario::Handler(50),
    ];
    // At the first point of each the order is the other one.
    let costs = |best: &'static str| {
        move |lane: &str, point: Scenario| {
            let first = matches!(
                point,
                Scenario::Idle(5_000)
                    | Scenario::Sizes(1)
                    | Scenario::Handler(0)
            );
            if (lane == best) == first { 30.0 } else { 10.0 }
        }
    };
    for best in [A, B] {
        let summary = run(&points, costs(best));
        let memory = answers(&summary).swap_remove(2).answer;
        assert!(memory.contains("10.0 KiB a connection"), "{memory}");
        assert!(memory.contains("10.0–10.0 KiB over 6"), "{memory}");
        let all = answers(&summary);
        for question in ["idle connections", "bulk payloads", "50 µs of work"]
        {
            let found = all.iter().find(|it| it.question.contains(question));
            let answer = &found.unwrap().answer;
            assert!(
                answer.starts_with(&format!("{best}, ")),
                "{question} {answer}"
            );
        }
    }
}
