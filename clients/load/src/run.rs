//! The phases of a run in their order, over all loops.
//!
//! Refuses to do: touch a socket. Loops get orders and answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use wire::{End, Event, Report, Window, Work};

use crate::ClientError;
use crate::around::Moment;
use crate::clock::{MS, now_ns};
use crate::engine::{Edge, Halt, Shared, WindowRun};
use crate::limits::open_descriptors;
use crate::loops::{Input, Loops, News, Order, Outcome};
use crate::merge;

/// From the order of a window to the begin of its load: time for every loop
/// to wake up and send on the same schedule.
const LEAD_NS: u64 = 2 * MS;

/// Why the remaining phases are not run.
pub(crate) enum Stop {
    Own(ClientError),
    End(End),
}

pub(crate) struct Run<'a> {
    inbox: Receiver<Input>,
    loops: Loops,
    /// Loops that answer.
    alive: usize,
    shared: Arc<Shared>,
    emit: &'a mut dyn FnMut(Event),
    /// Goes that came and were not used yet; one may come early.
    goes: u32,
    stopped: Option<Stop>,
    /// Name of the window that runs.
    window: String,
    report: Report,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        inbox: Receiver<Input>,
        loops: Loops,
        shared: Arc<Shared>,
        emit: &'a mut dyn FnMut(Event),
    ) -> Self {
        Run {
            inbox,
            alive: loops.count(),
            loops,
            shared,
            emit,
            goes: 0,
            stopped: None,
            window: String::new(),
            report: Report::new(),
        }
    }

    /// Everything, from the first connect to the last close.
    pub(crate) fn all(mut self, work: &Work) -> (Report, Result<(), Stop>) {
        let end = self.ready().and_then(|()| match work {
            Work::Classic => self.classic(),
            Work::Hold { await_go, turns, windows } => {
                self.hold(*await_go, *turns, windows)
            }
            Work::Churn { window } => self.one_window(0, window),
        });
        let closed = self.close();
        self.loops.join();
        (self.report, end.and(closed))
    }

    fn ready(&mut self) -> Result<(), Stop> {
        let mut ready = 0;
        let mut end = Ok(());
        while ready < self.alive {
            match self.next() {
                Some(News::Ready(Ok(()))) => ready += 1,
                Some(News::Ready(Err(error))) => end = Err(Stop::Own(error)),
                Some(News::Panicked) => end = Err(Stop::Own(panicked())),
                _ => {}
            }
        }
        self.report.client.loops = self.shared.loops;
        self.report.client.descriptors = open_descriptors();
        end.and_then(|()| self.stopped.take().map_or(Ok(()), Err))
    }

    fn classic(&mut self) -> Result<(), Stop> {
        let before = Moment::read(&self.shared.spec);
        let (parts, end) = self.phase(&Order::Establish, "classic");
        end?;
        let around = before.until(&Moment::read(&self.shared.spec));
        self.report.classic = Some(merge::classic(parts, around.network));
        Ok(())
    }

    fn hold(
        &mut self,
        await_go: bool,
        turns: bool,
        windows: &[Window],
    ) -> Result<(), Stop> {
        let (parts, end) = self.phase(&Order::Establish, "connect");
        let (mut proof, elapsed_ns) = merge::first_sweep(parts);
        self.report.proof = Some(proof.clone());
        end?;
        let open = open_descriptors();
        let most = &mut self.report.client.descriptors;
        *most = open.max(*most);
        (self.emit)(Event::Connected { opened: proof.opened, elapsed_ns });
        (self.emit)(Event::Barrier { proof: proof.clone() });
        if await_go {
            self.stand_still("barrier")?;
        }
        let (parts, end) = self.phase(&Order::Sweep, "second sweep");
        merge::second_sweep(&mut proof, parts);
        self.report.proof = Some(proof);
        end?;
        let mut too_much = false;
        for (index, window) in (0..).zip(windows) {
            if window.step && too_much {
                continue;
            }
            if turns {
                self.stand_still("turn")?;
            }
            self.one_window(index, window)?;
            if turns {
                let window = window.name.clone();
                (self.emit)(Event::Drained { window, t_ns: now_ns() });
            }
            let last = self.report.windows.last();
            too_much |= last.is_some_and(|it| it.step && !it.is_carried());
        }
        if await_go {
            (self.emit)(Event::Loaded { t_ns: now_ns() });
            self.stand_still("rest")?;
        }
        Ok(())
    }

    /// Waits for a go, a stop, or a connection to be lost.
    fn stand_still(&mut self, during: &str) -> Result<(), Stop> {
        loop {
            if let Some(stop) = self.stopped.take() {
                return Err(stop);
            }
            if self.goes > 0 {
                self.goes -= 1;
                return Ok(());
            }
            match self.next() {
                Some(News::Trouble(halt)) => {
                    return Err(self.stop_for(halt, during));
                }
                Some(News::Panicked) => return Err(Stop::Own(panicked())),
                _ => {}
            }
        }
    }

    fn one_window(&mut self, index: u64, window: &Window) -> Result<(), Stop> {
        self.window.clone_from(&window.name);
        let before = Moment::read(&self.shared.spec);
        let load_ns = now_ns() + LEAD_NS;
        let start_ns = load_ns + window.warm_up_ms * MS;
        let end_ns = start_ns + window.duration_ms * MS;
        let window = window.clone();
        let order = WindowRun { index, window, load_ns, start_ns, end_ns };
        let order = Arc::new(order);
        let during = format!("window {}", self.window);
        let (parts, end) =
            self.phase(&Order::Window(Arc::clone(&order)), &during);
        end?;
        let around = before.until(&Moment::read(&self.shared.spec));
        self.report.windows.push(merge::window(&order, parts, around));
        Ok(())
    }

    /// Gives one order to all loops and waits for all of them. If one halts,
    /// the others are told to.
    fn phase(
        &mut self,
        order: &Order,
        during: &str,
    ) -> (Vec<Outcome>, Result<(), Stop>) {
        self.loops.order(order);
        let mut outcomes = Vec::new();
        let mut end = Ok(());
        while outcomes.len() < self.alive {
            let halt = match self.next() {
                Some(News::Done(outcome, result)) => {
                    outcomes.push(outcome);
                    result.err()
                }
                Some(News::Panicked) => Some(Halt::Own(panicked())),
                _ => None,
            };
            // A loop that was told to leave says nothing new.
            if let Some(halt) = halt
                && !matches!(halt, Halt::Aborted)
            {
                end = end.and(Err(self.stop_for(halt, during)));
                self.abort();
            }
        }
        let stopped = self.stopped.take().map_or(Ok(()), Err);
        (outcomes, end.and(stopped))
    }

    fn close(&mut self) -> Result<(), Stop> {
        let (outcomes, end) = self.phase(&Order::Close, "close");
        for outcome in outcomes {
            if let Outcome::Closed { tally, closed } = outcome {
                merge::tally(&mut self.report, tally, closed);
            }
        }
        let peak = self.shared.peak_open.load(Ordering::Relaxed);
        self.report.connections.peak_open = peak;
        if self.report.proof.is_none() {
            // Too short-lived to be counted in the open.
            self.report.client.descriptors += peak;
        }
        end
    }

    /// Makes every loop leave its phase.
    fn abort(&self) {
        self.shared.abort.store(true, Ordering::Relaxed);
        self.loops.ring();
    }

    /// Waits for news of a loop and obeys commands as they come; `None` when
    /// it was a command or an edge.
    fn next(&mut self) -> Option<News> {
        let input =
            self.inbox.recv().expect("the session holds a sender itself");
        match input {
            Input::Go => self.goes += 1,
            Input::Stop => {
                self.stopped.get_or_insert(Stop::End(End::Stopped));
                self.abort();
            }
            Input::Refuse(message) => {
                self.stopped = Some(Stop::Own(ClientError::Own(message)));
                self.abort();
            }
            Input::Loop(News::Edge(edge, t_ns)) => {
                let window = self.window.clone();
                (self.emit)(match edge {
                    Edge::Start => Event::WindowStart { window, t_ns },
                    Edge::End => Event::WindowEnd { window, t_ns },
                });
            }
            Input::Loop(news) => {
                if let News::Panicked | News::Ready(Err(_)) = news {
                    self.alive -= 1;
                }
                return Some(news);
            }
        }
        None
    }

    fn incomplete(&self, during: &str) -> Stop {
        Stop::End(End::Incomplete { during: during.to_owned() })
    }

    fn stop_for(&self, halt: Halt, during: &str) -> Stop {
        match halt {
            Halt::Own(error) => Stop::Own(error),
            Halt::Fault(fault) => Stop::End(End::Corrupted(fault)),
            Halt::Lost => self.incomplete(during),
            Halt::Stalled { outstanding } => Stop::End(End::Stalled {
                during: during.to_owned(),
                outstanding_bytes: outstanding,
            }),
            Halt::Aborted => Stop::End(End::Stopped),
        }
    }
}

fn panicked() -> ClientError {
    ClientError::Own("a loop of the client panicked: a bug in it".into())
}
