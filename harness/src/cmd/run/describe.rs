//! What a plan comes to, in words.

use std::fmt::Write as _;

use super::prepare::ORIGINAL_PAYLOAD;
use crate::plan::make::total_time;
use crate::plan::{Plan, SESSIONS_PER_S, Scenario, Settings, Trial};
use crate::progress::about;

/// What these trials of a plan come to, in one line.
pub(super) fn outlook(plan: &Plan, trials: &[Trial]) -> String {
    let mut rounds: Vec<u32> = trials.iter().map(|it| it.round).collect();
    rounds.dedup();
    format!(
        "{} trials in {} round(s), about {} once everything is built",
        trials.len(),
        rounds.len(),
        about(total_time(plan, trials)),
    )
}

/// What the client would be told by hand.
fn client_by_hand(settings: &Settings, scenario: Scenario) -> String {
    let own = settings.at(scenario);
    let (held, rate) = (own.connections, own.rate_per_s);
    if settings.is_original() {
        let client = &settings.client;
        return format!(
            "{client} ADDR --clients {held} (see clients/README.md)"
        );
    }
    let load = match scenario {
        Scenario::Classic => format!("-c {held}"),
        Scenario::Idle(_) => format!("--hold {held}"),
        Scenario::Sizes(_) => {
            format!("--hold {held} --in-flight {}", own.in_flight)
        }
        Scenario::Churn => format!("-c {held} --churn {SESSIONS_PER_S}"),
        _ => format!("--hold {held} --rate {rate}"),
    };
    let bytes = own.payload_bytes;
    let payload = match bytes == ORIGINAL_PAYLOAD {
        true => String::new(),
        false => format!(" --payload {bytes}"),
    };
    format!("cargo run --release -p load -- ADDR {load}{payload}")
}

/// The plan as `--dry-run` prints it, with these trials to come and commands
/// that can be pasted.
pub(super) fn describe(plan: &Plan, trials: &[Trial]) -> String {
    let settings = &plan.settings;
    let flags: Vec<String> = crate::launch::flags(settings)
        .iter()
        .map(|flag| flag.to_string_lossy().into_owned())
        .collect();
    let mut out = format!(
        "{}\n\
         seed {}, servers on CPU {:?}, client on CPU {:?}, isolation {}\n\
         every server gets: {}\n",
        outlook(plan, trials),
        plan.seed,
        settings.server_cpus,
        settings.client_cpus,
        settings.isolation,
        flags.join(" "),
    );
    let last = plan.scenarios.last().copied().unwrap_or(Scenario::Load);
    let client = client_by_hand(settings, last);
    let _ = writeln!(
        out,
        "by hand: cargo run --release -p SERVER -- --workers {}, then {client}",
        settings.workers
    );
    for lane in &plan.lanes {
        let Some(shipped) = lane.shipped else { continue };
        let words = shipped.words(settings).join(", ");
        let _ = writeln!(out, "{} gets instead: {words}", lane.name);
    }
    for skip in &plan.skipped {
        let hint = skip.hint.as_deref().unwrap_or("see its server.toml");
        let _ = writeln!(
            out,
            "skipped {}: {}; mend: {hint}",
            skip.server, skip.reason
        );
    }
    let mut round = 0;
    for trial in trials {
        if trial.round != round {
            round = trial.round;
            let _ = writeln!(out, "round {round}");
        }
        let _ = writeln!(out, "  {} {}", trial.scenario.name(), trial.lane);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::settings;

    #[test]
    fn by_hand_the_client_is_told_the_workload_that_was_asked_for() {
        let settings = Settings {
            connections: 5_000,
            payload_bytes: 9,
            rate_per_s: 700.0,
            ..settings()
        };
        for (scenario, words) in [
            (Scenario::Classic, "ADDR -c 5000 --payload 9"),
            (Scenario::Load, "ADDR --hold 5000 --rate 700 --payload 9"),
            (Scenario::Scale(7), "ADDR --hold 7 --rate 700 --payload 9"),
            (Scenario::Idle(7), "ADDR --hold 7 --payload 9"),
            (Scenario::Sizes(4), "ADDR --hold 64 --in-flight 16 --payload 4"),
            (Scenario::Sizes(100), "ADDR --hold 64 --in-flight 16"),
            (Scenario::Churn, "ADDR -c 1000 --churn 1000 --payload 9"),
        ] {
            let told = client_by_hand(&settings, scenario);
            assert!(told.ends_with(words), "{told}");
        }
    }
}
