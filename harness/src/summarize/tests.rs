//! Figures of scripted records, each computed by hand.

use super::*;
use crate::plan::Scenario::{self, Classic, Load};
use crate::record::{Gate, Outcome};
use crate::scripted::{self, bare, full, measured, plan, records};

const BOTH: [Scenario; 2] = [Classic, Load];

fn summary_of(
    servers: &[&str],
    scenarios: &[Scenario],
    rounds: u32,
    outcome: impl FnMut(&crate::plan::Trial) -> Outcome,
) -> Summary {
    let plan = plan(servers, scenarios, rounds);
    let records = records(&plan, outcome);
    summarize("scripted", false, &scripted::host(), &plan, &records)
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected.abs() * 1e-6
}

#[test]
fn rows_stand_in_the_order_of_selection_and_controls_apart() {
    let mut plan = plan(&["rust-tokio", "cpp-threads"], &BOTH, 1);
    plan.skipped.push(scripted::skip("go-x", "go not found", "apt-get x"));
    let records = records(&plan, |t| measured(bare(t.scenario, 10.0)));
    let host = scripted::host();
    let summary = summarize("r", false, &host, &plan, &records);
    let order: Vec<(&str, &str)> = summary
        .rows
        .iter()
        .map(|row| (row.server.as_str(), row.scenario.series()))
        .collect();
    let expected = ["rust-tokio", "cpp-threads", "go-x"]
        .into_iter()
        .flat_map(|server| [(server, "classic"), (server, "load")]);
    assert_eq!(order, expected.collect::<Vec<_>>());
    assert_eq!(summary.controls.reference.len(), 2);
    assert_eq!(summary.controls.same.as_ref().unwrap().rows.len(), 2);
    assert_eq!(summary.controls.same.as_ref().unwrap().ratios.len(), 2);
    let spin = summary.controls.spin_5_percent.as_ref().unwrap();
    assert_eq!((spin.rows.len(), spin.ratios.len()), (1, 1));
    assert_eq!(spin.rows[0].scenario, Load);
    let skipped = summary.row("go-x", Load).unwrap();
    assert_eq!(skipped.outcome, "skipped");
    assert_eq!(skipped.reason.as_deref(), Some("go not found"));
    assert_eq!(skipped.hint.as_deref(), Some("apt-get x"));
    assert!(summary.rows.iter().all(|row| row.rank.is_none()));
}

#[test]
fn the_cost_is_the_median_over_rounds_with_its_interval() {
    let summary = summary_of(&["rust-tokio"], &[Load], 6, |trial| {
        let base = if trial.lane == "rust-tokio" { 20.0 } else { 10.0 };
        measured(bare(Load, base + f64::from(trial.round)))
    });
    let row = summary.row("rust-tokio", Load).unwrap();
    let cost = row.metrics["cpu_us_per_echo"];
    assert!(close(cost.median, 23.5) && close(cost.low, 21.0));
    assert!(close(cost.high, 26.0) && cost.n == 6);
    assert_eq!(cost.level, 0.96875);
    // Paired by round: 21/11 … 26/16. Of the 21 geometric means of two of
    // them that of the first and the last is the middle one.
    let ratio = row.ratio.unwrap();
    let middle = (22.0 / 12.0 * (25.0 / 15.0_f64)).sqrt();
    assert!((ratio.median / middle - 1.0).abs() < 0.005, "{ratio:?}");
    assert!(close(ratio.low, 26.0 / 16.0) && close(ratio.high, 21.0 / 11.0));
    assert_eq!(summary.pairs.len(), 1);
    assert_eq!(summary.pairs[0].reference, "rust-mio");
    assert_eq!(summary.pairs[0].ratio, ratio);
    assert_eq!(summary.reference_row(Load).unwrap().ratio, None);
}

#[test]
fn snapshots_become_figures_for_each_connection_and_echo() {
    let summary =
        summary_of(&["rust-mio"], &[Load], 1, |_| measured(bare(Load, 10.0)));
    let metrics = &summary.row("rust-mio", Load).unwrap().metrics;
    let median = |name: &str| metrics[name].median;
    assert!(close(median("rss_bytes_per_connection"), 400.0));
    assert!(close(median("kernel_bytes_per_connection"), 7_800.0));
    assert!(close(median("threads"), 2.0));
    assert!(close(median("descriptors"), 10_007.0));
    // 10,000 in the second sweep, 20,000 and 100,000 in the windows.
    assert!(close(median("voluntary_switches_per_echo"), 0.5));
    assert!(close(median("involuntary_switches_per_echo"), 0.001));
    assert!(close(median("switches_per_echo"), 0.501));
    assert!(close(median("rest_cpu_percent"), 0.1));
    assert!(close(median("client_busy_percent"), 15.0));
    assert!(close(median("client_busy_percent_in_flight"), 30.0));
    assert!(close(median("server_busy_percent"), 10.0));
    assert!(close(median("echoes_per_s"), 100_000.0));
    assert!(close(median("achieved_per_s"), 10_000.0));
    assert!(close(median("achieved_percent"), 100.0));
    assert!(close(median("cpu_us_per_echo_in_flight"), 7.0));
    assert_eq!(metrics["threads"].interval(), None, "one round, no interval");
}

#[test]
fn a_switch_count_that_fell_is_left_out() {
    let summary = summary_of(&["rust-mio"], &[Load], 1, |_| {
        let mut launch = bare(Load, 10.0);
        launch.loaded.as_mut().unwrap().voluntary_switches = 9_999;
        measured(launch)
    });
    let row = summary.row("rust-mio", Load).unwrap();
    assert!(!row.metrics.contains_key("switches_per_echo"));
    assert!(row.metrics.contains_key("threads"));
}

#[test]
fn percentiles_come_from_merged_counts_once_there_are_enough() {
    let latency = |round: u32| [100, 200, 300][round as usize % 3];
    let run = |rounds| {
        summary_of(&["rust-mio"], &[Load], rounds, |trial| {
            measured(full(Load, 10.0, latency(trial.round)))
        })
    };
    // 20,000 samples in one launch do not carry a 99th percentile.
    let one = run(1);
    let metrics = &one.row("rust-mio", Load).unwrap().metrics;
    assert!(metrics.contains_key("latency_us_p50"));
    assert!(!metrics.contains_key("latency_us_p99"));
    assert!(metrics.contains_key("in_flight_latency_us_p99"));
    let six = run(6);
    let row = six.row("rust-mio", Load).unwrap();
    let p99 = row.metrics["latency_us_p99"];
    // Of 120,000 samples 2,400 are late: 800 each at 1, 2 and 3 ms. The 99th
    // percentile has 1,200 beyond it, so it is one of those at 2 ms, where
    // the launches' own are 1, 2 and 3 ms.
    assert!((p99.median / 2_000.0 - 1.0).abs() < 2e-3, "{p99:?}");
    assert!((p99.low / 1_000.0 - 1.0).abs() < 2e-3, "{p99:?}");
    assert!((p99.high / 3_000.0 - 1.0).abs() < 2e-3, "{p99:?}");
    assert_eq!((p99.n, p99.level), (6, 0.96875));
    assert!(!row.metrics.contains_key("latency_us_p999"));
    assert_eq!(row.by_round("latency_us_p99").len(), 6);
}

#[test]
fn failed_trials_are_named_and_never_averaged_in() {
    let summary = summary_of(&["rust-tokio"], &[Load], 3, |trial| {
        match (trial.lane.as_str(), trial.round) {
            ("rust-tokio", 2) => scripted::corrupted(),
            _ => measured(bare(Load, 10.0)),
        }
    });
    let row = summary.row("rust-tokio", Load).unwrap();
    assert_eq!((row.outcome.as_str(), row.rounds), ("measured", 2));
    assert_eq!(row.failures.len(), 1);
    assert_eq!(row.failures[0].round, 2);
    assert_eq!(row.failures[0].outcome, "corrupted");
    assert_eq!(row.ratio.unwrap().n, 2);
}

#[test]
fn a_row_of_failures_bears_the_last_one() {
    let summary = summary_of(&["rust-tokio"], &[Load], 2, |trial| {
        match (trial.lane.as_str(), trial.round) {
            ("rust-tokio", 1) => Outcome::Interrupted,
            ("rust-tokio", _) => Outcome::BuildFailed { log: "no cc".into() },
            _ => measured(bare(Load, 10.0)),
        }
    });
    let row = summary.row("rust-tokio", Load).unwrap();
    assert_eq!(row.outcome, "build_failed");
    assert!(row.reason.as_deref().unwrap().contains("no cc"));
    assert_eq!(row.hint.as_deref(), Some("cargo harness build rust-tokio"));
    assert_eq!((row.rounds, row.ratio), (0, None));
    assert!(summary.pairs.is_empty());
}

#[test]
fn a_repeated_trial_counts_once_by_its_last_record() {
    let plan = plan(&["rust-mio"], &[Load], 1);
    let mut all = records(&plan, |_| Outcome::Interrupted);
    all.extend(records(&plan, |_| measured(bare(Load, 10.0))));
    let summary = summarize("r", false, &scripted::host(), &plan, &all);
    let row = summary.row("rust-mio", Load).unwrap();
    assert_eq!((row.rounds, row.failures.len()), (1, 0));
}

#[test]
fn a_lane_without_a_record_is_not_run_yet() {
    let plan = plan(&["rust-mio"], &[Load], 1);
    let summary = summarize("r", true, &scripted::host(), &plan, &[]);
    let row = summary.row("rust-mio", Load).unwrap();
    assert_eq!(row.outcome, "interrupted");
    assert_eq!(row.reason.as_deref(), Some("not run yet"));
}

#[test]
fn a_launch_that_lost_a_byte_gives_no_figure() {
    let summary = summary_of(&["rust-tokio"], &[Load], 2, |trial| {
        let mut launch = bare(Load, 10.0);
        if trial.lane == "rust-tokio" && trial.round == 1 {
            launch.report.windows[1].bytes_verified -= 1;
        }
        measured(launch)
    });
    let row = summary.row("rust-tokio", Load).unwrap();
    assert_eq!((row.rounds, row.failures.len()), (1, 1));
    assert!(row.failures[0].reason.contains("do not add up"));
    let failed: Vec<&Gate> = row.failed_gates().collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].name.as_str(), failed[0].value), (CONSERVATION, 1.0));
}

#[test]
fn flags_are_gathered_with_their_counts() {
    let summary = summary_of(&["rust-mio"], &[Load], 3, |trial| {
        let mut launch = bare(Load, 10.0);
        if trial.round > 1 {
            launch.flags = vec!["unclean-stop".into(); 2];
            launch.report.windows[1].client_busy_ns = 900_000_000;
        }
        launch.census = None;
        measured(launch)
    });
    let row = summary.row("rust-mio", Load).unwrap();
    assert_eq!(row.flags, ["census-unread", "client-limited", "unclean-stop"]);
    assert_eq!(row.flag_counts["client-limited"], 2);
    assert_eq!(row.flag_counts["unclean-stop"], 2);
    assert_eq!(row.flag_counts["census-unread"], 3);
}

#[test]
fn the_worst_round_of_a_gate_is_shown() {
    let summary = summary_of(&["rust-mio"], &[Load], 3, |trial| {
        let mut launch = bare(Load, 10.0);
        let late = u64::from(trial.round % 3) * 20;
        launch.report.windows[0].sent_in_time = 20_000 - late;
        measured(launch)
    });
    let row = summary.row("rust-mio", Load).unwrap();
    let gate = row.gates.iter().find(|g| g.name == SENT_IN_TIME).unwrap();
    assert!(close(gate.value, 99.8) && !gate.pass, "{gate:?}");
    assert_eq!(row.gates.len(), 16);
}

#[test]
fn a_window_that_ends_before_it_starts_gives_no_figure_and_no_panic() {
    let summary = summary_of(&["rust-mio"], &[Load], 1, |_| {
        let mut launch = bare(Load, 10.0);
        launch.report.windows[0].end_ns = 0;
        measured(launch)
    });
    let row = summary.row("rust-mio", Load).unwrap();
    assert!(!row.metrics.contains_key("cpu_us_per_echo"));
}

#[test]
fn classic_figures_are_the_original_ones_and_percentiles() {
    let summary = summary_of(&["rust-mio"], &[Classic], 6, |_| {
        measured(full(Classic, 412.0, 90))
    });
    let metrics = &summary.row("rust-mio", Classic).unwrap().metrics;
    assert!(close(metrics["total_ms"].median, 412.0));
    assert!(close(metrics["avg_us"].median, 41.2));
    assert!(metrics.contains_key("connect_us_p99"));
    assert!(metrics.contains_key("echo_us_p99"));
}

#[test]
fn a_parallel_model_on_one_worker_says_that_parallelism_is_untested() {
    let flagged = |parallel: bool, workers: u32| {
        let mut plan = plan(&["rust-tokio"], &[Load], 1);
        plan.lanes[0].parallel = parallel;
        let records = records(&plan, |_| {
            let mut measurement = bare(Load, 10.0);
            measurement.announce.workers = workers;
            measured(measurement)
        });
        let host = scripted::host();
        let summary = summarize("r", false, &host, &plan, &records);
        let row = summary.row("rust-tokio", Load).unwrap();
        row.is_flagged("parallelism-untested")
    };
    assert!(flagged(true, 1));
    assert!(!flagged(true, 2));
    assert!(!flagged(false, 1));
}
