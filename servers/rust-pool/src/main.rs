//! One epoll loop that feeds a fixed pool of worker threads.
//!
//! Waits     in `epoll_wait(2)`, one thread for all connections
//! Wakes     a worker through a channel, for each connection that is ready
//! Costs     a hand-over per message, and an `epoll_ctl(2)` to get the next
//! Gives out at the one loop, or when every worker has a slow handler
//! Next      rust-threads: a thread for each, and the kernel keeps the state

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use std::{mem, thread, thread::Builder};

use contract::{Args, Retry, require};
use crossbeam::channel::{Receiver, Sender, bounded};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

const ABOUT: &str = "Echo over TCP with a pool of --workers threads.
One more thread waits with epoll and hands them the connections that are ready.";

const LISTENER: EventData = EventData::new_u64(u64::MAX);
/// One event, then none until asked again: one worker at a time.
const READ: EventFlags = EventFlags::IN.union(EventFlags::ONESHOT);
const WRITE: EventFlags = EventFlags::OUT.union(EventFlags::ONESHOT);
const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
/// As many events are fetched at once, and may wait for a worker.
const BATCH: usize = 1024;

struct Connection {
    stream: TcpStream,
    /// Read and not yet written, part of one buffer; it holds up reading.
    unsent: Vec<u8>,
}

/// The place of a descriptor, locked by the worker that serves it.
type Slot = Arc<Mutex<Option<Connection>>>;
type Slots = Vec<Slot>;

fn main() {
    let args = &Args::parse(ABOUT);
    let listener = contract::listen(args);
    let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(Error::from);
    let epoll = &require("epoll", epoll);
    contract::stop_on_signals(&[&listener], args);
    let (jobs, ready) = bounded(BATCH);
    thread::scope(|pool| {
        for _ in 0..args.workers {
            let work = || work(&ready, epoll, args);
            require("a thread", Builder::new().spawn_scoped(pool, work));
        }
        contract::announce(&listener, "epoll", args.workers, args.buffer_bytes);
        require("non-blocking accept", listener.set_nonblocking(true));
        require("epoll", wait(&listener, epoll, &jobs));
    });
}

fn wait(on: &TcpListener, epoll: &OwnedFd, jobs: &Sender<Slot>) -> Result<()> {
    epoll::add(epoll, on, LISTENER, EventFlags::IN | EventFlags::ET)?;
    let mut slots = Slots::new();
    let mut accept_at: Option<Instant> = None;
    let mut events = Vec::with_capacity(BATCH);
    loop {
        let patience = accept_at.map(|at| at - Instant::now().min(at));
        let patience = patience.and_then(|it| it.try_into().ok());
        let room = spare_capacity(&mut events);
        match epoll::wait(epoll, room, patience.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for Event { data, .. } in events.drain(..) {
            if data == LISTENER {
                accept_at.get_or_insert_with(Instant::now);
            } else {
                // This is the model: a worker gets a message to serve, not a
                // connection. In `read`, idle peers would hold all workers.
                let slot = Arc::clone(&slots[data.u64() as usize]);
                jobs.send(slot).expect("the receiver outlives the loop");
            }
        }
        if accept_at.is_some_and(|at| at <= Instant::now()) {
            accept_at = accept(on, epoll, &mut slots);
        }
    }
}

/// Takes a connection; returns when to try the next without an edge.
fn accept(on: &TcpListener, by: &OwnedFd, to: &mut Slots) -> Option<Instant> {
    let accepted = accept_with(on, ACCEPTED).and_then(|stream| {
        let fd = stream.as_raw_fd() as usize;
        epoll::add(by, &stream, EventData::new_u64(fd as u64), READ)?;
        let it = Connection { stream: stream.into(), unsent: Vec::new() };
        to.resize_with(to.len().max(fd + 1), Slot::default);
        *to[fd].lock().expect("no worker panics") = Some(it);
        Ok(())
    });
    match accepted {
        Ok(()) => Some(Instant::now()),
        Err(Errno::AGAIN) => None,
        Err(error) => match contract::retry("accept", &error.into()) {
            Retry::Now => Some(Instant::now()),
            Retry::After(pause) => Some(Instant::now() + pause),
            Retry::Never => None,
        },
    }
}

/// Serves whoever is ready, in every thread of the pool.
fn work(ready: &Receiver<Slot>, epoll: &OwnedFd, args: &Args) {
    let mut buffer = vec![0; args.buffer_bytes];
    for slot in ready {
        let mut slot = slot.lock().expect("no worker panics");
        let Some(connection) = &mut *slot else { continue };
        let served = connection.echo(&mut buffer, args.spin_us);
        let Connection { stream, unsent } = connection;
        let fd = EventData::new_u64(stream.as_raw_fd() as u64);
        let what = if unsent.is_empty() { READ } else { WRITE };
        if served.is_err() || epoll::modify(epoll, stream, fd, what).is_err() {
            *slot = None;
        }
    }
}

impl Connection {
    /// Writes the rest, or else reads once; epoll tells of what is left.
    fn echo(&mut self, buffer: &mut [u8], spin_us: u32) -> Result<()> {
        let rest = mem::take(&mut self.unsent);
        let bytes = if rest.is_empty() {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                read => read?,
            };
            contract::spin(spin_us);
            &buffer[..n]
        } else {
            &rest
        };
        let sent = match self.stream.write(bytes) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            written => written?,
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}
