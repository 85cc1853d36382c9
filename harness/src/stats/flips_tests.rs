//! Chances counted by SciPy, by hand and by definition.

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
        let variance = d.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0;
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
