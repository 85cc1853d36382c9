//! Whether all connections of a window were served alike.

use serde::{Deserialize, Serialize};

/// What the connections of a window got of it.
///
/// A connection's share is the number of its echoes that came inside the
/// window over the number of messages due on it there; in the closed loop,
/// where every connection in flight is owed the same, simply the number of
/// its echoes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fairness {
    /// Connections with a message due inside the window, or in flight.
    pub connections: u32,
    /// Sum of their shares.
    pub shares: f64,
    /// Sum of the squares of their shares.
    pub squared_shares: f64,
    /// Fewest echoes inside the window that one of them got.
    pub fewest_echoes: u32,
    /// Connections that got no echo inside the window, while messages due on
    /// others half a window later or more were answered.
    pub starved: u32,
    /// Longest time that a connection waited for an outstanding echo: from
    /// its write, or from the connection's echo before, to the echo. Of all
    /// waits that lie inside the window or across one of its edges.
    pub longest_gap_ns: u64,
}

impl Fairness {
    /// Nobody was to be served yet.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            connections: 0,
            shares: 0.0,
            squared_shares: 0.0,
            fewest_echoes: u32::MAX,
            starved: 0,
            longest_gap_ns: 0,
        }
    }

    /// Of two disjoint sets of connections together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            shares: self.shares + other.shares,
            squared_shares: self.squared_shares + other.squared_shares,
            fewest_echoes: self.fewest_echoes.min(other.fewest_echoes),
            starved: self.starved + other.starved,
            longest_gap_ns: self.longest_gap_ns.max(other.longest_gap_ns),
        }
    }

    /// The index of Jain, Chiu and Hawe (DEC TR-301, 1984) over the shares:
    /// 1 when all are the same, 1/n when one of n connections got all;
    /// `None` where nobody got anything.
    #[must_use]
    pub fn jain(&self) -> Option<f64> {
        let most = f64::from(self.connections) * self.squared_shares;
        (most > 0.0).then(|| self.shares * self.shares / most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shares: &[u32]) -> Fairness {
        let one = |echoes: &u32| Fairness {
            connections: 1,
            shares: f64::from(*echoes),
            squared_shares: f64::from(*echoes).powi(2),
            fewest_echoes: *echoes,
            ..Fairness::none()
        };
        shares.iter().map(one).fold(Fairness::none(), Fairness::with)
    }

    #[test]
    fn the_index_is_one_for_equal_shares_and_one_in_n_for_a_hog() {
        assert_eq!(of(&[7, 7, 7]).jain(), Some(1.0));
        assert_eq!(of(&[0, 9, 0, 0]).jain(), Some(0.25));
        assert_eq!(of(&[0, 0]).jain(), None);
        assert_eq!(of(&[]).jain(), None);
        assert_eq!(of(&[5, 3, 4]).fewest_echoes, 3);
    }
}
