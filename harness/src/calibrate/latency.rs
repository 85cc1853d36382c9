//! Whether latencies are what they are known to be.

use wire::{Arrivals, Window};

use super::lab::{Order, STALL_MS, histogram, in_flight, only, rate};
use super::truth::{lindley, quantile, withheld};
use super::witness::Seen;
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K3",
        class: Class::Live,
        title: "a server that answers nothing for 1 s in 20",
        goal: "p96 and p99 within 1 % of the closed form (about 0.200 and \
               0.800 s) at even gaps, within 3 % of the server's own log at \
               Poisson's; a closed loop sees less than 1 % of it",
        source: "wrk2's README has such an example, 4.8 % off",
        seconds: 52,
        run: Run::Drive(standstill),
    },
    Test {
        id: "K4",
        class: Class::Full,
        title: "delays that the server stamps: constant, bimodal, exponential",
        goal: "p50, p90 and p99 within 2 % or 50 µs, whichever is more",
        source: "Lancet is within 10 to 20 µs with stamps of the NIC",
        seconds: 36,
        run: Run::Drive(delays),
    },
    Test {
        id: "K5",
        class: Class::Full,
        title: "a queue of one server, 1 ms each, 70 % busy",
        goal: "median within 30 µs and p99 within 300 µs of Lindley's \
               recursion over the arrivals that the server logged; a closed \
               loop must fail this",
        source: "Lindley 1952; no load generator is known to show it",
        seconds: 68,
        run: Run::Drive(queue),
    },
];

const HELD_MS: u64 = 1_000;
const STANDSTILL_MS: u64 = 20_000;
const STANDSTILL_PER_S: f64 = 2_000.0;
const LOOP_MS: u64 = 5_000;

/// Loads a witness and returns the only window with what it saw.
fn witness(
    lab: &Lab<'_>,
    (bug, at): (&str, u64),
    connections: u32,
    window: Window,
) -> Result<(wire::WindowReport, Vec<Seen>), Trouble> {
    let server = lab.start(bug, at)?;
    let order =
        Order { connections, windows: vec![window], stall_ms: STALL_MS };
    let report = lab.load(&server, &order)?;
    let window = only(&report)?.clone();
    let seen = server.seen(&window)?;
    Ok((window, seen))
}

/// A quantile of the response times, in seconds.
fn response(
    window: &wire::WindowReport,
    quantile: f64,
) -> Result<f64, Trouble> {
    let histogram = histogram(&window.response)?;
    Ok(histogram.value_at_quantile(quantile) as f64 / 1e9)
}

fn residences(seen: &[Seen]) -> Vec<u64> {
    seen.iter().map(|it| it.sent_ns.saturating_sub(it.received_ns)).collect()
}

/// How long the server took to send what it had held, in seconds.
fn drain(seen: &[Seen], held_s: f64) -> f64 {
    let residence = |it: &&Seen| it.sent_ns.saturating_sub(it.received_ns);
    let Some(first) = seen.iter().max_by_key(residence) else { return 0.0 };
    let end_ns = first.received_ns as f64 + held_s * 1e9;
    let held = seen.iter().filter(|it| {
        (it.received_ns as f64) < end_ns && it.sent_ns as f64 >= end_ns
    });
    let last = held.map(|it| it.sent_ns as f64).fold(end_ns, f64::max);
    (last - end_ns) / 1e9
}

fn percent_off(found: f64, truth: f64) -> f64 {
    100.0 * (found / truth - 1.0).abs()
}

fn standstill(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let held_ms = lab.size.ms(HELD_MS);
    let held_s = held_ms as f64 / 1e3;
    let connections = lab.size.connections.min(1_000);
    let bug = ("withhold", held_ms);
    let window_ms = lab.size.ms(STANDSTILL_MS);
    let mut figures = Vec::new();
    let mut n = 0;
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let window = rate(STANDSTILL_PER_S, arrivals, window_ms);
        let (window, seen) = witness(lab, bug, connections, window)?;
        let seconds = (window.end_ns - window.start_ns) as f64 / 1e9;
        let drain_s = drain(&seen, held_s);
        n += window.planned;
        for (name, q) in [("p96", 0.96), ("p99", 0.99)] {
            let found = response(&window, q)?;
            let formula = withheld(q, held_s, seconds, drain_s);
            let ms = 1e3 * found;
            match arrivals {
                Arrivals::Uniform => figures.extend([
                    Figure::aside(format!("{name} at even gaps"), ms, "ms"),
                    Figure::new(
                        "off the closed form",
                        percent_off(found, formula),
                        "%",
                        Goal::AtMost(1.0),
                    ),
                ]),
                Arrivals::Poisson => {
                    let truth = quantile(&mut residences(&seen), q);
                    figures.extend([
                        Figure::aside(format!("{name} at Poisson's"), ms, "ms"),
                        Figure::new(
                            "off the log",
                            percent_off(found, truth as f64 / 1e9),
                            "%",
                            Goal::AtMost(3.0),
                        ),
                    ]);
                }
            }
        }
    }
    figures.extend(naive(lab, bug, connections)?);
    Ok(Finding::of(n, "messages", figures))
}

/// What a client that waits for its answers makes of the same standstill: it
/// sends nothing meanwhile, so next to nothing is late.
fn naive(
    lab: &Lab<'_>,
    bug: (&str, u64),
    connections: u32,
) -> Result<[Figure; 2], Trouble> {
    let window = in_flight(connections.min(64), 0, lab.size.ms(LOOP_MS));
    let (window, seen) = witness(lab, bug, connections, window)?;
    let seconds = (window.end_ns - window.start_ns) as f64 / 1e9;
    let held_s = bug.1 as f64 / 1e3;
    let formula = withheld(0.99, held_s, seconds, drain(&seen, held_s));
    let found = response(&window, 0.99)?;
    Ok([
        Figure::aside("naive p99, of a closed loop", 1e3 * found, "ms"),
        Figure::new(
            "part of the closed form",
            100.0 * found / formula,
            "%",
            Goal::AtMost(1.0),
        ),
    ])
}

const DELAYS_MS: u64 = 10_000;
const DELAYS_PER_S: f64 = 4_000.0;

fn delays(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let (mut figures, mut n) = (Vec::new(), 0);
    for (name, bug, at_us) in [
        ("constant", "delay-constant", 5_000),
        ("bimodal", "delay-bimodal", 1_000),
        ("exponential", "delay-exponential", 5_000),
    ] {
        let window =
            rate(DELAYS_PER_S, Arrivals::Poisson, lab.size.ms(DELAYS_MS));
        let connections = lab.size.connections.min(1_000);
        let (window, seen) = witness(lab, (bug, at_us), connections, window)?;
        n += window.planned;
        let mut truth = residences(&seen);
        for (label, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let found_us = 1e6 * response(&window, q)?;
            let truth_us = quantile(&mut truth, q) as f64 / 1e3;
            let allowed = (0.02 * truth_us).max(50.0);
            figures.push(Figure::new(
                format!("{name} {label} off {truth_us:.0} µs by"),
                (found_us - truth_us).abs(),
                "µs",
                Goal::AtMost(allowed.round()),
            ));
        }
    }
    Ok(Finding::of(n, "messages", figures))
}

const SERVICE_US: u64 = 1_000;
const QUEUE_PER_S: f64 = 700.0;
const QUEUE_MS: u64 = 60_000;
const MEDIAN_OFF_US: f64 = 30.0;
const P99_OFF_US: f64 = 300.0;

fn queue(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let bug = ("fifo", SERVICE_US);
    let connections = lab.size.connections.min(200);
    let window = rate(QUEUE_PER_S, Arrivals::Poisson, lab.size.ms(QUEUE_MS));
    let (open, seen) = witness(lab, bug, connections, window)?;
    let arrivals: Vec<u64> = seen.iter().map(|it| it.received_ns).collect();
    let mut truth = lindley(&arrivals, 1_000 * SERVICE_US);
    let window = in_flight(1, 0, lab.size.ms(LOOP_MS));
    let (closed, _) = witness(lab, bug, connections, window)?;
    let mut off = |window: &wire::WindowReport, q| {
        let truth_us = quantile(&mut truth, q) as f64 / 1e3;
        let found_us = 1e6 * response(window, q)?;
        Ok((found_us - truth_us).abs())
    };
    let most = Goal::AtMost;
    let least = Goal::AtLeast;
    let figures = vec![
        Figure::new("median off", off(&open, 0.5)?, "µs", most(MEDIAN_OFF_US)),
        Figure::new("p99 off", off(&open, 0.99)?, "µs", most(P99_OFF_US)),
        Figure::new(
            "p99 of a closed loop off",
            off(&closed, 0.99)?,
            "µs",
            least(P99_OFF_US),
        ),
        Figure::aside("p99", 1e6 * response(&open, 0.99)?, "µs"),
    ];
    Ok(Finding::of(open.planned, "messages", figures))
}
