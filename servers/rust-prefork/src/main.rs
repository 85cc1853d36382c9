//! Processes that share one accept queue, a small epoll loop in each.
//!
//! Waits     in `epoll_wait(2)`, each process for its own and for newcomers
//! Wakes     one process for a newcomer: who waits for one the longest
//! Costs     a process per worker, and two `epoll_ctl(2)` for each newcomer
//! Gives out at one slow handler: its process makes all of its peers wait
//! Next      rust-pool: any worker for any message, in one process again

#![expect(unsafe_code, reason = "fork(2) has no safe form")]

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};
use std::{iter, mem, process, thread};

use contract::{Args, Retry, require};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};
use rustix::process::{self as os, Signal, WaitOptions};
use rustix::{buffer::spare_capacity, event::Timespec, io::Errno};
use signal_hook::{consts::*, iterator::Signals};

const ABOUT: &str = "Echo over TCP with --workers processes.
They share one accept queue; each has an epoll loop, and is replaced if it dies.";

const LISTENER: EventData = EventData::new_u64(u64::MAX);
const LINE: EventFlags = EventFlags::IN.union(EventFlags::EXCLUSIVE);
const ACCEPTED: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// A stream, and what was read and not yet written: it holds up reading.
type Peer = (TcpStream, Vec<u8>);
type Table = Vec<Option<Peer>>;

/// The parent serves nobody: it replaces workers until a signal comes.
fn main() {
    let args = Args::parse(ABOUT);
    let on = contract::listen(&args);
    require("non-blocking accept", on.set_nonblocking(true));
    // Inherited by the workers, it keeps signals to the group from them.
    let mut sent = require("signals", Signals::new([SIGTERM, SIGINT, SIGCHLD]));
    (0..args.workers).for_each(|_| require("processes", start(&on, &args)));
    contract::announce(&on, "epoll", args.workers, args.buffer_bytes);
    let (mut alive, mut stopping) = (args.workers, false);
    while alive > 0 || !stopping {
        if alive == args.workers || stopping {
            sent.wait();
        } else {
            // One in 100 ms, lest those that die at once keep it forking.
            thread::sleep(Duration::from_millis(100));
            match start(&on, &args) {
                Ok(()) => alive += 1,
                Err(error) => drop(contract::retry("start a worker", &error)),
            }
        }
        if sent.pending().filter(|it| *it != SIGCHLD).count() > 0 {
            if mem::replace(&mut stopping, true) {
                return; // and the kernel ends the workers
            }
            // Who is in the queue is let in; then it closes for all of them.
            thread::sleep(Duration::from_millis(200));
            shutdown(&on, Shutdown::Both).ok();
        }
        alive -= iter::from_fn(|| os::wait(WaitOptions::NOHANG).ok()?).count();
    }
}

/// Forks a worker, which dies with its parent, however that comes about.
fn start(on: &TcpListener, args: &Args) -> Result<()> {
    let (parent, epoll) = (os::getpid(), epoll::create(CreateFlags::CLOEXEC)?);
    // This is the model: two processes go on from here, with one queue.
    // SAFETY: the parent has no other thread whose locks could stay locked.
    let child = unsafe { libc::fork() };
    if child != 0 {
        return if child > 0 { Ok(()) } else { Err(Error::last_os_error()) };
    }
    let bound = os::set_parent_process_death_signal(Some(Signal::KILL));
    if bound.is_ok() && os::getppid() == Some(parent) {
        require("epoll", serve(on, &epoll, args));
    }
    process::exit(1)
}

fn serve(on: &TcpListener, by: &OwnedFd, args: &Args) -> Result<()> {
    let (mut connections, mut accept_at) = (Table::new(), Some(Instant::now()));
    let mut buffer = vec![0; args.buffer_bytes];
    let mut spare: Vec<_> = (0..3).map(|_| on.try_clone()).collect();
    let mut events = Vec::with_capacity(1024);
    loop {
        if accept_at.take_if(|at| *at <= Instant::now()).is_some() {
            // The kernel wakes the first in line who sleeps: the same always,
            // were it not to go to the end after each newcomer. One that is
            // awake may be faster: shares are even at rest, not under load.
            epoll::add(by, on, LISTENER, LINE)?;
        }
        let pause = accept_at.and(Timespec::try_from(contract::PAUSE).ok());
        let (room, pause) = (spare_capacity(&mut events), pause.as_ref());
        let woken = epoll::wait(by, room, pause);
        woken.or_else(|e| if e == Errno::INTR { Ok(0) } else { Err(e) })?;
        for Event { data, flags } in events.drain(..) {
            let fd = data.u64() as usize;
            if data == LISTENER && flags.contains(EventFlags::HUP) {
                epoll::delete(by, on)?;
                spare.clear(); // the stop needs some descriptors
                contract::stop_on_signals(&[], args);
                os::kill_process(os::getpid(), Signal::TERM)?;
            } else if data == LISTENER {
                epoll::delete(by, on)?;
                accept_at = Some(accept(on, by, &mut connections));
            } else if let Some(it) = &mut connections[fd] {
                let stalled = !it.1.is_empty();
                let what =
                    if stalled { EventFlags::IN } else { EventFlags::OUT };
                let served = echo(it, &mut buffer, args.spin_us);
                if served.is_err_and(|e| e.kind() != ErrorKind::WouldBlock) {
                    connections[fd] = None;
                } else if stalled == it.1.is_empty() {
                    epoll::modify(by, &it.0, data, what)?;
                }
            }
        }
    }
}

/// Takes one newcomer; returns when to stand in line for the next.
fn accept(on: &TcpListener, by: &OwnedFd, to: &mut Table) -> Instant {
    let accepted = accept_with(on, ACCEPTED).and_then(|stream| {
        let fd = stream.as_raw_fd() as usize;
        epoll::add(by, &stream, EventData::new_u64(fd as u64), EventFlags::IN)?;
        to.resize_with(to.len().max(fd + 1), || None);
        to[fd] = Some((stream.into(), Vec::new()));
        Ok(())
    });
    let failed = accepted.err().filter(|e| *e != Errno::AGAIN);
    match failed.map(|e| contract::retry("accept", &e.into())) {
        Some(Retry::After(pause)) => Instant::now() + pause,
        _ => Instant::now(),
    }
}

/// Reads once, unless there is a rest to write; epoll tells of what is left.
fn echo((stream, rest): &mut Peer, buf: &mut [u8], us: u32) -> Result<()> {
    if rest.is_empty() {
        let n = stream.read(buf)?;
        (n > 0).then_some(()).ok_or(ErrorKind::UnexpectedEof)?;
        contract::spin(us);
        rest.extend_from_slice(&buf[..n]);
    }
    stream.write(rest).map(|n| drop(rest.drain(..n)))
}
