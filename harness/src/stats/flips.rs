//! Many servers at once, by flipping the signs of whole rounds.
//!
//! If two servers cost the same, the sign of their difference in a round is a
//! coin's. A round has one coin: it turns the differences of *all* servers in
//! that round together, so that whatever they share (a bad reference launch,
//! a busy minute) stays shared, and servers may vary as differently as they
//! like. How often a pattern of coins yields a largest statistic of the whole
//! family at least as large as one observed is the family-wise chance of it
//! (max-T, step-down: Westfall and Young 1993; Romano and Wolf 2005).
//!
//! The statistic is the mean difference over the root of its own variance and
//! the family's middle one. Its own variance alone would let a lucky streak of
//! six alike rounds of an equal server pass for certainty, which costs the
//! others their power.
//!
//! Up to [`EXACT`] rounds all patterns are counted. The least chance of `n`
//! rounds is then `2 / 2^n`: at 6 rounds 0.031, at 5 none below 0.05.
//!
//! Refuses to do: shuffle servers, which would take them for equally noisy.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{float, median};

/// One comparison: the difference of two servers in each round of the run,
/// `None` where not both were measured.
pub type Differences = Vec<Option<f64>>;

/// Up to so many rounds every pattern of signs is counted.
pub const EXACT: usize = 12;

/// Patterns that are drawn when there are too many to count.
const DRAWN: u32 = 8_192;

/// Rounding must not break a tie with the pattern that was observed.
const TIE: f64 = 1e-9;

/// The family-wise chance of each difference, were all of them 0, in the
/// order given; both sides count. A comparison of fewer than two rounds has
/// the chance 1.
#[must_use]
pub fn family_wise(family: &[Differences], seed: u64) -> Vec<f64> {
    let family = Family::of(family);
    let observed = family.statistics(&family.sums, f64::abs);
    let mut order: Vec<usize> = (0..observed.len()).collect();
    order.sort_by(|a, b| observed[*b].total_cmp(&observed[*a]));
    let mut as_large = vec![0_u32; order.len()];
    // A pattern and its opposite have the same sizes: one of them will do.
    let patterns = family.flip(Sides::Both, seed, |sums| {
        let mut largest: f64 = 0.0;
        for (place, at) in order.iter().enumerate().rev() {
            let statistic = family.statistic(*at, sums[*at]).abs();
            largest = largest.max(statistic);
            let reached = largest >= observed[*at] * (1.0 - TIE);
            as_large[place] += u32::from(reached);
        }
    });
    let mut chances = vec![1.0; order.len()];
    let mut chance: f64 = 0.0;
    for (place, at) in order.iter().enumerate() {
        chance = chance.max(f64::from(as_large[place]) / f64::from(patterns));
        chances[*at] = if family.n[*at] >= 2.0 { chance } else { 1.0 };
    }
    chances
}

/// The chance of at least one difference as far above 0 as the farthest of
/// these, were none of them above 0. For one server's differences to all
/// others it is the chance of looking so much dearer than some other while
/// being the cheapest (multiple comparisons with the best: Hsu 1996).
#[must_use]
pub fn any_above(family: &[Differences], seed: u64) -> f64 {
    let family = Family::of(family);
    let largest = |sums: &[f64]| {
        let statistics = family.statistics(sums, |statistic| statistic);
        statistics.into_iter().fold(f64::NEG_INFINITY, f64::max)
    };
    let observed = largest(&family.sums);
    if observed <= 0.0 {
        return 1.0;
    }
    let mut as_large = 0_u32;
    let patterns = family.flip(Sides::One, seed, |sums| {
        let reached = |at: usize| {
            family.statistic(at, sums[at]) >= observed * (1.0 - TIE)
        };
        as_large += u32::from((0..sums.len()).any(reached));
    });
    f64::from(as_large) / f64::from(patterns)
}

/// Which sides of 0 count.
#[derive(Clone, Copy, PartialEq)]
enum Sides {
    One,
    Both,
}

/// Comparisons made ready for many flips. Flips change sums and leave squares
/// alone.
struct Family {
    /// By comparison and round; 0 where not both were measured.
    differences: Vec<Vec<f64>>,
    rounds: usize,
    /// By comparison.
    n: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
    /// The middle one of the variances.
    common: f64,
}

impl Family {
    fn of(family: &[Differences]) -> Self {
        let rounds = family.iter().map(Vec::len).max().unwrap_or(0);
        let padded = |told: &Differences| -> Vec<f64> {
            let values = told.iter().map(|d| d.unwrap_or(0.0));
            values.chain(std::iter::repeat(0.0)).take(rounds).collect()
        };
        let differences: Vec<Vec<f64>> = family.iter().map(padded).collect();
        let each = |of: &dyn Fn(&Vec<f64>) -> f64| -> Vec<f64> {
            differences.iter().map(of).collect()
        };
        let mut made = Self {
            rounds,
            n: family
                .iter()
                .map(|told| float(told.iter().flatten().count()))
                .collect(),
            sums: each(&|row| row.iter().sum()),
            squares: each(&|row| row.iter().map(|d| d * d).sum()),
            common: 0.0,
            differences,
        };
        let variances: Vec<f64> = (0..made.n.len())
            .filter(|at| made.n[*at] >= 2.0)
            .map(|at| made.variance(at, made.sums[at]))
            .collect();
        made.common = median(&variances).unwrap_or(0.0);
        made
    }

    fn statistics(&self, sums: &[f64], as_: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..sums.len()).map(|at| as_(self.statistic(at, sums[at]))).collect()
    }

    /// The square of the statistic, with its sign: it orders alike.
    fn statistic(&self, at: usize, sum: f64) -> f64 {
        if self.n[at] < 2.0 {
            return 0.0;
        }
        let spread = self.variance(at, sum) + self.common;
        sum * sum.abs() / self.n[at] / spread.max(f64::MIN_POSITIVE)
    }

    fn variance(&self, at: usize, sum: f64) -> f64 {
        let deviations = self.squares[at] - sum * sum / self.n[at];
        // What remains of equal values is rounding.
        if deviations <= self.squares[at] * 1e-12 {
            return 0.0;
        }
        deviations / (self.n[at] - 1.0)
    }

    /// Calls with the sums under every pattern of signs, the observed one
    /// first, or under that one and as many drawn ones as are enough. Returns
    /// how many.
    fn flip(
        &self,
        sides: Sides,
        seed: u64,
        mut each: impl FnMut(&[f64]),
    ) -> u32 {
        each(&self.sums);
        let mut sums = self.sums.clone();
        let mut signs = vec![1.0; self.rounds];
        if self.rounds <= EXACT {
            let free = match sides {
                Sides::One => self.rounds,
                Sides::Both => self.rounds.saturating_sub(1),
            };
            // Gray's order: each pattern turns one round of the last.
            for pattern in 1..1_u32 << free {
                let round = pattern.trailing_zeros() as usize;
                signs[round] = -signs[round];
                for (sum, row) in sums.iter_mut().zip(&self.differences) {
                    *sum += 2.0 * signs[round] * row[round];
                }
                each(&sums);
            }
            return 1 << free;
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 1..DRAWN {
            signs.fill_with(|| if random.random() { 1.0 } else { -1.0 });
            for (sum, row) in sums.iter_mut().zip(&self.differences) {
                let flipped = row.iter().zip(&signs).map(|(d, s)| d * s);
                *sum = flipped.sum();
            }
            each(&sums);
        }
        DRAWN
    }
}

#[cfg(test)]
#[path = "flips_tests.rs"]
mod tests;
