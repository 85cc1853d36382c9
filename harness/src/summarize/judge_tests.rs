//! Verdicts, ranks and controls of scripted runs.

use super::*;
use crate::plan::Scenario::{Classic, Load};
use crate::plan::{Placement, Trial};
use crate::record::Measurement;
use crate::scripted::{self, SAME, SPIN, bare, measured, plan, records};
use crate::stats::verdict::Verdict::{Equivalent, Faster, Slower, Undecided};

const SERVERS: [&str; 5] = ["rust-mio", "twin", "dear", "wild", "cheap"];

/// A cost with a wobble of its own in each round, and a drift for all.
fn cost(trial: &Trial) -> f64 {
    let (level, wobble, seed) = match trial.lane.as_str() {
        "twin" => (1.003, 0.01, 3.0),
        "dear" => (1.3, 0.02, 5.0),
        "wild" => (1.1, 0.3, 7.0),
        "cheap" => (0.9, 0.01, 11.0),
        SAME => (1.0, 0.01, 13.0),
        SPIN => (1.06, 0.005, 17.0),
        _ => (1.0, 0.01, 19.0),
    };
    let round = f64::from(trial.round);
    let drift = 1.0 + 0.2 * (0.7 * round).sin();
    20.0 * drift * level * (1.0 + wobble * (round * seed).sin())
}

fn launch(trial: &Trial) -> Measurement {
    let mut launch = bare(trial.scenario, cost(trial));
    launch.spin_us = (trial.lane == SPIN).then_some(1);
    launch
}

fn run(rounds: u32, damage: impl Fn(&Trial, &mut Measurement)) -> Summary {
    let plan = plan(&SERVERS, &[Load], rounds);
    let records = records(&plan, |trial| {
        let mut launch = launch(trial);
        damage(trial, &mut launch);
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

fn sound(rounds: u32) -> Summary {
    run(rounds, |_, _| ())
}

#[test]
fn six_rounds_tell_apart_what_differs() {
    let summary = sound(6);
    let verdict = |server| summary.row(server, Load).unwrap().verdict;
    assert_eq!(verdict("rust-mio"), None, "the reference itself");
    assert_eq!(verdict("twin"), Some(Equivalent));
    assert_eq!(verdict("dear"), Some(Slower));
    assert_eq!(verdict("wild"), Some(Undecided));
    assert_eq!(verdict("cheap"), Some(Faster));
    let needed = |server| summary.row(server, Load).unwrap().rounds_needed;
    assert_eq!(needed("dear"), None);
    assert!(needed("wild").unwrap() > 6, "{:?}", needed("wild"));
}

#[test]
fn ranks_leave_open_what_tests_leave_open() {
    let summary = sound(6);
    let rank = |server| summary.row(server, Load).unwrap().rank.unwrap();
    assert_eq!(rank("cheap")[0], 1);
    let (reference, twin) = (rank("rust-mio"), rank("twin"));
    assert_eq!(reference, twin, "nothing tells them apart");
    assert!(twin[0] >= 2 && twin[1] >= 3, "{twin:?}");
    assert_eq!(rank("wild")[1], 5);
    assert!(rank("dear")[0] >= 4, "{:?}", rank("dear"));
    assert!(!summary.cheapest(Load).contains(&"twin"));
}

#[test]
fn all_pairs_are_told_with_the_reference_first() {
    let summary = sound(6);
    let names: Vec<(&str, &str)> = summary
        .pairs
        .iter()
        .map(|pair| (pair.server.as_str(), pair.reference.as_str()))
        .collect();
    let with_reference = ["twin", "dear", "wild", "cheap"];
    assert_eq!(names[..4], with_reference.map(|name| (name, "rust-mio")));
    let others = [
        ("twin", "dear"),
        ("twin", "wild"),
        ("twin", "cheap"),
        ("dear", "wild"),
        ("dear", "cheap"),
        ("wild", "cheap"),
    ];
    assert_eq!(names[4..], others);
    assert!(summary.pairs.iter().all(|pair| pair.chance.is_some()));
}

#[test]
fn the_controls_are_judged_like_any_server() {
    let summary = sound(6);
    let floor = summary.controls.floors["load"];
    assert!((0.01..0.05).contains(&floor), "{floor}");
    let verdict = |lane: &Option<ControlLane>| {
        lane.as_ref().unwrap().pair(Load).unwrap().verdict
    };
    assert_eq!(verdict(&summary.controls.same), Some(Equivalent));
    assert_eq!(verdict(&summary.controls.spin_5_percent), Some(Slower));
    let spin = summary.controls.spin_5_percent.as_ref().unwrap();
    assert_eq!(spin.spin_us, Some(1));
    let cost = summary.row("rust-mio", Load).unwrap();
    let cost = cost.metrics["cpu_us_per_echo"].median;
    assert!((spin.spin_percent.unwrap() - 100.0 / cost).abs() < 1e-9);
}

#[test]
fn five_rounds_carry_no_verdict_and_no_rank() {
    let summary = sound(5);
    assert!(summary.rows.iter().all(|row| row.verdict.is_none()));
    assert!(summary.rows.iter().all(|row| row.rank.is_none()));
    assert!(summary.pairs.iter().all(|pair| pair.verdict.is_none()));
    assert!(summary.rows[1].ratio.is_some());
    assert!(summary.controls.floors.contains_key("load"));
    assert!(sound(1).controls.floors.is_empty());
}

#[test]
fn a_failed_check_takes_verdict_and_rank_but_not_the_ratio() {
    let summary = run(6, |trial, launch| {
        if trial.lane == "dear" && trial.round == 2 {
            launch.report.windows[0].sent_in_time -= 100;
        }
    });
    let row = summary.row("dear", Load).unwrap();
    assert_eq!((row.verdict, row.rank), (None, None));
    assert!(row.ratio.is_some());
    let last = summary.row("wild", Load).unwrap().rank.unwrap()[1];
    assert_eq!(last, 4, "four are left to rank");
    // Nobody is held against a reference that a check disputes.
    let summary = run(6, |trial, launch| {
        if trial.lane == "rust-mio" && trial.round == 2 {
            launch.report.windows[0].sent_in_time -= 100;
        }
    });
    assert!(summary.rows.iter().all(|row| row.verdict.is_none()));
    let others = summary.rows.iter().filter(|row| row.server != "rust-mio");
    assert!(others.into_iter().all(|row| row.rank.is_some()));
}

#[test]
fn a_server_that_lacks_the_rate_is_compared_to_nobody() {
    let summary = run(6, |trial, launch| {
        if trial.lane == "wild" {
            launch.report.windows[0].echoes_in_window = 15_000;
        }
    });
    let row = summary.row("wild", Load).unwrap();
    assert_eq!((row.verdict, row.rank), (None, None));
}

#[test]
fn a_round_that_failed_is_left_out_of_the_pairs() {
    let plan = plan(&SERVERS, &[Classic, Load], 8);
    let records = records(&plan, |trial| match trial.lane.as_str() {
        "dear" if trial.round < 3 => scripted::corrupted(),
        "cheap" if trial.round < 4 => scripted::corrupted(),
        _ => measured(launch(trial)),
    });
    let summary = summarize("r", false, &scripted::host(), &plan, &records);
    for scenario in [Classic, Load] {
        let row = |server| summary.row(server, scenario).unwrap();
        assert_eq!(row("dear").verdict, Some(Slower), "six rounds are left");
        assert_eq!(row("cheap").verdict, None, "five are not enough");
        assert_eq!(row("cheap").rank, None);
        assert!(row("twin").rank.is_some());
        assert_eq!(row("twin").verdict, Some(Equivalent));
    }
}

#[test]
fn on_shared_cpus_only_cpu_per_echo_is_compared() {
    let mut plan = plan(&SERVERS, &[Classic, Load], 6);
    plan.settings.placement = Placement::Shared;
    let all = records(&plan, |trial| measured(launch(trial)));
    let judged = |plan: &Plan| {
        let summary = summarize("r", false, &scripted::host(), plan, &all);
        let of = |scenario| {
            let row = summary.row("dear", scenario).unwrap();
            assert!(row.ratio.is_some());
            (row.verdict, row.rank.is_some())
        };
        [of(Classic), of(Load)]
    };
    let only_load = [(None, false), (Some(Slower), true)];
    assert_eq!(judged(&plan), only_load);
    // One CPU is shared whatever the placement.
    plan.settings.placement = Placement::Split;
    plan.settings.server_cpus = plan.settings.client_cpus.clone();
    assert_eq!(judged(&plan), only_load);
}

#[test]
fn servers_that_outran_the_client_are_not_told_apart() {
    let plan = plan(&SERVERS, &[Classic], 6);
    let all = records(&plan, |trial| {
        let mut launch = launch(trial);
        let is_quick = trial.lane != "dear";
        launch.report.client.wall_ns = 1_000;
        launch.report.client.cpu_ns = if is_quick { 970 } else { 500 };
        measured(launch)
    });
    let summary = summarize("r", false, &scripted::host(), &plan, &all);
    let row = |server| summary.row(server, Classic).unwrap();
    assert!(row("cheap").is_clients_own() && !row("dear").is_clients_own());
    assert_eq!((row("cheap").verdict, row("wild").verdict), (None, None));
    assert_eq!(row("dear").verdict, Some(Slower));
    for server in ["rust-mio", "twin", "cheap"] {
        assert_eq!(row(server).rank.unwrap()[0], 1, "{server}");
    }
    assert!(row("dear").rank.unwrap()[0] > 1);
}

#[test]
fn nobody_is_slower_than_the_reference_and_first() {
    let names: Vec<String> = (0..12).map(|n| format!("s{n}")).collect();
    let mut servers = vec!["rust-mio"];
    servers.extend(names.iter().map(String::as_str));
    let plan = plan(&servers, &[Load], 6);
    for shift in 0..40 {
        let all = records(&plan, |trial| {
            let number: f64 = trial.lane[1..].parse().unwrap_or(0.0);
            let phase = f64::from(trial.round * 7 + shift) * (number + 1.3);
            let level = 1.0 + 0.012 * number;
            let noise = 1.0 + 0.03 * phase.sin();
            measured(bare(Load, 20.0 * level * noise))
        });
        let summary = summarize("r", false, &scripted::host(), &plan, &all);
        for row in &summary.rows {
            let first = row.rank.is_some_and(|[first, _]| first == 1);
            let is_slower = row.verdict == Some(Slower);
            assert!(!(first && is_slower), "{} at {shift}", row.server);
        }
    }
}
