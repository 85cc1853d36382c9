//! One io_uring per worker: it asks for results, not for readiness.
//!
//! Waits     in `io_uring_enter(2)`, which hands in requests as well
//! Wakes     once for a batch of results: bytes that are read, not to be read
//! Costs     a share of common buffers while busy; at rest only a request
//! Gives out at one slow handler, or where the kernel forbids io_uring
//! Next      rust-compio: completions, behind straight code

#![expect(unsafe_code, reason = "the kernel reads and writes our memory")]

use std::io::{Error, ErrorKind, Result};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{mem, slice, sync::Barrier, thread, thread::Builder};

use contract::{Args, Retry, require};
use io_uring::cqueue::{Entry as Done, buffer_select, more};
use io_uring::types::{BufRingEntry, Fd, Timespec};
use io_uring::{IoUring, opcode, squeue::Entry as Request};

const ABOUT: &str = "Echo over TCP with one io_uring per worker.
Each of --workers threads has a listener, a ring, and buffers to lend.";

/// Buffers that the kernel may read into before anybody has looked.
const BUFFERS: usize = 1024;
/// A connection that owes so much is not read from until it owes nothing.
const READ_AHEAD: usize = 32 * 1024;
static PAUSE: Timespec = Timespec::new().nsec(100_000_000);

/// What a result is of, below the number of the connection's descriptor.
const ACCEPT: u64 = 0;
const PAUSED: u64 = 1;
const RECEIVE: u64 = 2;
const SEND: u64 = 3;
const CANCEL: u64 = 4;

#[derive(Default)]
struct Connection {
    stream: Option<TcpStream>,
    /// A buffer that is being sent from, and what of it.
    lent: Option<(u16, &'static [u8])>,
    /// What is being sent, once the peer has not taken a buffer whole.
    rest: Vec<u8>,
    /// Read meanwhile: of two requests to send one could overtake the other.
    unsent: Vec<u8>,
    sending: bool,
    receiving: bool,
    ended: bool,
}

struct Worker<'a> {
    listener: TcpListener,
    ring: IoUring,
    /// A descriptor is a small number nobody else has: it serves as the index.
    connections: Vec<Connection>,
    buffers: *mut u8,
    /// By which buffers are lent to the kernel, and how many have been.
    entries: *mut BufRingEntry,
    tail: u16,
    args: &'a Args,
}

fn main() {
    let args = &Args::parse(ABOUT);
    let shards = contract::listen_in_shards(args);
    contract::stop_on_signals(&shards.iter().collect::<Vec<_>>(), args);
    let started = &Barrier::new(shards.len());
    thread::scope(|threads| {
        for shard in shards {
            let serve = || require("io_uring", serve(shard, started, args));
            require("a thread", Builder::new().spawn_scoped(threads, serve));
        }
    });
}

fn serve(listener: TcpListener, started: &Barrier, args: &Args) -> Result<()> {
    let plain = IoUring::builder().setup_cqsize(8192).clone();
    // Since 6.1 results can wait until somebody asks for them.
    let mut lazy = plain.clone();
    lazy.setup_single_issuer().setup_defer_taskrun();
    let ring = lazy.build(1024).or_else(|_| plain.build(1024))?;
    // Never freed, as the kernel writes here; the entries lie on a page's edge.
    let buffers = vec![0; BUFFERS * args.buffer_bytes].leak().as_mut_ptr();
    let room = vec![0_u8; 4096 + BUFFERS * 16].leak().as_mut_ptr();
    let entries = room.wrapping_add(room.align_offset(4096)).cast();
    let (at, count) = (entries as u64, BUFFERS as u16);
    // SAFETY: that is how many entries there is room for.
    unsafe { ring.submitter().register_buf_ring_with_flags(at, count, 0, 0)? };
    let (connections, tail) = (Vec::new(), 0);
    let mut worker =
        Worker { listener, ring, connections, buffers, entries, tail, args };
    (0..count).for_each(|buffer| worker.lend(buffer));
    worker.accept()?;
    if started.wait().is_leader() {
        let (on, bytes) = (&worker.listener, args.buffer_bytes);
        contract::announce(on, "io_uring", args.workers, bytes);
    }
    let mut results = Vec::with_capacity(8192);
    loop {
        // This is the model: one call hands in requests and waits for results.
        match worker.ring.submit_and_wait(1) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::ResourceBusy => {}
            done => drop(done?),
        }
        results.extend(worker.ring.completion());
        for done in results.drain(..) {
            let fd = (done.user_data() >> 8) as usize;
            match done.user_data() & 0xff {
                ACCEPT => worker.accepted(&done)?,
                PAUSED => worker.accept()?,
                RECEIVE => worker.received(fd, &done)?,
                SEND => worker.sent(fd, &done)?,
                _ => {} // cancelled, which the request itself tells too
            }
        }
    }
}

impl Worker<'_> {
    fn ask(&mut self, it: Request, what: u64, fd: usize) -> Result<()> {
        let request = it.user_data(what | (fd as u64) << 8);
        // SAFETY: nobody touches a lent buffer, or `rest`, until it is sent.
        while unsafe { self.ring.submission().push(&request) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }

    /// Asks for all newcomers, one result for each.
    fn accept(&mut self) -> Result<()> {
        let on = Fd(self.listener.as_raw_fd());
        let accept = opcode::AcceptMulti::new(on).flags(libc::SOCK_CLOEXEC);
        self.ask(accept.build(), ACCEPT, 0)
    }

    fn accepted(&mut self, done: &Done) -> Result<()> {
        if let Ok(fd) = usize::try_from(done.result()) {
            // SAFETY: the kernel has just made this descriptor for us.
            let stream = Some(unsafe { TcpStream::from_raw_fd(fd as i32) });
            let len = self.connections.len().max(fd + 1);
            self.connections.resize_with(len, Connection::default);
            self.connections[fd].stream = stream;
            self.settle(fd)?;
        } else {
            let error = Error::from_raw_os_error(-done.result());
            let pause = opcode::Timeout::new(&raw const PAUSE).build();
            match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(_) => return self.ask(pause, PAUSED, 0),
                Retry::Never => return Ok(()),
            }
        }
        // Without more to come the request is gone.
        if more(done.flags()) { Ok(()) } else { self.accept() }
    }

    fn received(&mut self, fd: usize, done: &Done) -> Result<()> {
        self.connections[fd].receiving = more(done.flags());
        let n = done.result();
        if let (1.., Some(buffer)) = (n, buffer_select(done.flags())) {
            contract::spin(self.args.spin_us);
            let bytes = self.bytes(buffer, n as usize);
            let it = &mut self.connections[fd];
            if !it.sending {
                // The bytes go out from where they came in. A peer that
                // doesn't read must not keep the buffer, so without waiting.
                it.lent = Some((buffer, bytes));
                return self.send(fd, libc::MSG_DONTWAIT);
            }
            it.unsent.extend_from_slice(bytes);
            self.lend(buffer);
        } else if ![-libc::ENOBUFS, -libc::ECANCELED].contains(&n) {
            self.connections[fd].ended = true;
        }
        self.settle(fd)
    }

    fn send(&mut self, fd: usize, how: i32) -> Result<()> {
        let it = &mut self.connections[fd];
        it.sending = true;
        let bytes = it.lent.map_or(&*it.rest, |(_, bytes)| bytes);
        let (at, n) = (bytes.as_ptr(), bytes.len() as u32);
        let send = opcode::Send::new(Fd(fd as i32), at, n);
        self.ask(send.flags(how | libc::MSG_NOSIGNAL).build(), SEND, fd)
    }

    fn sent(&mut self, fd: usize, done: &Done) -> Result<()> {
        let mut it = mem::take(&mut self.connections[fd]);
        let mut n = usize::try_from(done.result()).unwrap_or(0);
        if done.result() < 0 && done.result() != -libc::EAGAIN {
            // The peer is gone; this ends what is being read, too.
            it.stream.as_ref().map(|it| it.shutdown(Shutdown::Both));
            (it.ended, it.unsent, n) = (true, Vec::new(), usize::MAX);
        }
        if let Some((buffer, bytes)) = it.lent.take() {
            it.rest.extend(&bytes[n.min(bytes.len())..]);
            self.lend(buffer);
        } else {
            it.rest.drain(..n.min(it.rest.len()));
        }
        if it.rest.is_empty() {
            it.rest = mem::take(&mut it.unsent);
        }
        it.sending = false;
        let rest = !it.rest.is_empty();
        self.connections[fd] = it;
        if rest { self.send(fd, libc::MSG_WAITALL) } else { self.settle(fd) }
    }

    /// Asks for what comes next: to read, to stop reading, or nothing more.
    fn settle(&mut self, fd: usize) -> Result<()> {
        let it = &mut self.connections[fd];
        if it.receiving && it.unsent.len() >= READ_AHEAD {
            let cancel = opcode::AsyncCancel::new(RECEIVE | (fd as u64) << 8);
            return self.ask(cancel.build(), CANCEL, fd);
        } else if !it.receiving && !it.sending && it.ended {
            *it = Connection::default(); // which closes it
        } else if !it.receiving && !it.sending {
            it.receiving = true;
            // All that will come, each time into whichever buffer is free.
            let receive = opcode::RecvMulti::new(Fd(fd as i32), 0);
            return self.ask(receive.build(), RECEIVE, fd);
        }
        Ok(())
    }

    /// What the kernel has read into a buffer, good until it is lent again.
    fn bytes(&self, buffer: u16, n: usize) -> &'static [u8] {
        let at = buffer as usize * self.args.buffer_bytes;
        // SAFETY: the memory is never freed, and the kernel is done with it.
        unsafe { slice::from_raw_parts(self.buffers.add(at), n) }
    }

    fn lend(&mut self, buffer: u16) {
        let size = self.args.buffer_bytes;
        let at = self.buffers.wrapping_add(buffer as usize * size);
        // SAFETY: both lie in the ring, whose tail only we move; that shows it.
        unsafe {
            let entry = &mut *self.entries.add(self.tail as usize % BUFFERS);
            entry.set_addr(at as u64);
            entry.set_len(size as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.entries).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}
