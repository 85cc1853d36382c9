//! Scripted runs, and what is to be advised by them.

use super::*;
use crate::plan::Scenario::Load;
use crate::scripted::{self, corrupted, full, measured, plan, records};
use crate::summarize::summarize;

const A: &str = "rust-a";
const B: &str = "rust-b";
const BROKEN: &str = "rust-c";

const ASKED: Question = Question {
    connections: 5_000,
    payload_bytes: 100,
    p99_ms: 10.0,
    spin_us: 0,
};

/// Cost in µs and latency in µs of each server; `full` makes the 99th
/// percentile ten times the latency.
fn run(
    scenarios: &[Scenario],
    rounds: u32,
    of: impl Fn(&str, Scenario) -> (f64, u64),
) -> Summary {
    let plan = plan(&[A, B, BROKEN], scenarios, rounds);
    let records = records(&plan, |trial| {
        if trial.lane == BROKEN {
            return corrupted();
        }
        let (cost, latency) = of(&trial.lane, trial.scenario);
        let factor = 1.0 + f64::from(trial.round % 3) * 0.002;
        measured(full(trial.scenario, cost * factor, latency))
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

fn fit<'a>(advice: &'a Advice, server: &str) -> &'a Fit {
    advice.servers.iter().find(|fit| fit.server == server).unwrap()
}

#[test]
fn the_cheapest_of_those_that_carry_it_turns_over_with_the_figures() {
    for (cheap, dear) in [(A, B), (B, A)] {
        let summary = run(&[Load], 6, |lane, _| {
            (if lane == cheap { 10.0 } else { 30.0 }, 100)
        });
        let advice = advise(&summary, ASKED);
        assert_eq!(advice.cheapest, [cheap]);
        let text = sentences(&advice).join(" ");
        assert!(text.starts_with("2 of 3 servers carry it"), "{text}");
        assert!(
            text.contains(&format!("Cheapest of them: {cheap} (10.0 µs")),
            "{text}"
        );
        assert!(!text.contains(dear), "{text}");
        assert_eq!(fit(&advice, BROKEN).verdict, Verdict::Unknown);
    }
}

#[test]
fn a_cheap_server_that_is_too_slow_is_not_advised() {
    let summary =
        run(
            &[Load],
            6,
            |lane, _| {
                if lane == A { (10.0, 2_000) } else { (30.0, 100) }
            },
        );
    let advice = advise(&summary, ASKED);
    assert_eq!(fit(&advice, A).verdict, Verdict::Fails);
    assert_eq!(fit(&advice, A).margin, None);
    let margin = fit(&advice, B).margin.unwrap();
    assert!((9.0..11.0).contains(&margin), "{margin}");
    assert_eq!(advice.cheapest, [B]);
    // At a limit that it keeps the order turns.
    let patient = Question { p99_ms: 50.0, ..ASKED };
    assert_eq!(advise(&summary, patient).cheapest, [A]);
}

#[test]
fn the_launch_that_was_loaded_least_beyond_the_question_answers() {
    let scenarios = [
        Load,
        Scenario::Scale(100),
        Scenario::Scale(5_000),
        Scenario::Handler(50),
    ];
    let summary = run(&scenarios, 6, |_, _| (10.0, 100));
    let answers = |connections, spin_us| {
        let asked = Question { connections, spin_us, ..ASKED };
        advise(&summary, asked).measured.map(|it| it.scenario)
    };
    assert_eq!(answers(50, 0), Some(Scenario::Scale(100)));
    assert_eq!(answers(101, 0), Some(Scenario::Scale(5_000)));
    assert_eq!(answers(5_001, 0), Some(Load));
    assert_eq!(answers(50, 20), Some(Scenario::Handler(50)));
    let more =
        sentences(&advise(&summary, Question { connections: 50, ..ASKED }));
    assert!(more.iter().any(|it| it.contains("than the 50 asked")), "{more:?}");
}

#[test]
fn where_the_data_stops_it_says_so_and_names_nobody() {
    let summary = run(&[Load, Scenario::Handler(50)], 6, |_, _| (10.0, 100));
    let cases = [
        (Question { connections: 10_001, ..ASKED }, "stops at 10,000"),
        (Question { payload_bytes: 101, ..ASKED }, "nothing is known of 101"),
        (Question { spin_us: 51, ..ASKED }, "handlers of 50 µs"),
        (Question { spin_us: 50, ..ASKED }, "stops at 1,000 connections"),
    ];
    for (asked, words) in cases {
        let advice = advise(&summary, asked);
        let text = sentences(&advice).join(" ");
        assert!(text.contains(words), "{words}: {text}");
        assert!(advice.servers.is_empty() && !text.contains("rust-"), "{text}");
    }
    let idle = run(&[Scenario::Idle(10_000)], 6, |_, _| (10.0, 100));
    let text = sentences(&advise(&idle, ASKED)).join(" ");
    assert!(text.contains("no launch at a fixed rate"), "{text}");
}

#[test]
fn one_round_is_sure_of_nothing() {
    let summary = run(&[Load], 1, |_, _| (10.0, 100));
    let advice = advise(&summary, ASKED);
    for server in [A, B] {
        let verdict = fit(&advice, server).verdict;
        assert!(
            matches!(verdict, Verdict::Unsure | Verdict::Unknown),
            "{verdict:?}"
        );
    }
    assert!(advice.cheapest.is_empty());
}

#[test]
fn a_tie_is_called_one() {
    let summary = run(&[Load], 6, |_, _| (10.0, 100));
    let advice = advise(&summary, ASKED);
    assert_eq!(advice.cheapest.len(), 2);
    let text = sentences(&advice).join(" ");
    assert!(text.contains("Tied for cheapest of them: rust-"), "{text}");
}
