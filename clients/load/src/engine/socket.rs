//! What is done with one open socket: write, read, give up.
//!
//! Sockets are registered edge-triggered. An edge is lost only by leaving
//! something in the socket that was there when the edge was reported, so a
//! read goes on until it comes back short (whatever arrives later raises a new
//! edge) or, once the peer has closed, until the end; a write that did not fit
//! makes the kernel raise an edge when there is room. So an echo costs one
//! read and one write, with no probing for EAGAIN in between.
//!
//! Refuses to do: pace, time out, count phases.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};
use wire::Work;

use super::{BUFFER, EVIDENCE_NS, Engine, GRACE_NS, Halt, own};
use crate::clock::now_ns;
use crate::conn::Verdict;

/// What became of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// It is gone and counted.
    Ended {
        /// It had answered before.
        established: bool,
    },
}

enum Ending {
    EndOfFile,
    Failed(Errno),
}

impl Engine {
    /// A message is due on `slot`.
    pub(super) fn enqueue(
        &mut self,
        slot: usize,
        length: u32,
        intended_ns: u64,
        counted: bool,
    ) {
        let Some(peer) = self.peers[slot].as_mut() else { return };
        if self.outstanding + self.unsent == 0 {
            self.progress_ns = self.now;
        }
        peer.conn.enqueue(length, intended_ns, counted);
        self.unsent += u64::from(length);
    }

    /// Writes what is due as far as the kernel takes it. The time of writing
    /// is the time as read last.
    pub(super) fn flush(&mut self, slot: usize) -> Result<State, Halt> {
        let Some(peer) = self.peers[slot].as_mut() else {
            return Ok(State::Open);
        };
        while peer.conn.unsent() > 0 {
            let length =
                peer.conn.fill(self.shared.pattern, &mut self.outgoing);
            let bytes = &self.outgoing[..length];
            match send(&peer.fd, bytes, SendFlags::NOSIGNAL) {
                Ok(taken) => {
                    if !peer.connected {
                        peer.connected = true;
                        let took_ns = self.now.saturating_sub(peer.began_ns);
                        self.connect_times.saturating_record(took_ns);
                    }
                    peer.conn.wrote(taken, self.now);
                    self.unsent -= taken as u64;
                    self.outstanding += taken as u64;
                    self.bytes_sent += taken as u64;
                    if taken < length {
                        return self.arm(slot);
                    }
                }
                Err(Errno::AGAIN) => return self.arm(slot),
                Err(Errno::INTR) => {}
                Err(errno) => return self.ended(slot, &Ending::Failed(errno)),
            }
        }
        Ok(State::Open)
    }

    /// Registers for writability, once for the life of the socket: with edges
    /// it costs nothing until a write does not fit.
    fn arm(&mut self, slot: usize) -> Result<State, Halt> {
        if let Some(peer) = self.peers[slot].as_mut()
            && !peer.armed
        {
            peer.armed = true;
            let flags = EventFlags::IN
                | EventFlags::OUT
                | EventFlags::RDHUP
                | EventFlags::ET;
            let token = EventData::new_u64(slot as u64);
            epoll::modify(&self.epoll, &peer.fd, token, flags)
                .map_err(|errno| Halt::Own(own("watch a socket", errno)))?;
        }
        Ok(State::Open)
    }

    /// Handles one event: writes what waited for room, then reads. Completed
    /// messages are left in `completed`, their time in `now`.
    pub(super) fn handle(
        &mut self,
        slot: usize,
        flags: EventFlags,
    ) -> Result<State, Halt> {
        let waiting = flags.contains(EventFlags::OUT)
            && self.peers[slot].as_ref().is_some_and(|p| p.conn.unsent() > 0);
        if waiting {
            self.tick();
            let state = self.flush(slot)?;
            if state != State::Open {
                return Ok(state);
            }
        }
        let over = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if flags.intersects(EventFlags::IN | over) {
            return self.read(slot, flags.intersects(over));
        }
        Ok(State::Open)
    }

    fn read(&mut self, slot: usize, to_the_end: bool) -> Result<State, Halt> {
        let Some(peer) = self.peers[slot].as_mut() else {
            return Ok(State::Open);
        };
        loop {
            let buffer = &mut self.incoming[..];
            match recv(&peer.fd, buffer, RecvFlags::empty()) {
                Ok((_, 0)) => return self.ended(slot, &Ending::EndOfFile),
                Ok((_, length)) => {
                    self.now = now_ns();
                    self.progress_ns = self.now;
                    let before = peer.conn.outstanding();
                    let verdict = peer.conn.receive(
                        self.shared.pattern,
                        &self.incoming[..length],
                        &mut self.completed,
                    );
                    let verified = before - peer.conn.outstanding();
                    self.outstanding -= verified;
                    self.bytes_verified += verified;
                    if let Some(message) = self.completed.last() {
                        let written_ns = message.written_ns;
                        self.answered_ns = self.answered_ns.max(written_ns);
                    }
                    if !peer.established && !self.completed.is_empty() {
                        peer.established = true;
                        self.tally.established += 1;
                    }
                    match verdict {
                        Verdict::Right => {}
                        Verdict::Damaged => return Err(self.damaged(slot)),
                        Verdict::Suspect => {
                            let deadline_ns = self.now + EVIDENCE_NS;
                            self.suspect.get_or_insert((slot, deadline_ns));
                        }
                    }
                    if length < BUFFER && !to_the_end {
                        return Ok(State::Open);
                    }
                }
                Err(Errno::AGAIN) => return Ok(State::Open),
                Err(Errno::INTR) => {}
                Err(errno) => return self.ended(slot, &Ending::Failed(errno)),
            }
        }
    }

    fn ended(&mut self, slot: usize, ending: &Ending) -> Result<State, Halt> {
        let Some(peer) = self.peers[slot].as_ref() else {
            return Ok(State::Open);
        };
        let truncated =
            matches!(ending, Ending::EndOfFile) && peer.conn.is_partial();
        if truncated || peer.conn.is_suspect() {
            return Err(self.damaged(slot));
        }
        let established = peer.established;
        if established && !self.is_held() {
            // The classic test is over for a connection that has its echo.
            self.remove(slot);
            return Ok(State::Ended { established });
        }
        match *ending {
            Ending::EndOfFile => self.tally.reset += 1,
            Ending::Failed(errno) if is_servers(errno) => self.count(errno),
            Ending::Failed(errno) => {
                return Err(Halt::Own(own("use a connection", errno)));
            }
        }
        self.remove(slot);
        if established {
            self.closed += 1;
        }
        if self.holding && self.doomed.is_none() {
            self.doomed = Some(now_ns() + GRACE_NS);
        }
        Ok(State::Ended { established })
    }

    /// Remembers the damage, so that a later phase ends with it too if this
    /// one is only watched.
    fn damaged(&mut self, slot: usize) -> Halt {
        self.suspect = Some((slot, self.now));
        self.fault_of(slot)
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.shared.spec.work, Work::Hold { .. })
    }

    pub(super) fn count(&mut self, errno: Errno) {
        match errno {
            Errno::CONNREFUSED => self.tally.refused += 1,
            Errno::TIMEDOUT => self.tally.timed_out += 1,
            _ => self.tally.reset += 1,
        }
    }

    /// Closes the socket in `slot` without counting it as lost.
    pub(super) fn remove(&mut self, slot: usize) {
        if let Some(peer) = self.peers[slot].take() {
            self.outstanding -= peer.conn.outstanding();
            self.unsent -= peer.conn.unsent();
            self.shared.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Closes every socket with a reset, so that none lingers in TIME_WAIT.
    pub(crate) fn reset_all(&mut self) {
        let held = self.is_held();
        for slot in 0..self.peers.len() {
            // Held sockets were opened that way.
            if let Some(peer) = self.peers[slot].as_ref().filter(|_| !held) {
                // Failing leaves an orderly close, and nothing can be done
                // about it.
                let _: Result<(), Errno> =
                    sockopt::set_socket_linger(&peer.fd, Some(Duration::ZERO));
            }
            self.remove(slot);
        }
    }
}

/// Errors that say something of the server, not of this machine.
pub(super) fn is_servers(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNREFUSED
            | Errno::CONNRESET
            | Errno::CONNABORTED
            | Errno::PIPE
            | Errno::TIMEDOUT
    )
}
