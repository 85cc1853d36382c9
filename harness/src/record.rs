//! What one trial produced, and how it is kept: one JSON object a line, its
//! last field a checksum of everything before it.

use serde::{Deserialize, Serialize};
use wire::{Connections, Fault, Report};

use crate::plan::{Isolation, Trial};

mod gate;
pub mod journal;

pub use gate::{Effect, Gate};

/// Version of [`Record`]; a newer one is refused.
pub const SCHEMA: u32 = 1;

/// One line of `records.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Equals [`SCHEMA`].
    pub schema: u32,
    /// The run's id.
    pub run: String,
    /// Which trial.
    pub trial: Trial,
    /// 0, or 1 where its round was repeated whole.
    #[serde(default, skip_serializing_if = "is_first")]
    pub repeat: u32,
    /// Wall clock at the start, Unix milliseconds; informative only.
    pub started_unix_ms: u64,
    /// From launch to the server's end.
    pub duration_ms: u64,
    /// What was run; none when it wasn't built.
    pub artifact: Option<Artifact>,
    /// Checks with their values and limits.
    pub gates: Vec<Gate>,
    /// What came of it.
    pub outcome: Outcome,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference"
)]
const fn is_first(repeat: &u32) -> bool {
    *repeat == 0
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// SHA-256 of the server's sources and, where there is one, its binary.
    pub sha256: String,
    /// First line of what the `version` command printed.
    pub version: String,
}

/// What came of a trial. A failed trial is a row; only a broken harness is an
/// error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Figures were taken; with a failed gate they have no rank.
    Measured(Box<Measurement>),
    /// Not run.
    Skipped {
        /// Why.
        reason: String,
        /// What would make it run.
        hint: Option<String>,
    },
    /// The server says the platform lacks something (exit code 4).
    Unsupported {
        /// Its line.
        reason: String,
    },
    /// Its build failed.
    BuildFailed {
        /// The last lines of the build.
        log: String,
    },
    /// It never announced where it listens, or announced something untrue.
    NeverReady {
        /// What was missing.
        why: String,
        /// The last lines it wrote.
        log: String,
    },
    /// It ended by itself.
    Crashed {
        /// Such as `exit code 1`, `signal 11 (SIGSEGV)`, `killed for memory`.
        exit: String,
        /// The last lines it wrote.
        log: String,
    },
    /// A byte was wrong, missing, surplus or another connection's.
    Corrupted(Fault),
    /// Not every connection could be opened, served or kept.
    Incomplete {
        /// What became of them.
        connections: Connections,
        /// The phase.
        during: String,
    },
    /// Bytes were outstanding and none came.
    Stalled {
        /// The phase.
        during: String,
        /// What its threads were waiting in.
        log: String,
    },
    /// The user interrupted the run.
    Interrupted,
    /// The harness, the client or the machine failed; not the server's fault.
    HarnessError {
        /// One sentence.
        message: String,
    },
}

impl Outcome {
    /// The name in tables and JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Measured(_) => "measured",
            Self::Skipped { .. } => "skipped",
            Self::Unsupported { .. } => "unsupported",
            Self::BuildFailed { .. } => "build_failed",
            Self::NeverReady { .. } => "never_ready",
            Self::Crashed { .. } => "crashed",
            Self::Corrupted(_) => "corrupted",
            Self::Incomplete { .. } => "incomplete",
            Self::Stalled { .. } => "stalled",
            Self::Interrupted => "interrupted",
            Self::HarnessError { .. } => "harness_error",
        }
    }
}

/// Figures of one launch, raw: derived ones are recomputed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What the server said it runs.
    pub announce: Announce,
    /// What the kernel says of its sockets.
    pub sockets: SocketFacts,
    /// What the client found.
    pub report: Report,
    /// Right after the announce, before any connection.
    pub fresh: Snapshot,
    /// At the barrier, all connections open and idle; only when held.
    pub held: Option<Snapshot>,
    /// After the last window, all connections still open; only when held.
    pub loaded: Option<Snapshot>,
    /// CPU at rest with all connections open; only when held.
    pub rest: Option<Rest>,
    /// Sockets as the kernel counts them at the barrier; only when held.
    pub census: Option<Census>,
    /// What `wait4` said at the end.
    pub exit: Option<ExitUsage>,
    /// Remarks, such as `client-limited`, `unclean-stop`, `leaked-processes`.
    pub flags: Vec<String>,
    /// Time that a fixed computation took on the server's CPU right before
    /// the launch; absent in records from before it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_ns: Option<u64>,
    /// Whether the network's counters counted this launch alone, as they do
    /// in a network namespace of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private_counters: bool,
    /// `--spin-us` it was started with, of the control lane that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spin_us: Option<u32>,
    /// What the kernel said held for the server's processes; none in runs
    /// from before it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// CPU time between the barrier and the end of the last window, counted
    /// in two ways; only when held, in a control group of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupUsage>,
}

/// CPU time of a server, counted in two ways.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct GroupUsage {
    /// Of its control group: all that it ever started.
    pub cpu_ns: u64,
    /// By the CPU clocks of the processes it had at the announce, from which
    /// the cost of an echo is taken.
    pub clocks_ns: u64,
}

impl GroupUsage {
    /// What was used since an earlier reading.
    #[must_use]
    pub const fn since(self, start: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(start.cpu_ns),
            clocks_ns: self.clocks_ns.saturating_sub(start.clocks_ns),
        }
    }
}

/// The server's announce line, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// Where it listens.
    pub addr: std::net::SocketAddr,
    /// The process that announced.
    pub pid: u32,
    /// Such as `epoll`.
    pub backend: String,
    /// Threads or processes that serve.
    pub workers: u32,
    /// Bytes of one read.
    pub buffer: u32,
}

/// What the kernel says of the server's sockets. `None`: could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketFacts {
    /// The effective backlog of the listening socket.
    pub backlog: Option<u32>,
    /// `TCP_NODELAY` of an accepted socket.
    pub nodelay: Option<bool>,
    /// Congestion control of an accepted socket.
    pub congestion_control: Option<String>,
}

/// What a server's processes hold at one moment.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Snapshot {
    /// Processes of the server.
    pub processes: u32,
    /// Their threads.
    pub threads: u32,
    /// Their open descriptors.
    pub descriptors: u32,
    /// Their proportional set size, in bytes.
    pub pss_bytes: u64,
    /// Memory the kernel holds, machine-wide: slab, socket buffers, page
    /// tables and kernel stacks, in bytes. Only differences mean something.
    pub kernel_bytes: u64,
    /// Voluntary context switches of the living threads.
    pub voluntary_switches: u64,
    /// Involuntary ones.
    pub involuntary_switches: u64,
}

/// CPU used at rest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Rest {
    /// CPU clock of the server's processes.
    pub cpu_ns: u64,
    /// Elapsed.
    pub wall_ns: u64,
}

/// Sockets of the server's port as the kernel counts them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct Census {
    /// Established, the server's ends.
    pub server_established: u32,
    /// Established, the client's ends.
    pub client_established: u32,
}

/// What `wait4` said of the server's main process and its reaped children.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
pub struct ExitUsage {
    /// CPU in user mode, microseconds, sampled by the kernel.
    pub user_us: u64,
    /// CPU in the kernel, microseconds, sampled by the kernel.
    pub system_us: u64,
    /// Largest resident set, bytes.
    pub max_rss_bytes: u64,
    /// Voluntary context switches.
    pub voluntary_switches: u64,
    /// Involuntary ones.
    pub involuntary_switches: u64,
}
