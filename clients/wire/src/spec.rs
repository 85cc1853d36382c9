//! What the client is asked to do.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Version of the documents of this crate; both sides refuse another one.
pub const PROTOCOL: u32 = 1;

/// Revision of how the client measures, raised when the same server under the
/// same order would get other figures by design. Runs of two revisions are
/// neither mixed nor compared.
///
/// 2: it stays awake while an echo is outstanding ([`Spec::stay_awake`]).
pub const REVISION: u32 = 2;

/// One order to the client: one server, one set of connections, some work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Equals [`PROTOCOL`].
    pub protocol: u32,
    /// Where the server listens.
    pub addr: SocketAddr,
    /// Connections to open, 1 or more.
    pub connections: u32,
    /// Bytes of one message, 1 or more.
    pub payload_bytes: u32,
    /// Seed of payloads, arrivals and the choice of connections.
    pub seed: u64,
    /// At most this many connections wait for their first echo at any moment,
    /// so that a listen backlog of at least as many never overflows.
    pub max_connecting: u32,
    /// A phase in which no byte arrives for this long, though some are
    /// outstanding, is given up as stalled. Milliseconds.
    pub stall_ms: u64,
    /// CPUs to own, one loop pinned to each; empty means one loop, unpinned.
    pub cpus: Vec<u32>,
    /// Processes whose CPU clocks are read at the edges of every window.
    pub server_pids: Vec<u32>,
    /// CPUs whose softirq time is added to the server's, because this kernel
    /// accounts interrupt time apart from processes; empty where it does not.
    pub softirq_cpus: Vec<u32>,
    /// CPUs whose use is read around every window: the server's and the
    /// client's.
    #[serde(default)]
    pub watched_cpus: Vec<u32>,
    /// Nobody but client and server uses the network they are in: packets on
    /// its loopback are counted at the edges of every window.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub count_packets: bool,
    /// The CPUs are the client's own: while an echo is outstanding at a rate,
    /// a loop spins instead of sleeping, so that no response time holds the
    /// wake-up of the client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stay_awake: bool,
    /// What to do with the connections.
    pub work: Work,
}

/// The kinds of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// The original test: each connection connects, sends one payload, reads
    /// it back and closes; no barrier.
    Classic,
    /// All connections are held open together, proved by the barrier, and
    /// then loaded by one window after another.
    Hold {
        /// Stand still at the barrier, and again after the last window, each
        /// time until a [`crate::Command::Go`] arrives.
        await_go: bool,
        /// Stand still before each window too, until a [`crate::Command::Go`],
        /// and tell when each is drained: two clients can take turns.
        #[serde(default)]
        turns: bool,
        /// The windows, in order.
        windows: Vec<Window>,
    },
    /// Nothing is held: connections come and go by one window of
    /// [`Load::Sessions`]. At most [`Spec::connections`] and
    /// [`Spec::max_connecting`] sessions are under way at once; further ones
    /// wait, and count from when they were due.
    Churn {
        /// Its load is of sessions.
        window: Window,
    },
}

/// One stretch of load, over connections that are open or by sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Name under which it is reported, such as `fixed_rate`.
    pub name: String,
    /// The load.
    pub load: Load,
    /// The same load runs this long before anything is counted.
    /// Milliseconds.
    pub warm_up_ms: u64,
    /// Milliseconds, 1 or more.
    pub duration_ms: u64,
    /// A step of a ladder of rates: it is left out once an earlier step was
    /// more than server and client could carry, by
    /// [`crate::WindowReport::is_carried`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub step: bool,
    /// Open loop only: messages are due on so many of the connections, drawn
    /// by the seed; the others stay open and idle. Absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u32>,
    /// Closed loop only: CPU that the client burns after each echo, in
    /// microseconds: a client that is slower than it is, by which it is tried
    /// whether that is told. Absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_spin_us: Option<u32>,
}

impl Window {
    /// One that is no step and loads all connections.
    #[must_use]
    pub fn new(
        name: &str,
        load: Load,
        warm_up_ms: u64,
        duration_ms: u64,
    ) -> Self {
        let name = name.to_owned();
        Self {
            name,
            load,
            warm_up_ms,
            duration_ms,
            step: false,
            active: None,
            client_spin_us: None,
        }
    }
}

/// How messages are offered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Load {
    /// Open loop: messages are due at planned times, each on a connection
    /// drawn at random, whether or not earlier ones came back.
    Rate {
        /// Echoes per second over all connections.
        per_s: f64,
        /// Distribution of the gaps.
        arrivals: Arrivals,
    },
    /// Closed loop: one message outstanding on each of this many connections,
    /// which are drawn from all by the seed.
    InFlight {
        /// At least 1 and at most [`Spec::connections`].
        connections: u32,
    },
    /// Open loop of sessions: each connects when it is due, has so many
    /// messages echoed one after the other, and closes in order.
    Sessions {
        /// Sessions per second.
        per_s: f64,
        /// Distribution of the gaps.
        arrivals: Arrivals,
        /// Echoes of a session, 1 or more.
        echoes: u32,
    },
}

/// Distribution of the gaps between planned messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Exponential gaps: a Poisson process.
    Poisson,
    /// Equal gaps.
    Uniform,
}
