//! Whether the wait of one connection among 10,000 is seen, and is seen as
//! nobody else's.

use wire::{Arrivals, WindowReport};

use super::lab::{Order, STALL_MS, histogram, only, rate};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::stats::signed_rank::hodges_lehmann_ratio;

pub(super) const TESTS: &[Test] = &[Test {
    id: "K29",
    class: Class::Full,
    title: "a pause of 200 ms on 1 of 10,000 connections",
    goal: "the longest gap within 2 % of what the server logged, and the \
           others' p99 within 5 % of that without a pause",
    source: "Jain, Chiu & Hawe 1984, whose index can't show one in 10,000: \
             the echo comes late, not never",
    seconds: 150,
    run: Run::Drive(pause),
}];

const PAUSE_MS: u64 = 200;
const PER_S: f64 = 10_000.0;
const WINDOW_MS: u64 = 3_000;
const PAIRS: u64 = 16;

fn pause(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let (mut gaps_off, mut ratios, mut n) = (Vec::new(), Vec::new(), 0);
    let (mut plain_gap, mut jain) = (0.0_f64, 1.0_f64);
    for pair in 0..lab.size.ms(PAIRS) {
        let (plain, paused, kept_ns) = both(lab, pair % 2 == 1)?;
        let (gap, kept) = (gap_ns(&paused) as f64, kept_ns.max(1) as f64);
        gaps_off.push(100.0 * (gap / kept - 1.0).abs());
        ratios.push(others_p99(&paused)? / others_p99(&plain)?);
        plain_gap = plain_gap.max(gap_ns(&plain) as f64 / 1e6);
        let index = paused.fairness.and_then(|fairness| fairness.jain());
        jain = jain.min(index.unwrap_or(0.0));
        n += paused.planned;
    }
    let worst = gaps_off.iter().copied().fold(0.0, f64::max);
    let ratio = hodges_lehmann_ratio(&ratios);
    let none = || Trouble::Broken("there is no p99".into());
    let ratio = ratio.ok_or_else(none)?;
    let most = Goal::AtMost;
    let within = Goal::Within(0.95, 1.05);
    let figures = vec![
        Figure::new("longest gap off the log", worst, "%", most(2.0)),
        Figure::new("others' p99 × without", ratio.median, "", within),
        Figure::aside("longest gap without", plain_gap, "ms"),
        Figure::aside("lowest Jain index", jain, ""),
    ];
    Ok(Finding::of(n, "messages", figures))
}

/// One without the pause, one with it and how long that was. Every other pair
/// is made the other way round: whatever a second window is, it is for both.
fn both(
    lab: &Lab<'_>,
    paused_first: bool,
) -> Result<(WindowReport, WindowReport, u64), Trouble> {
    let early = paused_first.then(|| window(lab, "pause-one")).transpose()?;
    let (plain, _) = window(lab, "prompt")?;
    let (paused, kept_ns) =
        early.map_or_else(|| window(lab, "pause-one"), Ok)?;
    Ok((plain, paused, kept_ns))
}

/// A window over a witness, and the longest that it kept a message of it.
fn window(lab: &Lab<'_>, bug: &str) -> Result<(WindowReport, u64), Trouble> {
    let server = lab.start(bug, PAUSE_MS)?;
    let window = rate(PER_S, Arrivals::Poisson, lab.size.ms(WINDOW_MS));
    let order = Order {
        connections: lab.size.connections,
        windows: vec![window],
        stall_ms: STALL_MS,
    };
    let report = lab.load(&server, &order)?;
    let window = only(&report)?.clone();
    let seen = server.seen(&window)?;
    let kept = seen.iter().map(|it| it.sent_ns.saturating_sub(it.received_ns));
    Ok((window, kept.max().unwrap_or(0)))
}

fn gap_ns(window: &WindowReport) -> u64 {
    window.fairness.map_or(0, |fairness| fairness.longest_gap_ns)
}

/// The p99 of all messages but those that the pause kept, in seconds.
fn others_p99(window: &WindowReport) -> Result<f64, Trouble> {
    let all = histogram(&window.response)?;
    let kept = all.count_between(PAUSE_MS * 900_000, u64::MAX);
    let others = all.len().saturating_sub(kept) as f64;
    let quantile = 0.99 * others / (all.len().max(1) as f64);
    Ok(all.value_at_quantile(quantile) as f64 / 1e9)
}
