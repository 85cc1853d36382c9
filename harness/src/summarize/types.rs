//! The shape of a summary: what `run --json` and `show --json` print.
//!
//! Refuses to do: anything but hold the figures and find them again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::plan::{Plan, Scenario};
use crate::record::Gate;
use crate::stats::{ByRound, Estimate, ratios_by_round};

/// Version of [`Summary`]; `compare` refuses to mix two.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything a table says, recomputed from the raw records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// The run's id.
    pub run: String,
    /// Whether trials of the plan are still to be made.
    pub partial: bool,
    /// The machine.
    pub host: Host,
    /// What was to be done.
    pub plan: Plan,
    /// What shows how far the figures can be trusted.
    pub controls: Controls,
    /// One for each selected server and scenario, in the order of selection.
    pub rows: Vec<Row>,
    /// Every server against the reference, by the scenario's primary metric.
    pub pairs: Vec<Pair>,
}

/// Lanes that were run for the sake of the others.
#[derive(
    Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema,
)]
pub struct Controls {
    /// The reference server a second time under another name.
    pub same: Option<ControlLane>,
    /// The reference server with a spin of 5 % of its cost; null until a run
    /// makes that control.
    pub spin_5_percent: Option<ControlLane>,
    /// The reference server's own rows where it was not selected, one for
    /// each scenario; empty where it stands in `rows`.
    pub reference: Vec<Row>,
}

/// One control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlLane {
    /// The name it was run under.
    pub lane: String,
    /// The server it is.
    pub server: String,
    /// Against the reference, one for each scenario measured in both.
    pub ratios: Vec<Pair>,
    /// One for each scenario.
    pub rows: Vec<Row>,
}

/// One server under one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The server's id.
    pub server: String,
    /// The workload.
    pub scenario: Scenario,
    /// `measured` if any round was; else what its last trial came to:
    /// `skipped`, `unsupported`, `build_failed`, `never_ready`, `crashed`,
    /// `corrupted`, `incomplete`, `stalled`, `interrupted`, `harness_error`.
    pub outcome: String,
    /// Rounds whose figures are in `metrics`.
    pub rounds: u32,
    /// First and last place it may hold; null without a verdict.
    pub rank: Option<[u32; 2]>,
    /// Figures by name; a name carries the unit, then the qualifier.
    pub metrics: BTreeMap<String, Estimate>,
    /// Each check at its worst over the rounds.
    pub gates: Vec<Gate>,
    /// Remarks of any round, such as `client-limited`.
    pub flags: Vec<String>,
    /// In how many rounds each of them was made.
    pub flag_counts: BTreeMap<String, u32>,
    /// From `server.toml`; empty for a skipped server.
    pub family: String,
    /// From `server.toml`; empty for a skipped server.
    pub model: String,
    /// From `server.toml`; empty for a skipped server.
    pub status: String,
    /// Why there are no figures, in one sentence.
    pub reason: Option<String>,
    /// What would mend it.
    pub hint: Option<String>,
    /// Trials that gave no figure: named, counted apart, never averaged in.
    pub failures: Vec<Failure>,
    /// The scenario's primary metric over the reference's, paired by round;
    /// null for the reference itself.
    pub ratio: Option<Estimate>,
    /// The figures of each launch, from which ratios are paired by round. A
    /// launch's own percentile may rest on too few samples to be quoted.
    pub launches: Vec<Launch>,
}

/// A trial that gave no figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Counted from 1.
    pub round: u32,
    /// One of the names that a row's `outcome` has.
    pub outcome: String,
    /// One sentence.
    pub reason: String,
}

/// The figures of one launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Launch {
    /// Counted from 1.
    pub round: u32,
    /// By the names of the row's `metrics`.
    pub metrics: BTreeMap<String, f64>,
}

/// A server's figure over the reference's, paired by round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The lane's name.
    pub server: String,
    /// The server it is compared to.
    pub reference: String,
    /// The workload.
    pub scenario: Scenario,
    /// The figure.
    pub metric: String,
    /// `server / reference`.
    pub ratio: Estimate,
}

impl Summary {
    /// The row of a selected server.
    #[must_use]
    pub fn row(&self, server: &str, scenario: Scenario) -> Option<&Row> {
        find(&self.rows, server, scenario)
    }

    /// The row of the reference, whether it was selected or not.
    #[must_use]
    pub fn reference_row(&self, scenario: Scenario) -> Option<&Row> {
        let reference = self.plan.reference.as_deref()?;
        self.row(reference, scenario)
            .or_else(|| find(&self.controls.reference, reference, scenario))
    }

    /// How far the same binary under two names was from a ratio of 1, as a
    /// fraction; `None` where that control was not measured.
    #[must_use]
    pub fn control_floor(&self, scenario: Scenario) -> Option<f64> {
        let same = self.controls.same.as_ref()?;
        let pair = same.ratios.iter().find(|pair| pair.scenario == scenario)?;
        let ratio = pair.ratio.median;
        Some(ratio.max(1.0 / ratio) - 1.0)
    }
}

impl Row {
    /// Whether there are figures.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        !self.metrics.is_empty()
    }

    /// The launches' values of one metric.
    #[must_use]
    pub fn by_round(&self, metric: &str) -> ByRound {
        self.launches
            .iter()
            .filter_map(|launch| {
                Some((launch.round, *launch.metrics.get(metric)?))
            })
            .collect()
    }

    /// This row's metric over another row's, paired by round; `None` where no
    /// round has both.
    #[must_use]
    pub fn ratio_to(&self, base: &Self, metric: &str) -> Option<Estimate> {
        let ratios =
            ratios_by_round(&self.by_round(metric), &base.by_round(metric));
        let ratios: Vec<f64> = ratios.into_values().collect();
        Estimate::of_ratios(&ratios)
    }

    /// The checks that do not hold.
    pub fn failed_gates(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|gate| !gate.pass)
    }

    /// Whether a round made that remark.
    #[must_use]
    pub fn is_flagged(&self, flag: &str) -> bool {
        self.flag_counts.contains_key(flag)
    }
}

fn find<'a>(
    rows: &'a [Row],
    server: &str,
    scenario: Scenario,
) -> Option<&'a Row> {
    rows.iter().find(|row| row.server == server && row.scenario == scenario)
}
