//! The sentences turn over with the figures, and say so where nothing is told.

use std::collections::BTreeMap;

use super::words::answers;
use crate::plan::Scenario::{self, Load};
use crate::scripted::{self, climb, full, measured, plan, records};
use crate::summarize::{Summary, summarize};

/// Rounds; cost in µs, user memory in bytes a connection and rates climbed
/// for each server.
struct Script {
    rounds: u32,
    servers: BTreeMap<&'static str, (f64, u64, &'static [f64])>,
}

const LOW: &[f64] = &[20_000.0, 40_000.0];
const HIGH: &[f64] = &[20_000.0, 40_000.0, 80_000.0, 160_000.0];

fn script(rounds: u32, a: f64, b: f64) -> Script {
    let (slow, quick) = ((400, LOW), (100, HIGH));
    let (of_a, of_b) = if a < b { (quick, slow) } else { (slow, quick) };
    let servers = [
        ("rust-a", (a, of_a.0 * 100, of_a.1)),
        ("rust-b", (b, of_b.0 * 100, of_b.1)),
    ];
    Script { rounds, servers: servers.into() }
}

fn summary(script: &Script) -> Summary {
    let names: Vec<&str> = script.servers.keys().copied().collect();
    let plan = plan(&names, &[Load], script.rounds);
    let records = records(&plan, |trial| {
        let known = script.servers.get(trial.lane.as_str());
        let (cost, bytes, rates) = known.copied().unwrap_or((20.0, 0, LOW));
        // Rounds differ a little, as they do.
        let factor = 1.0 + f64::from(trial.round % 3) * 0.002;
        let mut launch = full(Load, cost * factor, 100);
        climb(&mut launch, rates, 500);
        launch.fresh.pss_bytes = 1_000_000;
        launch.fresh.kernel_bytes = 90_000_000;
        if let Some(held) = &mut launch.held {
            held.pss_bytes =
                1_000_000 + 10_000 * (bytes + u64::from(trial.round));
        }
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

fn said(summary: &Summary, about: &str) -> String {
    let all = answers(summary);
    let found = all.iter().find(|answer| answer.question.contains(about));
    found.unwrap_or_else(|| panic!("{about}: {all:?}")).answer.clone()
}

#[test]
fn the_winner_turns_over_with_the_figures() {
    for question in ["cheapest", "small echoes", "idle connections"] {
        let forth = said(&summary(&script(6, 10.0, 20.0)), question);
        let back = said(&summary(&script(6, 20.0, 10.0)), question);
        assert!(forth.starts_with("rust-a, "), "{question} {forth}");
        assert!(back.starts_with("rust-b, "), "{question} {back}");
        for sentence in [forth, back] {
            assert!(sentence.contains("over 6 rounds"), "{sentence}");
            assert!(!sentence.contains("tie"), "{sentence}");
        }
    }
}

#[test]
fn a_tie_says_tie_and_names_all() {
    let mut script = script(6, 10.0, 10.01);
    for (_, bytes, rates) in script.servers.values_mut() {
        (*bytes, *rates) = (10_000, HIGH);
    }
    for question in ["cheapest", "small echoes", "idle connections"] {
        let sentence = said(&summary(&script), question);
        assert!(sentence.starts_with("A tie of 2: "), "{sentence}");
        for part in ["rust-a", "rust-b", "over 6 rounds"] {
            assert!(sentence.contains(part), "{part}: {sentence}");
        }
    }
}

#[test]
fn there_is_no_verdict_under_six_rounds_or_of_one_server() {
    let mut one = script(6, 10.0, 20.0);
    one.servers.remove("rust-b");
    for (script, counted) in
        [(script(5, 10.0, 20.0), "5 rounds"), (one, "1 sound server")]
    {
        for question in ["cheapest", "small echoes", "idle connections"] {
            let sentence = said(&summary(&script), question);
            assert!(sentence.starts_with("No verdict"), "{sentence}");
            assert!(sentence.contains(counted), "{sentence}");
        }
    }
}

#[test]
fn what_a_run_does_not_hold_is_said_to_be_unmeasured() {
    let summary = summary(&script(6, 10.0, 20.0));
    for question in ["bulk", "50 µs", "newcomers"] {
        let sentence = said(&summary, question);
        assert!(sentence.starts_with("Not measured in this run"), "{sentence}");
    }
    let mut bulky = summary;
    bulky.plan.settings.payload_bytes = 65_536;
    assert!(said(&bulky, "bulk").starts_with("rust-a, "));
    assert!(said(&bulky, "small").starts_with("Not measured in this run"));
}

#[test]
fn where_the_client_shares_the_servers_cpus_no_rate_is_judged() {
    let mut summary = summary(&script(6, 10.0, 20.0));
    summary.plan.settings.placement = crate::plan::Placement::Shared;
    assert!(said(&summary, "small").starts_with("No verdict"));
    assert!(said(&summary, "idle").starts_with("rust-a, "));
}

#[test]
fn a_rate_that_the_client_ended_is_at_least_so_much_and_never_worse() {
    let mut summary = summary(&script(6, 10.0, 20.0));
    for row in &mut summary.rows {
        for launch in &mut row.launches {
            launch.held_is_bound = true;
        }
    }
    let sentence = said(&summary, "small echoes");
    assert!(sentence.starts_with("A tie of 2: "), "{sentence}");
    assert!(sentence.contains("at least"), "{sentence}");
}

#[test]
fn a_disputed_row_wins_nothing() {
    let mut summary = summary(&script(6, 10.0, 20.0));
    let row = summary.rows.iter_mut().find(|row| row.server == "rust-a");
    row.unwrap().gates[0].pass = false;
    for question in ["small echoes", "idle connections"] {
        let sentence = said(&summary, question);
        assert!(!sentence.contains("rust-a"), "{sentence}");
    }
    let rows = summary.rows.iter().filter(|row| row.scenario == Scenario::Load);
    assert_eq!(rows.count(), 2);
}

#[test]
fn several_runs_answer_each_what_they_measured() {
    let main = summary(&script(6, 10.0, 20.0));
    let mut curve = summary(&script(6, 10.0, 20.0));
    curve.plan.scenarios = vec![Scenario::Handler(50)];
    for row in &mut curve.rows {
        row.scenario = Scenario::Handler(50);
    }
    let alone = super::answers(std::slice::from_ref(&main));
    let line = |text: &str, about: &str| {
        let found = text.lines().find(|line| line.contains(about));
        found.unwrap_or_else(|| panic!("{about}: {text}")).to_owned()
    };
    assert!(line(&alone, "50 µs").contains("Not measured"), "{alone}");
    let both = super::answers(&[main, curve]);
    assert!(!line(&both, "50 µs").contains("Not measured"), "{both}");
    assert_eq!(line(&both, "small echoes"), line(&alone, "small echoes"));
    assert_eq!(both.lines().count(), alone.lines().count());
}

#[test]
fn the_page_names_the_run_that_answers_in_its_place() {
    let main = summary(&script(6, 10.0, 20.0));
    let mut curve = summary(&script(6, 10.0, 20.0));
    curve.run = "the-<curve>".into();
    curve.plan.scenarios = vec![Scenario::Handler(50)];
    for row in &mut curve.rows {
        row.scenario = Scenario::Handler(50);
    }
    let others = [curve];
    let report = super::Report { others: &others, ..super::Report::of(&main) };
    let page = super::html(&report);
    assert_eq!(page.matches("From run the-&lt;curve&gt;.").count(), 1);
    assert!(!super::html(&super::Report::of(&main)).contains("From run"));
}
