//! What a test found: figures, each beside its goal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked of a figure, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// From the first to the second.
    Within(f64, f64),
}

impl Goal {
    /// Whether a figure reaches it; what isn't a number reaches none.
    #[must_use]
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Within(low, high) => (low..=high).contains(&value),
        }
    }
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What it is of, such as `slip p99`.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Its unit; empty for a count.
    pub unit: String,
    /// What is asked of it; none where it is shown for comparison.
    pub goal: Option<Goal>,
}

impl Figure {
    /// A figure with a goal.
    pub(super) fn new(
        name: impl Into<String>,
        value: f64,
        unit: &str,
        goal: Goal,
    ) -> Self {
        Self { goal: Some(goal), ..Self::aside(name, value, unit) }
    }

    /// A figure that nothing is asked of.
    pub(super) fn aside(
        name: impl Into<String>,
        value: f64,
        unit: &str,
    ) -> Self {
        Self { name: name.into(), value, unit: unit.into(), goal: None }
    }

    /// Whether its goal is missed.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.goal.is_some_and(|goal| !goal.is_met_by(self.value))
    }
}

/// A duel as far as a certificate keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fought {
    /// CPU per echo of the one over that of the other.
    pub ratio: f64,
    /// Pairs of launches.
    pub launch_pairs: u32,
    /// What the duel said.
    pub verdict: crate::duel::Verdict,
}

/// What a test found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// How many of `counted` it rests on.
    pub n: u64,
    /// What `n` counts, such as `messages`.
    pub counted: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Why nothing can be said yet, though nothing is missed.
    pub undecided: Option<String>,
    /// Every duel so far, where duels are what is counted.
    pub duels: Vec<Fought>,
}

impl Finding {
    pub(super) fn of(
        n: u64,
        counted: &'static str,
        figures: Vec<Figure>,
    ) -> Self {
        Self { n, counted, figures, ..Self::default() }
    }

    /// Whether any goal is missed.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.figures.iter().any(Figure::is_missed)
    }
}

/// Why a test found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This machine can't show it; why, in words that follow `because`.
    CannotJudge(String),
    /// The test itself broke.
    Broken(String),
    /// The user interrupted.
    Interrupted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_up_to_its_edge_and_never_by_what_is_no_number() {
        assert!(Goal::AtMost(2.0).is_met_by(2.0));
        assert!(!Goal::AtMost(2.0).is_met_by(2.1));
        assert!(Goal::AtLeast(2.0).is_met_by(2.0));
        assert!(Goal::Within(1.0, 2.0).is_met_by(1.0));
        assert!(!Goal::Within(1.0, 2.0).is_met_by(0.9));
        for goal in
            [Goal::AtMost(9.0), Goal::AtLeast(0.0), Goal::Within(0.0, 9.0)]
        {
            assert!(!goal.is_met_by(f64::NAN));
        }
    }
}
