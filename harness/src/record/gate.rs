//! A check of a launch: its value, its limit, and what it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Such as `conservation`.
    pub name: String,
    /// What was found.
    pub value: f64,
    /// What is allowed: at most this, or at least this for `proof`, `census`
    /// and `sent_in_time`.
    pub limit: f64,
    /// Whether it holds.
    pub pass: bool,
    /// What it does to the figures if it doesn't hold.
    #[serde(default)]
    pub effect: Effect,
}

/// What a check that doesn't hold does to the figures.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The launch gives no figure.
    Void,
    /// The row has no rank and no verdict.
    #[default]
    Rank,
    /// The latencies are marked: the client was late itself.
    Latency,
    /// The closed loop's throughput is marked.
    Throughput,
    /// The closed loop's throughput is a lower bound.
    Bound,
    /// All figures are marked as taken on a disturbed machine; they count.
    Note,
}
