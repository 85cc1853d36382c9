//! The proof that N connections were open at one moment.
//!
//! `connect()` proves nothing: with a full accept queue the kernel drops the
//! final ACK while the client believes it is connected. So every connection
//! echoes a nonce of its own, and when all have done so every connection
//! echoes a second one. If no connection closed in between, all N were open,
//! accepted and served during the whole time from the last first echo to the
//! first second nonce.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Counts and times from which the claim "N at once" follows.
/// Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Connections opened by the client, each on a descriptor of its own.
    pub opened: u32,
    /// Connections whose first nonce came back whole and right.
    pub first_echoes: u32,
    /// When the last of them came back.
    pub last_first_echo_ns: u64,
    /// When the first nonce of the second sweep was sent; 0 before that.
    pub second_sweep_ns: u64,
    /// Connections whose second nonce came back whole and right.
    pub second_echoes: u32,
    /// When the last of them came back; 0 before that.
    pub last_second_echo_ns: u64,
    /// Connections that ended between their first echo and the end of the
    /// second sweep, whoever closed them.
    pub closed: u32,
}

/// The first step of the proof that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotProved {
    /// Fewer connections than asked for.
    #[error("{opened} of {wanted} connections were opened")]
    Opened {
        /// How many were.
        opened: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// Some connection never echoed its first nonce.
    #[error("{echoes} of {wanted} connections echoed the first nonce")]
    First {
        /// How many did.
        echoes: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// Some connection never echoed its second nonce.
    #[error("{echoes} of {wanted} connections echoed the second nonce")]
    Second {
        /// How many did.
        echoes: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// A connection closed in between.
    #[error("{closed} connections closed between the sweeps")]
    Closed {
        /// How many did.
        closed: u32,
    },
    /// The second sweep began before the first had ended.
    #[error("the second sweep began before the first had ended")]
    Order,
}

impl Proof {
    /// Recomputes the claim that `wanted` connections were open at once.
    ///
    /// # Errors
    /// The first step that does not hold.
    pub fn verify(&self, wanted: u32) -> Result<(), NotProved> {
        if self.opened != wanted {
            return Err(NotProved::Opened { opened: self.opened, wanted });
        }
        if self.first_echoes != wanted {
            return Err(NotProved::First { echoes: self.first_echoes, wanted });
        }
        if self.closed != 0 {
            return Err(NotProved::Closed { closed: self.closed });
        }
        if self.second_echoes != wanted {
            return Err(NotProved::Second {
                echoes: self.second_echoes,
                wanted,
            });
        }
        let ordered = 0 < self.last_first_echo_ns
            && self.last_first_echo_ns <= self.second_sweep_ns
            && self.second_sweep_ns <= self.last_second_echo_ns;
        if ordered { Ok(()) } else { Err(NotProved::Order) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Proof {
        Proof {
            opened: 3,
            first_echoes: 3,
            last_first_echo_ns: 10,
            second_sweep_ns: 11,
            second_echoes: 3,
            last_second_echo_ns: 20,
            closed: 0,
        }
    }

    #[test]
    fn two_whole_sweeps_without_a_close_prove_all_open() {
        assert_eq!(good().verify(3), Ok(()));
    }

    #[test]
    fn each_missing_step_is_named() {
        let wanted = 3;
        let cases = [
            (
                Proof { opened: 2, ..good() },
                NotProved::Opened { opened: 2, wanted },
            ),
            (
                Proof { first_echoes: 2, ..good() },
                NotProved::First { echoes: 2, wanted },
            ),
            (
                Proof { second_echoes: 0, ..good() },
                NotProved::Second { echoes: 0, wanted },
            ),
            (Proof { closed: 1, ..good() }, NotProved::Closed { closed: 1 }),
            (Proof { second_sweep_ns: 9, ..good() }, NotProved::Order),
            (Proof { last_second_echo_ns: 0, ..good() }, NotProved::Order),
        ];
        for (proof, expected) in cases {
            assert_eq!(proof.verify(wanted), Err(expected));
        }
    }
}
