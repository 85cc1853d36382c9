//! The second sweep of the barrier: a second nonce on every connection.
//!
//! Refuses to do: pass while a connection of the first sweep is gone.

use super::{Engine, Halt, LONGEST_WAIT_NS, NONCE_BYTES};

/// What one loop did. Times are `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swept {
    pub(crate) began_ns: u64,
    pub(crate) echoes: u32,
    pub(crate) last_echo_ns: u64,
    pub(crate) closed: u32,
}

impl Engine {
    /// Echoes a second nonce on every connection of this loop.
    pub(crate) fn sweep(&mut self) -> (Swept, Result<(), Halt>) {
        let mut part = Swept {
            began_ns: self.tick(),
            echoes: 0,
            last_echo_ns: 0,
            closed: 0,
        };
        let mut end = self.sweep_all(&mut part);
        part.closed = self.closed;
        if end.is_ok() && self.closed > 0 {
            end = Err(Halt::Lost);
        }
        (part, end)
    }

    fn sweep_all(&mut self, part: &mut Swept) -> Result<(), Halt> {
        let allowed = self.allowance();
        let (mut next, mut awaiting) = (0, 0);
        while next < self.peers.len() || awaiting > 0 {
            while next < self.peers.len() && awaiting < allowed {
                self.tick();
                self.enqueue(next, NONCE_BYTES, self.now, true);
                self.flush(next)?;
                next += 1;
                awaiting += 1;
            }
            let count = self.poll(Some(LONGEST_WAIT_NS))?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                // A lost one is never answered: its grace ends the phase.
                self.handle(slot, flags)?;
                for _ in self.completed.drain(..) {
                    awaiting -= 1;
                    part.echoes += 1;
                    part.last_echo_ns = self.now;
                }
            }
            if count == 0 {
                self.tick();
            }
            self.pulse()?;
        }
        Ok(())
    }
}
