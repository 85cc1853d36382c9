//! One thread, one `poll(2)` loop: the model of the C10K paper.
//!
//! Waits     in `poll(2)`, which is told of every connection each time
//! Wakes     once for a batch of events, and looks for them among them all
//! Costs     for each wait 8 bytes and a question per connection, idle or not
//! Gives out at many idle connections: asking them is all that it does
//! Next      rust-mio-sharded: epoll, which keeps the list, on every CPU

#![expect(unsafe_code, reason = "a list that lasts can't borrow what it names")]

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Instant;

use contract::{Args, Retry, require};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, accept_with};

const ABOUT: &str = "Echo over TCP with one poll(2) loop.
One thread asks for everybody each time, so --workers changes nothing.";

const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
/// Accepts before the others get their turn.
const TURN: usize = 16;

struct Connection {
    stream: TcpStream,
    /// Read and not yet written, part of one buffer; it holds up reading.
    unsent: Vec<u8>,
}

fn main() {
    let args = Args::parse(ABOUT);
    let listener = contract::listen(&args);
    contract::stop_on_signals(&[&listener], &args);
    contract::announce(&listener, "poll", 1, args.buffer_bytes);
    require("non-blocking accept", listener.set_nonblocking(true));
    require("poll", serve(&listener, &args));
}

fn serve(listener: &TcpListener, args: &Args) -> Result<()> {
    // The listener comes first, so `fds[i + 1]` is of `connections[i]`.
    let mut fds = vec![watch(listener, PollFlags::IN)];
    let mut connections: Vec<Connection> = Vec::new();
    let mut accept_at = Some(Instant::now());
    let mut buffer = vec![0; args.buffer_bytes];
    loop {
        // Until it is time to accept, the listener would end every wait.
        let pause = accept_at.map(|at| at - Instant::now().min(at));
        let left_out = usize::from(pause.is_none_or(|it| !it.is_zero()));
        let patience = pause.filter(|it| !it.is_zero());
        let patience = patience.and_then(|it| Timespec::try_from(it).ok());
        // This is the model: the kernel copies the list, asks each of its
        // sockets, sleeps if none is ready, asks each again, and forgets it.
        let wait = || Ok(poll(&mut fds[left_out..], patience.as_ref())?);
        unless_blocked(wait)?;
        // From the end: what moves into a gap has had its turn.
        for at in (1..fds.len()).rev() {
            if fds[at].revents().is_empty() {
                continue;
            }
            let connection = &mut connections[at - 1];
            if connection.echo(&mut buffer, args.spin_us).is_ok() {
                fds[at] = watch(&connection.stream, connection.interest());
            } else {
                fds.swap_remove(at);
                connections.swap_remove(at - 1);
            }
        }
        if left_out == 0 && !fds[0].revents().is_empty() {
            accept_at = accept(listener, &mut fds, &mut connections);
        }
    }
}

/// Takes a few connections; returns when to watch for more, if ever.
fn accept(
    listener: &TcpListener,
    fds: &mut Vec<PollFd>,
    connections: &mut Vec<Connection>,
) -> Option<Instant> {
    for _ in 0..TURN {
        let accepted = unless_blocked(|| {
            let stream = TcpStream::from(accept_with(listener, ACCEPTED)?);
            let connection = Connection { stream, unsent: Vec::new() };
            fds.push(watch(&connection.stream, connection.interest()));
            connections.push(connection);
            Ok(())
        });
        match accepted.map_err(|error| contract::retry("accept", &error)) {
            Ok(Some(())) | Err(Retry::Now) => {}
            Ok(None) => break,
            Err(Retry::After(pause)) => return Some(Instant::now() + pause),
            Err(Retry::Never) => return None,
        }
    }
    Some(Instant::now())
}

/// The entry of a socket in the list, to be removed before it is closed.
fn watch(socket: &impl AsRawFd, events: PollFlags) -> PollFd<'static> {
    // SAFETY: entries go into system calls only, and leave the list before
    // their socket is closed, but for the listener's: it is never closed.
    let fd = unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) };
    PollFd::from_borrowed_fd(fd, events)
}

impl Connection {
    /// Not even looked at for reading while it can't write.
    fn interest(&self) -> PollFlags {
        if self.unsent.is_empty() { PollFlags::IN } else { PollFlags::OUT }
    }

    /// Writes the rest, or else reads once; `poll` tells again of what is left.
    fn echo(&mut self, buffer: &mut [u8], spin_us: u32) -> Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        if !unsent.is_empty() {
            return self.write(&unsent);
        }
        match unless_blocked(|| self.stream.read(buffer))? {
            Some(0) => Err(ErrorKind::UnexpectedEof.into()),
            Some(n) => {
                contract::spin(spin_us);
                self.write(&buffer[..n])
            }
            None => Ok(()),
        }
    }

    /// Writes what the peer takes and keeps the rest.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = unless_blocked(|| self.stream.write(bytes))?;
        self.unsent.extend_from_slice(&bytes[written.unwrap_or(0)..]);
        Ok(())
    }
}

/// Calls again after a signal; `None` when the call would have waited.
fn unless_blocked<T>(mut call: impl FnMut() -> Result<T>) -> Result<Option<T>> {
    loop {
        match call() {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            done => return done.map(Some),
        }
    }
}
