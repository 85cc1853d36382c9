//! The documents that cross the boundary between the harness and the client.
//!
//! The harness writes [`Command`]s to the client's stdin and reads [`Event`]s
//! from its stdout, one JSON document a line. Nothing else passes between the
//! two, so the client can as well be started by hand, over `ssh` or in a
//! container.
//!
//! Refuses to do: open sockets, read clocks, start processes, decide verdicts.

mod around;
mod event;
mod fairness;
mod histogram;
mod metrics;
mod proof;
mod report;
mod spec;

pub use around::{Around, CpuUse, NetworkCounters};
pub use event::{Command, Event};
pub use fairness::Fairness;
pub use histogram::{
    Histogram, HistogramError, SAMPLES_BEYOND, decode, empty, encode,
    percentile,
};
pub use metrics::{MetricName, Metrics, metrics};
pub use proof::{NotProved, Proof};
pub use report::{
    Classic, ClientUsage, Connections, End, Fault, FaultKind, Overlap, Report,
    ServerUsage, WindowReport,
};
pub use spec::{Arrivals, Load, PROTOCOL, REVISION, Spec, Window, Work};
