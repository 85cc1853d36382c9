//! Where the client, not the server, gives out: such a figure is a bound.
//!
//! Refuses to do: call a server slow for what the client could not do.

use wire::{Load, Report, WindowReport};

use super::gates::{CLIENT_BUSY, at_most};
use super::ladder::judged;
use super::metrics::{
    CLIENT_BUSY_PERCENT, SERVER_SATURATED_PERCENT, client_busy, server_busy,
};
use super::rows::CLIENT_LIMITED;
use super::types::Row;
use crate::plan::{Scenario, Settings};
use crate::record::{Effect, Gate};

/// How busy the client was in the closed loop, where the server had CPU to
/// spare, or in the original's test, which is one as well.
pub(super) fn busy(report: &Report, settings: &Settings) -> Option<Gate> {
    let closed = |it: &&WindowReport| matches!(it.load, Load::InFlight { .. });
    let percent = judged(report)
        .filter(closed)
        .filter(|window| {
            // An unread server clock leaves the safe reading: a lower bound.
            let server = server_busy(window, settings).unwrap_or(0.0);
            server < SERVER_SATURATED_PERCENT
        })
        .map(|window| client_busy(report, window))
        .reduce(f64::max)
        .or_else(|| busy_in_classic(report, settings))?;
    Some(at_most(CLIENT_BUSY, percent, CLIENT_BUSY_PERCENT, Effect::Bound))
}

/// The shared client never spins there, so that its CPU time is its work.
#[expect(
    clippy::cast_precision_loss,
    reason = "the nanoseconds of a launch stay far below 2^52"
)]
fn busy_in_classic(report: &Report, settings: &Settings) -> Option<f64> {
    report.classic.as_ref().filter(|_| !settings.is_original())?;
    let usage = &report.client;
    let loops = f64::from(usage.loops.max(1));
    let percent = 100.0 * usage.cpu_ns as f64 / (loops * usage.wall_ns as f64);
    percent.is_finite().then_some(percent)
}

/// Whether the client, not the server, set the closed loop's throughput, or
/// the time of the original's test.
#[must_use]
pub fn limited_by_client(report: &Report, settings: &Settings) -> bool {
    busy(report, settings).is_some_and(|gate| !gate.pass)
}

impl Row {
    /// Whether the primary figure is the client's own limit: it was in half
    /// of the rounds of the original's test or more. Two such servers can't be
    /// told apart, whatever their figures.
    #[must_use]
    pub fn is_clients_own(&self) -> bool {
        let rounds = self.flag_counts.get(CLIENT_LIMITED);
        let limited = rounds.is_some_and(|rounds| 2 * rounds >= self.rounds);
        self.scenario == Scenario::Classic && limited
    }
}
