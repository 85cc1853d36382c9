//! What one connection gets of a window.
//!
//! Pure, and a few additions a message: it lies beside the connection that is
//! touched anyway.
//!
//! Refuses to do: judge. Whether a share is too small is asked later.

use wire::{Fairness, Load};

use crate::conn::Message;

/// The counted part of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Span {
    fn holds(self, t_ns: u64) -> bool {
        (self.start_ns..self.end_ns).contains(&t_ns)
    }
}

/// One connection's part of one window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    /// Messages due inside it.
    due: u32,
    /// Echoes inside it.
    echoes: u32,
    /// The echo before, in this window's load; 0 without one.
    last_echo_ns: u64,
    /// When the first message was due that was still owed at its end; 0 if
    /// none was.
    owed_since_ns: u64,
}

impl Share {
    /// A message falls due inside the window.
    pub(crate) fn plan(&mut self) {
        self.due += 1;
    }

    /// A message came back; returns how long the connection waited for it,
    /// where the window saw any of that.
    pub(crate) fn echoed(
        &mut self,
        message: &Message,
        now_ns: u64,
        span: Span,
    ) -> Option<u64> {
        let since_ns = message.written_ns.max(self.last_echo_ns);
        self.last_echo_ns = now_ns;
        if span.holds(now_ns) {
            self.echoes += 1;
        } else if now_ns >= span.end_ns {
            self.still_owed(message, span);
        }
        let seen = now_ns >= span.start_ns && since_ns < span.end_ns;
        seen.then(|| now_ns.saturating_sub(since_ns))
    }

    /// A message is outstanding, or not even sent, at the window's end.
    pub(crate) fn still_owed(&mut self, message: &Message, span: Span) {
        if self.owed_since_ns == 0 && message.intended_ns < span.end_ns {
            self.owed_since_ns = message.intended_ns;
        }
    }

    /// What it adds to the window, in which the youngest message that was
    /// answered had been due at `answered_ns`.
    pub(crate) fn settle(
        &self,
        load: Load,
        answered_ns: u64,
        span: Span,
    ) -> Fairness {
        let half_ns = (span.end_ns - span.start_ns) / 2;
        let is_starved = self.echoes == 0
            && self.owed_since_ns > 0
            && answered_ns >= self.owed_since_ns + half_ns;
        let mut own =
            Fairness { starved: u32::from(is_starved), ..Fairness::none() };
        if self.due > 0 {
            let owed = match load {
                Load::Rate { .. } | Load::Sessions { .. } => self.due,
                // As many as it takes: all in flight are owed the same.
                Load::InFlight { .. } => 1,
            };
            let share = f64::from(self.echoes) / f64::from(owed);
            own.connections = 1;
            own.shares = share;
            own.squared_shares = share * share;
            own.fewest_echoes = self.echoes;
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Arrivals;

    const SPAN: Span = Span { start_ns: 1_000, end_ns: 2_000 };
    const RATE: Load = Load::Rate { per_s: 10.0, arrivals: Arrivals::Uniform };

    fn message(sent_ns: u64) -> Message {
        Message::sent_at(sent_ns)
    }

    #[test]
    fn a_wait_counts_from_the_echo_before_and_only_if_the_window_saw_it() {
        let mut share = Share::default();
        let mut echo = |sent, now| share.echoed(&message(sent), now, SPAN);
        assert_eq!(echo(800, 900), None, "all before the window");
        assert_eq!(echo(850, 1_100), Some(200), "since the echo at 900");
        assert_eq!(echo(1_500, 1_700), Some(200), "since its write");
        assert_eq!(echo(1_600, 2_500), Some(800), "over the end");
        assert_eq!(echo(2_600, 2_700), None, "all after the window");
    }

    #[test]
    fn a_share_is_of_what_was_due_and_in_the_closed_loop_the_same_for_all() {
        let mut share = Share::default();
        for sent in [1_100, 1_200, 1_300, 1_400] {
            share.plan();
            share.echoed(&message(sent), sent + 610, SPAN);
        }
        // The last came back after the end.
        let open = share.settle(RATE, 1_300, SPAN);
        assert_eq!((open.shares, open.fewest_echoes), (0.75, 3));
        let closed = Load::InFlight { connections: 1 };
        assert_eq!(share.settle(closed, 1_300, SPAN).shares, 3.0);
    }

    #[test]
    fn starved_is_who_got_nothing_while_much_later_ones_were_answered() {
        let starved = |sent, back, answered| {
            let mut share = Share::default();
            share.echoed(&message(sent), back, SPAN);
            share.settle(RATE, answered, SPAN).starved == 1
        };
        assert!(starved(1_200, 2_300, 1_700));
        assert!(starved(900, 2_300, 1_700), "owed since the warm-up");
        assert!(!starved(1_200, 2_300, 1_600), "a queue, not a preference");
        assert!(!starved(1_200, 1_999, 1_999), "it got its echo");
        assert!(!starved(1_900, 2_100, 1_999), "due shortly before the end");
        let mut unsent = Share::default();
        unsent.still_owed(&message(1_100), SPAN);
        assert_eq!(unsent.settle(RATE, 1_999, SPAN).starved, 1);
        assert_eq!(Share::default().settle(RATE, 1_999, SPAN).connections, 0);
    }
}
