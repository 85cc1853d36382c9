//! What one loop counts of a window.
//!
//! Refuses to do: read a clock; it is told when a message came back.

use wire::{Fairness, Histogram, Load, Overlap, ServerUsage};

use super::WindowRun;
use crate::conn::Message;

/// What one loop counted.
#[derive(Debug)]
pub(crate) struct WindowPart {
    pub(crate) planned: u64,
    pub(crate) sent_in_time: u64,
    pub(crate) censored: u64,
    pub(crate) echoed: u64,
    pub(crate) echoes_in_window: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_verified: u64,
    pub(crate) response: Histogram,
    pub(crate) service: Histogram,
    pub(crate) slip: Histogram,
    pub(crate) busy_ns: u64,
    pub(crate) server: Option<ServerUsage>,
    pub(crate) fairness: Fairness,
    pub(crate) overlap: Overlap,
    /// Of the messages answered inside the window: when the youngest was due.
    pub(super) answered_ns: u64,
    pub(crate) packets: Option<u64>,
}

impl WindowPart {
    pub(crate) fn new() -> Self {
        Self {
            planned: 0,
            sent_in_time: 0,
            censored: 0,
            echoed: 0,
            echoes_in_window: 0,
            bytes_sent: 0,
            bytes_verified: 0,
            response: wire::empty(),
            service: wire::empty(),
            slip: wire::empty(),
            busy_ns: 0,
            server: None,
            fairness: Fairness::none(),
            overlap: Overlap::default(),
            answered_ns: 0,
            packets: None,
        }
    }

    /// Books a message whose last byte came back at `now_ns`.
    pub(super) fn book(
        &mut self,
        message: &Message,
        now_ns: u64,
        run: &WindowRun,
    ) {
        if (run.start_ns..run.end_ns).contains(&now_ns) {
            self.echoes_in_window += 1;
            self.answered_ns = self.answered_ns.max(message.intended_ns);
        }
        if !message.counted {
            let inside_ns = now_ns.min(run.end_ns);
            self.overlap.before_ns += inside_ns.saturating_sub(run.start_ns);
            return;
        }
        self.overlap.after_ns += now_ns.saturating_sub(run.end_ns);
        self.echoed += 1;
        if message.written_ns < run.end_ns {
            self.sent_in_time += 1;
        }
        let since = |then_ns: u64| now_ns.saturating_sub(then_ns);
        self.response.saturating_record(since(message.intended_ns));
        if let Load::Rate { .. } | Load::Sessions { .. } = run.window.load {
            self.service.saturating_record(since(message.written_ns));
            let slip_ns =
                message.written_ns.saturating_sub(message.intended_ns);
            self.slip.saturating_record(slip_ns);
        }
    }
}
