//! The checks a launch must pass before its figures mean anything.
//!
//! Each is recomputed from counts and times; no boolean of the client or the
//! server is believed. Refuses to do: repair a figure, or excuse one.

use wire::{Load, WindowReport};

use super::bounds::busy;
use super::ladder::judged;
use super::surroundings;
use crate::plan::{Scenario, Settings};
use crate::record::{Effect, Gate, GroupUsage, Measurement};

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

/// Connections that were owed an echo and got none, while others were served.
pub const STARVED: &str = "starved";

/// The client's own lateness, its 99th percentile in microseconds.
pub const SLIP: &str = "slip";

/// Percent by which the response times of the closed loop don't add up to
/// what was in flight.
pub const LITTLE: &str = "little";

/// Percent of the client's CPUs that useful work took in the closed loop.
pub const CLIENT_BUSY: &str = "client_busy";

/// Percent of the CPU time of the server's control group that its processes'
/// clocks don't tell of: a process that came later, which no figure counts.
pub const UNACCOUNTED: &str = "unaccounted_cpu";

const UNACCOUNTED_PERCENT: f64 = 2.0;
const SENT_IN_TIME_PERCENT: f64 = 99.9;
const SLIP_US: f64 = 100.0;
const SLIP_OF_RESPONSE: f64 = 0.1;
const LITTLE_PERCENT: f64 = 1.0;

/// The checks of one launch, for its record. Units: `conservation` in bytes
/// (in `classic` in connections without an echo), `proof`, `census` and
/// `starved` in connections, `censored` in messages, `slip` in microseconds,
/// `client_preempted` in switches a second, counters of the network in their
/// own, all others in percent.
#[must_use]
pub fn gates(
    measurement: &Measurement,
    settings: &Settings,
    scenario: Scenario,
) -> Vec<Gate> {
    match scenario {
        Scenario::Classic => {
            let mut gates = vec![classic_conservation(measurement, settings)];
            gates.extend(busy(&measurement.report, settings));
            gates
        }
        _ => {
            let mut gates = vec![conservation(measurement, settings)];
            if scenario.holds() {
                gates.push(proof(measurement, settings.connections));
                gates.extend(census(measurement, settings.connections));
            }
            if !matches!(scenario, Scenario::Idle(_)) {
                gates.push(sent_in_time(measurement));
                gates.push(censored(measurement));
            }
            gates.extend(starved(measurement));
            let windows = || judged(&measurement.report);
            gates.extend(windows().filter_map(slip_of).reduce(worse));
            gates.extend(windows().filter_map(little).reduce(worse));
            gates.extend(busy(&measurement.report, settings));
            gates.extend(surroundings::checks(measurement, settings));
            gates.extend(measurement.group.map(unaccounted));
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

pub(super) fn at_most(
    name: &str,
    value: f64,
    limit: f64,
    effect: Effect,
) -> Gate {
    let pass = value <= limit;
    Gate { name: name.into(), value, limit, pass, effect }
}

fn unaccounted(group: GroupUsage) -> Gate {
    let apart = group.cpu_ns.abs_diff(group.clocks_ns);
    let percent = 100.0 * float(apart) / float(group.cpu_ns.max(1));
    at_most(UNACCOUNTED, percent, UNACCOUNTED_PERCENT, Effect::Rank)
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
    at_most(CONSERVATION, float(requested.abs_diff(echoes)), 0.0, Effect::Void)
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
    at_most(CONSERVATION, float(missing), 0.0, Effect::Void)
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
        effect: Effect::Rank,
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
        effect: Effect::Rank,
    })
}

/// The worst window counts, steps of a ladder left out; one without a planned
/// message sent none in time.
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
        effect: Effect::Rank,
    }
}

fn censored(measurement: &Measurement) -> Gate {
    let censored = judged(&measurement.report)
        .fold(0_u64, |sum, window| sum.saturating_add(window.censored));
    at_most(CENSORED, float(censored), 0.0, Effect::Rank)
}

/// Connections that the sweeps did not reach fail the proof instead.
fn starved(measurement: &Measurement) -> Option<Gate> {
    let windows = judged(&measurement.report);
    let most = windows.filter_map(|it| Some(it.fairness?.starved)).max()?;
    Some(at_most(STARVED, most.into(), 0.0, Effect::Rank))
}

/// From the samples of one window, however few; none where nothing was sent.
fn slip_of(window: &WindowReport) -> Option<Gate> {
    let p99_us = |stored: &str| {
        let histogram = wire::decode(stored).ok()?;
        let ns = histogram.value_at_quantile(0.99);
        (!histogram.is_empty()).then(|| float(ns) / 1e3)
    };
    Some(slip(p99_us(&window.slip)?, p99_us(&window.response)?))
}

/// How late the client may be itself, its share in the response time.
pub(super) fn slip(slip_us_p99: f64, response_us_p99: f64) -> Gate {
    let limit = SLIP_US.max(SLIP_OF_RESPONSE * response_us_p99);
    at_most(SLIP, slip_us_p99, limit, Effect::Latency)
}

/// Little's law: what was in flight is throughput times response time, so the
/// response times must fill the window as often as messages were in flight.
/// It ties what the histogram holds to what the plan asked for.
fn little(window: &WindowReport) -> Option<Gate> {
    let Load::InFlight { connections } = window.load else { return None };
    let overlap = window.overlap?;
    let response = wire::decode(&window.response).ok()?;
    let length_ns = window.end_ns.checked_sub(window.start_ns)?;
    if response.is_empty() || length_ns == 0 {
        return None;
    }
    let responses = response.mean() * float(response.len());
    let inside = responses + float(overlap.before_ns) - float(overlap.after_ns);
    let in_flight = inside / float(length_ns);
    let percent = 100.0 * (in_flight / f64::from(connections) - 1.0).abs();
    Some(at_most(LITTLE, percent, LITTLE_PERCENT, Effect::Throughput))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes and messages of a launch stay far below 2^52"
)]
fn float(value: u64) -> f64 {
    value as f64
}
