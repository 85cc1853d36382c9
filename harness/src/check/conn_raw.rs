//! Bytes of no pattern, where a case is about certain ones.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::SockRef;

use super::conn::{CHUNK, Conn};
use super::conn_check::{hex, is_for_later};
use super::verdict::{Outcome, fail, late, refused};

impl Conn<'_> {
    /// Sends bytes of no pattern and receives them, at most 64 KiB at once.
    pub(crate) fn exchange_raw(
        &mut self,
        bytes: &[u8],
        bound: Duration,
    ) -> Outcome {
        self.send_raw(bytes)?;
        let echoed = self.receive_raw(bytes.len(), bound)?;
        if echoed == bytes {
            return Ok(());
        }
        let at = echoed.iter().zip(bytes).position(|(a, b)| a != b);
        let at = at.unwrap_or_else(|| echoed.len().min(bytes.len()));
        fail(
            format!("{} bytes as they were sent", bytes.len()),
            format!(
                "{} bytes; at {at} {} instead of {}",
                echoed.len(),
                hex(&echoed[at..]),
                hex(&bytes[at..])
            ),
        )
    }

    pub(crate) fn send_urgent(&self, bytes: &[u8]) -> Outcome {
        let sent = SockRef::from(&self.stream).send_out_of_band(bytes);
        sent.map(drop).map_err(|error| refused("urgent data", &error))
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> Outcome {
        let mut left = bytes;
        let until = Instant::now() + self.patience;
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(taken) => left = &left[taken..],
                Err(error) if is_for_later(error.kind()) => {
                    if self.wait(PollFlags::OUT, until)?.is_empty() {
                        let what = "bytes are taken";
                        return late(what, self.patience, "none were");
                    }
                }
                Err(error) => return Err(refused("writing", &error)),
            }
        }
        Ok(())
    }

    /// Up to `length` bytes: fewer when the server closes or time is over.
    pub(crate) fn receive_raw(
        &mut self,
        length: usize,
        bound: Duration,
    ) -> Outcome<Vec<u8>> {
        let until = Instant::now() + bound;
        let (mut all, mut chunk) = (Vec::new(), [0; CHUNK]);
        while all.len() < length {
            match self.stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => all.extend_from_slice(&chunk[..read]),
                Err(error) if is_for_later(error.kind()) => {
                    if self.wait(PollFlags::IN, until)?.is_empty() {
                        break;
                    }
                }
                Err(error) => return Err(refused("reading", &error)),
            }
        }
        Ok(all)
    }
}
