//! One thread, one edge-triggered epoll loop.
//!
//! Waits     in `epoll_wait(2)`, once for all connections
//! Wakes     once for a batch of events; a function call goes on from there
//! Costs     32 bytes per connection, and a state machine written by hand
//! Gives out at one CPU, or when one handler takes long: everybody waits
//! Next      cpp-epoll: the same loop, nothing between it and the kernel

use std::io::{ErrorKind, Read, Result, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

use contract::{Args, Retry, require};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token, event::Event};

const ABOUT: &str = "Echo over TCP with one edge-triggered epoll loop.
One thread serves everybody through mio, so --workers changes nothing.";

const LISTENER: Token = Token(usize::MAX);
/// Asked for once: epoll tells of every change, and of nothing else.
const EDGES: Interest =
    Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
/// Accepts, or reads of one connection, before the others get their turn.
const TURN: usize = 16;

struct Connection {
    stream: TcpStream,
    /// Read and not yet written, part of one buffer; it holds up reading.
    unsent: Vec<u8>,
}
/// A descriptor is a small number nobody else has: it serves as the index.
type Table = Vec<Option<Connection>>;

fn main() {
    let args = Args::parse(ABOUT);
    let listener = contract::listen(&args);
    let poll = require("epoll", Poll::new());
    contract::stop_on_signals(&[&listener], &args);
    contract::announce(&listener, "epoll", 1, args.buffer_bytes);
    require("non-blocking accept", listener.set_nonblocking(true));
    require("epoll", serve(TcpListener::from_std(listener), poll, &args));
}

fn serve(mut on: TcpListener, mut poll: Poll, args: &Args) -> Result<()> {
    poll.registry().register(&mut on, LISTENER, Interest::READABLE)?;
    let mut connections = Table::new();
    let mut accept_at: Option<Instant> = None;
    let mut buffer = vec![0; args.buffer_bytes];
    let mut events = Events::with_capacity(1024);
    loop {
        let patience = accept_at.map(|at| at - Instant::now().min(at));
        // This is the model: one wait for everybody, then a turn for each.
        unless_blocked(|| poll.poll(&mut events, patience))?;
        for event in &events {
            let (at, by) = (event.token(), poll.registry());
            if at == LISTENER {
                accept_at.get_or_insert_with(Instant::now);
            } else if let Some(it) = &mut connections[at.0] {
                match it.echo(event, &mut buffer, args.spin_us) {
                    Ok(false) => {}
                    Ok(true) => by.reregister(&mut it.stream, at, EDGES)?,
                    Err(_) => connections[at.0] = None,
                }
            }
        }
        if accept_at.is_some_and(|at| at <= Instant::now()) {
            accept_at = accept(&on, poll.registry(), &mut connections);
        }
    }
}

/// Takes a few connections; returns when to go on without an edge.
fn accept(on: &TcpListener, by: &Registry, all: &mut Table) -> Option<Instant> {
    for _ in 0..TURN {
        let accepted = unless_blocked(|| {
            let (mut stream, _) = on.accept()?;
            let fd = stream.as_raw_fd() as usize;
            by.register(&mut stream, Token(fd), EDGES)?;
            all.resize_with(all.len().max(fd + 1), || None);
            all[fd] = Some(Connection { stream, unsent: Vec::new() });
            Ok(())
        });
        match accepted.map_err(|error| contract::retry("accept", &error)) {
            Ok(Some(())) | Err(Retry::Now) => {}
            Ok(None) | Err(Retry::Never) => return None,
            Err(Retry::After(pause)) => return Some(Instant::now() + pause),
        }
    }
    Some(Instant::now())
}

impl Connection {
    /// Goes on until a call would wait; true when the turn ran out before.
    fn echo(&mut self, event: &Event, buf: &mut [u8], us: u32) -> Result<bool> {
        if self.unsent.is_empty() && !event.is_readable() {
            return Ok(false); // writable, as it has been all along
        }
        // The end and urgent data stop a read short, with no edge of their own.
        let until_empty = event.is_read_closed() || event.is_priority();
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)?;
        for _ in 0..TURN {
            if !self.unsent.is_empty() {
                return Ok(false); // the next writable edge goes on
            }
            let n = match unless_blocked(|| self.stream.read(buf))? {
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(n) => n,
                None => return Ok(false),
            };
            contract::spin(us);
            self.write(&buf[..n])?;
            if n < buf.len() && !until_empty {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes what the peer takes and keeps the rest.
    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let write = || self.stream.write(bytes);
            let Some(n) = unless_blocked(write)? else { break };
            bytes = &bytes[n..];
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }
}

/// Calls again after a signal; `None` when the call would have waited.
fn unless_blocked<T>(mut call: impl FnMut() -> Result<T>) -> Result<Option<T>> {
    match call() {
        Err(e) if e.kind() == ErrorKind::Interrupted => unless_blocked(call),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
        done => done.map(Some),
    }
}
