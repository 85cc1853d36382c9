//! What a connection makes of bytes that are not what is due.

use std::io::ErrorKind;

use super::conn::Conn;
use super::verdict::{Outcome, fail};

impl Conn<'_> {
    /// Where the connection stands, for messages.
    pub(super) fn at(&self, what: &str) -> String {
        let (sent, received) = (self.sent, self.received);
        format!(
            "{what} on connection {} after {sent} bytes out, {received} back",
            self.key
        )
    }

    pub(super) fn short(&self, end: u64) -> Outcome {
        fail(
            format!("{end} bytes of connection {}", self.key),
            format!("closed after {}", self.received),
        )
    }

    /// Holds what came against what is due.
    pub(super) fn check(&self, bytes: &[u8]) -> Outcome {
        let due = usize::try_from(self.sent - self.received);
        let due = due.unwrap_or(usize::MAX).min(bytes.len());
        let mut wanted = vec![0; bytes.len()];
        self.pattern.fill(self.key, self.received, &mut wanted);
        let wrong = wanted[..due].iter().zip(bytes).position(|(a, b)| a != b);
        let Some(at) = wrong.or_else(|| (due < bytes.len()).then_some(due))
        else {
            return Ok(());
        };
        let offset = self.received + at as u64;
        let stray = &bytes[at..];
        let origin = match self.pattern.locate(stray) {
            Some((key, from)) if key == self.key => {
                format!(", its own from offset {from}")
            }
            Some((key, from)) => {
                format!(", which belong to connection {key}, offset {from}")
            }
            None => String::new(),
        };
        let surplus = if wrong.is_none() { "surplus " } else { "" };
        fail(
            if wrong.is_none() {
                format!("no more than {} bytes", self.sent)
            } else {
                format!("{} at offset {offset}", hex(&wanted[at..]))
            },
            format!(
                "connection {} received {surplus}{} at offset {offset}{origin}",
                self.key,
                hex(stray),
            ),
        )
    }
}

/// The first bytes, readable.
pub(super) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let shown = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}"));
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    shown.collect::<String>() + more
}

pub(super) const fn is_for_later(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
