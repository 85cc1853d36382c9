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

use rand::{Rng, SeedableRng};
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
    let observed: Vec<f64> = family.statistics(None).map(f64::abs).collect();
    let mut order: Vec<usize> = (0..observed.len()).collect();
    order.sort_by(|a, b| observed[*b].total_cmp(&observed[*a]));
    let mut as_large = vec![0_u32; order.len()];
    let patterns = patterns(family.rounds, seed, |signs| {
        let flipped: Vec<f64> =
            family.statistics(Some(signs)).map(f64::abs).collect();
        let mut largest: f64 = 0.0;
        for (place, at) in order.iter().enumerate().rev() {
            largest = largest.max(flipped[*at]);
            let reached = largest >= observed[*at] * (1.0 - TIE);
            as_large[place] += u32::from(reached);
        }
    });
    let mut chances = vec![1.0; order.len()];
    let mut chance: f64 = 0.0;
    for (place, at) in order.iter().enumerate() {
        chance = chance.max(f64::from(as_large[place]) / f64::from(patterns));
        chances[*at] = if family.counts(*at) { chance } else { 1.0 };
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
    let largest = |signs: Option<&[f64]>| {
        family.statistics(signs).fold(f64::NEG_INFINITY, f64::max)
    };
    let observed = largest(None);
    if observed <= 0.0 {
        return 1.0;
    }
    let mut as_large = 0_u32;
    let patterns = patterns(family.rounds, seed, |signs| {
        let reached = largest(Some(signs)) >= observed * (1.0 - TIE);
        as_large += u32::from(reached);
    });
    f64::from(as_large) / f64::from(patterns)
}

/// Calls for every pattern of signs, the observed one first, or for that one
/// and as many drawn ones as are enough. Returns how many.
fn patterns(rounds: usize, seed: u64, mut each: impl FnMut(&[f64])) -> u32 {
    let mut signs = vec![1.0; rounds];
    if rounds <= EXACT {
        for pattern in 0..1_u32 << rounds {
            for (round, sign) in signs.iter_mut().enumerate() {
                *sign = if pattern >> round & 1 == 0 { 1.0 } else { -1.0 };
            }
            each(&signs);
        }
        return 1 << rounds;
    }
    each(&signs);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 1..DRAWN {
        let coins = random.next_u64();
        for (round, sign) in signs.iter_mut().enumerate() {
            // Rounds beyond 64 take another draw each.
            let coin = match round {
                0..64 => coins >> round,
                _ => random.next_u64(),
            };
            *sign = if coin & 1 == 0 { 1.0 } else { -1.0 };
        }
        each(&signs);
    }
    DRAWN
}

/// Comparisons made ready for many flips.
struct Family<'a> {
    members: Vec<Member<'a>>,
    rounds: usize,
    /// The middle one of the members' variances.
    common: f64,
}

struct Member<'a> {
    differences: &'a [Option<f64>],
    n: f64,
    squares: f64,
}

impl<'a> Family<'a> {
    fn of(family: &'a [Differences]) -> Self {
        let members: Vec<Member<'a>> = family
            .iter()
            .map(|differences| {
                let told = || differences.iter().flatten();
                let n = float(told().count());
                let squares = told().map(|d| d * d).sum();
                Member { differences, n, squares }
            })
            .collect();
        let rounds = family.iter().map(Vec::len).max().unwrap_or(0);
        let variances: Vec<f64> = members
            .iter()
            .filter(|member| member.n >= 2.0)
            .map(|member| member.variance(member.mean(None)))
            .collect();
        Self { members, rounds, common: median(&variances).unwrap_or(0.0) }
    }

    fn counts(&self, at: usize) -> bool {
        self.members[at].n >= 2.0
    }

    fn statistics(&self, signs: Option<&[f64]>) -> impl Iterator<Item = f64> {
        self.members.iter().map(move |member| {
            let mean = member.mean(signs);
            if member.n < 2.0 || mean == 0.0 {
                return 0.0;
            }
            let variance = member.variance(mean) + self.common;
            mean / variance.max(f64::MIN_POSITIVE).sqrt() * member.n.sqrt()
        })
    }
}

impl Member<'_> {
    fn mean(&self, signs: Option<&[f64]>) -> f64 {
        let told = self.differences.iter().enumerate();
        let sum: f64 = told
            .filter_map(|(round, difference)| {
                let sign = signs.map_or(1.0, |signs| signs[round]);
                difference.map(|d| sign * d)
            })
            .sum();
        sum / self.n.max(1.0)
    }

    /// Flips leave the squares alone, so the mean is all that is needed.
    fn variance(&self, mean: f64) -> f64 {
        let deviations = self.squares - self.n * mean * mean;
        // What remains of equal values is rounding.
        if deviations <= self.squares * 1e-12 {
            return 0.0;
        }
        deviations / (self.n - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(values: &[f64]) -> Differences {
        values.iter().copied().map(Some).collect()
    }

    /// SciPy 1.17.1: `permutation_test((d,), np.mean,
    /// permutation_type="samples", n_resamples=inf).pvalue`.
    #[test]
    fn one_comparison_alone_is_the_sign_flip_test_of_its_mean() {
        let d = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01];
        let found = family_wise(&[whole(&d)], 0);
        assert!((found[0] - 0.02734375).abs() < 1e-9, "{found:?}");
        // One side of it: half as many patterns.
        let above = any_above(&[whole(&d)], 0);
        assert!((above - 0.013671875).abs() < 1e-9, "{above}");
        let below: Vec<f64> = d.iter().map(|d| -d).collect();
        assert_eq!(any_above(&[whole(&below)], 0), 1.0);
    }

    #[test]
    fn six_rounds_can_decide_at_5_percent_and_five_cannot() {
        for (rounds, least) in [(5, 0.0625), (6, 0.03125)] {
            let d: Vec<f64> =
                (0..rounds).map(|i| 1.0 + 0.01 * f64::from(i)).collect();
            assert_eq!(family_wise(&[whole(&d)], 0), [least]);
        }
    }

    /// The family's largest statistic decides: a server that is equal can't
    /// hide one that differs, and isn't dragged along by it.
    #[test]
    fn a_family_names_those_that_differ() {
        let family = [
            whole(&[0.10, 0.11, 0.09, 0.105, 0.1, 0.098]),
            whole(&[0.01, -0.02, 0.015, -0.01, 0.02, -0.012]),
            whole(&[1.2, 1.1, 1.3, 1.15, 1.22, 1.19]),
        ];
        let found = family_wise(&family, 0);
        assert_eq!((found[0], found[2]), (0.03125, 0.03125));
        assert!(found[1] > 0.5, "{found:?}");
    }

    /// By definition, over the 16 patterns of 4 rounds.
    #[test]
    fn the_chance_is_that_of_the_patterns() {
        let family =
            [whole(&[0.3, -0.1, 0.2, 0.25]), whole(&[0.1, 0.4, -0.2, 0.1])];
        let common = {
            let variance = |d: &Differences| {
                let d: Vec<f64> = d.iter().flatten().copied().collect();
                let mean = d.iter().sum::<f64>() / 4.0;
                d.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0
            };
            f64::midpoint(variance(&family[0]), variance(&family[1]))
        };
        let statistic = |d: &Differences, pattern: u32| {
            let d: Vec<f64> = d
                .iter()
                .flatten()
                .enumerate()
                .map(|(i, x)| if pattern >> i & 1 == 1 { -x } else { *x })
                .collect();
            let mean = d.iter().sum::<f64>() / 4.0;
            let variance =
                d.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0;
            mean.abs() / (variance + common).sqrt()
        };
        let at = |i: usize, pattern| statistic(&family[i], pattern);
        let count = |reached: &dyn Fn(u32) -> bool| {
            (0..16).filter(|pattern| reached(*pattern)).count() as f64 / 16.0
        };
        let (a, b) = (at(0, 0), at(1, 0));
        assert!(a > b);
        let first = count(&|p| at(0, p).max(at(1, p)) >= a - 1e-9);
        let second = count(&|p| at(1, p) >= b - 1e-9).max(first);
        assert_eq!(family_wise(&family, 0), [first, second]);
    }

    #[test]
    fn rounds_without_both_servers_are_left_out() {
        let mut holes = whole(&[0.1, 0.12, 0.11, 0.09, 0.1, 0.1, 0.13]);
        holes[3] = None;
        assert_eq!(family_wise(&[holes], 0), [0.03125]);
        let lone = vec![Some(1.0), None, None];
        assert_eq!(family_wise(&[lone, Vec::new()], 0), [1.0, 1.0]);
        assert!(family_wise(&[], 0).is_empty());
        assert_eq!(any_above(&[], 0), 1.0);
    }

    #[test]
    fn many_rounds_are_sampled_alike_for_a_seed() {
        let d: Vec<f64> =
            (0..70).map(|i| 0.2 + (f64::from(i) * 1.7).sin()).collect();
        let family = [whole(&d), whole(&d[..20])];
        let found = family_wise(&family, 7);
        assert_eq!(found, family_wise(&family, 7));
        assert_ne!(found, family_wise(&family, 8));
        let equal = vec![whole(&[0.5; 20])];
        assert_eq!(family_wise(&equal, 7), [1.0 / f64::from(DRAWN)]);
    }
}
