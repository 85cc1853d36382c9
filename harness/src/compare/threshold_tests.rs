//! What fails a build, and what must not.

use super::tests::{by_default, run, usual};
use super::*;
use crate::plan::Scenario::Load;
use crate::scripted::{self, bare, full, measured, plan, records};
use crate::summarize::summarize;

fn threshold(text: &str) -> Threshold {
    text.parse().unwrap()
}

#[test]
fn a_threshold_is_breached_only_when_the_interval_clears_it() {
    let before = run("a", 6, usual);
    let after = run("b", 6, |trial| {
        let slowed = trial.lane == "rust-tokio" && trial.scenario == Load;
        usual(trial) * if slowed { 1.2 } else { 1.0 }
    });
    let comparison = by_default(&before, &after);
    let count = |thresholds: &[Threshold]| {
        breaches(&comparison, thresholds).unwrap().len()
    };
    assert_eq!(count(&[]), 1);
    // The interval is 1.19 to 1.21.
    assert_eq!(count(&[threshold("cpu_us_per_echo=15%")]), 1);
    assert_eq!(count(&[threshold("cpu_us_per_echo=19.5")]), 0);
    assert_eq!(count(&[threshold("cpu_us_per_echo=25%")]), 0);
    assert_eq!(count(&[threshold("total_ms=0%")]), 0);
    let unknown = breaches(&comparison, &[threshold("nonsense=1%")]);
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "no server has nonsense in both runs; there are cpu_us_per_echo, \
         total_ms"
    );
}

#[test]
fn a_threshold_may_name_a_figure_besides_the_primary_one() {
    let run = |name: &str, latency: u64| {
        let plan = plan(&["rust-mio", "rust-tokio"], &[Load], 6);
        let records = records(&plan, |trial| {
            let slow = trial.lane == "rust-tokio";
            let us = 100 + if slow { latency } else { 0 };
            measured(full(Load, usual(trial), us + u64::from(trial.round)))
        });
        summarize(name, false, &scripted::host(), &plan, &records)
    };
    let (before, after) = (run("a", 0), run("b", 60));
    let metrics = vec!["latency_us_p99".into(), "echoes_per_s".into()];
    let options = Options { metrics, ..Options::default() };
    let comparison = compare(&before, &after, &options).unwrap();
    let p99 = [threshold("latency_us_p99=10%")];
    let breached = breaches(&comparison, &p99).unwrap();
    assert_eq!(breached.len(), 1);
    assert!(breached[0].contains("slower than before (latency_us_p99"));
}

#[test]
fn rates_regress_downwards() {
    let plan = plan(&["rust-mio", "rust-tokio"], &[Load], 6);
    let run = |name: &str, part: u64| {
        let records = records(&plan, |trial| {
            let mut launch = bare(Load, usual(trial));
            if trial.lane == "rust-tokio" {
                launch.report.windows[1].echoes_in_window =
                    part * 1_000 + u64::from(trial.round);
            }
            measured(launch)
        });
        summarize(name, false, &scripted::host(), &plan, &records)
    };
    let metrics = vec!["echoes_per_s".into()];
    let options = Options { metrics, ..Options::default() };
    let comparison = compare(&run("a", 100), &run("b", 70), &options).unwrap();
    let rate = comparison
        .entries
        .iter()
        .find(|entry| entry.metric == "echoes_per_s")
        .unwrap();
    assert_eq!(rate.verdict, Verdict::Slower);
    assert!(rate.sentence.contains("30 % lower than before"));
    let clears = [threshold("echoes_per_s=25%")];
    assert_eq!(breaches(&comparison, &clears).unwrap().len(), 1);
    let beyond = [threshold("echoes_per_s=35%")];
    assert!(breaches(&comparison, &beyond).unwrap().is_empty());
}

#[test]
fn thresholds_are_parsed_strictly() {
    assert_eq!(threshold("a_ms = 5 %").percent, 5.0);
    for bad in ["", "x", "=5", "x=", "x=-1", "x=NaN", "x=inf", "a b=1", "x=5%%"]
    {
        assert!(bad.parse::<Threshold>().is_err(), "{bad:?}");
    }
}
