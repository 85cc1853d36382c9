//! Servers with their library's own defaults, each held against itself.
//!
//! Refuses to do: compare one to another server, or pronounce a verdict. What
//! a default costs is a ratio with its interval; these lanes enter no rank,
//! no family of tests and no floor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::controls::Pair;
use super::types::Row;
use crate::plan::{Lane, Scenario, Shipped};
use crate::record::{Measurement, Outcome, Record};
use crate::stats::ratios_by_round;
use crate::stats::signed_rank::hodges_lehmann_ratio;

/// A server once more, as its library would have started it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShippedLane {
    /// The name it was run under: `ID@shipped`.
    pub lane: String,
    /// The server it is.
    pub server: String,
    /// What its last launch ran with, of what `server.toml` names: backlog and
    /// NODELAY as the kernel has them (what was asked for, where it can't be
    /// asked), workers and read size as announced.
    pub defaults: Shipped,
    /// Over the same server in `rows`, paired by round: `total_ms`,
    /// `cpu_us_per_echo` and `latency_us_p99`, each where measured in both.
    /// Never with a verdict.
    pub ratios: Vec<Pair>,
    /// One for each scenario.
    pub rows: Vec<Row>,
}

/// What the defaults may cost: the whole storm, an echo, and the wait for it.
pub(super) const METRICS: [(Scenario, &str); 3] = [
    (Scenario::Classic, "total_ms"),
    (Scenario::Load, "cpu_us_per_echo"),
    (Scenario::Load, "latency_us_p99"),
];

impl ShippedLane {
    /// A metric over that of the same server as all others are started.
    #[must_use]
    pub fn ratio(&self, metric: &str) -> Option<&Pair> {
        self.ratios.iter().find(|pair| pair.metric == metric)
    }
}

/// The lane, held against the same server among `rows`; `None` for any other
/// lane.
pub(super) fn held(
    lane: &Lane,
    own: Vec<Row>,
    rows: &[Row],
    records: &[&Record],
) -> Option<ShippedLane> {
    let defaults = effective(lane, records)?;
    let pairs = METRICS.iter().filter_map(|&(scenario, metric)| {
        let of = |row: &&Row| row.scenario == scenario;
        let own = own.iter().find(of)?;
        let every = rows.iter().filter(of).find(|r| r.server == lane.server)?;
        pair(own, every, scenario, metric)
    });
    Some(ShippedLane {
        lane: lane.name.clone(),
        server: lane.server.clone(),
        defaults,
        ratios: pairs.collect(),
        rows: own,
    })
}

fn pair(
    own: &Row,
    every: &Row,
    scenario: Scenario,
    metric: &str,
) -> Option<Pair> {
    let ratios =
        ratios_by_round(&own.by_round(metric), &every.by_round(metric));
    let ratios: Vec<f64> = ratios.into_values().collect();
    Some(Pair {
        server: own.server.clone(),
        reference: every.server.clone(),
        scenario,
        metric: metric.into(),
        ratio: hodges_lehmann_ratio(&ratios)?,
        verdict: None,
        rounds_needed: None,
        chance: None,
    })
}

/// What the last launch of the lane shows, else what was asked for.
fn effective(lane: &Lane, records: &[&Record]) -> Option<Shipped> {
    let asked = lane.shipped?;
    let Some(launch) = last_measured(lane, records) else { return Some(asked) };
    let (sockets, announce) = (&launch.sockets, &launch.announce);
    Some(Shipped {
        backlog: asked.backlog.map(|own| sockets.backlog.unwrap_or(own)),
        workers: asked.workers.map(|_| announce.workers),
        buffer_bytes: asked.buffer_bytes.map(|_| announce.buffer),
        nodelay: asked.nodelay.map(|own| sockets.nodelay.unwrap_or(own)),
    })
}

fn last_measured<'a>(
    lane: &Lane,
    records: &[&'a Record],
) -> Option<&'a Measurement> {
    let own = records.iter().rev().filter(|r| r.trial.lane == lane.name);
    own.filter_map(|record| match &record.outcome {
        Outcome::Measured(measurement) => Some(measurement.as_ref()),
        _ => None,
    })
    .next()
}
