//! What the kinds of window have in common: edges, accounts, the drain.
//!
//! A window begins with its warm-up, which carries the same load uncounted,
//! counts from `start_ns` to `end_ns`, and is then drained: what is
//! outstanding is awaited, so that every byte sent has come back and been
//! compared before the next window begins.
//!
//! Refuses to do: forget a message. Each planned one ends as echoed or
//! censored, or the run ends with the reason.

use wire::{Fairness, Load, Window};

use super::{Engine, Halt, WindowPart};
use crate::clock::MS;
use crate::conn::Message;
use crate::fairness::{Share, Span};
use crate::usage::{Meters, Readings};

/// What is still unsent so long after the end is censored.
pub(super) const DRAIN_NS: u64 = 2_000 * MS;
/// A server that still owes echoes so long after the end has stalled, though
/// it may dribble.
pub(super) const LONGEST_DRAIN_NS: u64 = 45_000 * MS;
const DRAIN_WAIT_NS: u64 = 10 * MS;

/// Where a window begins or ceases to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Start,
    End,
}

/// One window as ordered from every loop. Times are `CLOCK_MONOTONIC`.
#[derive(Clone, Debug)]
pub(crate) struct WindowRun {
    /// Its place in the order, which seeds its plan.
    pub(crate) index: u64,
    pub(crate) window: Window,
    /// The load begins.
    pub(crate) load_ns: u64,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl WindowRun {
    fn span(&self) -> Span {
        Span { start_ns: self.start_ns, end_ns: self.end_ns }
    }
}

/// Acts at the two moments between which a window counts.
pub(super) struct Edges<'a> {
    /// The next of them, or never.
    pub(super) next_ns: u64,
    end_ns: u64,
    meters: Meters,
    at_start: Readings,
    notify: &'a mut dyn FnMut(Edge, u64),
}

impl<'a> Edges<'a> {
    pub(super) fn new(
        run: &WindowRun,
        meters: Meters,
        notify: &'a mut dyn FnMut(Edge, u64),
    ) -> Self {
        Self {
            next_ns: run.start_ns,
            end_ns: run.end_ns,
            meters,
            at_start: Readings::default(),
            notify,
        }
    }

    /// `next_ns` is over.
    pub(super) fn pass(&mut self, now_ns: u64, part: &mut WindowPart) {
        if self.next_ns < self.end_ns {
            self.next_ns = self.end_ns;
            self.at_start = self.meters.read();
            (self.notify)(Edge::Start, now_ns);
        }
        if self.next_ns == self.end_ns && now_ns >= self.end_ns {
            self.next_ns = u64::MAX;
            let (start, end) = (self.at_start, self.meters.read());
            part.server = match (start.server, end.server) {
                (Some(start), Some(end)) => Some(end.since(start)),
                _ => None,
            };
            part.packets = match (start.packets, end.packets) {
                (Some(start), Some(end)) => end.checked_sub(start),
                _ => None,
            };
            (self.notify)(Edge::End, now_ns);
        }
    }
}

impl Engine {
    /// Loads the connections of this loop as ordered. The first loop reads
    /// clocks and counters and tells of the edges through `notify`.
    pub(crate) fn window(
        &mut self,
        run: &WindowRun,
        notify: &mut dyn FnMut(Edge, u64),
    ) -> (WindowPart, Result<(), Halt>) {
        let spec = &self.shared.spec;
        let meters = match self.index {
            0 => Meters::open(spec),
            _ => Meters::default(),
        };
        let mut edges = Edges::new(run, meters, notify);
        let mut part = WindowPart::new();
        self.bytes_sent = 0;
        self.bytes_verified = 0;
        for peer in self.peers.iter_mut().flatten() {
            peer.share = Share::default();
        }
        let mut end = match run.window.load {
            Load::Rate { per_s, arrivals } => {
                let plan = (per_s, arrivals);
                self.open_loop(run, plan, &mut edges, &mut part)
            }
            Load::InFlight { connections } => {
                self.closed_loop(run, connections, &mut edges, &mut part)
            }
            Load::Sessions { per_s, arrivals, echoes } => {
                let sessions = (per_s, arrivals, echoes);
                self.churn(run, sessions, &mut edges, &mut part)
            }
        };
        if end.is_ok() {
            end = self.drain(run, &mut edges, &mut part);
        }
        if end.is_ok() && self.closed > 0 {
            end = Err(Halt::Lost);
        }
        part.bytes_sent = self.bytes_sent;
        part.bytes_verified = self.bytes_verified;
        part.fairness = self.settle(run, &part);
        (part, end)
    }

    /// Books a message that came back on `slot` at the time as read last.
    pub(super) fn book(
        &mut self,
        slot: usize,
        message: &Message,
        run: &WindowRun,
        part: &mut WindowPart,
    ) {
        part.book(message, self.now, run);
        if let Some(peer) = self.peers[slot].as_mut()
            && let Some(ns) = peer.share.echoed(message, self.now, run.span())
        {
            let longest_ns = &mut part.fairness.longest_gap_ns;
            *longest_ns = ns.max(*longest_ns);
        }
    }

    /// Books all that the last event completed.
    pub(super) fn book_all(
        &mut self,
        slot: usize,
        run: &WindowRun,
        part: &mut WindowPart,
    ) {
        let mut completed = std::mem::take(&mut self.completed);
        for message in completed.drain(..) {
            self.book(slot, &message, run, part);
        }
        // Its room is used again.
        self.completed = completed;
    }

    /// What all connections of this loop got of the window.
    fn settle(&self, run: &WindowRun, part: &WindowPart) -> Fairness {
        let (load, span) = (run.window.load, run.span());
        let shares = self.peers.iter().flatten().map(|peer| &peer.share);
        shares
            .map(|share| share.settle(load, part.answered_ns, span))
            .fold(part.fairness, Fairness::with)
    }

    fn drain(
        &mut self,
        run: &WindowRun,
        edges: &mut Edges,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let stall_ns = self.shared.spec.stall_ms * MS;
        let censor_ns = run.end_ns + DRAIN_NS.min(stall_ns);
        let last_ns = run.end_ns + LONGEST_DRAIN_NS.max(stall_ns);
        let mut censored = false;
        let now = self.tick();
        if now >= edges.next_ns {
            edges.pass(now, part);
        }
        while self.outstanding + self.unsent > 0 || self.suspect.is_some() {
            let awake = self.shared.spec.stay_awake && self.outstanding > 0;
            let wait_ns = if awake { 0 } else { DRAIN_WAIT_NS };
            let count = self.poll(Some(wait_ns))?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                self.handle(slot, flags)?;
                self.book_all(slot, run, part);
            }
            let now = self.tick();
            if now >= censor_ns && !censored {
                censored = true;
                self.censor(run.span(), part);
            }
            self.pulse()?;
            if now >= last_ns {
                return Err(Halt::Stalled { outstanding: self.outstanding });
            }
        }
        Ok(())
    }

    /// Takes back every message of which no byte was sent.
    fn censor(&mut self, span: Span, part: &mut WindowPart) {
        self.unsent = 0;
        for peer in self.peers.iter_mut().flatten() {
            for message in peer.conn.censor() {
                peer.share.still_owed(&message, span);
                part.censored += u64::from(message.counted);
            }
            self.unsent += peer.conn.unsent();
        }
    }
}
