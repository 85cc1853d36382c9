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
use crate::stat::cpu_times;
use crate::sys::CpuClock;

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
        let softirq = |cpu: &u32| Some(cpu_times(&text, *cpu)?.softirq_ns);
        self.cpus.iter().map(softirq).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
