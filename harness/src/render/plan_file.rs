//! A plan file that makes a run again.
//!
//! Refuses to do: name where a server from outside the suite lies; its
//! `--server-dir` has to be typed beside the file.

use serde::Serialize;

use super::heading::{placement, scenarios};
use crate::plan::{Lane, Plan, Timing};
use crate::summarize::plain;

/// Keys in the order of the file; tables come last.
#[derive(Debug, Serialize)]
struct Keys {
    servers: Vec<String>,
    scenario: Vec<String>,
    connections: u32,
    payload: u32,
    rate: u64,
    rounds: u32,
    workers: u32,
    placement: &'static str,
    isolation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    windows: Windows,
}

#[derive(Debug, Serialize)]
struct Windows {
    warm_up: String,
    fixed_rate: String,
    in_flight: String,
    step: String,
    idle: String,
}

/// The file, with the command that reads it in its first line.
#[must_use]
pub fn plan_file(plan: &Plan) -> String {
    let settings = &plan.settings;
    let servers = plan
        .lanes
        .iter()
        .filter(|lane| lane.control.is_none() || lane.shipped.is_some());
    // One that is named by its directory is selected by that.
    let in_file = |lane: &&Lane| !lane.outside || lane.shipped.is_some();
    let servers = servers.filter(in_file).map(|it| &it.name);
    let skipped = plan.skipped.iter().map(|skip| &skip.server);
    let seed = i64::try_from(plan.seed);
    let timing = Timing::of(settings);
    let ms = |length: u64| format!("{length}ms");
    let keys = Keys {
        servers: servers.chain(skipped).map(|name| plain(name)).collect(),
        scenario: scenarios(plan).collect(),
        connections: settings.connections,
        payload: settings.payload_bytes,
        rate: whole(settings.rate_per_s),
        rounds: plan.rounds,
        workers: settings.workers,
        placement: placement(settings),
        isolation: settings.isolation.to_string(),
        reference: plan.reference.as_deref().map(plain),
        client: plain(&settings.client),
        seed: seed.ok(),
        windows: Windows {
            warm_up: ms(timing.warm_up),
            fixed_rate: ms(timing.fixed_rate),
            in_flight: ms(timing.in_flight),
            step: ms(timing.step),
            idle: ms(timing.idle),
        },
    };
    let mut head = String::from("# cargo harness run --plan FILE");
    let named = |lane: &&Lane| lane.outside && lane.control.is_none();
    for lane in plan.lanes.iter().filter(named) {
        head += &format!(" --server-dir DIR/{}", plain(&lane.server));
    }
    if settings.quick {
        head += &format!(" --quick --rounds {}", plan.rounds);
    }
    if seed.is_err() {
        head += &format!(" --seed {}", plan.seed);
    }
    let text = toml::to_string(&keys).unwrap_or_default();
    format!("{head}\n{text}")
}

/// `--rate` is a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is at most ten million and not negative"
)]
const fn whole(rate_per_s: f64) -> u64 {
    rate_per_s as u64
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::plan_file::{Known, apply};
    use crate::cli::{Cli, Command};
    use crate::plan::Scenario::{self, Load, Scale};
    use crate::scripted;

    #[test]
    fn what_is_written_is_read_as_the_same_plan() {
        let all = Scenario::all_of("scale", 300, false);
        let scenarios = [&[Load], &all[..], &[Scale(900)]].concat();
        let mut plan = scripted::plan(&["rust-mio", "b"], &scenarios, 7);
        plan.settings.fixed_rate_ms = 5_000;
        plan.settings.connections = 300;
        plan.skipped.push(scripted::skip("gone", "no", "mend"));
        let text = plan_file(&plan);
        let cli = Cli::parse_from(["harness", "run"]);
        let Command::Run(mut run) = cli.command else { unreachable!() };
        let client = |name: &str| Ok(name.to_owned());
        let known = Known { server: &|_| true, client: &client };
        apply(&text, &mut run, known).unwrap();
        assert_eq!(run.selection.servers, ["rust-mio", "b", "gone"]);
        assert_eq!(run.scenario, ["load", "scale", "scale@900"]);
        assert_eq!((run.connections, run.rounds), (300, Some(7)));
        assert_eq!(run.seed, Some(plan.seed));
        assert_eq!(run.windows.fixed_rate, Some(5_000));
        assert_eq!(run.windows.step, Some(plan.settings.step_ms));
        assert!(text.starts_with("# cargo harness run --plan FILE\n"));
    }

    #[test]
    fn what_a_file_cannot_hold_is_typed_beside_it() {
        let mut plan = scripted::plan(&["rust-mio"], &[Load], 1);
        plan.settings.quick = true;
        plan.seed = u64::MAX;
        for lane in &mut plan.lanes {
            lane.outside = true;
        }
        let text = plan_file(&plan);
        let head = text.lines().next().unwrap();
        assert_eq!(
            head,
            "# cargo harness run --plan FILE --server-dir DIR/rust-mio \
             --quick --rounds 1 --seed 18446744073709551615"
        );
        assert!(!text.contains("seed ="), "{text}");
    }
}
