//! A window at a planned rate: messages go out when the plan says, whether or
//! not earlier ones came back.
//!
//! The loop sleeps until shortly before the next message is due and spins from
//! there, because a wake-up costs more than the lateness that is allowed. On
//! a CPU of its own it spins as well while an echo is outstanding: the same
//! wake-up would be in every response time. It looks at the plan between any
//! two events of a batch, so a burst of echoes delays no message by more than
//! one echo.
//!
//! Refuses to do: skip, postpone or merge messages. A message is late only if
//! the client is, and then `slip` says so.

use wire::Arrivals;

use super::window::{DRAIN_NS, Edges, WindowRun};
use super::{Engine, Halt, LONGEST_WAIT_NS, WindowPart};
use crate::arrivals::{Plan, choose};

/// The loop is awake so long before a message is due.
const MARGIN_NS: u64 = 100_000;
/// A sleep shorter than this isn't worth its system call's wake-up.
const SHORTEST_SLEEP_NS: u64 = 50_000;
/// Messages sent in a row before echoes are looked at, when the client is
/// behind its plan.
const CATCH_UP: u32 = 64;
/// Likewise between two events of a batch: few, lest a batch take long.
const BETWEEN: u32 = 2;
/// Which connections are active is drawn from other streams than the plans.
const CHOICE: u64 = 1 << 32;

/// The part of a plan that falls to one loop.
struct Due {
    plan: Plan,
    load_ns: u64,
    end_ns: u64,
    /// When the next message is due; `u64::MAX` when the plan is done.
    next_ns: u64,
    slot: usize,
    /// The connections that the plan counts, if not all.
    active: Option<Vec<u32>>,
}

impl Due {
    fn advance(&mut self, engine: &Engine) {
        for arrival in self.plan.by_ref() {
            let due_ns = self.load_ns.saturating_add(arrival.at_ns);
            if due_ns >= self.end_ns {
                break;
            }
            let connection = match &self.active {
                None => arrival.connection,
                Some(active) => active[arrival.connection as usize],
            };
            if let Some(slot) = engine.slot(connection) {
                self.next_ns = due_ns;
                self.slot = slot;
                return;
            }
        }
        self.next_ns = u64::MAX;
    }
}

impl Engine {
    pub(super) fn open_loop(
        &mut self,
        run: &WindowRun,
        (per_s, arrivals): (f64, Arrivals),
        edges: &mut Edges,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let spec = &self.shared.spec;
        let (seed, all) = (spec.seed, spec.connections);
        let active = run.window.active;
        let connections = active.unwrap_or(all);
        let plan = Plan::new(seed, run.index, per_s, arrivals, connections);
        let mut due = Due {
            plan,
            load_ns: run.load_ns,
            end_ns: run.end_ns,
            next_ns: 0,
            slot: 0,
            active: active.map(|n| choose(seed, CHOICE + run.index, all, n)),
        };
        due.advance(self);
        loop {
            let began_ns = self.tick();
            if began_ns >= edges.next_ns {
                edges.pass(began_ns, part);
            }
            if began_ns >= run.end_ns && due.next_ns == u64::MAX {
                return Ok(());
            }
            if began_ns >= run.end_ns + DRAIN_NS {
                self.censor_rest(&mut due, run, part);
                continue;
            }
            let mut worked = self.send_due(&mut due, CATCH_UP, run, part)?;
            let until_ns = due.next_ns.min(edges.next_ns);
            let (count, slept_ns) = self.sleep_until(until_ns)?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                worked = true;
                self.handle(slot, flags)?;
                self.book_all(slot, run, part);
                self.send_due(&mut due, BETWEEN, run, part)?;
                if self.now >= edges.next_ns {
                    edges.pass(self.now, part);
                }
            }
            if worked {
                self.account(began_ns, slept_ns, run, part);
            }
            self.pulse()?;
        }
    }

    /// Gives up what the client itself never got to, and counts it.
    fn censor_rest(
        &self,
        due: &mut Due,
        run: &WindowRun,
        part: &mut WindowPart,
    ) {
        while due.next_ns != u64::MAX {
            if due.next_ns >= run.start_ns {
                part.planned += 1;
                part.censored += 1;
            }
            due.advance(self);
        }
    }

    /// Waits for events, at most until shortly before `until_ns`; returns how
    /// many there are and how long it slept.
    pub(super) fn sleep_until(
        &mut self,
        until_ns: u64,
    ) -> Result<(usize, u64), Halt> {
        let wait_ns = self.wait_ns(until_ns);
        if wait_ns == 0 {
            return Ok((self.poll(Some(0))?, 0));
        }
        let from_ns = self.tick();
        let count = self.poll(Some(wait_ns))?;
        Ok((count, self.tick() - from_ns))
    }

    /// Books the time of a turn of the loop. Spinning is left out: only turns
    /// with work count, and of those what lies inside the window.
    pub(super) fn account(
        &mut self,
        began_ns: u64,
        slept_ns: u64,
        run: &WindowRun,
        part: &mut WindowPart,
    ) {
        let until_ns = self.tick().min(run.end_ns);
        let inside_ns = until_ns.saturating_sub(began_ns.max(run.start_ns));
        part.busy_ns += inside_ns.saturating_sub(slept_ns);
    }

    /// How long to sleep so as to be awake before `until_ns`; 0 is to spin.
    pub(super) fn wait_ns(&self, until_ns: u64) -> u64 {
        if self.shared.spec.stay_awake && self.outstanding > 0 {
            return 0;
        }
        let left_ns = until_ns.saturating_sub(self.now);
        let sleep_ns = left_ns.saturating_sub(MARGIN_NS).min(LONGEST_WAIT_NS);
        if sleep_ns < SHORTEST_SLEEP_NS { 0 } else { sleep_ns }
    }

    /// Sends what is due by the time as read last, at most so many messages.
    fn send_due(
        &mut self,
        due: &mut Due,
        most: u32,
        run: &WindowRun,
        part: &mut WindowPart,
    ) -> Result<bool, Halt> {
        let mut sent = 0;
        while due.next_ns <= self.now && sent < most {
            let counted = due.next_ns >= run.start_ns;
            if counted {
                part.planned += 1;
            }
            let length = self.shared.spec.payload_bytes;
            match &mut self.peers[due.slot] {
                Some(peer) if counted => peer.share.plan(),
                // Its connection is lost, which ends the run presently.
                None if counted => part.censored += 1,
                _ => {}
            }
            // Each write is a few microseconds: the time is read anew.
            self.tick();
            self.enqueue(due.slot, length, due.next_ns, counted);
            self.flush(due.slot)?;
            due.advance(self);
            sent += 1;
        }
        Ok(sent > 0)
    }
}
