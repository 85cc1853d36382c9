//! Snapshots of a comparison in which one server became dearer, one broke and
//! the whole machine drifted.

use super::tests::lines_fit;
use super::*;
use crate::compare::Verdict::{Broken, NoDifference, Slower};
use crate::compare::{Comparison, Options, compare};
use crate::plan::Plan;
use crate::plan::Scenario::Load;
use crate::scripted::{self, bare, host, measured, plan, records};
use crate::summarize::summarize;

fn comparison_of_two() -> Comparison {
    let servers = ["rust-mio", "rust-tokio", "rust-threads", "cpp-threads"];
    let run = |name: &str, plan: &Plan, drift: f64, later: bool| {
        let records = records(plan, |trial| {
            let lane = trial.lane.as_str();
            let slowed = later && lane == "rust-tokio";
            if later && lane == "cpp-threads" {
                return scripted::corrupted();
            }
            let place = servers.iter().position(|server| *server == lane);
            let place = place.unwrap_or(0) as f64;
            let own = (f64::from(trial.round) * (place + 2.0)).sin() * 0.01;
            let factor = if slowed { 1.2 } else { 1.0 };
            let cost = 12.0 * (1.0 + place * 0.3) * (1.0 + own) * factor;
            measured(bare(trial.scenario, cost * drift))
        });
        summarize(name, false, &host(), plan, &records)
    };
    let plan = plan(&servers, &[Load], 6);
    let before = run("20261122T200000Z-aaaa", &plan, 1.0, false);
    let mut after = run("20261123T063000Z-bbbb", &plan, 1.3, true);
    after.host.congestion_control = "bbr".into();
    let options = Options { allow_mismatch: true, ..Options::default() };
    compare(&before, &after, &options).unwrap()
}

#[test]
fn the_comparison_is_told_in_words_and_figures() {
    let text = comparison(&comparison_of_two());
    lines_fit(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn the_comparison_has_a_form_for_a_pull_request() {
    insta::assert_snapshot!(comparison_markdown(&comparison_of_two()));
}

#[test]
fn the_comparison_has_a_form_for_a_program() {
    let text = comparison_json(&comparison_of_two());
    let back: Comparison = serde_json::from_str(&text).unwrap();
    let verdicts: Vec<_> = back.entries.iter().map(|e| e.verdict).collect();
    assert_eq!(verdicts, [Slower, NoDifference, Broken]);
}
