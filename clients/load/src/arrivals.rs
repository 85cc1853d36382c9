//! When messages are due, and on which connection: the plan of a window.
//!
//! Pure and seeded: the same seed gives the same plan on any machine and for
//! any number of loops. Every loop walks the whole plan and takes what falls
//! to its own connections, so no loop waits for another.
//!
//! Refuses to do: look at what the server does. Nothing is skipped, delayed or
//! moved to another connection because an earlier message is not back.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp};
use wire::Arrivals;

const NS_PER_S: f64 = 1e9;

/// One planned message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Nanoseconds from the begin of the load.
    pub(crate) at_ns: u64,
    /// The connection it is due on.
    pub(crate) connection: u32,
}

#[derive(Debug)]
enum Gaps {
    Poisson(Exp<f64>),
    Uniform,
}

/// An endless plan in order of time.
#[derive(Debug)]
pub(crate) struct Plan {
    rng: ChaCha8Rng,
    gaps: Gaps,
    per_s: f64,
    connections: u32,
    /// Seconds from the begin to the arrival made last (Poisson).
    elapsed_s: f64,
    made: u64,
}

/// Parts of a run that draw from streams of their own.
fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

impl Plan {
    /// A plan of `per_s` messages a second, which must be positive and
    /// finite, over `connections` connections. `window` separates the plans
    /// of one run.
    pub(crate) fn new(
        seed: u64,
        window: u64,
        per_s: f64,
        arrivals: Arrivals,
        connections: u32,
    ) -> Self {
        let gaps = match arrivals {
            Arrivals::Poisson => Gaps::Poisson(
                Exp::new(per_s).expect("the rate was checked before"),
            ),
            Arrivals::Uniform => Gaps::Uniform,
        };
        let rng = generator(seed, window);
        Self { rng, gaps, per_s, connections, elapsed_s: 0.0, made: 0 }
    }
}

impl Iterator for Plan {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.made += 1;
        let seconds = match &self.gaps {
            Gaps::Poisson(gap) => {
                self.elapsed_s += gap.sample(&mut self.rng);
                self.elapsed_s
            }
            // From the count, so that rounding errors do not add up.
            Gaps::Uniform => float(self.made) / self.per_s,
        };
        let connection = self.rng.random_range(0..self.connections);
        Some(Arrival { at_ns: whole(seconds * NS_PER_S), connection })
    }
}

/// `count` of `connections` connections, each at most once.
pub(crate) fn choose(
    seed: u64,
    window: u64,
    connections: u32,
    count: u32,
) -> Vec<u32> {
    let mut rng = generator(seed, window);
    rand::seq::index::sample(&mut rng, connections as usize, count as usize)
        .iter()
        .map(|index| u32::try_from(index).expect("below a u32"))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time within the run, checked to be under 2^63 ns"
)]
fn whole(ns: f64) -> u64 {
    ns as u64
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(arrivals: Arrivals) -> Plan {
        Plan::new(7, 0, 10_000.0, arrivals, 100)
    }

    #[test]
    fn uniform_arrivals_stand_at_equal_distances() {
        let times: Vec<_> =
            plan(Arrivals::Uniform).take(3).map(|a| a.at_ns).collect();
        assert_eq!(times, [100_000, 200_000, 300_000]);
        let late = plan(Arrivals::Uniform).nth(9_999_999).unwrap();
        assert_eq!(late.at_ns, 1_000_000_000_000);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_spread_of_exponential_gaps() {
        let mut last = 0;
        let gaps: Vec<f64> = plan(Arrivals::Poisson)
            .take(100_000)
            .map(|a| {
                let gap = float(a.at_ns - last);
                last = a.at_ns;
                gap
            })
            .collect();
        let count = float(gaps.len() as u64);
        let mean = gaps.iter().sum::<f64>() / count;
        let variance =
            gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / count;
        assert!((mean / 100_000.0 - 1.0).abs() < 0.02, "mean {mean}");
        let spread = variance.sqrt() / mean;
        assert!((spread - 1.0).abs() < 0.02, "spread {spread}");
    }

    #[test]
    fn every_connection_gets_its_share() {
        let mut counts = [0_u32; 100];
        for arrival in plan(Arrivals::Poisson).take(100_000) {
            counts[arrival.connection as usize] += 1;
        }
        assert!(counts.iter().all(|n| (800..1200).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_seed_gives_the_same_plan_and_a_window_another() {
        let first: Vec<_> = plan(Arrivals::Poisson).take(50).collect();
        let again: Vec<_> = plan(Arrivals::Poisson).take(50).collect();
        let other = Plan::new(7, 1, 10_000.0, Arrivals::Poisson, 100);
        assert_eq!(first, again);
        assert_ne!(first, other.take(50).collect::<Vec<_>>());
    }

    #[test]
    fn the_chosen_connections_are_distinct() {
        let chosen = choose(7, 0, 1000, 256);
        let distinct: BTreeSet<_> = chosen.iter().collect();
        assert_eq!((chosen.len(), distinct.len()), (256, 256));
        assert!(chosen.iter().all(|c| *c < 1000));
        assert_ne!(chosen, choose(8, 0, 1000, 256));
        assert_eq!(choose(7, 0, 5, 5).len(), 5);
    }
}
