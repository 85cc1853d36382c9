//! The ladder of rates: what ended it, and what it must not be held against.
//!
//! Refuses to do: choose the steps, which is the plan's, or climb them, which
//! is the client's.

use wire::{Load, Report, WindowReport};

use super::Row;
use super::metrics::{
    CLIENT_BUSY_PERCENT, SERVER_SATURATED_PERCENT, client_busy, server_busy,
};
use crate::plan::Settings;
use crate::record::Measurement;
use crate::stats::Estimate;

/// Whether the client, not the server, set the highest rate held: on the step
/// above it the client was busy while the server was not, or there was no such
/// step. What became of higher ones changes nothing.
#[must_use]
pub fn ladder_limited(measurement: &Measurement, settings: &Settings) -> bool {
    let report = &measurement.report;
    let rate = |window: &WindowReport| match window.load {
        Load::Rate { per_s, .. } => per_s,
        _ => 0.0,
    };
    let steps = || report.windows.iter().filter(|window| window.step);
    if steps().next().is_none() {
        return false;
    }
    let held = wire::metrics(report).get("held_per_s").copied();
    let above = steps().filter(|step| rate(step) > held.unwrap_or(0.0));
    let Some(next) = above.min_by(|a, b| rate(a).total_cmp(&rate(b))) else {
        return true;
    };
    let client = client_busy(report, next);
    let server = server_busy(next, settings).unwrap_or(0.0);
    client > CLIENT_BUSY_PERCENT && server < SERVER_SATURATED_PERCENT
}

/// The highest rate that a server held, over its launches.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Of the rates held, in echoes a second.
    pub estimate: Estimate,
    /// The median itself is a lower bound: a faster client might have raised
    /// it.
    pub at_least: bool,
    /// So is the upper end of the interval.
    pub is_open: bool,
}

impl Row {
    /// The highest rate held; `None` in runs without a ladder. A launch whose
    /// rate is a lower bound may stand for any higher one, which moves the
    /// median only where enough launches are such.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        const ANY: f64 = 1e300;
        let estimate = *self.metrics.get("held_per_s")?;
        let launches = self.launches.iter().filter_map(|launch| {
            let held = *launch.metrics.get("held_per_s")?;
            Some(if launch.held_is_bound { ANY } else { held })
        });
        let raised = Estimate::of(&launches.collect::<Vec<f64>>());
        let raised = raised.unwrap_or(estimate);
        Some(Held {
            estimate,
            at_least: raised.median > estimate.median,
            is_open: raised.high > estimate.high,
        })
    }
}

/// The windows that servers are judged by: a ladder is climbed until a step is
/// too much, so what its steps fail at is no fault.
pub(super) fn judged(report: &Report) -> impl Iterator<Item = &WindowReport> {
    report.windows.iter().filter(|window| !window.step)
}
