//! A window with one message outstanding on each of K connections.
//!
//! The hot path of the client: an echo costs a share of one wait, one read,
//! one reading of the clock and one write.
//!
//! Refuses to do: pace. How fast it goes is what it measures.

use super::window::{Edges, WindowRun};
use super::{Engine, Halt, LONGEST_WAIT_NS, WindowPart};
use crate::arrivals::choose;
use crate::clock::{US, burn, thread_cpu_ns};

impl Engine {
    pub(super) fn closed_loop(
        &mut self,
        run: &WindowRun,
        in_flight: u32,
        edges: &mut Edges,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let spec = &self.shared.spec;
        let chosen = choose(spec.seed, run.index, spec.connections, in_flight);
        let spin_ns = u64::from(run.window.client_spin_us.unwrap_or(0)) * US;
        let mut busy_from_ns = None;
        self.tick();
        for id in chosen {
            let Some(slot) = self.slot(id) else { continue };
            if let Some(peer) = self.peers[slot].as_mut() {
                peer.share.plan();
            }
            self.tick();
            self.next_message(slot, run, part)?;
        }
        while self.now < run.end_ns {
            let left_ns = edges.next_ns.saturating_sub(self.now);
            let count = self.poll(Some(left_ns.min(LONGEST_WAIT_NS)))?;
            for index in 0..count {
                let Some((slot, flags)) = self.event(index) else { continue };
                self.handle(slot, flags)?;
                if let Some(message) = self.completed.pop() {
                    self.book(slot, &message, run, part);
                    if spin_ns > 0 {
                        burn(spin_ns);
                        self.tick();
                    }
                    if self.now >= edges.next_ns {
                        edges.pass(self.now, part);
                        busy(&mut busy_from_ns, part);
                    }
                    if self.now < run.end_ns {
                        self.next_message(slot, run, part)?;
                    }
                }
            }
            if count == 0 {
                self.tick();
            }
            if self.now >= edges.next_ns {
                edges.pass(self.now, part);
                busy(&mut busy_from_ns, part);
            }
            self.pulse()?;
        }
        Ok(())
    }

    /// Sends one message at the time as read last.
    fn next_message(
        &mut self,
        slot: usize,
        run: &WindowRun,
        part: &mut WindowPart,
    ) -> Result<(), Halt> {
        let counted = self.now >= run.start_ns;
        if counted {
            part.planned += 1;
        }
        let length = self.shared.spec.payload_bytes;
        self.enqueue(slot, length, self.now, counted);
        self.flush(slot)?;
        Ok(())
    }
}

/// This loop never spins, so its thread's CPU time is its useful work.
fn busy(from_ns: &mut Option<u64>, part: &mut WindowPart) {
    let now_ns = thread_cpu_ns();
    match from_ns {
        None => *from_ns = Some(now_ns),
        Some(start_ns) => part.busy_ns = now_ns - *start_ns,
    }
}
