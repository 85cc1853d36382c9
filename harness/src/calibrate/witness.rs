//! A server whose behaviour is known, and what it logged.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Trouble;
use crate::launch::Running;
use crate::record::Outcome;
use crate::summarize::reason;

const LOG_WRITTEN: Duration = Duration::from_secs(10);

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
    /// It writes once it is quiet, and on a busy machine that takes a while.
    pub(super) fn seen(
        &self,
        window: &wire::WindowReport,
    ) -> Result<Vec<Seen>, Trouble> {
        let deadline = Instant::now() + LOG_WRITTEN;
        loop {
            let seen = self.logged(window);
            let most = seen.len() as u64 * 10 >= window.echoes_in_window * 9;
            if most && !seen.is_empty() {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                let lacking = "the witness did not log what it saw";
                return Err(Trouble::Broken(lacking.into()));
            }
            sleep(Duration::from_millis(20));
        }
    }

    fn logged(&self, window: &wire::WindowReport) -> Vec<Seen> {
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
        seen.sort_by_key(|it| it.received_ns);
        seen
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
