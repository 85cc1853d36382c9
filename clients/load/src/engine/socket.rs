//! What is done with one socket: open, write, read, give up.
//!
//! Sockets are registered edge-triggered. An edge is lost only by leaving
//! something in the socket that was there when the edge was reported, so a
//! read goes on until it comes back short (whatever arrives later raises a new
//! edge) or, once the peer has closed, until the end; a write that did not fit
//! makes the kernel raise an edge when there is room. So an echo costs one
//! read and one write, with no probing for EAGAIN in between.
//!
//! Refuses to do: pace, time out, count phases.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind,
    connect, recv, send, socket_with, sockopt,
};
use wire::Work;

use super::{BUFFER, EVIDENCE_NS, Engine, GRACE_NS, Halt, Peer, own};
use crate::clock::now_ns;
use crate::conn::{Conn, Verdict};
use crate::sys::set_bind_address_no_port;

/// Sources 127.0.0.2 to 127.0.0.9: the ports of one address hold 28,000
/// connections in TIME_WAIT, less than three classic tests in a minute.
const SOURCES: u32 = 8;
const FIRST_SOURCE: u32 = 2;

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
    /// Starts to connect the empty `slot` and queues a first message.
    pub(super) fn open(
        &mut self,
        slot: usize,
        length: u32,
    ) -> Result<State, Halt> {
        let number = u32::try_from(slot).expect("slots are counted in u32");
        let id = self.first + number;
        let target = self.shared.spec.addr;
        let fd = new_socket(target, id, self.is_held()).map_err(Halt::Own)?;
        let began_ns = self.tick();
        match connect(&fd, &target) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(errno) if is_servers(errno) => {
                self.count(errno);
                return Ok(State::Ended { established: false });
            }
            Err(errno) => return Err(Halt::Own(own("connect", errno))),
        }
        let open = self.shared.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.peak_open.fetch_max(open, Ordering::Relaxed);
        epoll::add(
            &self.epoll,
            &fd,
            EventData::new_u64(slot as u64),
            EventFlags::IN | EventFlags::RDHUP | EventFlags::ET,
        )
        .map_err(|errno| Halt::Own(own("watch a socket", errno)))?;
        self.peers[slot] = Some(Peer {
            fd,
            conn: Conn::new(id),
            began_ns,
            connected: false,
            established: false,
            armed: false,
        });
        self.enqueue(slot, length, began_ns, true);
        // On loopback the handshake is over when `connect` returns, so the
        // first write mostly succeeds and no event need be awaited.
        self.tick();
        self.flush(slot)
    }

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
                    if !peer.established && !self.completed.is_empty() {
                        peer.established = true;
                        self.tally.established += 1;
                    }
                    match verdict {
                        Verdict::Right => {}
                        Verdict::Damaged => return Err(self.fault_of(slot)),
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
            return Err(self.fault_of(slot));
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

    fn is_held(&self) -> bool {
        matches!(self.shared.spec.work, Work::Hold { .. })
    }

    fn count(&mut self, errno: Errno) {
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
        for slot in 0..self.peers.len() {
            if let Some(peer) = &self.peers[slot] {
                // Held sockets have it already; failing leaves an orderly
                // close, which is all that could be done about it.
                let _: Result<(), Errno> =
                    sockopt::set_socket_linger(&peer.fd, Some(Duration::ZERO));
            }
            self.remove(slot);
        }
    }
}

/// Errors that say something of the server, not of this machine.
fn is_servers(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNREFUSED
            | Errno::CONNRESET
            | Errno::CONNABORTED
            | Errno::PIPE
            | Errno::TIMEDOUT
    )
}

fn new_socket(
    target: SocketAddr,
    id: u32,
    held: bool,
) -> Result<OwnedFd, crate::ClientError> {
    let family = match target {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = socket_with(family, SocketType::STREAM, flags, None)
        .map_err(|errno| own("open a socket", errno))?;
    sockopt::set_tcp_nodelay(&fd, true)
        .map_err(|errno| own("set TCP_NODELAY", errno))?;
    if held {
        // Set at once, so that even a killed client leaves no TIME_WAIT.
        sockopt::set_socket_linger(&fd, Some(Duration::ZERO))
            .map_err(|errno| own("set SO_LINGER", errno))?;
    }
    if let IpAddr::V4(address) = target.ip()
        && address.is_loopback()
    {
        set_bind_address_no_port(fd.as_fd()).map_err(|error| {
            let message = format!("cannot set a socket option: {error}");
            crate::ClientError::Own(message)
        })?;
        let base = u32::from(Ipv4Addr::new(127, 0, 0, 0));
        let source = Ipv4Addr::from(base + FIRST_SOURCE + id % SOURCES);
        bind(&fd, &SocketAddr::from((source, 0)))
            .map_err(|errno| own("bind a source address", errno))?;
    }
    Ok(fd)
}
