//! Servers held against each other, and the controls that tell how far that
//! can be trusted.
//!
//! Refuses to do: anything but hold them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::types::Row;
use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::stats::verdict::Verdict;

/// Lanes that were run for the sake of the others.
#[derive(
    Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema,
)]
pub struct Controls {
    /// The reference server a second time under another name.
    pub same: Option<ControlLane>,
    /// The reference server with a spin of about 5 % of its cost before each
    /// echo; null where that was not run.
    pub spin_5_percent: Option<ControlLane>,
    /// By scenario: no difference below this fraction is called one. It is
    /// the most of 1 %, what the same binary under two names differed by, and
    /// the 95 % half-width that the residuals of the middle server give the
    /// difference of two; absent with fewer than two rounds.
    pub floors: BTreeMap<String, f64>,
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
    /// Microseconds that it burns before each echo; null without a spin.
    pub spin_us: Option<u32>,
    /// The same in percent of the reference's median cost of an echo in this
    /// run: whole microseconds rarely make 5.
    pub spin_percent: Option<f64>,
}

/// A server's figure over another one's, paired by round.
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
    /// `server / reference`, the estimate of Hodges and Lehmann on logarithms
    /// with its exact signed-rank interval.
    pub ratio: Estimate,
    /// The finding; null under six rounds and where a check failed.
    pub verdict: Option<Verdict>,
    /// Where that is undecided: about so many more rounds would tell.
    pub rounds_needed: Option<u32>,
    /// The chance of such a difference among all servers against the
    /// reference, or among all two, were none different; null without a
    /// verdict.
    pub chance: Option<f64>,
}

impl Pair {
    /// Whether a difference is proved.
    #[must_use]
    pub const fn is_different(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Faster | Verdict::Slower))
    }

    /// Whether it is of the same two servers, either way round.
    #[must_use]
    pub fn is_of(&self, other: &Self) -> bool {
        let ours = [&self.server, &self.reference];
        let theirs = [&other.server, &other.reference];
        ours == theirs || ours == [theirs[1], theirs[0]]
    }
}

impl ControlLane {
    /// Its row of a workload, if it ran that.
    #[must_use]
    pub fn row(&self, scenario: Scenario) -> Option<&Row> {
        self.rows.iter().find(|row| row.scenario == scenario)
    }

    /// It against the reference.
    #[must_use]
    pub fn pair(&self, scenario: Scenario) -> Option<&Pair> {
        self.ratios.iter().find(|pair| pair.scenario == scenario)
    }
}
