//! One event loop: its sockets, its clock, its counts.
//!
//! A loop owns its connections from the first connect to the last close and
//! shares nothing with other loops but a stop flag and a count of what is
//! open. Sockets are registered once, edge-triggered; whether that is right
//! is argued in `socket`.
//!
//! Refuses to do: decide which phase comes next; that is `session`.

mod churn;
mod closed_loop;
mod establish;
mod open;
mod open_loop;
mod part;
mod shared;
mod socket;
mod sweep;
mod watch;
mod window;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use wire::{Connections, Histogram};

pub(crate) use self::establish::Established;
pub(crate) use self::part::WindowPart;
use self::shared::own;
pub(crate) use self::shared::{Halt, Shared};
pub(crate) use self::sweep::Swept;
pub(crate) use self::window::{Edge, WindowRun};
use crate::ClientError;
use crate::clock::{MS, now_ns, timespec};
use crate::conn::{Conn, Message};
use crate::fairness::Share;

/// Events taken from the kernel at once.
const BATCH: usize = 1024;
/// One read or write moves at most this much.
const BUFFER: usize = 64 * 1024;
/// Bytes of a nonce of the barrier.
pub(crate) const NONCE_BYTES: u32 = 32;
/// The epoll token of the wake-up descriptor; others are slots.
const BELL: u64 = u64::MAX;
/// No wait in a phase is longer, so that a stop is seen in time.
const LONGEST_WAIT_NS: u64 = 50 * MS;
/// Further bytes that would tell the kind of damage are awaited this long.
const EVIDENCE_NS: u64 = 100 * MS;
/// After a held connection is lost, the others that share its fate are
/// counted for this long.
pub(crate) const GRACE_NS: u64 = 300 * MS;
/// A message unanswered for so long while its neighbours were answered is
/// lost, not late.
const OVERTAKEN_NS: u64 = 500 * MS;

/// A socket and what is known of it.
#[derive(Debug)]
struct Peer {
    fd: OwnedFd,
    conn: Conn,
    /// When `connect` was called.
    began_ns: u64,
    /// The kernel has taken a byte, so the handshake is done.
    connected: bool,
    /// Its first echo came back.
    established: bool,
    /// Registered for writability too.
    armed: bool,
    /// What it gets of the window that runs.
    share: Share,
}

/// See the module.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    index: u32,
    /// The connection in slot 0.
    first: u32,
    epoll: OwnedFd,
    bell: Arc<OwnedFd>,
    peers: Vec<Option<Peer>>,
    ready: Vec<Event>,
    outgoing: Box<[u8]>,
    incoming: Box<[u8]>,
    /// Messages completed by the read made last.
    completed: Vec<Message>,
    tally: Connections,
    /// Bytes can be those of so many connections; sessions add to them.
    numbered: u32,
    /// Connections that ended after their first echo.
    closed: u32,
    /// All connections of this loop stand; losing one ends the run.
    holding: bool,
    /// Sent and not yet back, over all connections.
    outstanding: u64,
    /// Due and not yet sent, over all connections.
    unsent: u64,
    bytes_sent: u64,
    bytes_verified: u64,
    /// The time as read last.
    now: u64,
    /// When a byte last came, or began to be waited for.
    progress_ns: u64,
    /// When the youngest message was written that has been answered.
    answered_ns: u64,
    /// A connection with bad bytes, and when it is judged without more.
    suspect: Option<(usize, u64)>,
    /// When the grace after a lost connection ends.
    doomed: Option<u64>,
    connect_times: Histogram,
}

impl Engine {
    pub(crate) fn new(
        shared: Arc<Shared>,
        index: u32,
        bell: Arc<OwnedFd>,
    ) -> Result<Self, ClientError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|errno| own("create an epoll instance", errno))?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN)
            .map_err(|errno| own("watch the wake-up descriptor", errno))?;
        let range = shared.range(index);
        let tally = Connections {
            requested: range.end - range.start,
            ..Connections::default()
        };
        Ok(Self {
            index,
            first: range.start,
            epoll,
            bell,
            peers: range.map(|_| None).collect(),
            ready: Vec::with_capacity(BATCH),
            outgoing: vec![0; BUFFER].into(),
            incoming: vec![0; BUFFER].into(),
            completed: Vec::new(),
            tally,
            numbered: shared.spec.connections,
            closed: 0,
            holding: false,
            outstanding: 0,
            unsent: 0,
            bytes_sent: 0,
            bytes_verified: 0,
            now: now_ns(),
            progress_ns: 0,
            answered_ns: 0,
            suspect: None,
            doomed: None,
            connect_times: wire::empty(),
            shared,
        })
    }

    /// A descriptor that wakes a loop out of its wait.
    pub(crate) fn new_bell() -> Result<OwnedFd, ClientError> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| own("create an eventfd", errno))
    }

    pub(crate) fn tally(&self) -> Connections {
        self.tally
    }

    pub(crate) fn closed(&self) -> u32 {
        self.closed
    }

    fn tick(&mut self) -> u64 {
        self.now = now_ns();
        self.now
    }

    /// Connections of this loop that may wait for an answer at once.
    fn allowance(&self) -> u32 {
        (self.shared.spec.max_connecting / self.shared.loops).max(1)
    }

    fn slot(&self, connection: u32) -> Option<usize> {
        let slot = connection.checked_sub(self.first)? as usize;
        (slot < self.peers.len()).then_some(slot)
    }

    /// Waits for events, at most `timeout_ns`; `None` waits for ever.
    fn poll(&mut self, timeout_ns: Option<u64>) -> Result<usize, Halt> {
        let timeout = timeout_ns.map(timespec);
        self.ready.clear();
        let room = spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(count) => Ok(count),
            Err(Errno::INTR) => Ok(0),
            Err(errno) => Err(Halt::Own(own("wait for events", errno))),
        }
    }

    /// The slot and flags of event `index` of the last poll.
    fn event(&mut self, index: usize) -> Option<(usize, EventFlags)> {
        let event = self.ready[index];
        let (token, flags) = (event.data.u64(), event.flags);
        if token == BELL {
            // Whoever rang also left an order or set the flag; both are
            // looked at after every batch.
            let mut count = [0; 8];
            let _: Result<usize, Errno> =
                rustix::io::read(&self.bell, &mut count);
            return None;
        }
        Some((usize::try_from(token).expect("tokens are slots"), flags))
    }

    /// Looks after everything that ends a phase early; once per batch.
    fn pulse(&mut self) -> Result<(), Halt> {
        if self.shared.abort.load(Ordering::Relaxed) {
            return Err(Halt::Aborted);
        }
        if let Some((slot, deadline_ns)) = self.suspect
            && self.now >= deadline_ns
        {
            return Err(self.fault_of(slot));
        }
        if self.doomed.is_some_and(|deadline_ns| self.now >= deadline_ns) {
            return Err(Halt::Lost);
        }
        let waiting = self.outstanding + self.unsent > 0;
        let silent_ns = self.now.saturating_sub(self.progress_ns);
        if waiting && silent_ns >= self.shared.spec.stall_ms * MS {
            return Err(self.stalled());
        }
        Ok(())
    }

    fn fault_of(&self, slot: usize) -> Halt {
        let peer = self.peers[slot].as_ref().expect("a suspect is not removed");
        Halt::Fault(peer.conn.fault(self.shared.pattern, self.numbered))
    }

    /// Tells a server that lost bytes from one that stands still.
    fn stalled(&self) -> Halt {
        if let Some((slot, _)) = self.suspect {
            return self.fault_of(slot);
        }
        let find = |wanted: &dyn Fn(&Peer) -> bool| {
            self.peers.iter().position(|p| p.as_ref().is_some_and(wanted))
        };
        // While connecting, unanswered ones may just not be accepted.
        let overtaken = |peer: &Peer| {
            let oldest = peer.conn.pending().next();
            self.holding
                && oldest.is_some_and(|message| {
                    message.written_ns > 0
                        && message.written_ns + OVERTAKEN_NS < self.answered_ns
                })
        };
        // Half a message is damage only where nobody else waits as well.
        let waits = |peer: &&Peer| peer.conn.outstanding() > 0;
        let alone = self.peers.iter().flatten().filter(waits).count() == 1;
        let slot = find(&overtaken)
            .or_else(|| find(&|peer| alone && peer.conn.is_partial()));
        match slot {
            Some(slot) => self.fault_of(slot),
            None => Halt::Stalled { outstanding: self.outstanding },
        }
    }
}

#[cfg(test)]
mod tests;
