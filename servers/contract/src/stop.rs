//! Stops a server in order, whatever its model: closes the listener and ends
//! the reading side of each connection. To the server that is a peer which has
//! finished, so its ordinary path echoes what was received, and closes.

#![expect(unsafe_code, reason = "descriptors are borrowed by number")]

use std::net::{Shutdown, TcpListener};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use rustix::event::PollFlags;
use signal_hook::{consts::SIGINT, consts::SIGTERM, iterator::Signals};
use socket2::SockRef;

use crate::{Args, ready, require};

/// Lets what was sent before the signal arrive.
const GRACE: Duration = Duration::from_millis(100);

/// Drains at SIGTERM or SIGINT and exits with 0; a second one exits at once.
pub fn stop_on_signals(listener: &TcpListener, args: &Args) {
    let drain = Duration::from_millis(args.drain_ms.into());
    let listener = require("another descriptor", listener.try_clone());
    let signals = require("signals", Signals::new([SIGTERM, SIGINT]));
    let stop = move || stop(listener, signals, drain);
    require("another thread", thread::Builder::new().spawn(stop));
}

fn stop(listener: TcpListener, mut signals: Signals, drain: Duration) {
    while signals.wait().next().is_none() {}
    let start = Instant::now();
    let mut pause = |ms| {
        let left = drain.saturating_sub(start.elapsed());
        thread::sleep(Duration::from_millis(ms).min(left));
        if start.elapsed() >= drain || signals.pending().next().is_some() {
            process::exit(0);
        }
    };
    // Those who queued up before the signal are still let in,
    while ready(&listener, PollFlags::IN) && start.elapsed() < 2 * GRACE {
        pause(1);
    }
    // newcomers are refused, and whoever waits in `accept` wakes.
    SockRef::from(&listener).shutdown(Shutdown::Both).ok();
    drop(listener); // which leaves a descriptor to list the others with
    let grace = start.elapsed() + GRACE;
    pause(5);
    while connections(|_| ()) > 0 && start.elapsed() < grace {
        pause(5);
    }
    while connections(|tcp| drop(tcp.shutdown(Shutdown::Read))) > 0 {
        pause(20);
    }
    process::exit(0);
}

/// Visits the connected TCP sockets of the process and counts them.
fn connections(visit: impl Fn(SockRef<'_>)) -> usize {
    // Without the list one is assumed to be left: the drain time ends it.
    let Ok(list) = fs::read_dir("/proc/self/fd") else { return 1 };
    let fds = list.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse().ok());
    let connected = |fd: &i32| {
        // SAFETY: the number only goes into system calls; were it reused by
        // now, they would fail or meet a connection that is to stop as well.
        let fd = unsafe { BorrowedFd::borrow_raw(*fd) };
        let socket = SockRef::from(&fd);
        let tcp = socket.peer_addr().is_ok_and(|peer| !peer.is_unix());
        tcp.then(|| visit(socket)).is_some()
    };
    fds.filter(|fd| *fd > 2).filter(connected).count()
}
