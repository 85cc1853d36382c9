//! The checks a launch must pass before its figures mean anything.
//!
//! Each is recomputed from counts and times; no boolean of the client or the
//! server is believed. Refuses to do: repair a figure, or excuse one.

use super::ladder::judged;
use crate::plan::{Scenario, Settings};
use crate::record::{Gate, Measurement};

/// Bytes sent are bytes verified, and every planned message is accounted for.
/// A launch that fails it gives no figure at all.
pub const CONSERVATION: &str = "conservation";

/// All connections were open at one moment.
pub const PROOF: &str = "proof";

/// The kernel counts as many established sockets at both ends.
pub const CENSUS: &str = "census";

/// Percent of the planned messages sent before their window's end.
pub const SENT_IN_TIME: &str = "sent_in_time";

/// Planned messages that were never sent.
pub const CENSORED: &str = "censored";

const SENT_IN_TIME_PERCENT: f64 = 99.9;

/// The checks of one launch, for its record. Units: `conservation` in bytes
/// (in `classic` in connections without an echo), `proof` and `census` in
/// connections, `sent_in_time` in percent, `censored` in messages.
#[must_use]
pub fn gates(
    measurement: &Measurement,
    settings: &Settings,
    scenario: Scenario,
) -> Vec<Gate> {
    match scenario {
        Scenario::Classic => {
            vec![classic_conservation(measurement, settings)]
        }
        Scenario::Load => {
            let mut gates = vec![
                conservation(measurement, settings),
                proof(measurement, settings.connections),
            ];
            gates.extend(census(measurement, settings.connections));
            gates.push(sent_in_time(measurement));
            gates.push(censored(measurement));
            gates
        }
    }
}

/// Whether the gate demands at least its limit, rather than at most.
#[must_use]
pub fn wants_at_least(name: &str) -> bool {
    matches!(name, PROOF | CENSUS | SENT_IN_TIME)
}

/// The worse of two findings of one gate.
#[must_use]
pub(crate) fn worse(a: Gate, b: Gate) -> Gate {
    if a.pass != b.pass {
        return if a.pass { b } else { a };
    }
    let b_is_worse = if wants_at_least(&a.name) {
        b.value < a.value
    } else {
        b.value > a.value
    };
    if b_is_worse { b } else { a }
}

fn at_most(name: &str, value: f64, limit: f64) -> Gate {
    Gate { name: name.into(), value, limit, pass: value <= limit }
}

/// The classic test keeps no byte counts: its histogram of echoes holds one
/// sample for each connection whose payload came back whole. The original's
/// clients keep none, and only count.
fn classic_conservation(
    measurement: &Measurement,
    settings: &Settings,
) -> Gate {
    let report = &measurement.report;
    let echoes = if settings.is_original() {
        u64::from(report.connections.established)
    } else {
        report
            .classic
            .as_ref()
            .and_then(|classic| wire::decode(&classic.echo).ok())
            .map_or(0, |histogram| histogram.len())
    };
    let requested = u64::from(report.connections.requested);
    at_most(CONSERVATION, float(requested.abs_diff(echoes)), 0.0)
}

fn conservation(measurement: &Measurement, settings: &Settings) -> Gate {
    let payload = u64::from(settings.payload_bytes);
    let missing: u64 = measurement
        .report
        .windows
        .iter()
        .map(|window| {
            let bytes = window.bytes_sent.abs_diff(window.bytes_verified);
            let accounted = window.echoed.saturating_add(window.censored);
            let messages = window.planned.abs_diff(accounted);
            bytes.max(messages.saturating_mul(payload))
        })
        .fold(0, u64::saturating_add);
    at_most(CONSERVATION, float(missing), 0.0)
}

/// The value is how many connections are shown to have been open at once, as
/// far as the step that fails can tell.
fn proof(measurement: &Measurement, wanted: u32) -> Gate {
    let proved = measurement.report.proof.clone().unwrap_or_default();
    let pass = proved.verify(wanted).is_ok();
    let value = if pass {
        wanted
    } else {
        let fewest = proved
            .opened
            .min(proved.first_echoes)
            .min(proved.second_echoes)
            .saturating_sub(proved.closed);
        // Sweeps in the wrong order prove nothing, however many echoed.
        if fewest >= wanted { 0 } else { fewest }
    };
    Gate {
        name: PROOF.into(),
        value: f64::from(value),
        limit: f64::from(wanted),
        pass,
    }
}

/// The value is the count of the end that is farther off; no gate where the
/// kernel could not be asked.
fn census(measurement: &Measurement, wanted: u32) -> Option<Gate> {
    let census = measurement.census?;
    let value = [census.server_established, census.client_established]
        .into_iter()
        .max_by_key(|ends| ends.abs_diff(wanted))?;
    Some(Gate {
        name: CENSUS.into(),
        value: f64::from(value),
        limit: f64::from(wanted),
        pass: value == wanted,
    })
}

/// The worst window counts, steps of a ladder left out; one without a planned message sent none in time.
fn sent_in_time(measurement: &Measurement) -> Gate {
    let percent = judged(&measurement.report)
        .map(|window| match window.planned {
            0 => 0.0,
            planned => 100.0 * float(window.sent_in_time) / float(planned),
        })
        .reduce(f64::min)
        .unwrap_or(0.0);
    Gate {
        name: SENT_IN_TIME.into(),
        value: percent,
        limit: SENT_IN_TIME_PERCENT,
        pass: percent >= SENT_IN_TIME_PERCENT,
    }
}

fn censored(measurement: &Measurement) -> Gate {
    let censored = judged(&measurement.report)
        .fold(0_u64, |sum, window| sum.saturating_add(window.censored));
    at_most(CENSORED, float(censored), 0.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes and messages of a launch stay far below 2^52"
)]
fn float(value: u64) -> f64 {
    value as f64
}
