//! A server whose behaviour is known, and what it logged.

use std::path::PathBuf;

use super::Trouble;
use crate::launch::Running;
use crate::record::Outcome;
use crate::summarize::reason;

/// Server processes with a known behaviour.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) running: Running,
    pub(super) log: PathBuf,
}

/// What a witness logged of one message, in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) received_ns: u64,
    pub(super) sent_ns: u64,
    pub(super) cpu_ns: u64,
}

impl Server {
    /// What it logged of the messages that came in a window, in their order.
    pub(super) fn seen(
        &self,
        window: &wire::WindowReport,
    ) -> Result<Vec<Seen>, Trouble> {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let number = |bytes: &[u8]| {
            bytes.try_into().map(u64::from_le_bytes).unwrap_or_default()
        };
        let entries = bytes.chunks_exact(24).map(|entry| Seen {
            received_ns: number(&entry[..8]),
            sent_ns: number(&entry[8..16]),
            cpu_ns: number(&entry[16..]),
        });
        let inside = window.start_ns..window.end_ns;
        let mut seen: Vec<Seen> =
            entries.filter(|it| inside.contains(&it.received_ns)).collect();
        if seen.is_empty() {
            return Err(Trouble::Broken("the witness logged nothing".into()));
        }
        seen.sort_by_key(|it| it.received_ns);
        Ok(seen)
    }
}

/// A launch that was to succeed.
pub(super) fn trouble(outcome: Outcome) -> Trouble {
    match outcome {
        Outcome::Interrupted => Trouble::Interrupted,
        outcome => {
            let why = reason(&outcome).unwrap_or_default();
            Trouble::Broken(format!("the fixture can't be started: {why}"))
        }
    }
}
