//! Whether the client sends when the plan says.

use wire::Arrivals;

use super::lab::{Order, STALL_MS, histogram, only, rate};
use super::truth::{
    ANDERSON_DARLING_5_PERCENT, anderson_darling, lag_1_correlation,
};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K1",
        class: Class::Live,
        title: "sends are on time: 10,000 connections, 20,000/s",
        goal: "slip p50 ≤ 20 µs, p99 ≤ 100 µs, p99.9 ≤ 1 ms; every planned \
               message accounted for",
        source: "wrk2 paces to 1 ms; Lancet accepts a rate 10 % off",
        seconds: 26,
        run: Run::Drive(slip),
    },
    Test {
        id: "K2",
        class: Class::Live,
        title: "gaps between sends are exponential, as the server sees them",
        goal: "of subsamples of 100 gaps at 1,000/s at least 90 % pass \
               Anderson and Darling's test at its 5 % point, the mean known; \
               rank correlation of neighbours within ±0.02",
        source: "Lancet (ATC'19) passes at twice the 1 % point; 5 % point: \
                 Stephens 1974",
        seconds: 24,
        run: Run::Drive(gaps),
    },
];

/// p99.9 has 400 samples beyond it.
const SLIP_MS: u64 = 20_000;

fn slip(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let server = lab.start("good", 0)?;
    let order = Order {
        connections: lab.size.connections,
        windows: vec![rate(20_000.0, Arrivals::Poisson, lab.size.ms(SLIP_MS))],
        stall_ms: STALL_MS,
    };
    let report = lab.load(&server, &order)?;
    let window = only(&report)?;
    let slip = histogram(&window.slip)?;
    let us = |quantile| slip.value_at_quantile(quantile) as f64 / 1e3;
    let lost = window.planned.abs_diff(window.echoed + window.censored);
    Ok(Finding::of(
        window.planned,
        "messages",
        vec![
            Figure::new("slip p50", us(0.5), "µs", Goal::AtMost(20.0)),
            Figure::new("slip p99", us(0.99), "µs", Goal::AtMost(100.0)),
            Figure::new("slip p99.9", us(0.999), "µs", Goal::AtMost(1_000.0)),
            Figure::new("unaccounted", lost as f64, "", Goal::AtMost(0.0)),
        ],
    ))
}

const RATE_PER_S: f64 = 1_000.0;
const GAPS_MS: u64 = 20_000;
const SUBSAMPLE: usize = 100;

/// Seen from the other end, by a server that does nothing but wait: what the
/// client says of itself is no proof.
fn gaps(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let server = lab.start("prompt", 0)?;
    let order = Order {
        connections: 100,
        windows: vec![rate(
            RATE_PER_S,
            Arrivals::Poisson,
            lab.size.ms(GAPS_MS),
        )],
        stall_ms: STALL_MS,
    };
    let report = lab.load(&server, &order)?;
    let seen = server.seen(only(&report)?)?;
    let gaps: Vec<f64> = seen
        .windows(2)
        .map(|pair| (pair[1].received_ns - pair[0].received_ns) as f64)
        .collect();
    let samples: Vec<&[f64]> = gaps.chunks_exact(SUBSAMPLE).collect();
    let mean_ns = 1e9 / RATE_PER_S;
    let passed = samples.iter().filter(|gaps| {
        anderson_darling(gaps, mean_ns) <= ANDERSON_DARLING_5_PERCENT
    });
    let passed = 100.0 * passed.count() as f64 / samples.len().max(1) as f64;
    let correlation = lag_1_correlation(&gaps);
    Ok(Finding::of(
        gaps.len() as u64,
        "gaps",
        vec![
            Figure::new("pass", passed, "%", Goal::AtLeast(90.0)),
            Figure::new(
                "correlation",
                correlation,
                "",
                Goal::Within(-0.02, 0.02),
            ),
        ],
    ))
}
