//! One connection: what is due, what was sent, what came back right.
//!
//! A pure state machine. The engine tells it what the socket took and what it
//! gave; it answers what to send next, which messages are complete and
//! whether the bytes are the right ones. Payloads are never stored: a byte is
//! made from its offset when the socket has room for it, and compared with
//! the same function when it returns, so a queue of unsent messages costs no
//! memory beyond its times.
//!
//! Refuses to do: own a socket, read a clock, stop the run.

use std::collections::VecDeque;

use wire::Fault;

use crate::diagnose::Scene;
use crate::pattern::Pattern;

/// With so many bytes any kind of damage can be named.
const EVIDENCE_BYTES: usize = 48;

/// One message, from its plan to its last echoed byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Offset in the stream behind its last byte.
    end: u64,
    /// When the plan wanted it sent.
    pub(crate) intended_ns: u64,
    /// When its first byte was given to the kernel; 0 before that.
    pub(crate) written_ns: u64,
    /// Whether it falls into the counted part of a window.
    pub(crate) counted: bool,
}

impl Message {
    /// What several messages of one connection came to as a whole.
    pub(crate) const fn of(
        intended_ns: u64,
        written_ns: u64,
        counted: bool,
    ) -> Self {
        Self { end: 0, intended_ns, written_ns, counted }
    }
}

#[cfg(test)]
impl Message {
    /// One that was sent when it was due.
    pub(crate) const fn sent_at(ns: u64) -> Self {
        Self::of(ns, ns, true)
    }
}

/// What the received bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All as sent.
    Right,
    /// Not as sent; further bytes would tell what kind of damage it is.
    Suspect,
    /// Not as sent, and no further byte is needed.
    Damaged,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Conn {
    id: u32,
    /// Bytes due so far.
    queued: u64,
    sent: u64,
    received: u64,
    /// Offset behind the last complete message.
    complete: u64,
    pending: VecDeque<Message>,
    /// Messages at the front of `pending` whose first byte is written.
    begun: usize,
    /// What came from the first bad byte on.
    evidence: Vec<u8>,
}

impl Conn {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            queued: 0,
            sent: 0,
            received: 0,
            complete: 0,
            pending: VecDeque::new(),
            begun: 0,
            evidence: Vec::new(),
        }
    }

    /// Bytes that are due and not yet with the kernel.
    pub(crate) fn unsent(&self) -> u64 {
        self.queued - self.sent
    }

    /// Bytes sent and not yet back.
    pub(crate) fn outstanding(&self) -> u64 {
        self.sent - self.received
    }

    /// Whether part of a message came back and the rest is outstanding.
    pub(crate) fn is_partial(&self) -> bool {
        self.received > self.complete
    }

    /// Messages not yet complete, oldest first.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &Message> {
        self.pending.iter()
    }

    /// A message of `length` bytes is due.
    pub(crate) fn enqueue(
        &mut self,
        length: u32,
        intended_ns: u64,
        counted: bool,
    ) {
        self.queued += u64::from(length);
        let end = self.queued;
        let message = Message { end, intended_ns, written_ns: 0, counted };
        self.pending.push_back(message);
    }

    /// Fills the front of `out` with the next unsent bytes; returns how many.
    pub(crate) fn fill(&self, pattern: Pattern, out: &mut [u8]) -> usize {
        let length = usize::try_from(self.unsent())
            .map_or(out.len(), |unsent| unsent.min(out.len()));
        pattern.fill(self.id, self.sent, &mut out[..length]);
        length
    }

    /// The kernel took `length` bytes of those from [`Self::fill`].
    pub(crate) fn wrote(&mut self, length: usize, now_ns: u64) {
        self.sent += length as u64;
        let mut start = match self.begun.checked_sub(1) {
            Some(last) => self.pending[last].end,
            None => self.complete,
        };
        while start < self.sent {
            let message = &mut self.pending[self.begun];
            message.written_ns = now_ns;
            start = message.end;
            self.begun += 1;
        }
    }

    /// Bytes came back. Complete messages are appended to `complete`.
    pub(crate) fn receive(
        &mut self,
        pattern: Pattern,
        bytes: &[u8],
        complete: &mut Vec<Message>,
    ) -> Verdict {
        if self.evidence.is_empty() {
            let due = usize::try_from(self.outstanding())
                .map_or(bytes.len(), |due| due.min(bytes.len()));
            let good = pattern
                .first_difference(self.id, self.received, &bytes[..due])
                .unwrap_or(due);
            self.advance(good as u64, complete);
            if good == bytes.len() {
                return Verdict::Right;
            }
            self.collect(&bytes[good..])
        } else {
            self.collect(bytes)
        }
    }

    fn advance(&mut self, good: u64, complete: &mut Vec<Message>) {
        self.received += good;
        while let Some(message) = self.pending.front() {
            if message.end > self.received {
                break;
            }
            self.complete = message.end;
            complete.extend(self.pending.pop_front());
            self.begun -= 1;
        }
    }

    fn collect(&mut self, bytes: &[u8]) -> Verdict {
        let room = EVIDENCE_BYTES - self.evidence.len();
        self.evidence.extend_from_slice(&bytes[..room.min(bytes.len())]);
        let full = self.evidence.len() == EVIDENCE_BYTES;
        let all_came = self.outstanding() > 0
            && self.evidence.len() as u64 >= self.outstanding();
        if full || all_came { Verdict::Damaged } else { Verdict::Suspect }
    }

    /// Names the damage from what came; without any bad byte, names what is
    /// outstanding as missing.
    pub(crate) fn fault(&self, pattern: Pattern, connections: u32) -> Fault {
        let scene = Scene {
            pattern,
            connections,
            connection: self.id,
            offset: self.received,
            sent: self.sent,
            evidence: &self.evidence,
        };
        scene.fault()
    }

    /// Whether a bad byte has come.
    pub(crate) fn is_suspect(&self) -> bool {
        !self.evidence.is_empty()
    }

    /// Takes messages of which no byte was written off the queue.
    pub(crate) fn censor(&mut self) -> impl Iterator<Item = Message> {
        let begun = self.begun;
        self.queued = match begun.checked_sub(1) {
            Some(last) => self.pending[last].end,
            None => self.complete,
        };
        self.pending.drain(begun..)
    }
}

#[cfg(test)]
mod tests;
