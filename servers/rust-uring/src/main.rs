//! One io_uring per worker: it asks for results, not for readiness.
//!
//! Waits     in `io_uring_enter(2)`, which hands in requests as well
//! Wakes     once for a batch of results: bytes that are read, not to be read
//! Costs     a share of common buffers while busy; at rest only a request
//! Gives out at one slow handler, or where the kernel forbids io_uring
//! Next      rust-compio: completions, behind straight code

#![expect(unsafe_code, reason = "the kernel reads and writes our memory")]

use std::io::ErrorKind::{Interrupted, ResourceBusy};
use std::io::{Error, Result};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{mem, ptr, slice, sync::Barrier, thread, thread::Builder};

use contract::{Args, Retry, require};
use io_uring::cqueue::{Entry as Done, buffer_select, more};
use io_uring::squeue::{Entry as Request, Flags};
use io_uring::types::{BufRingEntry, Fd, Timespec};
use io_uring::{IoUring, opcode};

const ABOUT: &str = "Echo over TCP with one io_uring per worker.
Each of --workers threads has a listener, a ring, and buffers to lend.";

/// Buffers that the kernel may read into before anybody has looked.
const COUNT: u16 = 512;
/// What may be read of a connection before all of it is written.
const READ_AHEAD: usize = 64 * 1024;
static PAUSE: Timespec = Timespec::new().nsec(contract::PAUSE.subsec_nanos());

/// What a result is of, below the number of the connection's descriptor.
const ACCEPT: u64 = 0;
const PAUSED: u64 = 1;
const RECEIVE: u64 = 2;
const SEND: u64 = 3;

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

struct Worker {
    listener: TcpListener,
    ring: IoUring,
    /// A descriptor is a small number nobody else has: it serves as the index.
    connections: Vec<Connection>,
    /// The kernel can go on receiving, and stop at a limit: since 6.17.
    multishot: bool,
    buffers: *mut u8,
    size: usize,
    /// By which buffers are lent to the kernel, and how many have been.
    entries: *mut BufRingEntry,
    tail: u16,
    spin_us: u32,
}

fn main() {
    let args = &Args::parse(ABOUT);
    let shards = contract::listen_in_shards(args);
    contract::stop_on_signals(&shards.iter().collect::<Vec<_>>(), args);
    drop(require("io_uring", IoUring::new(1024))); // one reason for all workers
    let started = &Barrier::new(shards.len());
    thread::scope(|threads| {
        for shard in shards {
            let serve = || require("io_uring", serve(shard, started, args));
            require("a thread", Builder::new().spawn_scoped(threads, serve));
        }
    });
}

fn serve(listener: TcpListener, started: &Barrier, args: &Args) -> Result<()> {
    // Since 6.1 results can wait until somebody asks for them.
    let mut lazy = IoUring::builder();
    lazy.setup_single_issuer().setup_defer_taskrun();
    let ring = lazy.build(1024).or_else(|_| IoUring::new(1024))?;
    // Never freed, as the kernel writes here; the entries lie on a page's edge.
    let (size, count) = (args.buffer_bytes, usize::from(COUNT));
    let buffers = vec![0; count * size].leak().as_mut_ptr();
    let room = vec![0_u8; 4096 + count * 16].leak().as_mut_ptr();
    let at = room.wrapping_add(room.align_offset(4096)) as u64;
    // SAFETY: that is how many entries there is room for.
    unsafe { ring.submitter().register_buf_ring_with_flags(at, COUNT, 0, 0)? };
    #[rustfmt::skip]
    let mut worker = Worker { listener, ring, connections: vec![], buffers, size,
        entries: at as *mut _, tail: 0, multishot: true, spin_us: args.spin_us };
    (0..COUNT).for_each(|buffer| worker.lend(buffer));
    worker.accept()?;
    if started.wait().is_leader() {
        contract::announce(&worker.listener, "io_uring", args.workers, size);
    }
    loop {
        // This is the model: one call hands in requests and waits for results.
        match worker.ring.submit_and_wait(1) {
            Err(e) if matches!(e.kind(), Interrupted | ResourceBusy) => {}
            done => drop(done?),
        }
        loop {
            let Some(it) = worker.ring.completion().next() else { break };
            let fd = (it.user_data() >> 8) as usize;
            match it.user_data() & 0xff {
                ACCEPT => worker.accepted(&it)?,
                RECEIVE => worker.received(fd, &it)?,
                SEND => worker.sent(fd, it.result())?,
                _ => worker.accept()?, // the pause is over
            }
        }
    }
}

impl Worker {
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
        let accept = opcode::AcceptMulti::new(Fd(self.listener.as_raw_fd()));
        self.ask(accept.flags(libc::SOCK_CLOEXEC).build(), ACCEPT, 0)
    }

    fn accepted(&mut self, done: &Done) -> Result<()> {
        let Ok(fd) = usize::try_from(done.result()) else {
            let error = Error::from_raw_os_error(-done.result());
            let pause = opcode::Timeout::new(&raw const PAUSE).build();
            return match contract::retry("accept", &error) {
                Retry::Now => self.accept(),
                Retry::After(_) => self.ask(pause, PAUSED, 0),
                Retry::Never => Ok(()),
            };
        };
        // SAFETY: the kernel has just made this descriptor for us.
        let stream = Some(unsafe { TcpStream::from_raw_fd(fd as i32) });
        let len = self.connections.len().max(fd + 1);
        self.connections.resize_with(len, Connection::default);
        self.connections[fd].stream = stream;
        self.settle(fd)?;
        // Without more to come the request is gone.
        if more(done.flags()) { Ok(()) } else { self.accept() }
    }

    /// Asks for all that will come, each time into whichever buffer is free.
    fn receive(&mut self, fd: usize) -> Result<()> {
        self.connections[fd].receiving = true;
        let on = Fd(fd as i32);
        let one = opcode::Recv::new(on, ptr::null_mut(), 0).build();
        let one = one.flags(Flags::BUFFER_SELECT);
        let mut all = opcode::RecvMulti::new(on, 0).build();
        // The kernel has read on by the time it is told to stop: so a limit.
        let limit = READ_AHEAD - self.size + 1;
        // SAFETY: at byte 44 is `optlen`, which the crate has no name for yet.
        unsafe { (&raw mut all).cast::<u32>().add(11).write(limit as u32) };
        self.ask(if self.multishot { all } else { one }, RECEIVE, fd)
    }

    fn received(&mut self, fd: usize, done: &Done) -> Result<()> {
        let it = &mut self.connections[fd];
        it.receiving = more(done.flags());
        match (done.result(), buffer_select(done.flags())) {
            (n @ 1.., Some(buffer)) => {
                contract::spin(self.spin_us);
                let at = self.buffers.wrapping_add(buffer as usize * self.size);
                // SAFETY: never freed, and ours until it is lent again.
                let bytes = unsafe { slice::from_raw_parts(at, n as usize) };
                if !it.sending {
                    it.lent = Some((buffer, bytes));
                    return self.send(fd);
                }
                it.unsent.extend_from_slice(bytes);
                self.lend(buffer);
            }
            (e, _) if e == -libc::ENOBUFS => {} // all lent: asks once more
            (e, _) if e == -libc::EINVAL => self.multishot = false, // too old
            _ => it.ended = true,
        }
        self.settle(fd)
    }

    /// A peer that doesn't read must not keep a buffer: it waits for a copy.
    fn send(&mut self, fd: usize) -> Result<()> {
        let it = &mut self.connections[fd];
        it.sending = true;
        let rest = (&*it.rest, libc::MSG_WAITALL);
        let (bytes, how) = it.lent.map_or(rest, |l| (l.1, libc::MSG_DONTWAIT));
        let (at, n) = (bytes.as_ptr(), bytes.len() as u32);
        let send = opcode::Send::new(Fd(fd as i32), at, n);
        self.ask(send.flags(how | libc::MSG_NOSIGNAL).build(), SEND, fd)
    }

    fn sent(&mut self, fd: usize, result: i32) -> Result<()> {
        let it = &mut self.connections[fd];
        it.sending = false;
        let (n, lent) = (usize::try_from(result).unwrap_or(0), it.lent.take());
        match lent {
            Some((_, bytes)) => it.rest.extend(&bytes[n..]),
            None => drop(it.rest.drain(..n)),
        }
        if result < 0 && result != -libc::EAGAIN {
            // The peer is gone; this ends what is being read, too.
            it.stream.as_ref().map(|it| it.shutdown(Shutdown::Both));
            (it.ended, it.rest, it.unsent) = (true, Vec::new(), Vec::new());
        }
        lent.iter().for_each(|(buffer, _)| self.lend(*buffer));
        self.settle(fd)
    }

    /// Asks for what comes next: to send, to read, or nothing any more.
    fn settle(&mut self, fd: usize) -> Result<()> {
        let it = &mut self.connections[fd];
        if !it.sending && it.rest.is_empty() {
            it.rest = mem::take(&mut it.unsent);
        }
        match (it.sending, it.rest.is_empty(), it.receiving, it.ended) {
            (false, false, ..) => return self.send(fd),
            (false, true, false, false) => return self.receive(fd),
            (false, true, false, true) => *it = Connection::default(), // closes
            _ => {}
        }
        Ok(())
    }

    fn lend(&mut self, buffer: u16) {
        let at = self.buffers.wrapping_add(buffer as usize * self.size);
        // SAFETY: both lie in the ring, whose tail only we move; that shows it.
        unsafe {
            let entry = &mut *self.entries.add((self.tail % COUNT).into());
            entry.set_addr(at as u64);
            entry.set_len(self.size as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.entries).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}
