//! Between phases: nothing is sent, but whatever happens is noticed.
//!
//! Refuses to do: poll the clock. A loop between phases sleeps in the kernel.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

use super::{Engine, Halt};

/// While something waits for its deadline.
const CHECK_NS: u64 = 10_000_000;
/// Bytes that came a second time are on their way by then.
const FAREWELL_NS: u64 = 2_000_000;

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

    /// Looks once more for bytes that nobody asked for, then closes all with a
    /// reset.
    pub(crate) fn farewell(&mut self) -> Result<(), Halt> {
        // A loss that was being counted still is one.
        let mut end = match self.doomed {
            Some(_) => Err(Halt::Lost),
            None => Ok(()),
        };
        let until_ns = self.tick() + FAREWELL_NS;
        let aborted = self.shared.abort.load(Ordering::Relaxed);
        while !aborted && (self.now < until_ns || self.suspect.is_some()) {
            match self.look_for(Some(FAREWELL_NS)) {
                // It is over: a server may close its side now.
                Ok(()) | Err(Halt::Lost) => {}
                Err(halt) => {
                    end = Err(halt);
                    break;
                }
            }
        }
        self.reset_all();
        end
    }

    fn look(&mut self) -> Result<(), Halt> {
        let pending = self.suspect.is_some() || self.doomed.is_some();
        self.look_for(pending.then_some(CHECK_NS))
    }

    fn look_for(&mut self, wait_ns: Option<u64>) -> Result<(), Halt> {
        let count = self.poll(wait_ns)?;
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
