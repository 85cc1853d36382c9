//! One order carried out, controlled from other threads.
//!
//! The session sleeps on its channel while the loops work, so it takes no time
//! from them. A stop is obeyed at any moment: the loops are woken, close
//! everything with a reset, and the report says how far things came.
//!
//! Refuses to do: parse or print; that is `agent` and `by_hand`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use wire::{End, Event, Report, Spec};

use crate::clock::{now_ns, process_cpu_ns};
use crate::engine::Shared;
use crate::limits::raise_descriptors;
use crate::loops::{Input, Loops};
use crate::run::{Run, Stop};
use crate::{ClientError, check};

/// Tells a running session what to do; may be cloned into other threads.
#[derive(Clone, Debug)]
pub struct Controls(Sender<Input>);

impl Controls {
    /// Leave the barrier, or the rest after the last window: now, or as soon
    /// as it is reached.
    pub fn go(&self) {
        self.send(Input::Go);
    }

    /// Close everything with a reset and report what there is.
    pub fn stop(&self) {
        self.send(Input::Stop);
    }

    /// End with `message` as the client's own error.
    pub fn refuse(&self, message: String) {
        self.send(Input::Refuse(message));
    }

    fn send(&self, input: Input) {
        // Once the session is over there is nothing left to control.
        drop(self.0.send(input));
    }
}

/// A run that has not begun yet.
#[derive(Debug)]
pub struct Session {
    inbox: Receiver<Input>,
    sender: Sender<Input>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// Opens nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let (sender, inbox) = channel();
        Self { inbox, sender }
    }

    /// The way to reach it while it runs.
    #[must_use]
    pub fn controls(&self) -> Controls {
        Controls(self.sender.clone())
    }

    /// Carries out `spec` and returns what was found; `emit` hears of every
    /// step but the report. A server that fails is a report.
    ///
    /// # Errors
    /// The order makes no sense, the machine does not carry it, or a call of
    /// the client's own failed. Nothing is left open.
    pub fn run(
        self,
        spec: &Spec,
        allow_remote: bool,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Report, ClientError> {
        check(spec, allow_remote).map_err(ClientError::Spec)?;
        raise_descriptors(spec.connections)?;
        let began_ns = now_ns();
        let shared = Arc::new(Shared::new(spec));
        let loops = Loops::start(&shared, &self.sender)?;
        let run = Run::new(self.inbox, loops, shared, emit);
        let (mut report, end) = run.all(&spec.work);
        report.client.wall_ns = now_ns() - began_ns;
        report.client.cpu_ns = process_cpu_ns();
        report.end = match end {
            Ok(()) => End::Completed,
            Err(Stop::Own(error)) => return Err(error),
            Err(Stop::End(end)) => end,
        };
        report.metrics = wire::metrics(&report);
        Ok(report)
    }
}
