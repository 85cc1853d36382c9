//! Stops a server in order, whatever its model: closes the listener and ends
//! the reading side of each connection that has gone quiet. To the server that
//! is a peer which has finished: it echoes what it received, and closes.

#![expect(unsafe_code, reason = "descriptors are borrowed by number")]

use std::net::{Shutdown, TcpListener};
use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant};
use std::{fs, mem, process, thread};

use rustix::event::PollFlags;
use signal_hook::{consts::SIGINT, consts::SIGTERM, iterator::Signals};
use socket2::SockRef;

use crate::{Args, ready, require};

/// Drains at SIGTERM or SIGINT and exits with 0; a second one exits at once.
pub fn stop_on_signals(listeners: &[&TcpListener], args: &Args) {
    let clone = |it: &&TcpListener| require("a descriptor", it.try_clone());
    let on: Vec<_> = listeners.iter().map(clone).collect();
    let signals = require("signals", Signals::new([SIGTERM, SIGINT]));
    let drain = Duration::from_millis(args.drain_ms.into());
    let stop = move || stop(on, signals, drain);
    require("a thread", thread::Builder::new().spawn(stop));
}

fn stop(on: Vec<TcpListener>, mut signals: Signals, drain: Duration) {
    while signals.wait().next().is_none() {}
    let start = Instant::now();
    let mut pause = |ms| {
        thread::sleep(Duration::from_millis(ms));
        if start.elapsed() >= drain || signals.pending().next().is_some() {
            process::exit(0);
        }
    };
    // Those who queued up before the signal are still let in,
    let queue = || on.iter().any(|listener| ready(listener, PollFlags::IN));
    for _ in (0..200).take_while(|_| queue()) {
        pause(1);
    }
    // newcomers are refused, and whoever waits in `accept` wakes.
    on.iter().for_each(|it| drop(SockRef::from(it).shutdown(Shutdown::Both)));
    drop(on); // which leaves a descriptor to list the others with
    pause(5);
    while end_quiet_connections() > 0 {
        pause(20);
    }
    process::exit(0);
}

/// Ends the reading side where it is time to; counts all TCP connections.
fn end_quiet_connections() -> usize {
    // Without the list one is assumed to be left: the drain time ends it.
    let Ok(list) = fs::read_dir("/proc/self/fd") else { return 1 };
    let fds = list.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse().ok());
    let connected = |fd: &RawFd| {
        // SAFETY: the number only goes into system calls; were it reused by
        // now, they would fail or meet a connection that is to stop as well.
        let open = unsafe { BorrowedFd::borrow_raw(*fd) };
        let socket = SockRef::from(&open);
        // Bytes may be on their way for a moment, or their sender blocked.
        if !ready(open, PollFlags::IN) && ms_since_last_byte(*fd) >= 100 {
            socket.shutdown(Shutdown::Read).ok();
        }
        socket.peer_addr().is_ok_and(|peer| !peer.is_unix())
    };
    fds.filter(|fd| *fd > 2).filter(connected).count()
}

fn ms_since_last_byte(fd: RawFd) -> u32 {
    // SAFETY: zeros are valid, and the kernel writes at most `size` bytes.
    unsafe {
        let mut tcp: libc::tcp_info = mem::zeroed();
        let (mut size, to) = (size_of_val(&tcp) as u32, (&raw mut tcp).cast());
        libc::getsockopt(fd, libc::SOL_TCP, libc::TCP_INFO, to, &raw mut size);
        tcp.tcpi_last_data_recv.min(tcp.tcpi_last_data_sent)
    }
}
