//! What a run itself holds against a figure that is to be compared.
//!
//! Refuses to do: judge a change.

use super::types::Verdict;
use crate::conformance::Standing;
use crate::record::Effect;
use crate::render::rate;
use crate::summarize::{CENSUS, PROOF, Row, STARVED};
use crate::units::Plain;

/// Why nothing may be concluded from a measured row.
pub(super) struct Unsound {
    why: String,
    /// It tells of the server, not of the client or the machine.
    servers: bool,
}

/// The first reason against a row, if there is one.
fn unsound(row: &Row) -> Option<Unsound> {
    if let Some(gate) = row.disputes().next() {
        let servers = [STARVED, CENSUS, PROOF].contains(&&*gate.name);
        let (value, limit) = (Plain(gate.value), Plain(gate.limit));
        let why = format!("the check {} is {value}, not {limit}", gate.name);
        return Some(Unsound { why, servers });
    }
    if let Some(per_s) = row.carried_only() {
        let why = format!("it carried only {}", rate(per_s));
        return Some(Unsound { why, servers: true });
    }
    let failed = row.conformance == Some(Standing::Failed);
    failed.then(|| Unsound {
        why: "it failed the conformance suite".into(),
        servers: false,
    })
}

/// What becomes of two measured rows of which one is not to be compared, and
/// why. A server that was sound and fails by itself now has broken.
pub(super) fn verdict(before: &Row, after: &Row) -> Option<(Verdict, String)> {
    if before.is_clients_own() && after.is_clients_own() {
        let why = "not to be compared: the client was the limit of both";
        return Some((Verdict::Missing, why.into()));
    }
    let (then, now) = (unsound(before), unsound(after));
    Some(match (then, now) {
        (None, None) => return None,
        (None, Some(now)) if now.servers => {
            (Verdict::Broken, format!("sound before, now {}", now.why))
        }
        (Some(then), None) if then.servers => {
            (Verdict::Mended, format!("before {}, sound now", then.why))
        }
        (_, Some(now)) => {
            (Verdict::Missing, format!("not to be compared: now {}", now.why))
        }
        (Some(then), None) => {
            let why = format!("not to be compared: before {}", then.why);
            (Verdict::Missing, why)
        }
    })
}

/// The marks that a table sets before this figure, each with the rounds it
/// was made in: the machine was disturbed, or a check of its own failed.
pub(super) fn doubts(row: &Row, metric: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if row.is_disturbed() {
        let made = row.disturbances();
        doubts
            .extend(made.map(|(flag, n)| format!("{flag} {n}/{}", row.rounds)));
    }
    let own = if metric.starts_with("latency") {
        Some((Effect::Latency, "slip"))
    } else if metric.contains("in_flight") || metric == "echoes_per_s" {
        Some((Effect::Throughput, "little"))
    } else {
        None
    };
    let failed = own.filter(|(effect, _)| row.is_marked(*effect));
    doubts.extend(failed.map(|(_, name)| name.to_owned()));
    doubts
}

/// Whether an outcome tells of the server, not of the run or the machine.
pub(super) fn is_fault(outcome: &str) -> bool {
    !matches!(
        outcome,
        "skipped" | "unsupported" | "interrupted" | "harness_error"
    )
}
