//! Rows that their own run disputes or marks.

use super::tests::{by_default, run, usual};
use super::*;
use crate::conformance::Standing;
use crate::plan::Scenario::{Classic, Load};
use crate::record::{Effect, Gate};
use crate::summarize::{CLIENT_LIMITED, OTHER_CPU, STARVED};

fn damaged(change: impl Fn(&mut Row)) -> Summary {
    let mut summary = run("b", 6, usual);
    let row = summary
        .rows
        .iter_mut()
        .find(|row| row.server == "rust-tokio" && row.scenario == Load);
    change(row.unwrap());
    summary
}

fn entry(comparison: &Comparison) -> &Entry {
    let own =
        |entry: &&Entry| entry.server == "rust-tokio" && entry.scenario == Load;
    let found: Vec<&Entry> = comparison.entries.iter().filter(own).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

fn fails(name: &str, effect: Effect) -> impl Fn(&mut Row) {
    let gate =
        Gate { name: name.into(), value: 3.0, limit: 0.0, pass: false, effect };
    move |row| row.gates.push(gate.clone())
}

#[test]
fn a_server_that_starves_now_has_broken_and_fails_a_build() {
    let (sound, starves) =
        (run("a", 6, usual), damaged(fails(STARVED, Effect::Rank)));
    let comparison = by_default(&sound, &starves);
    assert_eq!(entry(&comparison).verdict, Verdict::Broken);
    let sentence = &entry(&comparison).sentence;
    assert!(sentence.contains("the check starved is 3"), "{sentence}");
    assert_eq!(breaches(&comparison, &[]).unwrap().len(), 1);
    let back = by_default(&starves, &sound);
    assert_eq!(entry(&back).verdict, Verdict::Mended);
    assert!(breaches(&back, &[]).unwrap().is_empty());
}

#[test]
fn a_rate_that_is_not_carried_any_more_is_a_break() {
    let after = damaged(|row| {
        for (name, value) in
            [("achieved_percent", 60.0), ("achieved_per_s", 6_000.0)]
        {
            let estimate = Estimate::of(&[value; 6]).unwrap();
            row.metrics.insert(name.into(), estimate);
        }
    });
    let comparison = by_default(&run("a", 6, usual), &after);
    assert_eq!(entry(&comparison).verdict, Verdict::Broken);
    assert!(entry(&comparison).sentence.contains("carried only 6"));
}

#[test]
fn what_the_client_or_the_suite_disputes_is_compared_to_nothing() {
    let sound = run("a", 6, usual);
    for after in [
        damaged(fails("sent_in_time", Effect::Rank)),
        damaged(|row| row.conformance = Some(Standing::Failed)),
    ] {
        for comparison in
            [by_default(&sound, &after), by_default(&after, &sound)]
        {
            assert_eq!(entry(&comparison).verdict, Verdict::Missing);
            assert!(entry(&comparison).change.is_none());
        }
    }
}

#[test]
fn a_mark_stands_beside_the_figure_and_changes_no_verdict() {
    let marked = damaged(|row| {
        fails(OTHER_CPU, Effect::Note)(row);
        row.flag_counts.insert("other-cpu".into(), 4);
    });
    let plain = by_default(&run("a", 6, usual), &run("b", 6, usual));
    let comparison = by_default(&run("a", 6, usual), &marked);
    let found = entry(&comparison);
    assert_eq!(found.verdict, entry(&plain).verdict);
    assert_eq!(found.doubts_now, ["other-cpu 4/6"]);
    assert!(found.doubts_before.is_empty());
    assert!(found.sentence.ends_with("; ~ now: other-cpu 4/6"));
    let shown = crate::render::comparison(&comparison);
    assert!(shown.contains("~: taken on a disturbed machine"), "{shown}");
    assert!(!crate::render::comparison(&plain).contains('~'));
}

#[test]
fn two_totals_that_the_client_set_are_compared_to_nothing() {
    let bound = |id: &str| {
        let mut summary = run(id, 6, usual);
        for row in summary.rows.iter_mut().filter(|r| r.scenario == Classic) {
            row.flag_counts.insert(CLIENT_LIMITED.into(), 6);
        }
        summary
    };
    let verdicts = |before: &Summary, after: &Summary| {
        let comparison = by_default(before, after);
        let entries = comparison.entries.iter();
        let own = entries.filter(|entry| entry.scenario == Classic);
        own.map(|entry| entry.verdict).collect::<Vec<_>>()
    };
    let both = verdicts(&bound("a"), &bound("b"));
    assert!(!both.is_empty() && both.iter().all(|v| *v == Verdict::Missing));
    let one = verdicts(&run("a", 6, usual), &bound("b"));
    assert!(!one.contains(&Verdict::Missing), "{one:?}");
}
