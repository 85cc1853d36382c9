//! What a figure must come out at: closed forms, replays and tests of
//! randomness. Pure.

/// The `quantile` of response times, in seconds, where for `held` seconds of
/// a `window` nothing is answered, messages being due evenly.
///
/// A message due `u` seconds into the gap waits `held - u`, and then its turn
/// among those before it. The server sends all that it held within `drain`
/// seconds, so its turn comes `u / held * drain` after the end:
/// `d(u) = held - u (1 - drain / held)`. The part `(held - d) / (1 - drain /
/// held) / window` of all messages waits longer than `d`, hence
/// `d(q) = held - (1 - q) window (1 - drain / held)`.
pub(super) fn withheld(
    quantile: f64,
    held: f64,
    window: f64,
    drain: f64,
) -> f64 {
    let shrink = 1.0 - drain / held;
    (held - (1.0 - quantile) * window * shrink).max(0.0)
}

/// Response times in a queue that serves one after the other, `service` each,
/// by Lindley's recursion: who comes waits for what is left of those before.
pub(super) fn lindley(arrivals_ns: &[u64], service_ns: u64) -> Vec<u64> {
    let mut free_ns = 0;
    arrivals_ns
        .iter()
        .map(|&arrival_ns| {
            free_ns = free_ns.max(arrival_ns) + service_ns;
            free_ns - arrival_ns
        })
        .collect()
}

/// The value below which this part of them lies; 0 of none.
pub(super) fn quantile(values: &mut [u64], quantile: f64) -> u64 {
    values.sort_unstable();
    let rank = (quantile * values.len() as f64).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among values in memory"
    )]
    let rank = (rank as usize).max(1);
    values.get(rank - 1).copied().unwrap_or_default()
}

/// The 5 % point of [`anderson_darling`] where the distribution is known
/// whole (Stephens 1974; Lewis 1961).
pub(super) const ANDERSON_DARLING_5_PERCENT: f64 = 2.492;

/// How far gaps are from exponential ones with this mean: Anderson and
/// Darling's A², with the distribution known whole, its mean included.
pub(super) fn anderson_darling(gaps: &[f64], mean: f64) -> f64 {
    let mut sorted: Vec<f64> =
        gaps.iter().map(|gap| (gap / mean).max(1e-9)).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let terms = sorted.iter().zip(sorted.iter().rev()).enumerate();
    let sum: f64 = terms
        .map(|(at, (low, high))| {
            let below = (-(-low).exp_m1()).ln();
            (2.0 * at as f64 + 1.0) * (below - high)
        })
        .sum();
    -n - sum / n
}

/// Spearman's rank correlation of each value with the next.
pub(super) fn lag_1_correlation(values: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = rank as f64;
    }
    let mean = (values.len() as f64 - 1.0) / 2.0;
    let off = |rank: f64| rank - mean;
    let both: f64 =
        ranks.windows(2).map(|pair| off(pair[0]) * off(pair[1])).sum();
    let own: f64 = ranks.iter().map(|rank| off(*rank).powi(2)).sum();
    both / own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    /// The example of wrk2's README, at 20 s: 1 s of nothing.
    #[test]
    fn a_second_in_twenty_shows_at_the_96th_percentile() {
        let close = |q, s: f64| (withheld(q, 1.0, 20.0, 0.0) - s).abs();
        assert!(close(0.96, 0.2) < 1e-9 && close(0.99, 0.8) < 1e-9);
        assert!(close(0.5, 0.0) < 1e-9);
    }

    /// Message by message, the server needing 10 µs for each that it held.
    #[test]
    fn the_closed_form_is_that_of_the_messages() {
        let (held_us, drain_us) = (1_000_000, 20_000);
        let mut waits: Vec<u64> = (0..40_000)
            .map(|i| {
                let due_us = 500 * i;
                if due_us >= held_us {
                    return 0;
                }
                held_us + drain_us * i / 2_000 - due_us
            })
            .collect();
        for q in [0.96, 0.98, 0.99] {
            let formula = withheld(q, 1.0, 20.0, 0.02);
            let found = quantile(&mut waits, q) as f64 / 1e6;
            assert!((found / formula - 1.0).abs() < 0.005, "{found} {formula}");
        }
    }

    #[test]
    fn a_queue_makes_who_comes_wait() {
        assert_eq!(lindley(&[0, 1, 2, 50], 10), [10, 19, 28, 10]);
    }

    #[test]
    fn quantiles_are_order_statistics() {
        let mut values = [5, 1, 4, 2, 3];
        assert_eq!(quantile(&mut values, 0.5), 3);
        assert_eq!(quantile(&mut values, 1.0), 5);
        assert_eq!(quantile(&mut values, 0.0), 1);
        assert_eq!(quantile(&mut [], 0.5), 0);
    }

    /// The parts above the 5 % point of samples that are, and that are not,
    /// what they are held to be.
    #[test]
    fn the_test_of_gaps_rejects_5_percent_of_true_ones_and_most_others() {
        let mut random = Random(7);
        let mut rejected = |draw: fn(&mut Random) -> f64| {
            let runs = 2_000;
            let over = (0..runs).filter(|_| {
                let gaps: Vec<f64> =
                    (0..100).map(|_| draw(&mut random)).collect();
                anderson_darling(&gaps, 1.0) > ANDERSON_DARLING_5_PERCENT
            });
            over.count() as f64 / f64::from(runs)
        };
        let exponential = |random: &mut Random| -random.uniform().ln();
        let alike = rejected(exponential);
        assert!((0.035..0.065).contains(&alike), "{alike}");
        assert!(rejected(|_| 1.0) > 0.99, "equal gaps");
        assert!(rejected(|random| 2.0 * random.uniform()) > 0.9, "uniform");
        assert!(rejected(|random| -1.4 * random.uniform().ln()) > 0.8);
    }

    #[test]
    fn gaps_that_answer_one_another_are_correlated() {
        let mut random = Random(7);
        let alone: Vec<f64> = (0..20_000).map(|_| random.uniform()).collect();
        assert!(lag_1_correlation(&alone).abs() < 0.02);
        let sums: Vec<f64> = alone.windows(2).map(|p| p[0] + p[1]).collect();
        assert!(lag_1_correlation(&sums) > 0.4);
        let zigzag: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        assert!(lag_1_correlation(&zigzag) < 0.1);
    }
}
