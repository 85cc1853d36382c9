//! The shape of a summary: what `run --json` and `show --json` print.
//!
//! Refuses to do: anything but hold the figures and find them again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::controls::{Controls, Pair};
use super::shipped::ShippedLane;
use crate::conformance::{Standing, Tier};
use crate::host::Host;
use crate::plan::{Plan, Scenario};
use crate::record::{Effect, Gate};
use crate::repeat::Repeat;
use crate::stats::verdict::Verdict;
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
    /// Servers that ran once more with their library's own defaults, each
    /// beside the same server in `rows`; empty where that was not asked for.
    #[serde(default)]
    pub shipped: Vec<ShippedLane>,
    /// Every server against the reference, then every two other servers, by
    /// the scenario's primary metric.
    pub pairs: Vec<Pair>,
    /// Rounds that were made again whole because the environment broke them;
    /// their last attempt counts.
    #[serde(default)]
    pub repeated: Vec<Repeat>,
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
    /// First and last place it may hold by the primary metric; null without a
    /// verdict, or where a check or the conformance suite failed.
    pub rank: Option<[u32; 2]>,
    /// Figures by name; a name carries the unit, then the qualifier.
    pub metrics: BTreeMap<String, Estimate>,
    /// Each check at its worst over the rounds.
    pub gates: Vec<Gate>,
    /// Remarks of any round, such as `client-limited`; `check-failed` and
    /// `unchecked` are of the server as a whole.
    pub flags: Vec<String>,
    /// In how many rounds each of them was made that is of a round.
    pub flag_counts: BTreeMap<String, u32>,
    /// From `server.toml`; empty for a skipped server.
    pub family: String,
    /// From `server.toml`; empty for a skipped server.
    pub model: String,
    /// From `server.toml`; empty for a skipped server.
    pub status: String,
    /// What the conformance suite had found of the server when the run began:
    /// `pass`, `failed` or `unchecked`; null in runs from before that was
    /// asked, and for a skipped server.
    #[serde(default)]
    pub conformance: Option<Standing>,
    /// The tier of the suite that was tried; null if none was.
    #[serde(default)]
    pub conformance_tier: Option<Tier>,
    /// The cases of the suite that it failed.
    #[serde(default)]
    pub failed_cases: Vec<String>,
    /// Why there are no figures, in one sentence.
    pub reason: Option<String>,
    /// What would mend it.
    pub hint: Option<String>,
    /// Trials that gave no figure: named, counted apart, never averaged in.
    pub failures: Vec<Failure>,
    /// The scenario's primary metric over the reference's, paired by round;
    /// null for the reference itself.
    pub ratio: Option<Estimate>,
    /// Against the reference; null for the reference itself, under six rounds
    /// and where a check failed.
    pub verdict: Option<Verdict>,
    /// Where that is undecided: about so many more rounds would tell.
    pub rounds_needed: Option<u32>,
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
    /// `held_per_s` is a lower bound: the client gave out first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_is_bound: bool,
}

/// A server that answers less of what is offered does not carry the rate.
pub(crate) const CARRIED_PERCENT: f64 = 99.0;

impl Summary {
    /// The row of a selected server.
    #[must_use]
    pub fn row(&self, server: &str, scenario: Scenario) -> Option<&Row> {
        find(&self.rows, server, scenario)
    }

    /// The last point of a curve that the run has.
    #[must_use]
    pub fn last_point(&self, series: &str) -> Option<Scenario> {
        let all = self.plan.scenarios.iter().copied();
        all.filter(|it| it.series() == series).max_by_key(|it| it.point())
    }

    /// The row of the reference, whether it was selected or not.
    #[must_use]
    pub fn reference_row(&self, scenario: Scenario) -> Option<&Row> {
        let reference = self.plan.reference.as_deref()?;
        self.row(reference, scenario)
            .or_else(|| find(&self.controls.reference, reference, scenario))
    }

    /// Whether any server has a rank.
    #[must_use]
    pub fn is_ranked(&self, scenario: Scenario) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| row.scenario == scenario && row.rank.is_some())
    }

    /// The servers that may be the cheapest of all, cheapest first.
    #[must_use]
    pub fn cheapest(&self, scenario: Scenario) -> Vec<&str> {
        let cost = |row: &Row| {
            let cost = row.metrics.get(scenario.primary_metric());
            cost.map_or(f64::INFINITY, |cost| cost.median)
        };
        let first = |row: &&Row| {
            let rank = row.rank.is_some_and(|[first, _]| first == 1);
            row.scenario == scenario && rank
        };
        let mut rows: Vec<&Row> = self.rows.iter().filter(first).collect();
        rows.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        rows.into_iter().map(|row| row.server.as_str()).collect()
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

    /// The rate it achieved, if it did not carry what was offered.
    #[must_use]
    pub fn carried_only(&self) -> Option<f64> {
        let percent = self.metrics.get("achieved_percent")?.median;
        let achieved = self.metrics.get("achieved_per_s")?.median;
        (percent < CARRIED_PERCENT).then_some(achieved)
    }

    /// Whether its figures may be compared: the checks that a rank needs
    /// hold, it carried the rate that the others did, and does what they do.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.is_measured()
            && self.disputes().next().is_none()
            && self.carried_only().is_none()
            && self.conformance != Some(Standing::Failed)
    }

    /// The checks that do not hold.
    pub fn failed_gates(&self) -> impl Iterator<Item = &Gate> {
        self.gates.iter().filter(|gate| !gate.pass)
    }

    /// The checks that don't hold and without which there is no rank.
    pub fn disputes(&self) -> impl Iterator<Item = &Gate> {
        self.failed_gates()
            .filter(|it| matches!(it.effect, Effect::Void | Effect::Rank))
    }

    /// Whether the latencies are, or the closed loop's throughput is, marked
    /// for a check of its own.
    #[must_use]
    pub fn is_marked(&self, effect: Effect) -> bool {
        self.failed_gates().any(|gate| gate.effect == effect)
    }

    /// Remarks on the machine, with the rounds in which each was made.
    pub fn disturbances(&self) -> impl Iterator<Item = (&str, u32)> {
        self.failed_gates()
            .filter(|gate| gate.effect == Effect::Note)
            .filter_map(|gate| {
                let flag = gate.name.replace('_', "-");
                let (flag, rounds) = self.flag_counts.get_key_value(&flag)?;
                Some((flag.as_str(), *rounds))
            })
    }

    /// Whether the machine was disturbed in half of the rounds or more: the
    /// median of quieter rounds is not in doubt.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        self.disturbances().any(|(_, rounds)| 2 * rounds >= self.rounds)
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
