//! What a run cannot resolve.
//!
//! Take from the logarithm of every cost its server's mean and its round's
//! mean; what remains is noise. The middle server's noise tells how far apart
//! two equal servers would come out.
//!
//! Refuses to do: count the noise of the noisiest server against all.

use super::{float, median};

/// Half the width of the 95 % interval of the difference of two servers with
/// the middle noise, as a fraction; `None` with fewer than two servers, or
/// two rounds, that are whole.
///
/// `logs` holds a row for each server, a column for each round. A server that
/// lacks a round that others have is left out.
#[must_use]
pub fn floor(logs: &[Vec<Option<f64>>]) -> Option<f64> {
    let rounds = logs.iter().map(Vec::len).max()?;
    let told = |round: usize| {
        logs.iter().any(|row| row.get(round).copied().flatten().is_some())
    };
    let told: Vec<usize> = (0..rounds).filter(|round| told(*round)).collect();
    let whole: Vec<Vec<f64>> = logs
        .iter()
        .filter_map(|row| {
            told.iter().map(|at| row.get(*at).copied().flatten()).collect()
        })
        .collect();
    let (servers, rounds) = (whole.len(), told.len());
    if servers < 2 || rounds < 2 {
        return None;
    }
    let mean =
        |values: &[f64]| values.iter().sum::<f64>() / float(values.len());
    let columns: Vec<f64> = (0..rounds)
        .map(|at| mean(&whole.iter().map(|row| row[at]).collect::<Vec<_>>()))
        .collect();
    let all = mean(&columns);
    let freedom = float((servers - 1) * (rounds - 1));
    let variances: Vec<f64> = whole
        .iter()
        .map(|row| {
            let own = mean(row);
            let squares = row
                .iter()
                .zip(&columns)
                .map(|(value, column)| (value - own - column + all).powi(2));
            squares.sum::<f64>() * float(servers) / freedom
        })
        .collect();
    let error = (2.0 * median(&variances)? / float(rounds)).sqrt();
    Some((student(freedom) * error).exp_m1())
}

/// The two-sided 95 % point of Student's distribution, by the expansion of
/// Abramowitz and Stegun 26.7.5: within 0.2 % from 5 degrees of freedom on.
fn student(freedom: f64) -> f64 {
    let z = normal_quantile(0.975);
    let (first, second, third) = (
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z)
            / 384.0,
    );
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// The value below which a standard normal one falls with this chance, by
/// bisection of the integral of its density.
#[must_use]
pub fn normal_quantile(chance: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal_below(middle) < chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The chance of less than `z`: one half and the series
/// `φ(z) (z + z³/3 + z⁵/(3·5) + …)`, whose terms all have one sign.
fn normal_below(z: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (z, z, 1.0);
    while term.abs() > sum.abs() * 1e-17 {
        odd += 2.0;
        term *= z * z / odd;
        sum += term;
    }
    let density = (-z * z / 2.0).exp() / (std::f64::consts::TAU).sqrt();
    0.5 + density * sum
}

#[cfg(test)]
mod tests {
    //! Golden values: `norm.ppf` and `t.ppf` of SciPy 1.17.1.
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        let golden = [
            (0.5, 0.0),
            (0.6, 0.2533471031357997),
            (0.975, 1.959963984540054),
            (0.99, 2.3263478740408408),
            (0.9983333, 2.9351932634038738),
            (0.999999, 4.753424308817087),
        ];
        for (chance, z) in golden {
            let found = normal_quantile(chance);
            assert!((found - z).abs() < 1e-9, "{chance}: {found}");
        }
    }

    #[test]
    fn few_degrees_of_freedom_widen_the_interval() {
        let golden = [
            (5.0, 2.5705818356363146),
            (10.0, 2.228138851986274),
            (30.0, 2.0422724563012378),
            (100.0, 1.9839715185235518),
        ];
        for (freedom, t) in golden {
            let found = student(freedom);
            assert!((found / t - 1.0).abs() < 2e-3, "{freedom}: {found}");
        }
    }

    /// Two servers 1 apart whose difference is 1 ± 0.02, ± 0.02 …: a
    /// residual of ±0.01 each, 4 rounds, 3 degrees of freedom.
    #[test]
    fn the_floor_follows_from_the_residuals() {
        let row = |level: f64, side: f64, rounds: [f64; 4]| {
            (0..4)
                .map(|at| {
                    let sign = if at % 2 == 0 { side } else { -side };
                    Some(level + 0.01 * sign + rounds[at])
                })
                .collect::<Vec<_>>()
        };
        let drift = [0.0, 0.4, -0.3, 0.9];
        let logs = [row(1.0, 1.0, drift), row(2.0, -1.0, drift)];
        // Each: 4 squares of 0.01 over 3, twice for the lost freedom.
        let variance: f64 = 4.0 * 1e-4 / 3.0 * 2.0;
        let expected = (student(3.0) * (variance / 2.0).sqrt()).exp_m1();
        let found = floor(&logs).unwrap();
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        // One that lacks a round says nothing of noise.
        let mut lacking = logs.to_vec();
        lacking.push(vec![Some(1.0), None, Some(9.0), Some(5.0)]);
        assert_eq!(floor(&lacking), floor(&logs));
    }

    #[test]
    fn nothing_is_told_of_one_server_or_one_round() {
        assert_eq!(floor(&[]), None);
        assert_eq!(floor(&[vec![Some(1.0), Some(2.0)]]), None);
        assert_eq!(floor(&[vec![Some(1.0)], vec![Some(2.0)]]), None);
    }
}
