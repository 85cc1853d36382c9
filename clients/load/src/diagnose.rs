//! From wrong bytes to the kind of damage.
//!
//! A pure function: it gets what came from the first bad byte on and what
//! should have come, and names the most exact explanation that fits.
//!
//! Refuses to do: decide when enough bytes have come; that is `conn`.

use wire::{Fault, FaultKind};

use crate::pattern::Pattern;

/// Bytes quoted in a [`Fault`].
pub(crate) const QUOTED: usize = 32;

/// How far a piece too short to be decoded is looked for in its own stream.
const NEIGHBOURHOOD: u64 = 4096;

/// What is known about a connection whose echo went wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) pattern: Pattern,
    /// Connections of the run.
    pub(crate) connections: u32,
    /// The one that received the bytes.
    pub(crate) connection: u32,
    /// Bytes that came back right, hence the offset of the first bad one.
    pub(crate) offset: u64,
    /// Bytes sent so far.
    pub(crate) sent: u64,
    /// What came from `offset` on; empty if nothing came at all.
    pub(crate) evidence: &'a [u8],
}

impl Scene<'_> {
    /// Names the damage.
    pub(crate) fn fault(&self) -> Fault {
        let length = u64::try_from(QUOTED).expect("a small constant");
        let due = self.sent.saturating_sub(self.offset).min(length);
        let mut expected =
            vec![0; usize::try_from(due).expect("at most the quoted length")];
        self.pattern.fill(self.connection, self.offset, &mut expected);
        let quoted = self.evidence.len().min(QUOTED);
        Fault {
            kind: self.kind(),
            connection: self.connection,
            offset: self.offset,
            expected: hex(&expected),
            actual: hex(&self.evidence[..quoted]),
        }
    }

    fn kind(&self) -> FaultKind {
        if self.evidence.is_empty() {
            return FaultKind::Short { missing: self.sent - self.offset };
        }
        let place = self.pattern.locate(self.evidence, self.connections);
        if let Some(place) = place {
            if place.connection != self.connection {
                return FaultKind::Mixed {
                    other: place.connection,
                    other_offset: place.offset,
                };
            }
            return self.own(place.offset);
        }
        if self.offset >= self.sent {
            return FaultKind::Surplus;
        }
        // One or a few damaged bytes leave what follows them in its place.
        if self.goes_on_in_place() {
            return FaultKind::Wrong;
        }
        self.near_own_place().map_or(FaultKind::Wrong, |at| self.own(at))
    }

    /// The bytes are this connection's own, of `offset`.
    fn own(&self, offset: u64) -> FaultKind {
        if offset > self.offset && self.offset < self.sent {
            FaultKind::Short { missing: offset - self.offset }
        } else {
            FaultKind::Surplus
        }
    }

    fn matches(&self, offset: u64, bytes: &[u8]) -> bool {
        self.pattern.first_difference(self.connection, offset, bytes).is_none()
    }

    fn goes_on_in_place(&self) -> bool {
        let length = self.evidence.len();
        (1..length).any(|bad| {
            let enough = bad == 1 || length - bad >= 4;
            enough
                && self.matches(self.offset + bad as u64, &self.evidence[bad..])
        })
    }

    /// Looks for a piece that is too short to be decoded.
    fn near_own_place(&self) -> Option<u64> {
        let length = self.evidence.len() as u64;
        let last = self.sent.checked_sub(length)?;
        // Bytes lost near the end of all that was sent leave exactly its end.
        if last > self.offset && self.matches(last, self.evidence) {
            return Some(last);
        }
        if length < 3 {
            return None;
        }
        (1..=NEIGHBOURHOOD)
            .flat_map(|distance| {
                let later = self.offset + distance;
                let earlier = self.offset.checked_sub(distance);
                [Some(later).filter(|at| *at <= last), earlier]
            })
            .flatten()
            .find(|at| self.matches(*at, self.evidence))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: Pattern = Pattern::new(5);

    fn stream(connection: u32, from: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        PATTERN.fill(connection, from, &mut bytes);
        bytes
    }

    /// Connection 3 of 100 has got 203 bytes back of 300.
    fn kind(evidence: &[u8]) -> FaultKind {
        kind_at(203, 300, evidence)
    }

    fn kind_at(offset: u64, sent: u64, evidence: &[u8]) -> FaultKind {
        let scene = Scene {
            pattern: PATTERN,
            connections: 100,
            connection: 3,
            offset,
            sent,
            evidence,
        };
        scene.fault().kind
    }

    #[test]
    fn one_damaged_byte_is_wrong() {
        let mut bytes = stream(3, 203, 40);
        bytes[0] ^= 1;
        for length in 1..=40 {
            assert_eq!(kind(&bytes[..length]), FaultKind::Wrong, "{length}");
        }
    }

    #[test]
    fn noise_is_wrong() {
        assert_eq!(kind(&[0; 40]), FaultKind::Wrong);
        assert_eq!(kind(&[7; 5]), FaultKind::Wrong);
    }

    #[test]
    fn a_lost_byte_is_short_by_one() {
        let bytes = stream(3, 204, 40);
        for length in 3..=40 {
            assert_eq!(
                kind(&bytes[..length]),
                FaultKind::Short { missing: 1 },
                "{length}"
            );
        }
    }

    #[test]
    fn a_byte_lost_next_to_the_end_is_short_by_one() {
        let bytes = stream(3, 299, 1);
        assert_eq!(kind_at(298, 300, &bytes), FaultKind::Short { missing: 1 });
    }

    #[test]
    fn a_lost_message_is_short_by_its_length() {
        let bytes = stream(3, 303, 40);
        assert_eq!(
            kind_at(203, 400, &bytes),
            FaultKind::Short { missing: 100 }
        );
    }

    #[test]
    fn nothing_at_all_is_short_by_what_is_outstanding() {
        assert_eq!(kind(&[]), FaultKind::Short { missing: 97 });
    }

    #[test]
    fn a_doubled_byte_is_surplus() {
        let bytes = stream(3, 202, 40);
        for length in 3..=40 {
            assert_eq!(kind(&bytes[..length]), FaultKind::Surplus, "{length}");
        }
    }

    #[test]
    fn bytes_beyond_what_was_sent_are_surplus() {
        assert_eq!(kind_at(300, 300, &stream(3, 200, 40)), FaultKind::Surplus);
        assert_eq!(kind_at(300, 300, &stream(3, 300, 40)), FaultKind::Surplus);
        assert_eq!(kind_at(300, 300, b"x"), FaultKind::Surplus);
    }

    #[test]
    fn another_connections_bytes_name_it_and_their_place() {
        for from in 500..508 {
            let mut bytes = stream(42, from, 16);
            // What follows the foreign message is this connection's own.
            bytes.extend(stream(3, 219, 16));
            let mixed = FaultKind::Mixed { other: 42, other_offset: from };
            assert_eq!(kind(&bytes), mixed);
            assert_eq!(kind_at(300, 300, &bytes), mixed);
        }
    }

    #[test]
    fn the_quotation_ends_where_the_sent_bytes_end() {
        let scene = Scene {
            pattern: PATTERN,
            connections: 1,
            connection: 0,
            offset: 298,
            sent: 300,
            evidence: &[1, 2, 3],
        };
        let fault = scene.fault();
        assert_eq!(fault.expected.len(), 4);
        assert_eq!(fault.actual, "010203");
        assert_eq!(fault.offset, 298);
    }
}
