//! What machine this is, as far as results depend on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod inspect;

/// The machine and its limits, recorded with every run. It holds no name of
/// the machine and no path: committed results tell neither.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Such as `AMD EPYC, 2 CPUs, 24 GiB, Linux 6.18`.
    pub label: String,
    /// Processor model.
    pub cpu_model: String,
    /// CPUs this process may use, by number.
    pub cpus: Vec<u32>,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// `uname -r`.
    pub kernel: String,
    /// Descriptor limit, hard.
    pub descriptors_hard: u64,
    /// `net.core.somaxconn`.
    pub somaxconn: u32,
    /// `net.ipv4.tcp_congestion_control`.
    pub congestion_control: String,
    /// First and last ephemeral port.
    pub ephemeral_ports: [u16; 2],
    /// Whether this kernel keeps interrupt time out of process CPU clocks.
    pub irq_time_apart: bool,
    /// Frequency governor of the first CPU, where there is one.
    pub governor: Option<String>,
    /// `rustc -V`.
    pub rustc: String,
    /// Commit of the suite, with `-dirty` for uncommitted changes; none
    /// outside a git checkout.
    pub revision: Option<String>,
}
