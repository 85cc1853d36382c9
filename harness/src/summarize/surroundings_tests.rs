//! Each way a machine can disturb a launch, and the marks that it leaves.

use super::*;
use crate::plan::Scenario::Load;
use crate::plan::{Placement, Settings};
use crate::record::{Effect, Gate, Measurement, Outcome};
use crate::scripted::{self, bare, full, measured, plan, records};

const MS: u64 = 1_000_000;

fn found(launch: &Measurement, settings: &Settings, name: &str) -> Gate {
    let all = gates(launch, settings, Load);
    all.into_iter().find(|gate| gate.name == name).unwrap()
}

fn around(launch: &mut Measurement) -> &mut wire::Around {
    launch.report.windows[0].around.as_mut().unwrap()
}

#[test]
fn a_disturbance_is_noted_and_takes_no_rank() {
    type Disturb = fn(&mut Measurement);
    let cases: [(Disturb, &str, f64); 6] = [
        (|m| around(m).cpus[1].steal_ns = 240 * MS, STEAL, 8.0),
        // Half of what idled on the server's CPU is others' now.
        (|m| around(m).cpus[0].idle_ns -= 900 * MS, OTHER_CPU, 31.0),
        (|m| around(m).cpus[1].idle_ns -= 330 * MS, OTHER_CPU, 12.0),
        (
            |m| around(m).client_involuntary_switches = 600,
            CLIENT_PREEMPTED,
            200.0,
        ),
        (
            |m| around(m).network.as_mut().unwrap().retransmits = 3,
            "retransmits",
            3.0,
        ),
        (
            |m| around(m).network.as_mut().unwrap().listen_drops = 1,
            "listen_drops",
            1.0,
        ),
    ];
    let settings = scripted::settings();
    for (disturb, name, value) in cases {
        let mut launch = bare(Load, 10.0);
        let before = found(&launch, &settings, name);
        assert!(before.pass, "{before:?}");
        disturb(&mut launch);
        let after = found(&launch, &settings, name);
        assert_eq!((after.pass, after.effect), (false, Effect::Note));
        assert!((after.value - value).abs() < 1.5, "{after:?}");
    }
}

#[test]
fn counters_of_the_launch_alone_cost_it_its_rank() {
    let settings = scripted::settings();
    let mut launch = bare(Load, 10.0);
    launch.private_counters = true;
    let network = around(&mut launch).network.as_mut().unwrap();
    (network.listen_drops, network.retransmits) = (1, 1);
    network.softnet_drops = 1;
    let gate = found(&launch, &settings, "listen_drops");
    assert_eq!((gate.pass, gate.effect), (false, Effect::Rank));
    // A paused host makes the one, and no namespace has the other for itself.
    for of_the_host in ["retransmits", "softnet_drops"] {
        let gate = found(&launch, &settings, of_the_host);
        assert_eq!((gate.pass, gate.effect), (false, Effect::Note));
    }
}

#[test]
fn two_sides_on_the_same_cpus_are_no_others_to_each_other() {
    let mut settings = scripted::settings();
    let mut launch = bare(Load, 10.0);
    // The server ran on the client's CPU too.
    around(&mut launch).cpus[0].idle_ns += 500 * MS;
    around(&mut launch).cpus[1].idle_ns -= 500 * MS;
    assert!(!found(&launch, &settings, OTHER_CPU).pass);
    settings.placement = Placement::Shared;
    assert!(found(&launch, &settings, OTHER_CPU).pass);
    // Nor does it disturb the client that the server takes its turn.
    let checks = gates(&launch, &settings, Load);
    assert!(checks.iter().all(|check| check.name != CLIENT_PREEMPTED));
}

#[test]
fn what_was_not_read_is_not_checked() {
    let settings = scripted::settings();
    let mut launch = bare(Load, 10.0);
    for window in &mut launch.report.windows {
        (window.around, window.fairness, window.overlap) = (None, None, None);
    }
    launch.probe_ns = None;
    let names: Vec<String> = gates(&launch, &settings, Load)
        .into_iter()
        .map(|gate| gate.name)
        .collect();
    let known =
        [CONSERVATION, PROOF, CENSUS, SENT_IN_TIME, CENSORED, CLIENT_BUSY];
    assert_eq!(names, known);
}

fn summary(disturb: impl Fn(u32, &str, &mut Measurement)) -> Summary {
    let plan = plan(&["rust-mio", "rust-tokio"], &[Load], 6);
    let records = records(&plan, |trial| {
        let mut launch = full(Load, 10.0, 100);
        disturb(trial.round, &trial.lane, &mut launch);
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

#[test]
fn half_of_the_rounds_disturb_a_row_and_its_rank_stays() {
    for (rounds, disturbed) in [(2, false), (3, true)] {
        let summary = summary(|round, lane, launch| {
            if lane == "rust-tokio" && round <= rounds {
                around(launch).cpus[0].steal_ns = 600 * MS;
            }
        });
        let row = summary.row("rust-tokio", Load).unwrap();
        assert_eq!(row.flag_counts["steal"], rounds);
        assert_eq!(row.is_disturbed(), disturbed);
        assert!(row.rank.is_some() && row.is_sound());
        let quiet = summary.row("rust-mio", Load).unwrap();
        assert!(!quiet.is_disturbed() && quiet.flags.is_empty());
    }
}

#[test]
fn a_launch_on_a_slower_machine_than_its_rounds_is_noted() {
    let summary = summary(|round, lane, launch| {
        // All rounds differ, and one launch from its own round.
        let speed = 10_000_000 * u64::from(round);
        let slow = lane == "rust-tokio" && round == 4;
        launch.probe_ns = Some(if slow { speed * 6 / 5 } else { speed });
    });
    let row = summary.row("rust-tokio", Load).unwrap();
    assert_eq!(row.flag_counts["host-speed"], 1);
    let gate = row.gates.iter().find(|it| it.name == HOST_SPEED).unwrap();
    assert!((gate.value - 20.0).abs() < 0.1 && !gate.pass, "{gate:?}");
    let other = summary.row("rust-mio", Load).unwrap();
    assert!(!other.is_flagged("host-speed"));
}

#[test]
fn lateness_is_judged_where_the_percentiles_are_merged() {
    let late = |rounds: u32| {
        summary(move |round, lane, launch| {
            if lane == "rust-tokio" && round <= rounds {
                let slip = scripted::histogram(5_000, 20_000);
                launch.report.windows[0].slip = slip;
            }
        })
    };
    let most = late(6);
    let row = most.row("rust-tokio", Load).unwrap();
    assert!(row.is_marked(Effect::Latency) && row.is_sound());
    assert_eq!(row.flag_counts["slip"], 6);
    let none = late(0);
    let row = none.row("rust-tokio", Load).unwrap();
    let slip = row.gates.iter().find(|it| it.name == SLIP).unwrap();
    assert!(slip.pass && (slip.value - 50.0).abs() < 1.0, "{slip:?}");
    assert!((slip.limit - 100.0).abs() < 0.1, "10 % of 1 ms: {slip:?}");
}

#[test]
fn a_repeated_round_counts_once_by_its_repeat_and_is_told() {
    let plan = plan(&["rust-mio"], &[Load], 5);
    let cost = |us: f64| move |_: &_| measured(bare(Load, us));
    let mut all = records(&plan, cost(10.0));
    let last = all.iter_mut().rfind(|it| it.trial.round == 3).unwrap();
    last.outcome = Outcome::HarnessError { message: "no port".into() };
    let mut again = records(&plan, cost(20.0));
    again.retain(|record| record.trial.round == 3);
    again.iter_mut().for_each(|record| record.repeat = 1);
    all.extend(again);
    let summary = summarize("r", false, &scripted::host(), &plan, &all);
    let row = summary.row("rust-mio", Load).unwrap();
    assert_eq!((row.rounds, row.failures.len()), (5, 0));
    assert!((row.by_round("cpu_us_per_echo")[&3] - 20.0).abs() < 1e-6);
    assert_eq!(summary.repeated.len(), 1);
    assert_eq!(summary.repeated[0].round, 3);
}
