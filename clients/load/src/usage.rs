//! The server's CPU time, read at the edges of a window.
//!
//! The client reads it because it knows when the edges are: a process that
//! slept through the window would be late by a wake-up.
//!
//! Refuses to do: attribute. It adds up the processes and CPUs it was named.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use wire::{ServerUsage, Spec};

use crate::packets::Packets;
use crate::sys::CpuClock;

const NS_PER_S: u64 = 1_000_000_000;
/// `softirq` of a `cpuN` line of `/proc/stat`, behind its name.
const SOFTIRQ_FIELD: usize = 6;
/// Enough for the lines of hundreds of CPUs, which come first.
const STAT_BYTES: usize = 64 * 1024;

/// What is read at the edges besides the time; nothing by default.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    clocks: Option<ServerClocks>,
    packets: Option<Packets>,
}

/// At one edge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readings {
    pub(crate) server: Option<Reading>,
    pub(crate) packets: Option<u64>,
}

impl Meters {
    pub(crate) fn open(spec: &Spec) -> Self {
        Self {
            clocks: ServerClocks::open(&spec.server_pids, &spec.softirq_cpus),
            packets: spec.count_packets.then(Packets::open).flatten(),
        }
    }

    pub(crate) fn read(&mut self) -> Readings {
        Readings {
            server: self.clocks.as_mut().and_then(ServerClocks::read),
            packets: self.packets.as_mut().and_then(Packets::read),
        }
    }
}

/// Sums at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    cpu_ns: u64,
    softirq_ns: u64,
}

impl Reading {
    pub(crate) fn since(self, start: Self) -> ServerUsage {
        ServerUsage {
            cpu_ns: self.cpu_ns.saturating_sub(start.cpu_ns),
            softirq_ns: self.softirq_ns.saturating_sub(start.softirq_ns),
        }
    }
}

/// What is to be read, opened beforehand.
#[derive(Debug)]
pub(crate) struct ServerClocks {
    clocks: Vec<CpuClock>,
    softirq: Option<Softirq>,
}

#[derive(Debug)]
struct Softirq {
    stat: File,
    cpus: Vec<u32>,
    buffer: Vec<u8>,
}

impl ServerClocks {
    /// `None` if no process is named or one cannot be read.
    pub(crate) fn open(pids: &[u32], softirq_cpus: &[u32]) -> Option<Self> {
        if pids.is_empty() {
            return None;
        }
        let clocks: Option<Vec<_>> =
            pids.iter().map(|pid| CpuClock::of(*pid).ok()).collect();
        let softirq = match softirq_cpus {
            [] => None,
            cpus => Some(Softirq {
                stat: File::open("/proc/stat").ok()?,
                cpus: cpus.to_vec(),
                buffer: vec![0; STAT_BYTES],
            }),
        };
        clocks.map(|clocks| Self { clocks, softirq })
    }

    /// `None` if a process is gone.
    pub(crate) fn read(&mut self) -> Option<Reading> {
        let softirq_ns = match &mut self.softirq {
            Some(softirq) => softirq.read_ns()?,
            None => 0,
        };
        let cpu_ns = self
            .clocks
            .iter()
            .map(|clock| clock.read_ns().ok())
            .sum::<Option<u64>>()?;
        Some(Reading { cpu_ns, softirq_ns })
    }
}

impl Softirq {
    fn read_ns(&mut self) -> Option<u64> {
        let length = self.stat.read_at(&mut self.buffer, 0).ok()?;
        let text = String::from_utf8_lossy(&self.buffer[..length]);
        softirq_ticks(&text, &self.cpus).map(|ticks| {
            ticks * NS_PER_S / rustix::param::clock_ticks_per_second()
        })
    }
}

/// Adds the softirq ticks of `cpus` in the text of `/proc/stat`.
fn softirq_ticks(stat: &str, cpus: &[u32]) -> Option<u64> {
    let mut sum = 0;
    let mut found = 0;
    for line in stat.lines() {
        let mut fields = line.split_ascii_whitespace();
        let number = fields
            .next()
            .and_then(|name| name.strip_prefix("cpu"))
            .and_then(|number| number.parse().ok());
        if number.is_some_and(|number: u32| cpus.contains(&number)) {
            sum += fields.nth(SOFTIRQ_FIELD)?.parse::<u64>().ok()?;
            found += 1;
        }
    }
    (found == cpus.len()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "\
cpu  10 20 30 40 50 60 70 80 0 0
cpu0 1 2 3 4 5 6 7 8 0 0
cpu1 1 2 3 4 5 6 9 8 0 0
intr 12345
ctxt 5
";

    #[test]
    fn softirq_ticks_are_those_of_the_named_cpus() {
        assert_eq!(softirq_ticks(STAT, &[0]), Some(7));
        assert_eq!(softirq_ticks(STAT, &[0, 1]), Some(16));
        assert_eq!(softirq_ticks(STAT, &[2]), None);
        assert_eq!(softirq_ticks("", &[0]), None);
    }

    #[test]
    fn this_process_used_some_cpu_time_between_two_readings() {
        let own = std::process::id();
        let mut clocks = ServerClocks::open(&[own], &[0]).unwrap();
        let start = clocks.read().unwrap();
        let mut end = clocks.read().unwrap();
        for _ in 0..1_000_000 {
            if end.cpu_ns > start.cpu_ns {
                break;
            }
            end = clocks.read().unwrap();
        }
        assert!(end.since(start).cpu_ns > 0);
    }

    #[test]
    fn a_process_that_is_gone_gives_no_figure() {
        assert!(ServerClocks::open(&[u32::MAX], &[]).is_none());
        assert!(ServerClocks::open(&[], &[]).is_none());
    }
}
