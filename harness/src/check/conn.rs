//! One connection of a lab: knows what it has sent, checks every byte that
//! comes back, and waits for nothing without a limit.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::bytes::Pattern;
use super::conn_check::is_for_later;
use super::verdict::{Outcome, Stop, broken, fail, late, refused};
use crate::interrupt::Interrupt;

/// A connection to the server under test.
#[derive(Debug)]
pub(crate) struct Conn<'a> {
    pub(super) stream: TcpStream,
    interrupt: &'a Interrupt,
    pub(super) pattern: Pattern,
    /// Which connection of the lab it is.
    pub(crate) key: u32,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// For what has no bound of its own.
    pub(super) patience: Duration,
}

/// What is written or read at once.
pub(super) const CHUNK: usize = 64 << 10;

impl<'a> Conn<'a> {
    pub(super) fn new(
        stream: TcpStream,
        key: u32,
        pattern: Pattern,
        patience: Duration,
        interrupt: &'a Interrupt,
    ) -> Outcome<Self> {
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_nonblocking(true))
            .map_err(broken("a socket option"))?;
        let (sent, received) = (0, 0);
        Ok(Self { stream, interrupt, pattern, key, sent, received, patience })
    }

    /// Waits for readiness; empty when the time is over.
    pub(super) fn wait(
        &self,
        flags: PollFlags,
        until: Instant,
    ) -> Outcome<PollFlags> {
        let stop = self.interrupt.fd();
        let mut fds = [
            PollFd::from_borrowed_fd(self.stream.as_fd(), flags),
            PollFd::from_borrowed_fd(stop, PollFlags::IN),
        ];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut fds, timeout.as_ref()) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Stop::Error(error.to_string())),
                Ok(_) => break,
            }
        }
        if fds[1].revents().is_empty() {
            Ok(fds[0].revents())
        } else {
            Err(Stop::Interrupted)
        }
    }

    /// Writes some of the next bytes, at most `most`; none when it is full.
    pub(crate) fn try_send(&mut self, most: u64) -> Outcome<usize> {
        let most = usize::try_from(most).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = [0; CHUNK];
        self.pattern.fill(self.key, self.sent, &mut chunk[..most]);
        match self.stream.write(&chunk[..most]) {
            Ok(taken) => {
                self.sent += taken as u64;
                Ok(taken)
            }
            Err(error) if is_for_later(error.kind()) => Ok(0),
            Err(error) => Err(refused(&self.at("writing"), &error)),
        }
    }

    /// Reads and checks what is there; `None` at the end.
    pub(crate) fn try_receive(&mut self) -> Outcome<Option<usize>> {
        self.try_receive_most(CHUNK)
    }

    pub(crate) fn try_receive_most(
        &mut self,
        most: usize,
    ) -> Outcome<Option<usize>> {
        let mut chunk = [0; CHUNK];
        let most = most.min(CHUNK);
        match self.stream.read(&mut chunk[..most]) {
            Ok(0) => Ok(None),
            Ok(read) => {
                self.check(&chunk[..read])?;
                self.received += read as u64;
                Ok(Some(read))
            }
            Err(error) if is_for_later(error.kind()) => Ok(Some(0)),
            Err(error) => Err(refused(&self.at("reading"), &error)),
        }
    }

    /// Sends the next `length` bytes, reading nothing.
    pub(crate) fn send(&mut self, length: u64) -> Outcome {
        let until = Instant::now() + self.patience;
        let end = self.sent + length;
        while self.sent < end {
            if self.try_send(end - self.sent)? == 0
                && self.wait(PollFlags::OUT, until)?.is_empty()
            {
                let actual = self.at("nothing taken");
                return late("bytes are taken", self.patience, actual);
            }
        }
        Ok(())
    }

    /// Receives the next `length` bytes.
    pub(crate) fn receive(&mut self, length: u64, bound: Duration) -> Outcome {
        let (start, end) = (Instant::now(), self.received + length);
        while self.received < end {
            let left = usize::try_from(end - self.received).unwrap_or(CHUNK);
            match self.try_receive_most(left)? {
                None => return self.short(end),
                Some(0) => self.readable(end, start + bound, bound)?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Receives all that was sent and is not back yet.
    pub(crate) fn receive_rest(&mut self, bound: Duration) -> Outcome {
        self.receive(self.sent - self.received, bound)
    }

    /// Sends the next `length` bytes and receives all that is due, both at
    /// once. Tells how long it took.
    pub(crate) fn exchange(
        &mut self,
        length: u64,
        bound: Duration,
    ) -> Outcome<Duration> {
        let start = Instant::now();
        let end = self.sent + length;
        while self.received < end {
            let sent = match end - self.sent {
                0 => 0,
                left => self.try_send(left)?,
            };
            match self.try_receive()? {
                None => return self.short(end).map(|()| Duration::ZERO),
                Some(0) if sent == 0 => {
                    let mut flags = PollFlags::IN;
                    flags.set(PollFlags::OUT, self.sent < end);
                    if self.wait(flags, start + bound)?.is_empty() {
                        self.readable(end, start, bound)?;
                    }
                }
                Some(_) => {}
            }
        }
        Ok(start.elapsed())
    }

    /// Moves what can be moved of the next `length` bytes, both ways, without
    /// waiting for the last ones.
    pub(crate) fn exchange_some(
        &mut self,
        length: u64,
        bound: Duration,
    ) -> Outcome {
        let (start, end) = (Instant::now(), self.sent + length);
        let both = PollFlags::IN | PollFlags::OUT;
        while self.sent < end {
            let sent = self.try_send(end - self.sent)?;
            let idle = match self.try_receive()? {
                None => return self.short(end),
                Some(received) => sent + received == 0,
            };
            if idle && self.wait(both, start + bound)?.is_empty() {
                self.readable(end, start, bound)?;
            }
        }
        Ok(())
    }

    /// Sends the next `length` bytes, receives meanwhile what comes, and ends
    /// the sending side right after the last byte.
    pub(crate) fn exchange_finishing(
        &mut self,
        length: u64,
        bound: Duration,
    ) -> Outcome {
        self.exchange_some(length - 1, bound)?;
        self.send(1)?;
        self.finish()
    }

    fn readable(&self, end: u64, until: Instant, bound: Duration) -> Outcome {
        if !self.wait(PollFlags::IN, until)?.is_empty() {
            return Ok(());
        }
        let what = format!("{end} bytes of connection {}", self.key);
        late(&what, bound, format!("{} bytes came back", self.received))
    }

    /// The server closes now, and sends nothing more.
    pub(crate) fn end(&mut self, bound: Duration) -> Outcome {
        let until = Instant::now() + bound;
        loop {
            match self.try_receive()? {
                None => return Ok(()),
                Some(0) => {
                    if self.wait(PollFlags::IN, until)?.is_empty() {
                        let what = self.at("the end");
                        return late(&what, bound, "it stays open");
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// All that was sent comes back, and then the end.
    pub(crate) fn rest_and_end(&mut self, bound: Duration) -> Outcome {
        self.receive_rest(bound)?;
        self.end(bound)
    }

    /// Nothing may come for so long.
    pub(crate) fn silent(&mut self, time: Duration) -> Outcome {
        if self.wait(PollFlags::IN, Instant::now() + time)?.is_empty() {
            return Ok(());
        }
        match self.try_receive()? {
            None => fail("an open connection", self.at("closed")),
            Some(_) => Ok(()),
        }
    }

    /// Writes until nothing has been taken for `stall`, or `most` bytes are
    /// gone. Tells how many were taken.
    pub(crate) fn offer(&mut self, most: u64, stall: Duration) -> Outcome<u64> {
        let begin = self.sent;
        while self.sent - begin < most {
            if self.try_send(most - (self.sent - begin))? == 0
                && self.wait(PollFlags::OUT, Instant::now() + stall)?.is_empty()
            {
                break;
            }
        }
        Ok(self.sent - begin)
    }
}
