//! A window of sessions: each connects when it is due, has its echoes one
//! after the other, and closes in order.
//!
//! A loop has as many slots as it may have sessions under way. A session that
//! finds none free waits, and its time counts from when it was due all the
//! same. Each session has a payload of its own, so that a byte of an earlier
//! one in the same slot is as wrong as any other.
//!
//! Refuses to do: go on when a session is refused or cut short.

use wire::Arrivals;

use super::socket::State;
use super::window::{DRAIN_NS, Edges, LONGEST_DRAIN_NS, WindowRun};
use super::{Engine, Halt, WindowPart};
use crate::arrivals::Plan;
use crate::conn::Message;
use crate::pattern::MAX_CONNECTIONS;

/// What is asked for: sessions per second, their gaps, echoes of each.
pub(super) type Sessions = (f64, Arrivals, u32);

/// So many sessions one loop may be ahead of another, when their bytes are
/// told apart.
const AHEAD: u32 = 64;

/// One that is under way.
#[derive(Clone, Copy, Debug)]
struct Session {
    intended_ns: u64,
    began_ns: u64,
    counted: bool,
    echoes_left: u32,
}

/// The sessions of one loop.
struct Churn<'a> {
    run: &'a WindowRun,
    echoes: u32,
    plan: Plan,
    /// The plan draws a loop for each session.
    own: u32,
    /// When the next session is due; `u64::MAX` when the plan is done.
    next_ns: u64,
    /// By slot.
    under_way: Vec<Option<Session>>,
    free: Vec<usize>,
    opened: u32,
}

impl Churn<'_> {
    fn advance(&mut self) {
        for arrival in self.plan.by_ref() {
            let due_ns = self.run.load_ns.saturating_add(arrival.at_ns);
            if due_ns >= self.run.end_ns {
                break;
            }
            if arrival.connection == self.own {
                self.next_ns = due_ns;
                return;
            }
        }
        self.next_ns = u64::MAX;
    }

    fn is_over(&self, now_ns: u64) -> bool {
        let idle = self.free.len() == self.under_way.len();
        now_ns >= self.run.end_ns && self.next_ns == u64::MAX && idle
    }

    /// Gives up what the client itself never got to, and counts it.
    fn censor_rest(&mut self, part: &mut WindowPart) {
        while self.next_ns != u64::MAX {
            if self.next_ns >= self.run.start_ns {
                part.planned += 1;
                part.censored += 1;
            }
            self.advance();
        }
    }
}

impl Engine {
    pub(super) fn churn(
        &mut self,
        run: &WindowRun,
        (per_s, arrivals, echoes): Sessions,
        edges: &mut Edges,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let loops = self.shared.loops;
        // Each may be waiting for its first echo.
        let slots = self.peers.len().min(self.allowance() as usize);
        let seed = self.shared.spec.seed;
        let mut churn = Churn {
            run,
            echoes,
            plan: Plan::new(seed, run.index, per_s, arrivals, loops),
            own: self.index,
            next_ns: 0,
            under_way: vec![None; slots],
            free: (0..slots).rev().collect(),
            opened: 0,
        };
        churn.advance();
        let end = self.sessions(&mut churn, edges, part);
        self.tally.requested = churn.opened;
        end
    }

    fn sessions(
        &mut self,
        churn: &mut Churn,
        edges: &mut Edges,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let run = churn.run;
        loop {
            let began_ns = self.tick();
            if began_ns >= edges.next_ns {
                edges.pass(began_ns, part);
            }
            if churn.is_over(began_ns) && self.suspect.is_none() {
                return Ok(());
            }
            if began_ns >= run.end_ns + DRAIN_NS {
                churn.censor_rest(part);
            }
            if began_ns >= run.end_ns + LONGEST_DRAIN_NS {
                return Err(Halt::Stalled { outstanding: self.outstanding });
            }
            let mut worked = self.begin_due(churn, part)?;
            // Without a free slot only an event goes on.
            let until_ns = match churn.free.is_empty() {
                true => edges.next_ns,
                false => churn.next_ns.min(edges.next_ns),
            };
            let (count, slept_ns) = self.sleep_until(until_ns)?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                worked = true;
                let state = self.handle(slot, flags)?;
                self.answered(slot, churn, part)?;
                let cut_short = churn.under_way[slot].is_some();
                if cut_short && state != State::Open {
                    return Err(self.cut_short(state));
                }
                self.begin_due(churn, part)?;
            }
            if worked {
                self.account(began_ns, slept_ns, run, part);
            }
            self.pulse()?;
        }
    }

    /// Connects what is due by now, as far as slots are free.
    fn begin_due(
        &mut self,
        churn: &mut Churn,
        part: &mut WindowPart,
    ) -> Result<bool, Halt> {
        let mut worked = false;
        while churn.next_ns <= self.now {
            let Some(slot) = churn.free.pop() else { break };
            let counted = churn.next_ns >= churn.run.start_ns;
            part.planned += u64::from(counted);
            // Loops take turns in the numbers.
            let number = churn.opened.wrapping_mul(self.shared.loops);
            let number = number.wrapping_add(self.index);
            churn.opened += 1;
            // Other loops may be ahead by some.
            let known = number.saturating_add(AHEAD * self.shared.loops);
            self.numbered = self.numbered.max(known.min(MAX_CONNECTIONS));
            let length = self.shared.spec.payload_bytes;
            churn.under_way[slot] = Some(Session {
                intended_ns: churn.next_ns,
                began_ns: self.tick(),
                counted,
                echoes_left: churn.echoes,
            });
            let state = self.open(slot, number % MAX_CONNECTIONS, length)?;
            if state != State::Open {
                return Err(self.cut_short(state));
            }
            churn.advance();
            worked = true;
        }
        Ok(worked)
    }

    /// Sends the next message of a session that got an echo, or closes it.
    fn answered(
        &mut self,
        slot: usize,
        churn: &mut Churn,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        if self.completed.is_empty() {
            return Ok(());
        }
        self.completed.clear();
        let Some(session) = &mut churn.under_way[slot] else { return Ok(()) };
        session.echoes_left -= 1;
        if session.echoes_left > 0 {
            self.enqueue(slot, self.shared.spec.payload_bytes, self.now, true);
            let state = self.flush(slot)?;
            return match state {
                State::Open => Ok(()),
                ended => Err(self.cut_short(ended)),
            };
        }
        let Session { intended_ns, began_ns, counted, .. } = *session;
        let whole = Message::of(intended_ns, began_ns, counted);
        part.book(&whole, self.now, churn.run);
        // A bad byte behind the last echo keeps the socket until it is judged.
        if self.suspect.is_none_or(|(which, _)| which != slot) {
            self.remove(slot);
            churn.under_way[slot] = None;
            churn.free.push(slot);
        }
        Ok(())
    }

    /// The server refused a session, or closed one before its last echo.
    fn cut_short(&mut self, state: State) -> Halt {
        if state == (State::Ended { established: true }) {
            self.tally.reset += 1;
        }
        Halt::Lost
    }
}
