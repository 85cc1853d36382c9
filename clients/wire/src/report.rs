//! What the client found.
//!
//! Only raw counts, times and histograms are stored; [`crate::metrics`]
//! derives the figures of the tables from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Around, Fairness, Load, Metrics, NetworkCounters, PROTOCOL, Proof, decode,
};

/// Everything one order produced. Times are nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Equals [`PROTOCOL`].
    pub protocol: u32,
    /// How it ended.
    pub end: End,
    /// What became of the connections.
    pub connections: Connections,
    /// Present when connections were held.
    pub proof: Option<Proof>,
    /// Present for the classic test.
    pub classic: Option<Classic>,
    /// One for each window that was finished.
    pub windows: Vec<WindowReport>,
    /// What the client itself used.
    pub client: ClientUsage,
    /// The figures derived from the above, by their names in result rows.
    #[serde(flatten)]
    pub metrics: Metrics,
}

impl Report {
    /// A report of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            protocol: PROTOCOL,
            end: End::Completed,
            connections: Connections::default(),
            proof: None,
            classic: None,
            windows: Vec::new(),
            client: ClientUsage::default(),
            metrics: Metrics::new(),
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All of it was done and every byte was right.
    Completed,
    /// A byte was wrong, missing, surplus or another connection's.
    Corrupted(Fault),
    /// Not every connection could be opened, served or kept.
    Incomplete {
        /// The phase, such as `connect` or `window fixed_rate`.
        during: String,
    },
    /// Bytes were outstanding and none came for [`crate::Spec::stall_ms`].
    Stalled {
        /// The phase, such as `connect` or `window fixed_rate`.
        during: String,
        /// Bytes sent and not yet echoed, over all connections.
        outstanding_bytes: u64,
    },
    /// [`crate::Command::Stop`] came first.
    Stopped,
}

/// One failed comparison of an echoed byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind of damage it is.
    pub kind: FaultKind,
    /// The connection that received it, counted from 0.
    pub connection: u32,
    /// Offset in that connection's stream, in bytes, of the first bad byte.
    pub offset: u64,
    /// Up to 32 bytes that should have come, in hexadecimal.
    pub expected: String,
    /// Up to 32 bytes that came, in hexadecimal.
    pub actual: String,
}

/// Kinds of damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Bytes of no connection.
    Wrong,
    /// Bytes are missing: the stream goes on further on, or ends early.
    Short {
        /// Bytes that are missing, as far as can be told.
        missing: u64,
    },
    /// Bytes that were never sent, or came a second time.
    Surplus,
    /// Bytes of another connection.
    Mixed {
        /// The connection they belong to.
        other: u32,
        /// Their offset in that connection's stream.
        other_offset: u64,
    },
}

/// What became of the connections.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Connections {
    /// Asked for.
    pub requested: u32,
    /// Connected and echoed at least once.
    pub established: u32,
    /// Ended by ECONNREFUSED.
    pub refused: u32,
    /// Ended by a reset or an early end of file.
    pub reset: u32,
    /// Gave no echo in time.
    pub timed_out: u32,
    /// Most of them open at one moment, as the client saw it.
    pub peak_open: u32,
}

/// The classic test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classic {
    /// From the first connect to the last close.
    pub total_ns: u64,
    /// Connect times in nanoseconds, V2-deflate in base64; empty where the
    /// client takes no time of single connections.
    pub connect: String,
    /// From the write of a payload to its last echoed byte, likewise.
    pub echo: String,
    /// Over the whole test; absent where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkCounters>,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowReport {
    /// [`crate::Window::name`].
    pub name: String,
    /// [`crate::Window::load`].
    pub load: Load,
    /// [`crate::Window::step`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub step: bool,
    /// First moment that counts, `CLOCK_MONOTONIC`.
    pub start_ns: u64,
    /// Last moment that counts, `CLOCK_MONOTONIC`.
    pub end_ns: u64,
    /// Messages due inside the window (open loop), or sent (closed loop).
    pub planned: u64,
    /// Of the planned ones, those sent before the window's end.
    pub sent_in_time: u64,
    /// Of the planned ones, those not sent even in the drain: censored.
    pub censored: u64,
    /// Of the planned ones, those whose echo came back, late ones included.
    pub echoed: u64,
    /// Echoes completed between `start_ns` and `end_ns`.
    pub echoes_in_window: u64,
    /// Over warm-up, window and drain: bytes written.
    pub bytes_sent: u64,
    /// Over warm-up, window and drain: bytes read and verified.
    pub bytes_verified: u64,
    /// From the intended time to the last echoed byte; V2-deflate in base64.
    pub response: String,
    /// From the write to the last echoed byte, likewise.
    pub service: String,
    /// From the intended time to the write: the client's own lateness.
    pub slip: String,
    /// Time the client's loops spent on useful work, spinning left out,
    /// summed over loops.
    pub client_busy_ns: u64,
    /// Between the edges, if process ids were given and could be read.
    pub server: Option<ServerUsage>,
    /// Absent in records from before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fairness: Option<Fairness>,
    /// Closed loop only; absent in records from before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Absent in records from before it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Around>,
    /// Packets on the loopback between the edges, both directions, if they
    /// were to be counted. One that carries several segments counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
}

impl WindowReport {
    /// Whether a ladder goes on above this step: it saw at least 99 % as many
    /// echoes as messages were due in it, 99 % of them within 50 ms.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        self.keeps(Duration::from_millis(50))
    }

    /// Whether it saw at least 99 % as many echoes as messages were due in it
    /// (those of the warm-up that came late are among them), and 99 % of the
    /// response times are at most so long. One launch decides by its own
    /// samples, however few; none decide against it.
    #[must_use]
    pub fn keeps(&self, limit: Duration) -> bool {
        let in_time = u128::from(self.echoes_in_window) * 100
            >= u128::from(self.planned) * 99;
        let response = decode(&self.response).ok();
        in_time
            && response.is_some_and(|response| {
                let p99 = u128::from(response.value_at_quantile(0.99));
                !response.is_empty() && p99 <= limit.as_nanos()
            })
    }
}

/// What of the time that messages were outstanding `response` doesn't place
/// inside the window, summed over messages.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Overlap {
    /// Of those sent before the window: the part inside it.
    pub before_ns: u64,
    /// Of those sent inside it: the part after its end.
    pub after_ns: u64,
}

/// The server's use of its machine between the edges of a window.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct ServerUsage {
    /// CPU clock of all named processes, whole thread groups.
    pub cpu_ns: u64,
    /// Softirq time of [`crate::Spec::softirq_cpus`]; resolution 10 ms.
    pub softirq_ns: u64,
}

/// What the client used from first connect to last close.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct ClientUsage {
    /// Event loops.
    pub loops: u32,
    /// CPU time of the process.
    pub cpu_ns: u64,
    /// Elapsed time.
    pub wall_ns: u64,
    /// Most descriptors open at one moment.
    pub descriptors: u32,
}
