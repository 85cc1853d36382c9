//! How much the +5 % control spins.
//!
//! Servers spin whole microseconds, at least as long as asked for by the
//! clock, and an echo costs some ten or twenty: one microsecond is rarely 5 %
//! exactly. So the spin is the nearest whole number from 1 on, and whoever
//! shows the control says what it came to.
//!
//! Refuses to do: change the spin within a run; rounds must be alike.

use crate::plan::{Control, Plan, Scenario};
use crate::record::{Outcome, Record};
use crate::stats::median;

const PART: f64 = 0.05;

/// The choice for one run.
#[derive(Clone, Debug, Default)]
pub struct Spin {
    /// The lane that spins.
    lane: Option<String>,
    /// The lanes of the same server that don't.
    plain: Vec<String>,
    /// What an echo cost there, in microseconds.
    costs: Vec<f64>,
    chosen: Option<u32>,
}

impl Spin {
    /// For a plan, as far as these records of it tell.
    #[must_use]
    pub fn of(plan: &Plan, records: &[Record]) -> Self {
        let spins = |control| control == Some(Control::Spin);
        let lane = plan.lanes.iter().find(|lane| spins(lane.control));
        let plain = plan.lanes.iter().filter(|other| {
            lane.is_some_and(|lane| lane.server == other.server)
                && !spins(other.control)
                && other.shipped.is_none()
        });
        let mut spin = Self {
            lane: lane.map(|lane| lane.name.clone()),
            plain: plain.map(|lane| lane.name.clone()).collect(),
            ..Self::default()
        };
        for record in records {
            let trial = &record.trial;
            spin.learn(&trial.lane, trial.scenario, &record.outcome);
        }
        spin
    }

    /// Takes note of what a trial found.
    pub fn learn(&mut self, lane: &str, scenario: Scenario, found: &Outcome) {
        let Outcome::Measured(measurement) = found else { return };
        if self.lane.as_deref() == Some(lane) {
            self.chosen = measurement.spin_us.or(self.chosen);
        } else if self.plain.iter().any(|plain| plain == lane) {
            let metrics = &measurement.report.metrics;
            self.costs.extend(
                metrics.get(scenario.primary_metric()).filter(|cost| {
                    scenario == Scenario::Load && cost.is_finite()
                }),
            );
        }
    }

    /// What a lane is to spin: `None` for all but one.
    ///
    /// # Errors
    /// It is not known yet what 5 % of the reference are, in a sentence.
    pub fn us(&mut self, lane: &str) -> Result<Option<u32>, String> {
        if self.lane.as_deref() != Some(lane) {
            return Ok(None);
        }
        if self.chosen.is_none() {
            self.chosen = median(&self.costs).map(nearest);
        }
        self.chosen.map(Some).ok_or_else(|| {
            "the reference was not measured before its +5 % copy".into()
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and between 1 and the microseconds of a second"
)]
fn nearest(cost_us: f64) -> u32 {
    (PART * cost_us).round().clamp(1.0, 1e6) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{bare, measured, plan, records};

    #[test]
    fn the_spin_is_the_nearest_whole_number_of_microseconds() {
        for (cost, us) in
            [(2.0, 1), (18.7, 1), (29.0, 1), (31.0, 2), (100.0, 5)]
        {
            assert_eq!(nearest(cost), us, "{cost}");
        }
    }

    #[test]
    fn it_is_chosen_once_from_what_the_reference_cost() {
        let plan = plan(&["rust-mio", "a"], &[Scenario::Load], 2);
        let mut spin = Spin::of(&plan, &[]);
        let lane = crate::scripted::SPIN;
        assert_eq!(spin.us("a"), Ok(None));
        assert!(spin.us(lane).unwrap_err().contains("not measured before"));
        let cost = |us: f64| {
            let mut launch = bare(Scenario::Load, us);
            launch.report.metrics = wire::metrics(&launch.report);
            measured(launch)
        };
        spin.learn("a", Scenario::Load, &cost(900.0));
        spin.learn("rust-mio", Scenario::Load, &cost(60.0));
        assert_eq!(spin.us(lane), Ok(Some(3)));
        spin.learn("rust-mio", Scenario::Load, &cost(600.0));
        assert_eq!(spin.us(lane), Ok(Some(3)), "rounds are alike");
        // A run that is resumed goes on with the spin it began with.
        let kept = records(&plan, |trial| {
            let mut launch = bare(Scenario::Load, 60.0);
            launch.spin_us = (trial.lane == lane).then_some(4);
            measured(launch)
        });
        assert_eq!(Spin::of(&plan, &kept).us(lane), Ok(Some(4)));
    }
}
