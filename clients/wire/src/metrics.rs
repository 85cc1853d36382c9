//! The figures of the tables, derived from a [`Report`].
//!
//! A metric's name carries its unit, then its qualifier.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Histogram, Load, Report, WindowReport, decode, percentile};

/// Such as `cpu_us_per_echo`.
pub type MetricName = String;

/// Figures by name.
pub type Metrics = BTreeMap<MetricName, f64>;

const NS_PER_US: f64 = 1e3;
const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

/// Derives every figure that the report holds the raw data for.
///
/// A percentile with too few samples beyond it is left out, and so is any
/// figure whose histogram cannot be read.
#[must_use]
pub fn metrics(report: &Report) -> Metrics {
    let mut out = Metrics::new();
    if let Some(classic) = &report.classic {
        let total_ns = float(classic.total_ns);
        let connections = f64::from(report.connections.requested);
        out.insert("total_ms".into(), total_ns / NS_PER_MS);
        out.insert("avg_us".into(), total_ns / NS_PER_US / connections);
        out.insert(
            "connections_per_s".into(),
            connections / total_ns * NS_PER_S,
        );
        percentiles(&mut out, "connect", &classic.connect);
        percentiles(&mut out, "echo", &classic.echo);
    }
    for window in &report.windows {
        if window.step {
            step_metrics(&mut out, window);
        } else {
            window_metrics(&mut out, window);
        }
    }
    held(&mut out, report);
    out
}

/// The highest rate of a ladder whose 99th percentile is at most 10 ms, the
/// fixed rate below it included; 0 where not even that is.
fn held(out: &mut Metrics, report: &Report) {
    const LIMIT: Duration = Duration::from_millis(10);
    if !report.windows.iter().any(|window| window.step) {
        return;
    }
    let rates = report.windows.iter().filter_map(|window| match window.load {
        Load::Rate { per_s, .. } if window.keeps(LIMIT) => Some(per_s),
        _ => None,
    });
    out.insert("held_per_s".into(), rates.fold(0.0, f64::max));
}

/// What an echo costs on a step of the ladder.
fn step_metrics(out: &mut Metrics, window: &WindowReport) {
    let Load::Rate { per_s, .. } = window.load else { return };
    if let Some(cpu_us) = cpu_us(window) {
        out.insert(format!("cpu_us_per_echo_at_{per_s}"), cpu_us);
    }
}

fn cpu_us(window: &WindowReport) -> Option<f64> {
    let usage = window.server?;
    let us = float(usage.cpu_ns + usage.softirq_ns) / NS_PER_US;
    Some(us / float(window.echoes_in_window)).filter(|us| us.is_finite())
}

fn packets(window: &WindowReport) -> Option<f64> {
    let each = float(window.packets?) / float(window.echoes_in_window);
    Some(each).filter(|each| each.is_finite())
}

fn window_metrics(out: &mut Metrics, window: &WindowReport) {
    let seconds = float(window.end_ns - window.start_ns) / NS_PER_S;
    let per_s = float(window.echoes_in_window) / seconds;
    let (cpu_us, packets) = (cpu_us(window), packets(window));
    fairness(out, window);
    match window.load {
        Load::Rate { .. } => {
            out.insert("achieved_per_s".into(), per_s);
            percentiles(out, "latency", &window.response);
            percentiles(out, "service", &window.service);
            percentiles(out, "slip", &window.slip);
            if let Some(cpu_us) = cpu_us {
                out.insert("cpu_us_per_echo".into(), cpu_us);
            }
            if let Some(packets) = packets {
                out.insert("packets_per_echo".into(), packets);
            }
        }
        Load::InFlight { .. } => {
            out.insert("echoes_per_s".into(), per_s);
            percentiles(out, "in_flight_latency", &window.response);
            if let Some(cpu_us) = cpu_us {
                out.insert("cpu_us_per_echo_in_flight".into(), cpu_us);
            }
            if let Some(packets) = packets {
                out.insert("packets_per_echo_in_flight".into(), packets);
            }
        }
        Load::Sessions { .. } => {
            out.insert("sessions_per_s".into(), per_s);
            percentiles(out, "session", &window.response);
            percentiles(out, "slip", &window.slip);
            if let Some(cpu_us) = cpu_us {
                out.insert("cpu_us_per_session".into(), cpu_us);
            }
            if let Some(packets) = packets {
                out.insert("packets_per_session".into(), packets);
            }
        }
    }
}

/// Whether all connections were served alike, and how long one waited.
fn fairness(out: &mut Metrics, window: &WindowReport) {
    let Some(found) = window.fairness.filter(|it| it.connections > 0) else {
        return;
    };
    let qualifier = match window.load {
        Load::Rate { .. } | Load::Sessions { .. } => "",
        Load::InFlight { .. } => "_in_flight",
    };
    let mut put = |name: &str, value: f64| {
        out.insert(format!("{name}{qualifier}"), value);
    };
    if let Some(jain) = found.jain() {
        put("jain", jain);
    }
    put("fewest_echoes", found.fewest_echoes.into());
    put("starved", found.starved.into());
    put("longest_gap_ms", float(found.longest_gap_ns) / NS_PER_MS);
}

fn percentiles(out: &mut Metrics, name: &str, stored: &str) {
    let Ok(histogram) = decode(stored) else { return };
    out.extend(named_percentiles(name, &histogram));
}

/// `NAME_us_p50`, `NAME_us_p99` and `NAME_us_p999` in microseconds, as far as
/// the samples carry them.
fn named_percentiles(
    name: &str,
    histogram: &Histogram,
) -> impl Iterator<Item = (MetricName, f64)> {
    [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)].into_iter().filter_map(
        move |(qualifier, quantile)| {
            let ns = percentile(histogram, quantile)?;
            Some((format!("{name}_us_{qualifier}"), float(ns) / NS_PER_US))
        },
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a run stay far below 2^52"
)]
fn float(value: u64) -> f64 {
    value as f64
}
