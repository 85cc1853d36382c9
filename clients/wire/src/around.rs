//! What the machine did around a window, whoever made it do so.
//!
//! Both ends of a reading lie outside the counted time, in moments in which
//! neither client nor server has anything to do: before the warm-up and after
//! the drain. So reading costs no window anything.

use serde::{Deserialize, Serialize};

/// Differences from before the warm-up of a window to after its drain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// Elapsed time.
    pub wall_ns: u64,
    /// One for each of [`crate::Spec::watched_cpus`] that could be read.
    pub cpus: Vec<CpuUse>,
    /// CPU clock of all named processes; absent if one could not be read.
    pub server_cpu_ns: Option<u64>,
    /// CPU clock of the client.
    pub client_cpu_ns: u64,
    /// Involuntary context switches of the client's threads.
    pub client_involuntary_switches: u64,
    /// Absent if they could not be read.
    pub network: Option<NetworkCounters>,
}

/// What a CPU did not give to processes; resolution 10 ms.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct CpuUse {
    /// Its number.
    pub cpu: u32,
    /// Nothing to run, or only waiting for a disk.
    pub idle_ns: u64,
    /// Interrupts and softirqs, ksoftirqd included.
    pub irq_ns: u64,
    /// Taken by the hypervisor for other guests.
    pub steal_ns: u64,
}

/// What the network stack lost or had to do twice. The counters are those of
/// the client's network namespace, but for `softnet_drops`, which is the
/// machine's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct NetworkCounters {
    /// Connections that found an accept queue full (`ListenOverflows`).
    pub listen_overflows: u64,
    /// Connections dropped on the way to an accept queue (`ListenDrops`).
    pub listen_drops: u64,
    /// SYN cookies sent (`SyncookiesSent`).
    pub syn_cookies: u64,
    /// TCP segments sent again (`RetransSegs`).
    pub retransmits: u64,
    /// Packets dropped before the stack saw them, all CPUs (second column of
    /// `softnet_stat`).
    pub softnet_drops: u64,
}
