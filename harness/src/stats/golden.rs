//! What the exact statistics must come out at: values of SciPy 1.17.1 and of
//! sums of binomial coefficients, beside what is computed here.
//!
//! Refuses to do: round. A chance is exact or it is wrong.

use super::{chance_apart, flips, float, interval_rank, rank_sum, signed_rank};

/// One value.
#[derive(Clone, Debug)]
pub struct Golden {
    /// What it is the value of.
    pub what: String,
    /// What was computed here.
    pub found: f64,
    /// What it must be.
    pub expected: f64,
}

impl Golden {
    fn of(what: String, found: f64, expected: f64) -> Self {
        Self { what, found, expected }
    }

    /// How far off it is.
    #[must_use]
    pub fn error(&self) -> f64 {
        (self.found - self.expected).abs()
    }
}

/// Every value there is.
#[must_use]
pub fn all() -> Vec<Golden> {
    let mut all = Vec::new();
    all.extend(separated());
    all.extend(unequal());
    all.extend(signed());
    all.extend(walsh());
    all.extend(medians());
    all.extend(apart());
    all.push(flipped());
    all
}

/// `mannwhitneyu(x, y, method="exact").pvalue`, all of one sample below all
/// of the other.
fn separated() -> impl Iterator<Item = Golden> {
    const SEPARATED: [(u32, f64); 5] = [
        (3, 0.1),
        (4, 0.02857142857142857),
        (5, 0.007936507936507936),
        (8, 0.0001554001554001554),
        (10, 1.082508822446903e-05),
    ];
    SEPARATED.into_iter().flat_map(|(n, p)| {
        let low: Vec<f64> = (0..n).map(f64::from).collect();
        let high: Vec<f64> = low.iter().map(|x| x + 100.0).collect();
        let what = |order| format!("Mann–Whitney of {n} {order} {n}");
        [
            Golden::of(what("below"), rank_sum::p_value(&low, &high), p),
            Golden::of(what("above"), rank_sum::p_value(&high, &low), p),
        ]
    })
}

/// The same of samples of unequal size, where a library got it wrong.
fn unequal() -> impl Iterator<Item = Golden> {
    let cases: [(&[f64], &[f64], f64); 2] = [
        (
            &[0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46],
            &[1.15, 0.88, 0.90, 0.74, 1.21],
            0.2544122544122544,
        ),
        (
            &[12.1, 11.8, 12.6, 12.0, 11.9, 12.3],
            &[12.4, 12.9, 12.2, 13.1, 12.8, 12.7, 13.5],
            0.008158508158508158,
        ),
    ];
    cases.into_iter().flat_map(|(x, y, p)| {
        [(x, y), (y, x)].map(|(x, y)| {
            let what = format!("Mann–Whitney of {} and {}", x.len(), y.len());
            Golden::of(what, rank_sum::p_value(x, y), p)
        })
    })
}

/// `wilcoxon(d, method="exact").pvalue`.
fn signed() -> impl Iterator<Item = Golden> {
    let steps = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
    // ((7919 i) mod 101) - 38 + i/1000, i = 1 … 25.
    let mixed = |i: u32| f64::from(7919 * i % 101) - 38.0 + f64::from(i) / 1e3;
    let golden = [
        (steps(5), 0.0625),
        (steps(6), 0.03125),
        (steps(8), 0.0078125),
        (steps(10), 0.001953125),
        (steps(12), 0.00048828125),
        (steps(24), 1.1920928955078125e-07),
        (
            vec![0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01],
            0.0390625,
        ),
        (
            vec![
                0.03, -0.01, 0.02, 0.05, -0.04, 0.06, 0.07, -0.015, 0.08,
                0.012, 0.033, -0.021,
            ],
            0.09228515625,
        ),
        ((1..=25).map(mixed).collect(), 0.12664812803268433),
    ];
    golden.into_iter().flat_map(|(differences, p)| {
        let negated: Vec<f64> = differences.iter().map(|d| -d).collect();
        [differences, negated].map(|d| {
            let what = format!("Wilcoxon of {} from {}", d.len(), d[0]);
            Golden::of(what, signed_rank::p_value(&d), p)
        })
    })
}

/// `1 - 2 cdf(k - 1)` of `scipy.stats._wilcoxon.WilcoxonDistribution(n)` at
/// the largest `k` with `2 cdf(k - 1) <= 0.05`, at least 1.
fn walsh() -> impl Iterator<Item = Golden> {
    const LEVELS: [(usize, usize, f64); 13] = [
        (1, 1, 0.0),
        (2, 1, 0.5),
        (5, 1, 0.9375),
        (6, 1, 0.96875),
        (7, 3, 0.953125),
        (8, 4, 0.9609375),
        (9, 6, 0.9609375),
        (10, 9, 0.951171875),
        (12, 14, 0.95751953125),
        (16, 30, 0.9556884765625),
        (20, 53, 0.9515590667724609),
        (24, 82, 0.9509388208389282),
        (30, 138, 0.9502898789942265),
    ];
    ranks("Hodges–Lehmann", LEVELS, signed_rank::walsh_rank)
}

/// Exact sums of binomial coefficients over 2^n.
fn medians() -> impl Iterator<Item = Golden> {
    const LEVELS: [(usize, usize, f64); 17] = [
        (1, 1, 0.0),
        (2, 1, 0.5),
        (3, 1, 0.75),
        (4, 1, 0.875),
        (5, 1, 0.9375),
        (6, 1, 0.96875),
        (7, 1, 0.984375),
        (8, 1, 0.9921875),
        (9, 2, 0.9609375),
        (10, 2, 0.978515625),
        (11, 2, 0.98828125),
        (12, 3, 0.961425781250),
        (16, 4, 0.978729248047),
        (20, 6, 0.958610534668),
        (24, 7, 0.977344155312),
        (30, 10, 0.957226054743),
        (100, 40, 0.964799799782),
    ];
    ranks("the median", LEVELS, interval_rank)
}

fn ranks<const N: usize>(
    what: &'static str,
    levels: [(usize, usize, f64); N],
    of: fn(usize) -> (usize, f64),
) -> impl Iterator<Item = Golden> {
    levels.into_iter().flat_map(move |(n, rank, level)| {
        let found = of(n);
        [
            Golden::of(
                format!("rank of {what}'s interval at {n}"),
                float(found.0),
                float(rank),
            ),
            Golden::of(
                format!("level of {what}'s interval at {n}"),
                found.1,
                level,
            ),
        ]
    })
}

/// All of one sample below all of the other: 2 of the orders.
fn apart() -> impl Iterator<Item = Golden> {
    let cases = [
        ((5, 5), 2.0 / 252.0),
        ((6, 6), 2.0 / 924.0),
        ((5, 6), 2.0 / 462.0),
        ((1, 1), 1.0),
    ];
    cases.into_iter().map(|((a, b), chance)| {
        let what = format!("intervals of {a} and {b} apart");
        Golden::of(what, chance_apart(a, b), chance)
    })
}

/// `permutation_test((d,), np.mean, permutation_type="samples",
/// n_resamples=inf).pvalue`.
fn flipped() -> Golden {
    let d = [0.952, -0.147, 1.022, 0.43, 0.62, 0.59, 0.49, -0.08, 0.01];
    let family = [d.iter().copied().map(Some).collect()];
    let found = flips::family_wise(&family, 0)[0];
    Golden::of("sign flips of 9".into(), found, 0.02734375)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statistic_comes_out_at_its_golden_value() {
        let all = all();
        assert!(all.len() >= 90, "{}", all.len());
        for golden in all {
            assert!(golden.error() < 1e-9, "{golden:?}");
        }
    }
}
