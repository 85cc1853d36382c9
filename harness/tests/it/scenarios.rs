//! Every workload in small, by the real client over a real server: what it
//! promises is there, and its primary figure says what was made to be so.

use harness::plan::{SERIES, Scenario};
use harness::record::Outcome;
use harness::summarize::{CENSUS, CONSERVATION, PROOF};
use serde_json::Value;

use crate::bed::{Bed, Ran, only_run};
use crate::tests;

tests![
    every_workload_has_its_primary_figure_and_its_checks,
    memory_grows_with_the_connections_held,
    a_handlers_time_is_in_the_cost_and_told_to_the_server,
    the_herd_and_the_sessions_are_as_many_as_planned,
    a_curve_goes_on_where_it_was_left,
    a_point_beyond_the_descriptors_or_a_scenario_unknown_is_refused,
];

/// Connections of a bed's runs.
const MOST: u32 = 64;

fn figure(ran: &Ran, server: &str, scenario: &str, metric: &str) -> f64 {
    let row = find(ran, server, scenario);
    let median = &row["metrics"][metric]["median"];
    median.as_f64().unwrap_or_else(|| panic!("no {metric} in {row:#}"))
}

fn find(ran: &Ran, server: &str, scenario: &str) -> Value {
    let json = ran.json();
    let rows = json["rows"].as_array().unwrap();
    let own =
        |row: &&Value| row["server"] == server && row["scenario"] == scenario;
    let row = rows.iter().find(own);
    row.unwrap_or_else(|| panic!("no {server} {scenario}: {json:#}")).clone()
}

fn every_workload_has_its_primary_figure_and_its_checks() {
    let bed = Bed::new();
    let ran = bed.run(&["--scenario", "all"]);
    ran.exits_with(0).measured_all();
    for scenario in
        SERIES.iter().flat_map(|series| Scenario::all_of(series, MOST, true))
    {
        let name = scenario.name();
        let row = find(&ran, "good", &name);
        // Memory of so few connections may be less than what others give up.
        if !matches!(scenario, Scenario::Idle(_)) {
            let metric = scenario.primary_metric();
            assert!(figure(&ran, "good", &name, metric) > 0.0, "{row:#}");
        }
        let gates = row["gates"].as_array().unwrap();
        let gate = |wanted: &str| gates.iter().find(|it| it["name"] == wanted);
        assert_eq!(gate(CONSERVATION).unwrap()["pass"], true, "{row:#}");
        for held in [PROOF, CENSUS] {
            let passes = gate(held).map(|gate| gate["pass"] == true);
            let expected = scenario.holds().then_some(true);
            assert_eq!(passes, expected, "{held} of {row:#}");
        }
    }
}

fn memory_grows_with_the_connections_held() {
    // 64 KiB touched for each connection.
    let bed = Bed::with_bad(&["--bug", "fat-connections", "--at", "64"]);
    let ran = bed.run(&["--scenario", "idle"]);
    ran.exits_with(0).measured_all();
    for scenario in ["idle@25", "idle@64"] {
        let metric = "rss_bytes_per_connection";
        let bytes = figure(&ran, "bad", scenario, metric);
        assert!((60e3..90e3).contains(&bytes), "{scenario}: {bytes}");
        let slope = format!("{metric}_slope");
        if scenario == "idle@64" {
            let bytes = figure(&ran, "bad", scenario, &slope);
            assert!((60e3..90e3).contains(&bytes), "slope {bytes}");
        }
        let lean = figure(&ran, "good", scenario, metric);
        assert!(lean < 30e3, "{scenario}: {lean}");
    }
}

fn a_handlers_time_is_in_the_cost_and_told_to_the_server() {
    let ran = Bed::new().run(&["--scenario", "handler@0,handler@300"]);
    ran.exits_with(0).measured_all();
    let cost = |at| figure(&ran, "good", at, "cpu_us_per_echo");
    let more = cost("handler@300") - cost("handler@0");
    // By the wall clock: a busy machine takes CPU from it, never adds any.
    assert!((100.0..400.0).contains(&more), "{more} µs");
    for record in &ran.records {
        let Outcome::Measured(launch) = &record.outcome else { panic!() };
        assert_eq!(launch.spin_us, record.trial.scenario.handler_us());
    }
}

fn the_herd_and_the_sessions_are_as_many_as_planned() {
    let ran = Bed::new().run(&["--scenario", "herd,churn"]);
    ran.exits_with(0).measured_all();
    for record in &ran.records {
        let Outcome::Measured(launch) = &record.outcome else { panic!() };
        let report = &launch.report;
        let window = &report.windows[0];
        match record.trial.scenario {
            Scenario::Herd => {
                let served = window.fairness.unwrap().connections;
                assert_eq!(served, 1, "one in a hundred, and at least one");
                assert_eq!(report.connections.established, MOST);
            }
            _ => {
                let all = u64::from(report.connections.established);
                let bytes = all * 8 * 100;
                assert!(all > 300, "{:?}", report.connections);
                assert_eq!(window.bytes_verified, bytes);
                assert_eq!(window.planned, window.echoed + window.censored);
            }
        }
    }
}

fn a_curve_goes_on_where_it_was_left() {
    let bed = Bed::new();
    // A point may lie beyond `-c`, which is 64.
    let curve = ["--scenario", "scale@10,scale@80", "--rounds", "1"];
    let first = bed.run(&curve);
    first.exits_with(0);
    let made = first.records.len();
    let again = bed.run(&["--resume", "latest", "--rounds", "2"]);
    again.exits_with(0);
    assert_eq!(again.records.len(), 2 * made);
    assert_eq!(find(&again, "good", "scale@80")["rounds"], 2);
    // But not by a client that measures otherwise.
    let plan = only_run(&bed.path("results")).join("plan.json");
    let text = std::fs::read_to_string(&plan).unwrap();
    let now = format!("\"client_revision\": {}", wire::REVISION);
    assert!(text.contains(&now), "{text}");
    std::fs::write(&plan, text.replace(&now, "\"client_revision\": 1"))
        .unwrap();
    let refused = bed.run(&["--resume", "latest", "--rounds", "3"]);
    let stderr = &refused.exits_with(5).finished.stderr;
    assert!(stderr.contains("revision 1 of the client"), "{stderr}");
    assert_eq!(refused.records.len(), 2 * made);
}

fn a_point_beyond_the_descriptors_or_a_scenario_unknown_is_refused() {
    let bed = Bed::new();
    for (scenario, code, words) in [
        ("scale@999999", 6, "999999 connections need"),
        ("curve", 2, "the scenarios are classic, load, scale"),
        ("load@5", 2, "scale@1000"),
    ] {
        let ran = bed.run(&["--scenario", scenario]);
        ran.exits_with(code);
        let stderr = &ran.finished.stderr;
        assert!(stderr.contains(words), "{stderr}");
    }
}
