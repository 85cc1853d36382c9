//! Between phases: nothing is sent, but whatever happens is noticed.
//!
//! Refuses to do: poll the clock. A loop between phases sleeps in the kernel.

use std::sync::mpsc::{Receiver, TryRecvError};

use super::{Engine, Halt};

/// While something waits for its deadline.
const CHECK_NS: u64 = 10_000_000;

impl Engine {
    /// Waits for the next order; `None` when there will be none. `trouble` is
    /// told once if a connection is lost or sends what nobody asked for; the
    /// next phase then ends with it.
    pub(crate) fn watch<T>(
        &mut self,
        orders: &Receiver<T>,
        mut trouble: impl FnMut(Halt),
    ) -> Option<T> {
        let mut told = false;
        loop {
            match orders.try_recv() {
                Ok(order) => return Some(order),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            if told {
                // The session has been told and will send an order.
                return orders.recv().ok();
            }
            if let Err(halt) = self.look() {
                told = true;
                trouble(halt);
            }
        }
    }

    fn look(&mut self) -> Result<(), Halt> {
        let pending = self.suspect.is_some() || self.doomed.is_some();
        let count = self.poll(pending.then_some(CHECK_NS))?;
        for index in 0..count {
            let Some((slot, flags)) = self.event(index) else { continue };
            self.handle(slot, flags)?;
            self.completed.clear();
        }
        self.tick();
        match self.pulse() {
            // A stop comes with an order of its own.
            Err(Halt::Aborted) => Ok(()),
            other => other,
        }
    }
}
