//! The ladder of rates: what ended it, and what it must not be held against.
//!
//! Refuses to do: choose the steps, which is the plan's, or climb them, which
//! is the client's.

use wire::{Report, WindowReport};

use super::metrics::{
    CLIENT_BUSY_PERCENT, SERVER_SATURATED_PERCENT, client_busy, server_busy,
};
use crate::plan::Settings;
use crate::record::Measurement;

/// Whether the client, not the server, ended the ladder: it was busy on the
/// step that was too much while the server was not, or carried every step.
#[must_use]
pub fn ladder_limited(measurement: &Measurement, settings: &Settings) -> bool {
    let report = &measurement.report;
    let Some(last) = report.windows.iter().rfind(|window| window.step) else {
        return false;
    };
    let client = client_busy(report, last);
    let server = server_busy(last, settings).unwrap_or(0.0);
    last.is_carried()
        || (client > CLIENT_BUSY_PERCENT && server < SERVER_SATURATED_PERCENT)
}

/// The windows that servers are judged by: a ladder is climbed until a step is
/// too much, so what its steps fail at is no fault.
pub(super) fn judged(report: &Report) -> impl Iterator<Item = &WindowReport> {
    report.windows.iter().filter(|window| !window.step)
}
