//! Two servers alive at once, loaded in turns: resolves a few percent on a
//! machine that drifts by tens of percent within minutes.
//!
//! Duet benchmarking (Bulej et al., arXiv 2001.05811) with the load in slices:
//! both servers share the CPUs and only one of them is loaded at a time, in
//! the order A B B A, so that whatever the machine does meets both alike. A
//! pair of launches is one observation, because layout and placement are
//! drawn anew with each launch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Arrivals, Load};

use crate::plan::{Isolation, Lack, Placement};
use crate::stats::Estimate;

pub mod fight;
pub mod judge;

/// What a duel decides on; lower is better.
pub const METRIC: &str = "cpu_us_per_echo";
/// Version of [`Duel`].
pub const SCHEMA_VERSION: u32 = 1;
/// The server that isn't loaded may use this much of a CPU: a busier one
/// would be measured into the other.
pub const IDLE_LIMIT_PERCENT: f64 = 2.0;

/// One slice, five seconds of load in each pair of launches. Milliseconds.
pub const SLICE_MS: u64 = 100;
/// Blocks of four slices in each pair of launches.
pub const BLOCKS: u32 = 12;
/// Load before anything counts. Milliseconds.
pub const WARM_UP_MS: u64 = 500;

/// How a duel is fought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rules {
    /// Connections to each server.
    pub connections: u32,
    /// Echoes per second in a slice; null in a closed loop.
    #[serde(default)]
    pub rate_per_s: Option<u32>,
    /// Connections in flight in a closed loop; null where all of them are.
    #[serde(default)]
    pub in_flight: Option<u32>,
    /// Workers that A and B were asked for; 0 in a duel that kept no note.
    #[serde(default)]
    pub workers: [u32; 2],
    /// CPUs of servers and clients: disjoint, or both on all.
    #[serde(default)]
    pub placement: Placement,
    /// Bytes of a message.
    pub payload_bytes: u32,
    /// Load before anything counts, on each server. Milliseconds.
    pub warm_up_ms: u64,
    /// One slice. Milliseconds.
    pub slice_ms: u64,
    /// Blocks of four slices, A B B A, in each pair of launches.
    pub blocks: u32,
    /// The ratio of a pair of launches is that of all its slices together,
    /// and not the median over its blocks: what a runtime pays at moments, as
    /// for collecting garbage, is part of its cost.
    #[serde(default)]
    pub whole: bool,
    /// Microseconds that the handlers of A and of B burn.
    pub spin_us: [u32; 2],
    /// Seed of payloads.
    pub seed: u64,
    /// How far each pair of launches is kept apart.
    #[serde(default)]
    pub isolation: Isolation,
    /// Congestion control in the network of a pair; null where it uses the
    /// machine's own, which the host tells.
    #[serde(default)]
    pub congestion_control: Option<String>,
    /// Levels of isolation that `--isolation auto` had to do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Lack>,
}

impl Rules {
    /// What is offered in a slice.
    #[must_use]
    pub fn load(&self) -> Load {
        match self.rate_per_s {
            Some(per_s) => {
                let (per_s, arrivals) = (per_s.into(), Arrivals::Poisson);
                Load::Rate { per_s, arrivals }
            }
            None => {
                let connections = self.in_flight.unwrap_or(self.connections);
                Load::InFlight { connections }
            }
        }
    }
}

/// One stretch of load on one server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// CPU time of the server between the edges. Nanoseconds.
    pub cpu_ns: u64,
    /// Echoes completed between the edges.
    pub echoes: u64,
    /// Between the edges. Nanoseconds.
    pub wall_ns: u64,
}

/// One launch of each server, side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LaunchPair {
    /// Slices of A in the order of time.
    pub a: Vec<Slice>,
    /// Slices of B in the order of time.
    pub b: Vec<Slice>,
    /// CPU that A and B used while the other was loaded, in percent of one.
    pub idle_percent: [f64; 2],
}

/// What came of it, in the order in which it is looked at.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A costs less than B.
    Faster,
    /// A costs more than B.
    Slower,
    /// They differ by less than 2 %.
    Equivalent,
    /// Neither can be said.
    Undecided,
}

/// A duel as it is printed and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Duel {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// The duel's id.
    pub duel: String,
    /// The first server.
    pub a: String,
    /// The second server; may be the first again.
    pub b: String,
    /// What the verdict is on.
    pub metric: String,
    /// A over B in that metric.
    pub ratio: Estimate,
    /// A over B in echoes per second: beside the verdict, not part of it.
    pub throughput_ratio: Estimate,
    /// Pairs of launches.
    pub launch_pairs: u32,
    /// A against B.
    pub verdict: Verdict,
    /// Why there is no verdict, where something stood in its way.
    pub reason: Option<String>,
    /// Whether it was cut short.
    pub partial: bool,
    /// How it was fought.
    pub rules: Rules,
    /// The raw counts, from which everything above can be computed again.
    pub pairs: Vec<LaunchPair>,
}

/// Rules for tests: all connections in flight.
#[cfg(test)]
pub(crate) fn closed() -> Rules {
    Rules {
        connections: 256,
        rate_per_s: None,
        in_flight: None,
        workers: [1, 1],
        placement: Placement::Split,
        payload_bytes: 100,
        warm_up_ms: 500,
        slice_ms: 100,
        blocks: 12,
        whole: false,
        spin_us: [0, 0],
        seed: 1,
        isolation: Isolation::default(),
        congestion_control: None,
        lacking: Vec::new(),
    }
}
