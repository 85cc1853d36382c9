//! From raw measurements to figures.
//!
//! Every figure is recomputed from counts, times and histograms. Percentiles
//! come from the merged counts of all launches and are never averaged.
//!
//! Refuses to do: quote a percentile with too few samples beyond it, or a
//! figure whose two ends were not both read.

use std::collections::BTreeMap;

use wire::{Histogram, Load, Metrics, Report, WindowReport};

use super::footprint::{memory, switches};
use super::ladder::{judged, ladder_limited};
use super::types::Launch;
use crate::plan::{Scenario, Settings};
use crate::record::Measurement;
use crate::stats::Estimate;

/// The client's loops did useful work for more than this part of a window,
/// while the server had CPU to spare: throughput is a lower bound.
pub(super) const CLIENT_BUSY_PERCENT: f64 = 85.0;

/// A server that used this much of its CPUs is the bottleneck itself.
pub(super) const SERVER_SATURATED_PERCENT: f64 = 95.0;

const QUANTILES: [(&str, f64); 3] =
    [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)];

const NS_PER_US: f64 = 1e3;

/// The figures of several launches of one server, and each launch's own.
#[must_use]
pub(super) fn pooled(
    measured: &[(u32, &Measurement)],
    settings: &Settings,
    scenario: Scenario,
) -> (BTreeMap<String, Estimate>, Vec<Launch>) {
    let mut launches: Vec<Launch> = measured
        .iter()
        .map(|(round, measurement)| Launch {
            round: *round,
            metrics: launch(measurement, settings, scenario),
            held_is_bound: ladder_limited(measurement, settings),
        })
        .collect();
    let mut estimates = BTreeMap::new();
    for name in names(&launches) {
        let values: Vec<f64> = launches
            .iter()
            .filter_map(|launch| launch.metrics.get(&name).copied())
            .collect();
        estimates.extend(Estimate::of(&values).map(|of| (name, of)));
    }
    merge_percentiles(measured, &mut estimates, &mut launches);
    (estimates, launches)
}

/// Everything but percentiles, for one launch.
fn launch(
    measurement: &Measurement,
    settings: &Settings,
    scenario: Scenario,
) -> BTreeMap<String, f64> {
    let report = &measurement.report;
    let mut out = if report.windows.iter().all(has_length) {
        wire::metrics(report)
    } else {
        Metrics::new()
    };
    out.retain(|name, _| !is_percentile(name));
    if scenario != Scenario::Classic {
        achieved(&mut out, report);
        busy(&mut out, measurement, settings);
    }
    if let Scenario::Sizes(bytes) = scenario {
        volume(&mut out, bytes);
    }
    if scenario.holds() {
        memory(&mut out, measurement, settings);
        switches(&mut out, measurement, settings);
        if let Some(rest) = measurement.rest {
            let percent = 100.0 * float(rest.cpu_ns) / float(rest.wall_ns);
            out.insert("rest_cpu_percent".into(), percent);
        }
    }
    out.retain(|_, value| value.is_finite());
    out
}

/// Echoes in the window for each message due in it. Arrivals are random, so
/// that a window of the same rate holds now more, now fewer of them: only this
/// tells whether the server carried what was offered.
fn achieved(out: &mut Metrics, report: &Report) {
    for window in judged(report) {
        if !matches!(window.load, Load::InFlight { .. }) {
            let of_planned =
                float(window.echoes_in_window) / float(window.planned);
            out.insert("achieved_percent".into(), 100.0 * of_planned);
        }
    }
}

fn busy(out: &mut Metrics, measurement: &Measurement, settings: &Settings) {
    for window in judged(&measurement.report).filter(|w| has_length(w)) {
        let qualifier = match window.load {
            Load::Rate { .. } | Load::Sessions { .. } => "",
            Load::InFlight { .. } => "_in_flight",
        };
        let client = client_busy(&measurement.report, window);
        out.insert(format!("client_busy_percent{qualifier}"), client);
        if let Some(server) = server_busy(window, settings) {
            out.insert(format!("server_busy_percent{qualifier}"), server);
        }
    }
}

/// Percent of the client loops' time that was useful work.
pub(super) fn client_busy(report: &Report, window: &WindowReport) -> f64 {
    let loops = f64::from(report.client.loops.max(1));
    100.0 * float(window.client_busy_ns) / (loops * length_ns(window))
}

/// Percent of the server's CPUs that it used.
pub(super) fn server_busy(
    window: &WindowReport,
    settings: &Settings,
) -> Option<f64> {
    let usage = window.server?;
    let cpus = settings.server_cpus.len().max(1) as f64;
    let used = float(usage.cpu_ns.saturating_add(usage.softirq_ns));
    Some(100.0 * used / (cpus * length_ns(window)))
}

/// What messages of so many bytes came to in bytes, one way.
fn volume(out: &mut Metrics, bytes: u32) {
    let bytes = f64::from(bytes);
    if let Some(echoes_per_s) = out.get("echoes_per_s").copied() {
        out.insert("bytes_per_s".into(), echoes_per_s * bytes);
    }
    if let Some(cpu_us) = out.get("cpu_us_per_echo_in_flight").copied() {
        out.insert("cpu_ns_per_byte".into(), cpu_us * NS_PER_US / bytes);
    }
}

/// Adds the percentiles that the merged samples carry, and with them each
/// launch's own, however few its samples.
fn merge_percentiles(
    measured: &[(u32, &Measurement)],
    estimates: &mut BTreeMap<String, Estimate>,
    launches: &mut [Launch],
) {
    let decoded: Vec<BTreeMap<&str, Histogram>> = measured
        .iter()
        .map(|(_, measurement)| histograms(&measurement.report))
        .collect();
    let mut merged: BTreeMap<&str, Histogram> = BTreeMap::new();
    for (name, histogram) in decoded.iter().flatten() {
        let sum = merged.entry(*name).or_insert_with(wire::empty);
        // Only a histogram of other bounds cannot be added.
        if sum.add(histogram).is_err() {
            return;
        }
    }
    for (name, sum) in &merged {
        for (qualifier, quantile) in QUANTILES {
            let Some(ns) = wire::percentile(sum, quantile) else { continue };
            let metric = format!("{name}_us_{qualifier}");
            let mut own = Vec::new();
            for (launch, histograms) in launches.iter_mut().zip(&decoded) {
                let Some(histogram) = histograms.get(name) else { continue };
                let value = micros(histogram.value_at_quantile(quantile));
                launch.metrics.insert(metric.clone(), value);
                own.push(value);
            }
            estimates.insert(metric, Estimate::merged(micros(ns), &own));
        }
    }
}

/// The histograms of a report, by the names their percentiles bear.
pub(super) fn histograms(report: &Report) -> BTreeMap<&'static str, Histogram> {
    let mut stored: Vec<(&'static str, &str)> = Vec::new();
    if let Some(classic) = &report.classic {
        stored.push(("connect", &classic.connect));
        stored.push(("echo", &classic.echo));
    }
    for window in judged(report) {
        match window.load {
            Load::Rate { .. } => {
                stored.push(("latency", &window.response));
                stored.push(("service", &window.service));
                stored.push(("slip", &window.slip));
            }
            Load::InFlight { .. } => {
                stored.push(("in_flight_latency", &window.response));
            }
            Load::Sessions { .. } => {
                stored.push(("session", &window.response));
                stored.push(("slip", &window.slip));
            }
        }
    }
    stored
        .into_iter()
        .filter_map(|(name, text)| Some((name, wire::decode(text).ok()?)))
        .filter(|(_, histogram)| !histogram.is_empty())
        .collect()
}

fn names(launches: &[Launch]) -> Vec<String> {
    let mut names: Vec<String> = launches
        .iter()
        .flat_map(|launch| launch.metrics.keys().cloned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is_percentile(name: &str) -> bool {
    QUANTILES.iter().any(|(qualifier, _)| {
        name.strip_suffix(qualifier).is_some_and(|head| head.ends_with('_'))
    })
}

fn has_length(window: &WindowReport) -> bool {
    window.end_ns > window.start_ns
}

fn length_ns(window: &WindowReport) -> f64 {
    float(window.end_ns.saturating_sub(window.start_ns))
}

pub(super) fn micros(ns: u64) -> f64 {
    float(ns) / NS_PER_US
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts, bytes and nanoseconds stay far below 2^52"
)]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}
