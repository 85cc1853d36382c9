//! The Mann–Whitney test of two samples that are not paired, exact.
//!
//! Refuses to do: approximate by a normal distribution. It is for samples of
//! tens; whatever was measured in rounds is compared within them, by
//! [`super::signed_rank`].

use super::signed_rank::double_ranks;

/// The chance, were both samples of one distribution, of rank sums at least
/// as lopsided as these, both sides counted. Equal values share the mean of
/// their ranks. 1 where a sample is empty.
#[must_use]
pub fn p_value(a: &[f64], b: &[f64]) -> f64 {
    let finite = |values: &[f64]| -> Vec<f64> {
        values.iter().copied().filter(|value| value.is_finite()).collect()
    };
    let (mut pooled, b) = (finite(a), finite(b));
    let drawn = pooled.len();
    pooled.extend(&b);
    let ranks = double_ranks(&pooled);
    let observed: usize = ranks[..drawn].iter().sum();
    let orders = sums_of(drawn, &ranks);
    let all: f64 = orders.iter().sum();
    let below: f64 = orders[..=observed].iter().sum();
    let above: f64 = orders[observed..].iter().sum();
    (2.0 * below.min(above) / all).min(1.0)
}

/// In how many ways so many of these have each sum. The counts are whole and
/// exact as far as 2^53 carries them.
fn sums_of(drawn: usize, ranks: &[usize]) -> Vec<f64> {
    let all: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; all + 1]; drawn + 1];
    ways[0][0] = 1.0;
    let mut reach = 0;
    for &rank in ranks {
        reach += rank;
        for taken in (1..=drawn).rev() {
            let (fewer, more) = ways.split_at_mut(taken);
            let fewer = &fewer[taken - 1];
            for sum in rank..=reach {
                more[0][sum] += fewer[sum - rank];
            }
        }
    }
    ways.swap_remove(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, golden: f64) -> bool {
        (found - golden).abs() < 1e-9
    }

    #[test]
    fn equal_values_and_empty_samples_decide_nothing() {
        assert!(close(p_value(&[1.0; 5], &[1.0; 5]), 1.0));
        assert!(close(p_value(&[], &[1.0]), 1.0));
        // 1.5 1.5 | 3 4: 1 of C(4, 2) orders either way.
        assert!(close(p_value(&[1.0, 1.0], &[2.0, 3.0]), 2.0 / 6.0));
    }
}
