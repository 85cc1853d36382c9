//! The threads that run the loops, and the channel between them and the
//! session.
//!
//! A loop gets one order at a time and answers each with one outcome; what
//! can't wait (an edge of a window, a lost connection at the barrier) is told
//! in between. All arrows point into one channel, the session's, on which the
//! commands from outside arrive as well, so the session waits in one place.
//!
//! Refuses to do: decide anything.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rustix::io::Errno;
use wire::Connections;

use crate::ClientError;
use crate::clock::{pin, sharpen_timers};
use crate::engine::{
    Edge, Engine, Established, Halt, Shared, Swept, WindowPart, WindowRun,
};

/// Everything the session waits for.
#[derive(Debug)]
pub(crate) enum Input {
    /// Leave the barrier.
    Go,
    /// Close everything and report what there is.
    Stop,
    /// What was typed is not a command; the run ends with this message.
    Refuse(String),
    /// From a loop.
    Loop(News),
}

#[derive(Debug)]
pub(crate) enum News {
    /// The loop is ready for orders, or could not be set up.
    Ready(Result<(), ClientError>),
    /// An edge of a window passed at this time.
    Edge(Edge, u64),
    /// Between phases a connection was lost or sent what nobody asked for.
    Trouble(Halt),
    /// The answer to an order.
    Done(Outcome, Result<(), Halt>),
    /// The thread is no more.
    Panicked,
}

/// What a loop is to do next.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Establish,
    Sweep,
    Window(Arc<WindowRun>),
    /// Close everything with a reset and end.
    Close,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Established(Box<Established>),
    Swept(Swept),
    Window(Box<WindowPart>),
    Closed { tally: Connections, closed: u32 },
}

/// A loop as the session sees it.
#[derive(Debug)]
struct Handle {
    orders: Sender<Order>,
    bell: Arc<OwnedFd>,
    thread: JoinHandle<()>,
}

/// All loops of a run.
#[derive(Debug)]
pub(crate) struct Loops(Vec<Handle>);

impl Loops {
    /// Starts a thread for each loop; each then sends [`News::Ready`].
    pub(crate) fn start(
        shared: &Arc<Shared>,
        tell: &Sender<Input>,
    ) -> Result<Self, ClientError> {
        (0..shared.loops)
            .map(|index| {
                let (orders, inbox) = channel();
                let bell = Arc::new(Engine::new_bell()?);
                let body = {
                    let (shared, bell) =
                        (Arc::clone(shared), Arc::clone(&bell));
                    let tell = Voice(tell.clone());
                    move || run(shared, index, bell, &inbox, &tell)
                };
                let thread = std::thread::Builder::new()
                    .name(format!("loop-{index}"))
                    .spawn(body)
                    .map_err(|error| {
                        ClientError::Own(format!(
                            "cannot start a thread: {error}"
                        ))
                    })?;
                Ok(Handle { orders, bell, thread })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn order(&self, order: &Order) {
        for handle in &self.0 {
            // A loop that is gone has said so on its way.
            drop(handle.orders.send(order.clone()));
        }
        self.ring();
    }

    /// Wakes every loop, so that it looks at its orders and the stop flag.
    pub(crate) fn ring(&self) {
        for handle in &self.0 {
            // Failing means the counter is full: the loop is awake anyway.
            let _: Result<usize, Errno> =
                rustix::io::write(&handle.bell, &1_u64.to_ne_bytes());
        }
    }

    pub(crate) fn join(self) {
        for Handle { orders, bell: _, thread } in self.0 {
            drop(orders);
            // A panic was reported when it happened.
            drop(thread.join());
        }
    }
}

/// Tells the session, also when the thread panics.
struct Voice(Sender<Input>);

impl Voice {
    fn say(&self, news: News) {
        // Without a session nobody wants to know.
        drop(self.0.send(Input::Loop(news)));
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.say(News::Panicked);
        }
    }
}

fn run(
    shared: Arc<Shared>,
    index: u32,
    bell: Arc<OwnedFd>,
    orders: &Receiver<Order>,
    voice: &Voice,
) {
    let mut engine = match set_up(shared, index, bell) {
        Ok(engine) => engine,
        Err(error) => return voice.say(News::Ready(Err(error))),
    };
    voice.say(News::Ready(Ok(())));
    loop {
        let trouble = |halt| voice.say(News::Trouble(halt));
        let Some(order) = engine.watch(orders, trouble) else { return };
        let (outcome, end) = match order {
            Order::Establish => {
                let (part, end) = engine.establish();
                (Outcome::Established(Box::new(part)), end)
            }
            Order::Sweep => {
                let (part, end) = engine.sweep();
                (Outcome::Swept(part), end)
            }
            Order::Window(order) => {
                let mut notify = |edge, t_ns| {
                    if index == 0 {
                        voice.say(News::Edge(edge, t_ns));
                    }
                };
                let (part, end) = engine.window(&order, &mut notify);
                (Outcome::Window(Box::new(part)), end)
            }
            Order::Close => {
                let end = engine.farewell();
                let (tally, closed) = (engine.tally(), engine.closed());
                let outcome = Outcome::Closed { tally, closed };
                return voice.say(News::Done(outcome, end));
            }
        };
        voice.say(News::Done(outcome, end));
    }
}

fn set_up(
    shared: Arc<Shared>,
    index: u32,
    bell: Arc<OwnedFd>,
) -> Result<Engine, ClientError> {
    sharpen_timers()?;
    if let Some(cpu) = shared.spec.cpus.get(index as usize) {
        pin(*cpu)?;
    }
    Engine::new(shared, index, bell)
}
