//! Whether a client that is the bottleneck is told from a server that is.

use wire::{Report, Window};

use super::lab::{Order, STALL_MS, in_flight, settings};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::summarize::limited_by_client;

pub(super) const TESTS: &[Test] = &[Test {
    id: "K15",
    class: Class::Full,
    title: "a client that is too slow is told from a server that is",
    goal: "the closed loop is called client-limited where the client burns \
           100 to 400 µs an echo, and never where the server does; there its \
           throughput tells what the server burns within 5 %",
    source: "TechEmpower issue 5207",
    seconds: 40,
    run: Run::Drive(headroom),
}];

/// What one side burns for each echo, the other nothing. Microseconds.
const BURNT_US: [u32; 3] = [100, 200, 400];
const IN_FLIGHT: u32 = 64;
const WARM_UP_MS: u64 = 300;
const WINDOW_MS: u64 = 1_000;
const REPEATS: u64 = 4;

fn headroom(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    let (mut missed, mut blamed, mut n) = (0.0, 0.0, 0);
    // It can't be faster than what it burns.
    let mut quickest = f64::INFINITY;
    let mut periods = BURNT_US.map(|_| Vec::new());
    for _ in 0..lab.size.ms(REPEATS) {
        for (burnt_us, periods) in BURNT_US.into_iter().zip(&mut periods) {
            let slow_client = window(lab, 0, Some(burnt_us))?;
            missed += f64::from(!is_limited(lab, &slow_client));
            let part = period_us(&slow_client) / f64::from(burnt_us);
            quickest = quickest.min(part);
            let slow_server = window(lab, burnt_us, None)?;
            blamed += f64::from(is_limited(lab, &slow_server));
            periods.push(period_us(&slow_server));
            n += 2;
        }
    }
    let periods = periods.map(median);
    let [first, .., last] = periods;
    let added = f64::from(BURNT_US[2] - BURNT_US[0]);
    let off = 100.0 * ((last - first) / added - 1.0).abs();
    let none = Goal::AtMost(0.0);
    let figures = vec![
        Figure::new("slow clients not told", missed, "", none),
        Figure::new("servers' limits blamed on the client", blamed, "", none),
        Figure::new(
            "echo of a slow client × what it burns, at least",
            quickest,
            "",
            Goal::AtLeast(1.0),
        ),
        Figure::new(
            "what the server burnt, by throughput, off",
            off,
            "%",
            Goal::AtMost(5.0),
        ),
    ];
    Ok(Finding::of(n, "windows", figures))
}

/// One closed loop over a server that burns so much and sleeps otherwise.
fn window(
    lab: &Lab<'_>,
    server_us: u32,
    client_spin_us: Option<u32>,
) -> Result<Report, Trouble> {
    let server = lab.start("burn", server_us.into())?;
    let ms = lab.size.ms(WINDOW_MS);
    let window =
        Window { client_spin_us, ..in_flight(IN_FLIGHT, WARM_UP_MS, ms) };
    let order = Order {
        connections: IN_FLIGHT,
        windows: vec![window],
        stall_ms: STALL_MS,
    };
    lab.load(&server, &order)
}

fn is_limited(lab: &Lab<'_>, report: &Report) -> bool {
    limited_by_client(report, &settings(lab.size.connections))
}

/// From one echo to the next.
fn period_us(report: &Report) -> f64 {
    let Some(window) = report.windows.first() else { return f64::NAN };
    let us = (window.end_ns - window.start_ns) as f64 / 1e3;
    us / window.echoes_in_window as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
