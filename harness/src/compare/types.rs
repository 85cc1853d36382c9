//! The shape of a comparison: what `compare --json` prints.
//!
//! Refuses to do: anything but hold it.

use serde::{Deserialize, Serialize};

use crate::plan::Scenario;
use crate::stats::Estimate;

/// How to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Compare the figures themselves; drift is not removed.
    pub absolute: bool,
    /// Compare though machine or plan differ.
    pub allow_mismatch: bool,
    /// Metrics to judge besides each scenario's primary one.
    pub metrics: Vec<String>,
}

/// Run `b` against the earlier run `a`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`crate::summarize::SCHEMA_VERSION`] of both runs.
    pub schema_version: u32,
    /// The earlier run's id.
    pub a: String,
    /// The later run's id.
    pub b: String,
    /// Whether figures were compared rather than ratios to the reference.
    pub absolute: bool,
    /// The server that both runs' ratios refer to.
    pub reference: Option<String>,
    /// What differs between the runs though they were compared, a line each.
    pub mismatches: Vec<String>,
    /// How the reference itself moved.
    pub drift: Vec<Drift>,
    /// One for each server, scenario and metric.
    pub entries: Vec<Entry>,
    /// At most this chance that two runs of the same servers would have any
    /// difference named here.
    pub chance: f64,
}

/// How the reference's own figure moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The workload.
    pub scenario: Scenario,
    /// The figure.
    pub metric: String,
    /// In run `a`.
    pub before: Estimate,
    /// In run `b`.
    pub after: Estimate,
    /// `after / before`.
    pub change: Change,
    /// In words.
    pub sentence: String,
}

/// One server, scenario and metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The server's id.
    pub server: String,
    /// The workload.
    pub scenario: Scenario,
    /// The figure.
    pub metric: String,
    /// In run `a`: the ratio to the reference, or the figure itself.
    pub before: Option<Estimate>,
    /// In run `b`, likewise.
    pub after: Option<Estimate>,
    /// `after / before`.
    pub change: Option<Change>,
    /// A change must be larger than this fraction to be named.
    pub floor: f64,
    /// What marks the figure of run `a`, with the rounds it was seen in, such
    /// as `other-cpu 4/6`; empty for one without a mark.
    #[serde(default)]
    pub doubts_before: Vec<String>,
    /// What marks the figure of run `b`, likewise.
    #[serde(default)]
    pub doubts_now: Vec<String>,
    /// The finding.
    pub verdict: Verdict,
    /// Where none is shown: a difference of up to this fraction could be
    /// there all the same.
    pub could_hide: Option<f64>,
    /// Where undecided: rounds that the shorter run lacks.
    pub rounds_needed: Option<u32>,
    /// The finding in words.
    pub sentence: String,
}

impl Entry {
    /// Whether a difference is named.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        matches!(self.verdict, Verdict::Faster | Verdict::Slower)
    }
}

/// A ratio of two medians. Its interval spans every ratio of a value in one
/// interval to a value in the other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Of the medians.
    pub median: f64,
    /// Lower end over upper end.
    pub low: f64,
    /// Upper end over lower end.
    pub high: f64,
}

/// A finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The figure changed for the better.
    Faster,
    /// The figure changed for the worse.
    Slower,
    /// None is shown; [`Entry::could_hide`] says how large one could be.
    NoDifference,
    /// Too few rounds; [`Entry::rounds_needed`] says how many are lacking.
    Undecided,
    /// Measured before, and now the server failed, starves or doesn't carry
    /// the rate.
    Broken,
    /// The server failed so before, and is measured now.
    Mended,
    /// Not to be had in both runs, or disputed by a check in one.
    Missing,
}
