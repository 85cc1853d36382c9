//! Scripted pairs of runs, and what must be said of them.

use super::*;
use crate::plan::Scenario::{self, Classic, Load};
use crate::plan::{Placement, Trial};
use crate::record::Outcome;
use crate::scripted::{self, SAME, bare, measured, plan, records};
use crate::summarize::summarize;

const SERVERS: [&str; 4] =
    ["rust-mio", "rust-tokio", "rust-threads", "python-asyncio"];
const BOTH: [Scenario; 2] = [Classic, Load];

/// What a launch costs when nothing has changed: servers apart by some tens
/// of percent, rounds by 2 %, and no two lanes with the same noise.
pub(super) fn usual(trial: &Trial) -> f64 {
    let lane = trial.lane.as_str();
    let server = lane.split('@').next().unwrap();
    let place = SERVERS.iter().position(|s| *s == server).unwrap();
    let twist = u32::from(lane == SAME) + place as u32 + 1;
    let noise = f64::from(trial.round * 7 * twist % 5) * 0.002;
    let drift = f64::from(trial.round) * 0.02;
    10.0 * (1.0 + place as f64 * 0.3) * (1.0 + noise) * (1.0 + drift)
}

pub(super) fn run(
    name: &str,
    rounds: u32,
    mut cost: impl FnMut(&Trial) -> f64,
) -> Summary {
    let plan = plan(&SERVERS, &BOTH, rounds);
    let records =
        records(&plan, |trial| measured(bare(trial.scenario, cost(trial))));
    summarize(name, false, &scripted::host(), &plan, &records)
}

pub(super) fn by_default(a: &Summary, b: &Summary) -> Comparison {
    compare(a, b, &Options::default()).unwrap()
}

fn named(comparison: &Comparison) -> Vec<&str> {
    comparison
        .entries
        .iter()
        .filter(|entry| entry.is_named())
        .map(|entry| entry.sentence.as_str())
        .collect()
}

#[test]
fn the_same_run_twice_shows_no_difference() {
    let comparison = by_default(&run("a", 6, usual), &run("b", 6, usual));
    assert_eq!(named(&comparison), [""; 0]);
    assert_eq!(comparison.entries.len(), 6);
    for entry in &comparison.entries {
        assert_eq!(entry.verdict, Verdict::NoDifference);
        assert!(entry.could_hide.unwrap() >= MIN_CHANGE);
    }
}

#[test]
fn everything_drifting_by_30_percent_shows_no_difference() {
    let before = run("a", 6, usual);
    let after = run("b", 6, |trial| 1.3 * usual(trial));
    let comparison = by_default(&before, &after);
    assert_eq!(named(&comparison), [""; 0]);
    assert_eq!(comparison.drift.len(), 2);
    for drift in &comparison.drift {
        assert!((drift.change.median - 1.3).abs() < 1e-6, "{drift:?}");
        assert!(drift.sentence.contains("rust-mio"), "{}", drift.sentence);
    }
}

#[test]
fn one_server_slowed_by_20_percent_is_named_and_only_it() {
    let before = run("a", 6, usual);
    let after = run("b", 6, |trial| {
        let slowed = trial.lane == "rust-tokio" && trial.scenario == Load;
        // Drift on top, which must not hide it.
        usual(trial) * if slowed { 1.2 } else { 1.0 } * 1.3
    });
    assert_eq!(
        named(&by_default(&before, &after)),
        ["rust-tokio load is 20 % dearer than before \
          (cpu_us_per_echo × 1.20, 1.19–1.21)"]
    );
    // The other way round it is the better one.
    assert_eq!(
        named(&by_default(&after, &before)),
        ["rust-tokio load is 17 % cheaper than before \
          (cpu_us_per_echo × 0.83, 0.83–0.84)"]
    );
}

#[test]
fn a_slower_reference_does_not_hide_as_everybody_else_getting_faster() {
    let before = run("a", 6, usual);
    let after = run("b", 6, |trial| {
        let slowed = trial.lane.starts_with("rust-mio");
        usual(trial) * if slowed { 1.5 } else { 1.0 }
    });
    let comparison = by_default(&before, &after);
    // Ratios cannot tell the two apart; the drift line does.
    assert!(comparison.drift[0].change.low > 1.2);
}

#[test]
fn intervals_that_overlap_name_nothing() {
    let noisy = |trial: &Trial| match trial.lane.as_str() {
        "rust-tokio" => 10.0 * (1.0 + 0.1 * f64::from(trial.round)),
        _ => usual(trial),
    };
    let before = run("a", 6, noisy);
    let after = run("b", 6, |trial| match trial.lane.as_str() {
        "rust-tokio" => 1.2 * noisy(trial),
        _ => noisy(trial),
    });
    let comparison = by_default(&before, &after);
    assert_eq!(named(&comparison), [""; 0]);
    let entry = comparison
        .entries
        .iter()
        .find(|entry| entry.server == "rust-tokio")
        .unwrap();
    assert!(entry.could_hide.unwrap() > 0.2, "{}", entry.sentence);
    assert!(entry.sentence.contains("could have hidden"));
}

#[test]
fn a_change_below_the_control_floor_is_not_named() {
    let slowed = |by: f64| {
        move |trial: &Trial| {
            let factor = match trial.lane.as_str() {
                "rust-tokio" => by,
                SAME => 1.08,
                _ => 1.0,
            };
            usual(trial) * factor
        }
    };
    let before = run("a", 6, usual);
    assert!(named(&by_default(&before, &run("b", 6, slowed(1.07)))).is_empty());
    let beyond = by_default(&before, &run("b", 6, slowed(1.12)));
    assert_eq!(named(&beyond).len(), 2, "one for each scenario");
}

#[test]
fn a_change_below_one_percent_is_not_named() {
    let exact = |_: &Trial| 10.0;
    let after = run("b", 6, |trial| match trial.lane.as_str() {
        "rust-tokio" => 10.09,
        _ => 10.0,
    });
    let comparison = by_default(&run("a", 6, exact), &after);
    assert_eq!(named(&comparison), [""; 0]);
}

#[test]
fn fewer_than_five_rounds_are_undecided_and_say_what_is_lacking() {
    let before = run("a", 6, usual);
    for (rounds, needed) in [(1, "4 more rounds"), (4, "1 more round ")] {
        let after = run("b", rounds, |trial| 2.0 * usual(trial));
        let comparison = by_default(&before, &after);
        for entry in &comparison.entries {
            assert_eq!(entry.verdict, Verdict::Undecided);
            assert!(entry.sentence.contains(needed), "{}", entry.sentence);
        }
        assert_eq!(comparison.chance, 0.0);
    }
    let five = run("b", 5, usual);
    let comparison = by_default(&before, &five);
    assert!(comparison.entries.iter().all(|e| e.could_hide.is_some()));
    assert!((comparison.chance - 6.0 * 2.0 / 462.0).abs() < 1e-9);
}

#[test]
fn another_machine_or_plan_is_refused_line_by_line() {
    let before = run("a", 6, usual);
    let mut after = run("b", 6, usual);
    after.host.kernel = "6.1.0".into();
    after.host.congestion_control = "bbr".into();
    after.host.irq_time_apart = !before.host.irq_time_apart;
    after.host.cpu_model = "another".into();
    after.plan.settings.isolation = "pin,netns".parse().unwrap();
    after.plan.settings.client = "original-cpp".into();
    after.plan.settings.client_revision = 1;
    after.plan.settings.connections = 5_000;
    after.plan.settings.placement = Placement::Shared;
    after.plan.settings.quick = true;
    let refused = compare(&before, &after, &Options::default()).unwrap_err();
    assert_eq!(
        refused.mismatches,
        [
            "processor: \"Example CPU\" against \"another\"",
            "kernel: \"6.18\" against \"6.1\"",
            "interrupt time accounted apart: true against false",
            "congestion control: \"cubic\" against \"bbr\"",
            "client: \"load\" against \"original-cpp\"",
            "revision of the client: 2 against 1",
            "connections: 10000 against 5000",
            "placement: Split against Shared",
            "isolation: \"pin\" against \"pin,netns\"",
            "quick: false against true",
        ]
    );
    assert!(refused.to_string().starts_with("the runs are not comparable"));
    let allowed = Options { allow_mismatch: true, ..Options::default() };
    let comparison = compare(&before, &after, &allowed).unwrap();
    assert_eq!(comparison.mismatches, refused.mismatches);
}

#[test]
fn what_may_differ_is_not_a_mismatch() {
    let before = run("a", 6, usual);
    let mut after = run("b", 12, usual);
    after.plan.seed = 7;
    after.host.kernel = "6.18.9".into();
    after.host.revision = Some("fedcba9-dirty".into());
    after.host.rustc = "rustc 1.96.0".into();
    assert_eq!(mismatches(&before, &after, false), [""; 0]);
    after.schema_version = 2;
    assert_eq!(mismatches(&before, &after, false), ["schema: 1 against 2"]);
}

#[test]
fn without_a_reference_only_figures_can_be_compared() {
    let mut before = run("a", 6, usual);
    let after = run("b", 6, |trial| 1.3 * usual(trial));
    before.plan.reference = None;
    assert!(compare(&before, &after, &Options::default()).is_err());
    let absolute = Options { absolute: true, ..Options::default() };
    let comparison = compare(&before, &after, &absolute).unwrap();
    assert_eq!(named(&comparison).len(), 8, "the reference is a row too");
    for sentence in named(&comparison) {
        assert!(sentence.ends_with("drift not removed"), "{sentence}");
    }
}

#[test]
fn a_server_that_broke_is_said_to_have_broken() {
    let before = run("a", 6, usual);
    let plan = plan(&SERVERS, &BOTH, 6);
    let records = records(&plan, |trial| match trial.lane.as_str() {
        "rust-tokio" => Outcome::Crashed {
            exit: "signal 6 (SIGABRT)".into(),
            log: String::new(),
        },
        "rust-threads" => Outcome::Interrupted,
        _ => measured(bare(trial.scenario, usual(trial))),
    });
    let after = summarize("b", true, &scripted::host(), &plan, &records);
    let comparison = by_default(&before, &after);
    let of = |server: &str| {
        comparison.entries.iter().find(|e| e.server == server).unwrap()
    };
    assert_eq!(of("rust-tokio").verdict, Verdict::Broken);
    assert_eq!(
        of("rust-tokio").sentence,
        "rust-tokio classic: measured before, crashed now: \
         signal 6 (SIGABRT)"
    );
    assert_eq!(of("rust-threads").verdict, Verdict::Missing);
    assert_eq!(breaches(&comparison, &[]).unwrap().len(), 2);
    let back = by_default(&after, &before);
    assert!(back.entries.iter().any(|e| e.verdict == Verdict::Mended));
    assert!(breaches(&back, &[]).unwrap().is_empty());
}

#[test]
fn a_server_that_fails_some_rounds_now_is_said_to_break() {
    let before = run("a", 6, usual);
    let plan = plan(&SERVERS, &BOTH, 6);
    let records = records(&plan, |trial| match trial.lane.as_str() {
        "rust-tokio" if trial.round > 4 => scripted::corrupted(),
        _ => measured(bare(trial.scenario, usual(trial))),
    });
    let after = summarize("b", true, &scripted::host(), &plan, &records);
    let found = breaches(&by_default(&before, &after), &[]).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("2 of its rounds failed now, 0 before"));
    let back = by_default(&after, &before);
    assert!(breaches(&back, &[]).unwrap().is_empty());
}

#[test]
fn a_server_of_one_run_only_is_listed_and_judged_by_nothing() {
    let before = run("a", 6, usual);
    let mut after = run("b", 6, usual);
    after.rows.retain(|row| row.server != "rust-tokio");
    let comparison = by_default(&before, &after);
    let entry = &comparison.entries[0];
    assert_eq!(entry.verdict, Verdict::Missing);
    assert!(entry.sentence.ends_with("it was selected only before"));
}
