//! Opening connections: the classic test, and the first sweep of the barrier.
//!
//! At most `max_connecting` connections wait for their first echo. A listen
//! backlog of at least as many can then not overflow, and that decides the
//! result: a connection that finds the accept queue full waits for its SYN
//! or final ACK to be sent again, a second at the least. Connects and events
//! alternate in small bursts, so that a server is neither starved nor
//! flooded while 10,000 connects are made.
//!
//! Refuses to do: report a time over fewer connections than were asked for.

use wire::{Histogram, Work};

use super::socket::State;
use super::{Engine, Halt, LONGEST_WAIT_NS, NONCE_BYTES};

/// Connects between two looks at the events.
const BURST: u32 = 16;

/// What one loop did. Times are `CLOCK_MONOTONIC`, 0 before the event.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) opened: u32,
    pub(crate) echoes: u32,
    pub(crate) first_connect_ns: u64,
    pub(crate) last_echo_ns: u64,
    pub(crate) last_close_ns: u64,
    pub(crate) connect: Histogram,
    pub(crate) echo: Histogram,
}

impl Engine {
    /// Opens all connections of this loop and waits for an echo on each; in
    /// the classic test each is closed then.
    pub(crate) fn establish(&mut self) -> (Established, Result<(), Halt>) {
        self.tick();
        let mut part = Established {
            opened: 0,
            echoes: 0,
            first_connect_ns: self.now,
            last_echo_ns: 0,
            last_close_ns: 0,
            connect: wire::empty(),
            echo: wire::empty(),
        };
        let mut end = self.establish_all(&mut part);
        if let Err(Halt::Stalled { .. }) = end {
            self.give_up();
            end = Err(Halt::Lost);
        }
        if end.is_ok() && part.echoes < self.tally.requested {
            end = Err(Halt::Lost);
        }
        if end.is_ok() && self.closed > 0 {
            end = Err(Halt::Lost);
        }
        self.holding = true;
        part.connect = self.connect_times.clone();
        (part, end)
    }

    fn establish_all(&mut self, part: &mut Established) -> Result<(), Halt> {
        let classic = matches!(self.shared.spec.work, Work::Classic);
        let length = match classic {
            true => self.shared.spec.payload_bytes,
            false => NONCE_BYTES,
        };
        let requested = self.tally.requested;
        let allowed = self.allowance();
        let (mut next, mut awaiting, mut ended) = (0, 0, 0);
        // A suspect is judged before the phase can end well.
        while part.echoes + ended < requested || self.suspect.is_some() {
            let mut burst = 0;
            while next < requested && awaiting < allowed && burst < BURST {
                match self.open(next as usize, self.first + next, length)? {
                    State::Open => awaiting += 1,
                    State::Ended { .. } => ended += 1,
                }
                next += 1;
                burst += 1;
            }
            part.opened += burst;
            let more = next < requested && awaiting < allowed;
            let wait_ns = if more { 0 } else { LONGEST_WAIT_NS };
            let count = self.poll(Some(wait_ns))?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                let state = self.handle(slot, flags)?;
                if !self.completed.is_empty() {
                    awaiting -= 1;
                    self.first_echo(slot, classic, part);
                }
                if state == (State::Ended { established: false }) {
                    awaiting -= 1;
                    ended += 1;
                }
            }
            if count == 0 {
                self.tick();
            }
            self.pulse()?;
        }
        part.last_close_ns = self.tick();
        Ok(())
    }

    fn first_echo(
        &mut self,
        slot: usize,
        classic: bool,
        part: &mut Established,
    ) {
        for message in self.completed.drain(..) {
            let took_ns = self.now.saturating_sub(message.written_ns);
            part.echo.saturating_record(took_ns);
        }
        part.echoes += 1;
        part.last_echo_ns = self.now;
        // A bad byte behind the echo keeps the socket until it is judged.
        let suspect = self.suspect.is_some_and(|(which, _)| which == slot);
        if classic && !suspect {
            self.remove(slot);
        }
    }

    /// Counts every connection that has not answered as timed out.
    fn give_up(&mut self) {
        for slot in 0..self.peers.len() {
            let silent =
                self.peers[slot].as_ref().is_some_and(|p| !p.established);
            if silent {
                self.tally.timed_out += 1;
                self.remove(slot);
            }
        }
    }
}
