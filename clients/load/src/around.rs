//! What the machine does around a window: its CPUs, its network stack.
//!
//! Read by the session while the loops stand still, before the warm-up and
//! after the drain, so no read falls into a window. What can't be read, in a
//! container for one, is left out.
//!
//! Refuses to do: blame. It can't know whose packets were dropped.

use std::fs;

use wire::{Around, CpuUse, NetworkCounters, Spec};

use crate::clock::{now_ns, process_cpu_ns};
use crate::stat::cpu_times;
use crate::sys::CpuClock;

/// All there is to read, at one moment.
#[derive(Debug)]
pub(crate) struct Moment {
    t_ns: u64,
    cpus: Vec<CpuUse>,
    server_cpu_ns: Option<u64>,
    client_cpu_ns: u64,
    involuntary: u64,
    network: Option<NetworkCounters>,
}

impl Moment {
    pub(crate) fn read(spec: &Spec) -> Self {
        let stat = match spec.watched_cpus.as_slice() {
            [] => String::new(),
            _ => fs::read_to_string("/proc/stat").unwrap_or_default(),
        };
        let server = |pid: &u32| CpuClock::of(*pid).ok()?.read_ns().ok();
        let servers = spec.server_pids.iter().map(server);
        let server_cpu_ns = servers.sum::<Option<u64>>();
        Self {
            t_ns: now_ns(),
            cpus: cpus(&stat, &spec.watched_cpus),
            server_cpu_ns: server_cpu_ns
                .filter(|_| !spec.server_pids.is_empty()),
            client_cpu_ns: process_cpu_ns(),
            involuntary: involuntary_switches(),
            network: network(),
        }
    }

    /// What changed until `later`.
    pub(crate) fn until(&self, later: &Self) -> Around {
        let cpus = self.cpus.iter().zip(&later.cpus);
        Around {
            wall_ns: later.t_ns - self.t_ns,
            cpus: cpus.map(|(a, b)| cpu_between(*a, *b)).collect(),
            server_cpu_ns: self
                .server_cpu_ns
                .zip(later.server_cpu_ns)
                .map(|(a, b)| b.saturating_sub(a)),
            client_cpu_ns: later.client_cpu_ns - self.client_cpu_ns,
            client_involuntary_switches: later
                .involuntary
                .saturating_sub(self.involuntary),
            network: self
                .network
                .zip(later.network)
                .map(|(a, b)| network_between(a, b)),
        }
    }
}

fn cpu_between(a: CpuUse, b: CpuUse) -> CpuUse {
    CpuUse {
        cpu: a.cpu,
        idle_ns: b.idle_ns.saturating_sub(a.idle_ns),
        irq_ns: b.irq_ns.saturating_sub(a.irq_ns),
        steal_ns: b.steal_ns.saturating_sub(a.steal_ns),
    }
}

fn network_between(a: NetworkCounters, b: NetworkCounters) -> NetworkCounters {
    let since = |of: fn(&NetworkCounters) -> u64| of(&b).saturating_sub(of(&a));
    NetworkCounters {
        listen_overflows: since(|it| it.listen_overflows),
        listen_drops: since(|it| it.listen_drops),
        syn_cookies: since(|it| it.syn_cookies),
        retransmits: since(|it| it.retransmits),
        softnet_drops: since(|it| it.softnet_drops),
    }
}

/// What became of these CPUs' time: of all of them, or of none.
fn cpus(stat: &str, watched: &[u32]) -> Vec<CpuUse> {
    let of = |&cpu: &u32| {
        let times = cpu_times(stat, cpu)?;
        Some(CpuUse {
            cpu,
            idle_ns: times.idle_ns,
            irq_ns: times.irq_ns + times.softirq_ns,
            steal_ns: times.steal_ns,
        })
    };
    let found: Option<Vec<CpuUse>> = watched.iter().map(of).collect();
    found.unwrap_or_default()
}

/// Of all threads of this process.
fn involuntary_switches() -> u64 {
    const FIELD: &str = "nonvoluntary_ctxt_switches:";
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    tasks
        .filter_map(|task| {
            let status = task.ok()?.path().join("status");
            let text = fs::read_to_string(status).ok()?;
            let line = text.lines().find_map(|l| l.strip_prefix(FIELD))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}

fn network() -> Option<NetworkCounters> {
    let netstat = fs::read_to_string("/proc/net/netstat").ok()?;
    let snmp = fs::read_to_string("/proc/net/snmp").ok()?;
    let softnet = fs::read_to_string("/proc/net/softnet_stat").ok()?;
    Some(NetworkCounters {
        listen_overflows: counter(&netstat, "TcpExt:", "ListenOverflows")?,
        listen_drops: counter(&netstat, "TcpExt:", "ListenDrops")?,
        syn_cookies: counter(&netstat, "TcpExt:", "SyncookiesSent")?,
        retransmits: counter(&snmp, "Tcp:", "RetransSegs")?,
        softnet_drops: dropped(&softnet)?,
    })
}

/// A counter of two lines with the same head: names, then values.
fn counter(text: &str, head: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(head));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs =
        names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
    pairs.find(|(known, _)| *known == name)?.1.parse().ok()
}

/// The second column, over all CPUs; hexadecimal.
fn dropped(softnet: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let field = line.split_ascii_whitespace().nth(1)?;
        u64::from_str_radix(field, 16).ok()
    };
    softnet.lines().map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupts_of_both_kinds_count_together_and_half_an_answer_is_none() {
        let stat = "cpu0 1 2 3 4 5 6 7 8\n";
        let found = cpus(stat, &[0]);
        let times = cpu_times(stat, 0).unwrap();
        assert_eq!(found[0].irq_ns, times.irq_ns + times.softirq_ns);
        assert!(found[0].irq_ns > times.softirq_ns);
        assert_eq!(cpus(stat, &[0, 2]), []);
    }

    #[test]
    fn counters_are_found_by_head_and_name() {
        let text = "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 1 22\n\
                    IpExt: ListenOverflows\nIpExt: 4\n";
        assert_eq!(counter(text, "TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(counter(text, "TcpExt:", "none"), None);
        assert_eq!(counter("", "TcpExt:", "none"), None);
        assert_eq!(dropped("01 0a 00\n02 01 00\n"), Some(11));
        assert_eq!(dropped("01\n"), None);
    }

    #[test]
    fn two_moments_of_this_process_tell_what_lies_between() {
        let spec = Spec {
            protocol: wire::PROTOCOL,
            addr: "127.0.0.1:9".parse().unwrap(),
            connections: 1,
            payload_bytes: 1,
            seed: 1,
            max_connecting: 1,
            stall_ms: 1,
            cpus: vec![],
            server_pids: vec![std::process::id()],
            softirq_cpus: vec![],
            watched_cpus: vec![],
            count_packets: false,
            stay_awake: false,
            work: wire::Work::Classic,
        };
        let first = Moment::read(&spec);
        let began_ns = process_cpu_ns();
        while process_cpu_ns() < began_ns + 2_000_000 {}
        let found = first.until(&Moment::read(&spec));
        assert!(found.client_cpu_ns >= 2_000_000, "{found:?}");
        assert!(found.server_cpu_ns.unwrap() >= 2_000_000, "{found:?}");
        // Other tests' threads burn the process's CPU time too.
        assert!(found.wall_ns > 0 && found.cpus.is_empty());
        let gone = Spec { server_pids: vec![u32::MAX], ..spec };
        let gone = Moment::read(&gone);
        assert_eq!(gone.until(&gone).server_cpu_ns, None);
    }
}
