//! The table of what the defaults cost.

use super::tests::lines_fit;
use super::*;
use crate::plan::Scenario::{Classic, Load};
use crate::plan::{Shipped, Timing};
use crate::scripted::{self, full, measured, plan, records};
use crate::summarize::{ACCEPT_OVERFLOWED, Summary, summarize};

/// Two servers as shipped: one that pays in `classic` and overflows its accept
/// queue in some rounds, one that was lost in a round.
fn run(rounds: u32) -> Summary {
    let servers = ["rust-mio", "rust-tokio", "node-events"];
    let mut plan = plan(&servers, &[Classic, Load], rounds);
    let defaults = Shipped {
        backlog: Some(128),
        nodelay: Some(false),
        ..Shipped::default()
    };
    scripted::as_shipped(&mut plan, "rust-tokio", defaults);
    let defaults =
        Shipped { backlog: Some(511), buffer_bytes: Some(65_536), ..defaults };
    scripted::as_shipped(&mut plan, "node-events", defaults);
    let records = records(&plan, |trial| {
        let own = f64::from(trial.round * trial.lane.len() as u32).sin();
        let storm = trial.scenario == Classic;
        let tokio = trial.lane == "rust-tokio@shipped";
        let price = if storm && tokio { 4.0 } else { 1.0 };
        let level = if storm { 400.0 } else { 12.0 };
        let cost = level * price * (1.0 + 0.02 * own);
        let mut launch = full(trial.scenario, cost, 100);
        if trial.lane.ends_with("@shipped") {
            launch.sockets.backlog = Some(if tokio { 128 } else { 511 });
            launch.sockets.nodelay = Some(!tokio);
            launch.announce.buffer = if tokio { 4096 } else { 65_536 };
            if storm && tokio && trial.round > 1 {
                launch.flags.push(ACCEPT_OVERFLOWED.into());
            }
            if storm && !tokio && trial.round == 2 {
                return scripted::corrupted();
            }
        }
        measured(launch)
    });
    let host = scripted::host();
    summarize("20261123T063000Z-5417", false, &host, &plan, &records)
}

/// What the renderers add for lanes as shipped.
fn added(text: &str) -> &str {
    let from = text.find("What the defaults cost").unwrap();
    let to = text.find("Controls: ").unwrap();
    text[from..to].trim_end_matches(['-', ' ', '\n'])
}

#[test]
fn the_defaults_have_a_table_of_their_own() {
    let table = table(&run(6));
    lines_fit(&table);
    insta::assert_snapshot!(added(&table));
    let markdown = markdown(&run(6));
    insta::assert_snapshot!(added(&markdown));
}

#[test]
fn one_round_has_ratios_without_intervals() {
    let table = table(&run(1));
    let line = |line: &&str| line.starts_with("rust-tokio@shipped");
    let line = table.lines().find(line).unwrap();
    assert!(!line.contains(['(', '±']), "{line}");
}

#[test]
fn the_readme_table_holds_none_of_it() {
    assert!(!markdown_table(&run(6)).contains("shipped"));
}

#[test]
fn the_command_names_the_lanes_as_shipped() {
    let mut plan = run(6).plan;
    Timing::DEFAULT.set(&mut plan.settings);
    let command = heading::command(&plan).join(" ");
    let expected = "cargo harness run rust-mio rust-tokio node-events \
                    rust-tokio@shipped node-events@shipped --scenario";
    assert!(command.starts_with(expected), "{command}");
}

#[test]
fn csv_has_the_lanes_last_with_their_ratios() {
    let text = csv(&run(6));
    let lines: Vec<&str> = text.lines().collect();
    let own = |line: &&str| line.contains("@shipped,");
    let first = lines.iter().position(own).unwrap();
    assert!(lines[first..].iter().all(own));
    for metric in ["total_ms", "cpu_us_per_echo", "latency_us_p99"] {
        let name = format!(",{metric}_ratio_to_equalised,");
        assert_eq!(text.matches(&name).count(), 2, "{name}");
    }
    assert!(text.contains(",ratio_to_reference,"));
}
