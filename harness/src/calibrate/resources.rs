//! Whether CPU and memory of a server are what it used.

use std::thread::sleep;
use std::time::Duration;

use wire::Arrivals;

use super::lab::{Order, STALL_MS, in_flight, only, rate};
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::clock::process_cpu_ns;
use crate::drive::Moment;
use crate::sample;

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K10",
        class: Class::Live,
        title: "CPU of a server that burns a known amount; of 1,000 threads \
                that lived shortly",
        goal: "the client's reading within 2 % of what was burnt; the \
               process clock within 0.5 % of wait4",
        source: "both clocks are the kernel's; nobody is known to check",
        seconds: 14,
        run: Run::Drive(cpu),
    },
    Test {
        id: "K12",
        class: Class::Full,
        title: "memory of a server that touches 0, 8 and 64 KiB a connection",
        goal: "growth within 3 % of what was touched",
        source: "proportional set size, smaps_rollup of proc(5)",
        seconds: 8,
        run: Run::Drive(memory),
    },
];

const BURN_US: u64 = 500;
const BURN_PER_S: f64 = 1_000.0;
const BURN_MS: u64 = 4_000;

/// CPU by the client's reading and by the witness's own, with the messages,
/// of one window.
struct Burnt {
    read_ns: f64,
    own_ns: f64,
    messages: f64,
}

impl Burnt {
    /// What an echo costs beside what is burnt.
    fn overhead_ns(&self) -> f64 {
        (self.read_ns - self.own_ns) / self.messages
    }
}

fn burnt(lab: &Lab<'_>, bug: &str, at_us: u64) -> Result<Burnt, Trouble> {
    let server = lab.start(bug, at_us)?;
    let window = rate(BURN_PER_S, Arrivals::Uniform, lab.size.ms(BURN_MS));
    let order =
        Order { connections: 64, windows: vec![window], stall_ms: STALL_MS };
    let report = lab.load(&server, &order)?;
    let window = only(&report)?;
    let usage = window.server.ok_or_else(|| {
        Trouble::CannotJudge("the server's CPU clock can't be read".into())
    })?;
    let seen = server.seen(window)?;
    let own_ns: u64 = seen.iter().map(|it| it.cpu_ns).sum();
    Ok(Burnt {
        // Interrupts are no part of what a process burns.
        read_ns: usage.cpu_ns as f64,
        own_ns: own_ns as f64,
        messages: seen.len() as f64,
    })
}

fn cpu(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    lab.needs_cpus_apart()?;
    // What an echo costs by itself is no part of what is burnt for it.
    let idle = burnt(lab, "burn", 0)?;
    let busy = burnt(lab, "burn", BURN_US)?;
    let read_ns = busy.read_ns - idle.overhead_ns() * busy.messages;
    let off = 100.0 * (read_ns / busy.own_ns - 1.0).abs();
    let (ended, clock_ns, wait4_ns) = short_lived(lab)?;
    let threads = 100.0 * (clock_ns / wait4_ns - 1.0).abs();
    Ok(Finding::of(
        ended,
        "threads",
        vec![
            Figure::new("off what was burnt", off, "%", Goal::AtMost(2.0)),
            Figure::aside("burnt", busy.own_ns / 1e9, "s"),
            Figure::new("off wait4", threads, "%", Goal::AtMost(0.5)),
            Figure::aside("of an echo besides", idle.overhead_ns() / 1e3, "µs"),
        ],
    ))
}

/// How many threads of a process have ended, one for each message; its CPU by
/// its clock just before it is stopped and by `wait4`, in nanoseconds.
fn short_lived(lab: &Lab<'_>) -> Result<(u64, f64, f64), Trouble> {
    const THREADS_MS: u64 = 2_000;
    let server = lab.start("burn-threads", BURN_US)?;
    let window = rate(500.0, Arrivals::Uniform, THREADS_MS);
    let order =
        Order { connections: 16, windows: vec![window], stall_ms: STALL_MS };
    let report = lab.load(&server, &order)?;
    let ended = only(&report)?.echoed;
    let pids = server.running.pids().to_vec();
    let read = pids.iter().map(|&pid| process_cpu_ns(pid));
    let clock_ns: u64 = read.sum::<std::io::Result<_>>().map_err(|error| {
        Trouble::CannotJudge(format!("its CPU clock can't be read: {error}"))
    })?;
    let usage = server.running.stop().exit.usage;
    let wait4_us = usage.user_us + usage.system_us;
    Ok((ended, clock_ns as f64, wait4_us as f64 * 1e3))
}

const FAT: u32 = 2_000;
const KIB: f64 = 1_024.0;

/// What a server's memory grew by over its connections, in bytes.
fn grown(lab: &Lab<'_>, at_kib: u64) -> Result<f64, Trouble> {
    let connections = FAT.min(lab.size.connections);
    let server = lab.start("fat-connections", at_kib)?;
    let pids = server.running.pids().to_vec();
    let fresh = sample::snapshot(&pids);
    let mut held = fresh;
    let order = Order {
        connections,
        windows: vec![in_flight(1, 0, 10)],
        stall_ms: STALL_MS,
    };
    lab.drive(&server, &order, |moment| {
        if moment == Moment::Barrier {
            // What was freed goes back to the kernel meanwhile.
            sleep(Duration::from_millis(50));
            held = sample::snapshot(&pids);
        }
    })?;
    let grown = held.pss_bytes as f64 - fresh.pss_bytes as f64;
    Ok(grown / f64::from(connections))
}

fn memory(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let bare = grown(lab, 0)?;
    let mut figures = vec![Figure::aside("touching nothing", bare, "B")];
    for at_kib in [8, 64] {
        let touched = at_kib as f64 * KIB;
        let found = grown(lab, at_kib)? - bare;
        figures.push(Figure::new(
            format!("off {at_kib} KiB"),
            100.0 * (found / touched - 1.0).abs(),
            "%",
            Goal::AtMost(3.0),
        ));
    }
    let connections = FAT.min(lab.size.connections);
    Ok(Finding::of(connections.into(), "connections", figures))
}
