//! Whether the figures of the simulations keep to their goals.

use super::super::flips::any_above;
use super::*;

/// K20: 93 to 97.5 % of the intervals hold the true ratio, in 6 to 24 rounds.
/// They come out at 96.5, 96.2, 95.1, 96.1, 95.3 and 95.7 %.
#[test]
fn an_interval_holds_the_truth_as_often_as_it_says() {
    for rounds in [6, 8, 10, 12, 16, 24] {
        let held = coverage(rounds, 3_000);
        assert!((0.93..=0.975).contains(&held), "{held} at {rounds}");
    }
}

/// K21: at most 6 % of runs name any difference. They come out at 3.5, 4.7
/// and 3.3 %; with 6 rounds the least chance there is, 3.1 %, is the one that
/// counts.
#[test]
fn equal_servers_are_rarely_told_apart_however_they_vary() {
    for (rounds, runs) in [(6, 1_500), (8, 1_500), (10, 300)] {
        let wrong = equal_told_apart(rounds, runs);
        assert!(wrong <= 0.06, "{wrong} at {rounds} rounds");
    }
}

/// K21: equal servers are named in at most 6 % of runs, and the one 10 %
/// dearer is found in 90 %. They come out at 3.1 and 98.1 %.
#[test]
fn a_server_10_percent_dearer_is_found_in_six_rounds() {
    let power = half_dearer(1_500);
    assert!(power.wrong <= 0.06, "{power:?}");
    assert!(power.found >= 0.9 && power.opposite == 0.0, "{power:?}");
}

/// The same where a neighbour makes one launch in twenty a fifth dearer: such
/// a launch hides the difference, and more rounds bring it back. It comes out
/// at 64 % of runs of six rounds and 86 % of runs of ten.
#[test]
fn more_rounds_find_what_a_busy_neighbour_hides() {
    let mut dearer = [1.0; 15];
    dearer[0] = 1.1;
    let found = |rounds| {
        part(200, |random| {
            let costs = Costs::hit(random, rounds, &dearer, 0.05);
            costs.verdicts()[0] == Verdict::Slower
        })
    };
    let (six, ten) = (found(6), found(10));
    assert!((0.5..0.8).contains(&six) && ten >= 0.8, "{six} {ten}");
}

/// Hsu: the cheapest server is almost never left out of those that may be
/// cheapest; one 10 % dearer almost always is.
#[test]
fn the_cheapest_server_is_tied_with_best() {
    let mut dearer = [1.2; 15];
    (dearer[0], dearer[1], dearer[2]) = (1.0, 1.0, 1.1);
    let (runs, mut left_out) = (500, 0);
    let wrong = part(runs, |random| {
        let costs = Costs::of(random, 6, &dearer);
        let chance = |at: usize| {
            let others = costs.servers.iter().enumerate();
            let family: Vec<Differences> = others
                .filter(|(other, _)| *other != at)
                .map(|(_, other)| difference(&costs.servers[at], other))
                .collect();
            any_above(&family, SEED)
        };
        left_out += usize::from(chance(2) <= 0.05);
        chance(0) <= 0.05
    });
    let left_out = float(left_out) / float(runs);
    assert!(wrong <= 0.06 && left_out >= 0.9, "{wrong} {left_out}");
}

/// K19: rounds in random order keep to 5.5 %; all of one server and then all
/// of the other do not, and more launches make it worse. They come out at 2.9,
/// 4.9 and 4.3 % against 43, 59 and 74 %.
#[test]
fn drift_misleads_whoever_measures_one_server_after_the_other() {
    let mut before: f64 = 0.1;
    for rounds in [6, 10, 20] {
        let Drift { interleaved, sequential } = drift(rounds, 3_000);
        assert!(interleaved <= 0.055, "{interleaved} at {rounds}");
        assert!(sequential > before, "{sequential} at {rounds}");
        before = sequential;
    }
}
