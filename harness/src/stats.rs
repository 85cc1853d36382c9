//! The median of a few launches and how sure of it one can be.
//!
//! One launch of a server is one observation; nothing inside a launch counts
//! as another. The interval of the median is the pair of order statistics
//! `(x(k), x(n+1-k))`, whose level follows from the binomial distribution
//! alone, whatever the values are distributed like.
//!
//! What may be said of two servers, or of many at once, is in the modules
//! below: [`signed_rank`] and [`rank_sum`] compare two, [`flips`] compares
//! whole families, [`noise`] tells what a run cannot resolve, [`verdict`]
//! puts it into one of four words.
//!
//! Refuses to do: assume a distribution, drop outliers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod flips;
pub mod golden;
pub mod noise;
pub(crate) mod random;
pub mod rank_sum;
pub mod signed_rank;
pub mod simulation;
pub mod slope;
pub mod verdict;

/// The level that an interval has when there are enough values for it.
pub const LEVEL: f64 = 0.95;

/// Values by round, counted from 1.
pub type ByRound = BTreeMap<u32, f64>;

/// A figure with its uncertainty: never a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The median over launches; for a percentile, that of all launches'
    /// samples together.
    pub median: f64,
    /// Lower end of the interval; equals `median` where there is none.
    pub low: f64,
    /// Upper end of the interval; equals `median` where there is none.
    pub high: f64,
    /// Launches.
    pub n: u32,
    /// Chance that such an interval holds the true median: at least 0.95
    /// from 6 launches on, less below, 0 where there is no interval.
    pub level: f64,
}

impl Estimate {
    /// The median of `values` with its exact interval; `None` without a
    /// value. Values that are not finite are left out.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        let median = middle(&sorted)?;
        let n = sorted.len();
        let (rank, level) = interval_rank(n);
        if level <= 0.0 {
            return Some(Self::bare(median, count(n)));
        }
        let (low, high) = (sorted[rank - 1], sorted[n - rank]);
        Some(Self { median, low, high, n: count(n), level })
    }

    /// A percentile of the samples of all launches together. Its interval is
    /// that of the launches' own percentiles, widened where needed so that it
    /// holds the merged value: merged counts weigh slow launches more than a
    /// median of percentiles does.
    #[must_use]
    pub fn merged(merged: f64, own: &[f64]) -> Self {
        match Self::of(own) {
            Some(own) if own.level > 0.0 => Self {
                median: merged,
                low: own.low.min(merged),
                high: own.high.max(merged),
                ..own
            },
            Some(own) => Self::bare(merged, own.n),
            None => Self::bare(merged, 0),
        }
    }

    /// The median of ratios, taken on their logarithms, so that a ratio and
    /// its inverse weigh the same.
    #[must_use]
    pub fn of_ratios(ratios: &[f64]) -> Option<Self> {
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        Self::of(&logs).map(Self::exp)
    }

    /// The ratio whose logarithm this is the estimate of.
    #[must_use]
    fn exp(self) -> Self {
        Self {
            median: self.median.exp(),
            low: self.low.exp(),
            high: self.high.exp(),
            ..self
        }
    }

    /// The ends of the interval, if there is one.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        (self.level > 0.0).then_some((self.low, self.high))
    }

    /// The farther end's distance from the median; 0 without an interval.
    #[must_use]
    pub fn spread(&self) -> f64 {
        (self.high - self.median).max(self.median - self.low)
    }

    const fn bare(median: f64, n: u32) -> Self {
        Self { median, low: median, high: median, n, level: 0.0 }
    }
}

/// The middle value, or the mean of the two middle ones; `None` without a
/// finite value.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    middle(&sorted(values))
}

/// `value / base` for each round that has both, where both are positive.
#[must_use]
pub fn ratios_by_round(value: &ByRound, base: &ByRound) -> ByRound {
    value
        .iter()
        .filter_map(|(round, value)| {
            let base = base.get(round)?;
            let sound = *value > 0.0 && *base > 0.0;
            sound.then(|| (*round, value / base))
        })
        .collect()
}

/// The rank `k` and the exact level of the narrowest symmetric interval
/// `(x(k), x(n+1-k))` of the median that reaches [`LEVEL`], or of the widest
/// one, from the least to the greatest value, where none does.
///
/// The true median lies below `x(k)` when fewer than `k` of `n` values fall
/// below it, so the level is `P(k <= B <= n-k)` for a fair binomial `B`. The
/// sum starts in the middle and adds outwards; nothing underflows.
#[must_use]
pub fn interval_rank(n: usize) -> (usize, f64) {
    if n == 0 {
        return (0, 0.0);
    }
    let half = n / 2;
    let centre: f64 =
        (1..=half).map(|i| float(2 * i - 1) / float(2 * i)).product();
    let (mut rank, mut at_rank, mut level) = if n.is_multiple_of(2) {
        (half, centre, centre)
    } else {
        (half + 1, centre * float(n) / float(n + 1), 0.0)
    };
    while level < LEVEL && rank > 1 {
        at_rank *= float(rank) / float(n - rank + 1);
        rank -= 1;
        level += 2.0 * at_rank;
    }
    // Levels of few values are short binary fractions: print them so.
    (rank, (level * 1e12).round() / 1e12)
}

/// The chance that the intervals of two samples of `a` and `b` values from
/// one distribution lie apart, whatever that distribution is.
///
/// The intervals are those of [`interval_rank`]. All orders of the pooled
/// values are equally likely; the sample of `a` lies below when its upper end
/// comes before the lower end of `b`, that is, when at least `a+1-k` of the
/// first sample precede the `l`-th of the second.
#[must_use]
pub fn chance_apart(a: usize, b: usize) -> f64 {
    one_side(a, b) + one_side(b, a)
}

/// `P(x(a+1-k) < y(l))`: at the moment the `l`-th of `b` is drawn, `j` of `a`
/// have been drawn, which has the negative hypergeometric probability
/// `C(j+l-1, j) C(a+b-j-l, a-j) / C(a+b, a)`.
fn one_side(a: usize, b: usize) -> f64 {
    let (k, l) = (interval_rank(a).0, interval_rank(b).0);
    if k == 0 || l == 0 {
        return 0.0;
    }
    let all = ln_choose(a + b, a);
    (a + 1 - k..=a)
        .map(|j| {
            (ln_choose(j + l - 1, j) + ln_choose(a + b - j - l, a - j) - all)
                .exp()
        })
        .sum()
}

fn ln_choose(n: usize, k: usize) -> f64 {
    (1..=k).map(|i| (float(n - k + i) / float(i)).ln()).sum()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> =
        values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len().is_multiple_of(2) {
        Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
    } else {
        Some(upper)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounds stay far below 2^52")]
fn float(value: usize) -> f64 {
    value as f64
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "stats_tests.rs"]
mod tests;
