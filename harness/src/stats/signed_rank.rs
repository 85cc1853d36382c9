//! Wilcoxon's signed-rank test and what inverts it: the Hodges–Lehmann
//! estimate with its exact interval.
//!
//! A difference is taken within a round, so whatever both sides of it share
//! is gone. If it is symmetric about the true difference, every pattern of
//! signs of its deviations is equally likely, and the levels below are exact
//! whatever else it is distributed like.
//!
//! Refuses to do: approximate by a normal distribution, however many rounds.

use super::{Estimate, LEVEL, count, middle, sorted};

/// The chance, were the true difference 0, of signed ranks at least as
/// lopsided as these, both sides counted. Zeros say nothing and are left out;
/// equal sizes share the mean of their ranks, and the chance is then that of
/// flipping the signs of exactly these. 1 without a difference.
#[must_use]
pub fn p_value(differences: &[f64]) -> f64 {
    let told: Vec<f64> = differences
        .iter()
        .copied()
        .filter(|d| d.is_finite() && *d != 0.0)
        .collect();
    let sizes: Vec<f64> = told.iter().map(|d| d.abs()).collect();
    let ranks = double_ranks(&sizes);
    let all: usize = ranks.iter().sum();
    let positive = told.iter().zip(&ranks).filter(|(d, _)| **d > 0.0);
    let positive: usize = positive.map(|(_, rank)| rank).sum();
    let least = positive.min(all - positive);
    let chances = subset_sums(&ranks);
    let tail: f64 = chances[..=least].iter().sum();
    (2.0 * tail).min(1.0)
}

/// The median of all means of two differences, one with itself included, and
/// the narrowest pair of those means that holds the true difference at
/// [`LEVEL`] or more; of few differences the widest pair, at the level it
/// really has. `None` without a finite difference.
#[must_use]
pub fn hodges_lehmann(differences: &[f64]) -> Option<Estimate> {
    let differences = sorted(differences);
    let n = differences.len();
    let walsh = walsh_averages(&differences);
    let median = middle(&walsh)?;
    let (rank, level) = walsh_rank(n);
    if level <= 0.0 {
        return Some(Estimate::bare(median, count(n)));
    }
    let (low, high) = (walsh[rank - 1], walsh[walsh.len() - rank]);
    Some(Estimate { median, low, high, n: count(n), level })
}

/// The same of ratios, on their logarithms.
#[must_use]
pub fn hodges_lehmann_ratio(ratios: &[f64]) -> Option<Estimate> {
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    hodges_lehmann(&logs).map(Estimate::exp)
}

/// Which Walsh average, counted from either end, bounds the interval, and the
/// exact level of it: `1 - 2 P(W < k)` for the signed-rank statistic `W`.
#[must_use]
pub fn walsh_rank(n: usize) -> (usize, f64) {
    if n == 0 {
        return (0, 0.0);
    }
    let ranks: Vec<usize> = (1..=n).collect();
    let chances = subset_sums(&ranks);
    let (mut rank, mut tail) = (1, chances[0]);
    while 2.0 * (tail + chances[rank]) <= 1.0 - LEVEL {
        tail += chances[rank];
        rank += 1;
    }
    (rank, 1.0 - 2.0 * tail)
}

fn walsh_averages(sorted: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> = sorted
        .iter()
        .enumerate()
        .flat_map(|(at, a)| {
            sorted[at..].iter().map(move |b| f64::midpoint(*a, *b))
        })
        .collect();
    averages.sort_by(f64::total_cmp);
    averages
}

/// Twice the ranks from 1, so that the mean of two ranks is a whole number.
pub(super) fn double_ranks(values: &[f64]) -> Vec<usize> {
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let equal = values.iter().filter(|other| *other == value).count();
            2 * below + equal + 1
        })
        .collect()
}

/// The chance of each sum when every one of these is counted or not by the
/// throw of a fair coin.
fn subset_sums(ranks: &[usize]) -> Vec<f64> {
    let all: usize = ranks.iter().sum();
    let mut chances = vec![0.0; all + 1];
    chances[0] = 1.0;
    let mut reach = 0;
    for &rank in ranks {
        reach += rank;
        for sum in (0..=reach).rev() {
            let with = if sum >= rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = f64::midpoint(chances[sum], with);
        }
    }
    chances
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, golden: f64) -> bool {
        (found - golden).abs() < 1e-9
    }

    /// Counted over the 16 patterns of signs of the ranks 1.5, 1.5, 3, 4.
    #[test]
    fn equal_sizes_share_their_ranks() {
        assert!(close(p_value(&[]), 1.0) && close(p_value(&[0.0; 4]), 1.0));
        assert!(close(p_value(&[1.0, 1.0, 2.0, 3.0]), 2.0 / 16.0));
        assert!(close(p_value(&[-1.0, 1.0, 2.0, 3.0]), 6.0 / 16.0));
        assert!(close(p_value(&[1.0, 0.0, 1.0, 2.0, 3.0]), 2.0 / 16.0));
    }

    #[test]
    fn the_estimate_is_the_median_of_the_walsh_averages() {
        // 1, 1.5, 2, 2.5, 3, 4, 5.5, 6, 7, 10 …: counted by hand.
        let four = hodges_lehmann(&[1.0, 2.0, 3.0, 10.0]).unwrap();
        assert!(close(four.median, 2.75), "{four:?}");
        assert!(close(four.low, 1.0) && close(four.high, 10.0));
        assert!(close(four.level, 0.875) && four.n == 4);
        let one = hodges_lehmann(&[7.0]).unwrap();
        assert_eq!((one.median, one.interval()), (7.0, None));
        assert_eq!(hodges_lehmann(&[f64::NAN]), None);
    }

    #[test]
    fn a_ratio_and_its_inverse_have_inverse_estimates() {
        let ratios = [1.1, 1.3, 0.9, 1.2, 1.25, 1.05, 1.4];
        let inverse: Vec<f64> = ratios.iter().map(|r| 1.0 / r).collect();
        let (to, fro) = (
            hodges_lehmann_ratio(&ratios).unwrap(),
            hodges_lehmann_ratio(&inverse).unwrap(),
        );
        assert!(close(to.median * fro.median, 1.0));
        assert!(close(to.low * fro.high, 1.0));
    }

    /// The interval leaves 0 out exactly when the test rejects it.
    #[test]
    fn the_interval_inverts_the_test() {
        let base =
            [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.013, 0.31];
        for step in -20..=20 {
            let shift = 0.047 * f64::from(step);
            let moved: Vec<f64> = base.iter().map(|d| d + shift).collect();
            let interval = hodges_lehmann(&moved).unwrap();
            let outside = interval.low > 0.0 || interval.high < 0.0;
            let rejected = p_value(&moved) <= 1.0 - interval.level + 1e-12;
            assert_eq!(outside, rejected, "shift {shift}");
        }
    }
}
