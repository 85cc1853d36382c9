//! Lanes as shipped: held against themselves, and in nobody's way.

use super::*;
use crate::plan::Scenario::{Classic, Load};
use crate::plan::Shipped;
use crate::scripted::{self, full, measured, plan, records};

const DEFAULTS: Shipped = Shipped {
    backlog: Some(128),
    workers: None,
    buffer_bytes: None,
    nodelay: Some(false),
};

/// Two servers in six rounds that drift, one of them once more as shipped: a
/// third dearer in classic, the same under load.
fn run(with_shipped: bool) -> Summary {
    let mut plan = plan(&["rust-mio", "rust-tokio"], &[Classic, Load], 6);
    if with_shipped {
        scripted::as_shipped(&mut plan, "rust-tokio", DEFAULTS);
    }
    let records = records(&plan, |trial| {
        let drift = 1.0 + f64::from(trial.round);
        let own = trial.lane.ends_with("@shipped");
        let price =
            if own && trial.scenario == Classic { 4.0 / 3.0 } else { 1.0 };
        let mut launch = full(trial.scenario, 10.0 * drift * price, 100);
        launch.sockets.backlog = Some(if own { 128 } else { 4096 });
        launch.sockets.nodelay = Some(true);
        measured(launch)
    });
    summarize("r", false, &scripted::host(), &plan, &records)
}

#[test]
fn the_price_of_the_defaults_is_paired_within_rounds() {
    let summary = run(true);
    let [lane] = summary.shipped.as_slice() else {
        panic!("{:?}", summary.shipped)
    };
    assert_eq!(
        (&*lane.lane, &*lane.server),
        ("rust-tokio@shipped", "rust-tokio")
    );
    assert_eq!(lane.rows.len(), 2);
    let found: Vec<(&str, f64)> = lane
        .ratios
        .iter()
        .map(|pair| (pair.metric.as_str(), (pair.ratio.median * 1e6).round()))
        .collect();
    let expected = [
        ("total_ms", 1_333_333.0),
        ("cpu_us_per_echo", 1e6),
        ("latency_us_p99", 1e6),
    ];
    assert_eq!(found, expected);
    for pair in &lane.ratios {
        assert_eq!((pair.ratio.n, pair.verdict, pair.chance), (6, None, None));
        assert!(pair.ratio.high - pair.ratio.low < 1e-6, "{pair:?}");
        assert_eq!(pair.reference, "rust-tokio");
    }
}

#[test]
fn what_the_kernel_says_of_the_defaults_is_told() {
    let summary = run(true);
    let told = summary.shipped[0].defaults;
    // It was asked to leave NODELAY off, and turned it on.
    assert_eq!(told, Shipped { nodelay: Some(true), ..DEFAULTS });
    let words = told.words(&summary.plan.settings);
    assert_eq!(words, ["backlog 128", "NODELAY stays on"]);
}

#[test]
fn rows_verdicts_and_floors_are_as_if_no_such_lane_had_run() {
    let (with, without) = (run(true), run(false));
    assert!(without.shipped.is_empty());
    assert_eq!(with.rows, without.rows);
    assert_eq!(with.pairs, without.pairs);
    assert_eq!(with.controls, without.controls);
}

#[test]
fn a_lane_that_failed_has_no_ratio_and_bears_the_reason() {
    let mut plan = plan(&["rust-tokio"], &[Load], 2);
    scripted::as_shipped(&mut plan, "rust-tokio", DEFAULTS);
    let records = records(&plan, |trial| match trial.lane.as_str() {
        "rust-tokio@shipped" => {
            Outcome::BuildFailed { log: "no linker".into() }
        }
        _ => measured(full(Load, 10.0, 100)),
    });
    let host = scripted::host();
    let summary = summarize("r", false, &host, &plan, &records);
    let lane = &summary.shipped[0];
    assert!(lane.ratios.is_empty());
    assert_eq!(lane.rows[0].outcome, "build_failed");
    let hint = lane.rows[0].hint.as_deref();
    assert_eq!(hint, Some("cargo harness build rust-tokio"));
    assert_eq!(lane.defaults, DEFAULTS);
}
