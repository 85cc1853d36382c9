//! Duels with known answers, and with noise drawn by a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wire::{Arrivals, Load};

use super::*;
use crate::duel::closed;

fn pair(ratio: f64, noise: &mut impl FnMut() -> f64) -> LaunchPair {
    let mut slices = |cost: f64| -> Vec<Slice> {
        #[expect(clippy::cast_possible_truncation, reason = "a test's figures")]
        #[expect(clippy::cast_sign_loss, reason = "a test's figures")]
        let slice = |cost: f64| Slice {
            cpu_ns: (cost * 1e8) as u64,
            echoes: 10_000,
            wall_ns: 100_000_000,
        };
        (0..24).map(|_| slice(cost * noise())).collect()
    };
    let (a, b) = (slices(ratio), slices(1.0));
    LaunchPair { a, b, idle_percent: [0.1, 0.1] }
}

fn exact(ratio: f64, count: usize) -> Vec<LaunchPair> {
    // A little scatter, so that there is an interval.
    let scatter = |index: usize| 1.0 + 0.001 * (index % 3) as f64;
    (0..count).map(|i| pair(ratio * scatter(i), &mut || 1.0)).collect()
}

#[test]
fn the_verdict_turns_when_the_two_are_exchanged() {
    let cheaper = exact(0.9, 4);
    let swapped: Vec<LaunchPair> = cheaper
        .iter()
        .map(|pair| LaunchPair {
            a: pair.b.clone(),
            b: pair.a.clone(),
            idle_percent: pair.idle_percent,
        })
        .collect();
    assert_eq!(verdict(&closed(), &cheaper), Verdict::Faster);
    assert_eq!(verdict(&closed(), &swapped), Verdict::Slower);
    assert_eq!(verdict(&closed(), &exact(1.0, 4)), Verdict::Equivalent);
}

#[test]
fn nothing_is_said_between_two_looks() {
    for count in [0, 1, 2, 3, 5, 6, 7, 9, 15] {
        assert_eq!(
            verdict(&closed(), &exact(0.5, count)),
            Verdict::Undecided,
            "{count}"
        );
        assert!(!is_over(&closed(), &exact(0.5, count)), "{count}");
    }
    assert!(
        is_over(&closed(), &exact(0.5, 4))
            && is_over(&closed(), &exact(0.5, 16))
    );
}

#[test]
fn a_difference_below_one_percent_is_none() {
    assert_eq!(verdict(&closed(), &exact(1.006, 4)), Verdict::Equivalent);
}

#[test]
fn a_busy_bystander_forbids_a_verdict_and_is_named() {
    let mut pairs = exact(0.5, 4);
    pairs[2].idle_percent = [0.0, 7.5];
    assert_eq!(verdict(&closed(), &pairs), Verdict::Undecided);
    let duel = judge("id", ["a", "b"], &closed(), &pairs).unwrap();
    assert!(duel.reason.unwrap().contains("7.5 %"));
    assert!(judge("id", ["a", "b"], &closed(), &[]).is_none());
}

#[test]
fn a_rate_that_one_did_not_carry_forbids_a_verdict_and_is_named() {
    // 24 slices of 0.1 s hold 240,000 echoes.
    let at = |per_s| Rules { rate_per_s: Some(per_s), ..closed() };
    let pairs = exact(0.5, 4);
    for (per_s, named) in
        [(99_000, None), (101_200, None), (105_000, Some("4.8 % of the"))]
    {
        let duel = judge("id", ["a", "b"], &at(per_s), &pairs).unwrap();
        match (named, duel.reason) {
            (None, None) => assert_eq!(duel.verdict, Verdict::Faster),
            (Some(named), Some(reason)) => {
                assert!(reason.contains(named), "{reason}");
                assert_eq!(duel.verdict, Verdict::Undecided);
            }
            other => panic!("{per_s}: {other:?}"),
        }
    }
    // Few echoes miss the mark by chance.
    let few = |echoes| {
        let slice = Slice { cpu_ns: 1, echoes, wall_ns: 100_000_000 };
        missed(&[slice; 2], 500)
    };
    assert!(few(40) < f64::EPSILON && (few(25) - 50.0).abs() < 1e-9);
}

#[test]
fn a_launch_without_a_ratio_forbids_a_verdict_and_ends_the_duel() {
    let mut pairs = exact(0.5, 4);
    pairs[2].a.iter_mut().for_each(|slice| slice.echoes = 0);
    assert_eq!(verdict(&closed(), &pairs), Verdict::Undecided);
    assert!(is_over(&closed(), &pairs));
    let duel = judge("id", ["a", "b"], &closed(), &pairs).unwrap();
    assert!(duel.reason.unwrap().contains("without an echo"));
    // With another look to come, between two of them it goes on.
    assert!(!is_over(&closed(), &pairs[..3]));
}

#[test]
fn what_is_offered_follows_the_rules() {
    let of = |rate_per_s, in_flight| {
        Rules { rate_per_s, in_flight, ..closed() }.load()
    };
    let in_flight = |connections| Load::InFlight { connections };
    let (per_s, arrivals) = (500.0, Arrivals::Poisson);
    assert_eq!(of(None, None), in_flight(256));
    assert_eq!(of(None, Some(16)), in_flight(16));
    assert_eq!(of(Some(500), None), Load::Rate { per_s, arrivals });
}

#[test]
fn a_duel_of_before_there_were_rates_is_read() {
    let mut old = serde_json::to_value(closed()).unwrap();
    let keys = old.as_object_mut().unwrap();
    for key in ["rate_per_s", "in_flight", "workers", "placement", "whole"] {
        assert!(keys.remove(key).is_some(), "{key}");
    }
    let read: Rules = serde_json::from_value(old).unwrap();
    assert_eq!(read, Rules { workers: [0, 0], ..closed() });
}

#[test]
fn one_burst_spoils_a_block_and_not_the_pair() {
    let mut spoilt = pair(1.0, &mut || 1.0);
    spoilt.a[5].cpu_ns *= 10;
    let log = log_ratio(&closed(), &spoilt, cost).unwrap();
    assert!(log.abs() < 1e-9, "{log}");
    // 23 slices of one cost and one of ten times that, where all count.
    let whole = Rules { whole: true, ..closed() };
    let log = log_ratio(&whole, &spoilt, cost).unwrap();
    assert!((log.exp() - 33.0 / 24.0).abs() < 1e-9, "{log}");
}

/// Student's interval as SciPy 1.17.1 gives it: `scipy.stats.t.interval(
/// 0.9875, 3, loc=mean, scale=scipy.stats.sem(logs))` for the logarithms 0,
/// 0.01, 0.02 and 0.03 is (-0.01980488, 0.04980488).
#[test]
fn the_interval_is_students() {
    let logs: [f64; 4] = [0.0, 0.01, 0.02, 0.03];
    let pairs: Vec<LaunchPair> =
        logs.iter().map(|log| pair(log.exp(), &mut || 1.0)).collect();
    let found = over_pairs(&closed(), &pairs, cost, &LOOKS[0]).unwrap();
    assert!((found.low.ln() + 0.019_804_88).abs() < 1e-6, "{found:?}");
    assert!((found.high.ln() - 0.049_804_88).abs() < 1e-6, "{found:?}");
    assert!((found.level - 0.9875).abs() < 1e-12);
}

/// Fights until it is over, launches scattered by 1.5 % and slices by 5 %.
fn simulated(ratio: f64, rng: &mut ChaCha8Rng) -> (Verdict, usize) {
    let mut pairs = Vec::new();
    while !is_over(&closed(), &pairs) {
        // Twelve uniform numbers add up to nearly a normal one.
        let mut normal = || -> f64 {
            (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
        };
        let launch = (0.015 * normal()).exp();
        pairs.push(pair(ratio * launch, &mut || (0.05 * normal()).exp()));
    }
    (verdict(&closed(), &pairs), pairs.len())
}

#[test]
fn false_alarms_are_rare_and_five_percent_is_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let runs = 400;
    let alarms = (0..runs)
        .map(|_| simulated(1.0, &mut rng).0)
        .filter(|it| matches!(it, Verdict::Faster | Verdict::Slower))
        .count();
    assert!(alarms * 100 <= runs * 6, "{alarms} of {runs}");
    let found = (0..runs).map(|_| simulated(1.05, &mut rng));
    let found: Vec<_> = found.collect();
    let right = |&(verdict, pairs): &(Verdict, usize)| {
        verdict == Verdict::Slower && pairs <= 8
    };
    assert!(found.iter().filter(|it| right(it)).count() * 10 >= runs * 9);
    assert!(found.iter().all(|(verdict, _)| *verdict != Verdict::Faster));
}
