//! The instrument on synthetic runs whose truth is known: how often an
//! interval holds it, how often a difference is named that isn't there, how
//! often one is found that is. Seeded, so that a figure is always the same.

use super::flips::{Differences, any_above, family_wise};
use super::noise::floor;
use super::signed_rank::{hodges_lehmann, p_value};
use super::verdict::{Question, Verdict, deviation, judge};
use super::{float, rank_sum};
use crate::scripted::random::Random;

const SEED: u64 = 20_261_123;

/// How noisy the servers of a synthetic run are: five, five, three and two of
/// fifteen, the last as much again in each launch as a pool that thrashes.
const NOISE: [f64; 15] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.03, 0.03, 0.03, 0.03, 0.03, 0.05, 0.05,
    0.05, 0.08, 0.08,
];

/// The logarithms of the costs of a reference and fifteen servers, `dearer`
/// by so much. Every round has a speed of its own.
struct Costs {
    reference: Vec<f64>,
    servers: Vec<Vec<f64>>,
}

impl Costs {
    fn of(random: &mut Random, rounds: usize, dearer: &[f64; 15]) -> Self {
        Self::hit(random, rounds, dearer, 0.0)
    }

    /// The same where so large a part of launches is a fifth dearer.
    fn hit(
        random: &mut Random,
        rounds: usize,
        dearer: &[f64; 15],
        part: f64,
    ) -> Self {
        let hit = |random: &mut Random| {
            if part > 0.0 && random.uniform() < part { 0.2 } else { 0.0 }
        };
        let mut costs =
            Self { reference: Vec::new(), servers: vec![Vec::new(); 15] };
        let mut wander = 0.0;
        for _ in 0..rounds {
            wander += 0.1 * random.normal();
            let noise = 0.02 * random.normal() + hit(random);
            costs.reference.push(wander + noise);
            for (at, server) in costs.servers.iter_mut().enumerate() {
                let noise = NOISE[at] * random.normal() + hit(random);
                server.push(wander + dearer[at].ln() + noise);
            }
        }
        costs
    }

    /// The verdicts against the reference.
    fn verdicts(&self) -> Vec<Verdict> {
        let family: Vec<Differences> = self
            .servers
            .iter()
            .map(|server| difference(server, &self.reference))
            .collect();
        let chances = family_wise(&family, SEED);
        let logs: Vec<Differences> = std::iter::once(&self.reference)
            .chain(&self.servers)
            .map(|costs| costs.iter().copied().map(Some).collect())
            .collect();
        let floor = floor(&logs).unwrap();
        let judged = family.iter().zip(chances).map(|(differences, chance)| {
            let logs: Vec<f64> =
                differences.iter().flatten().copied().collect();
            let question = Question {
                ratio: hodges_lehmann(&logs).unwrap().exp(),
                chance,
                family: family.len(),
                floor,
                deviation: deviation(&logs),
            };
            judge(&question).unwrap().verdict
        });
        judged.collect()
    }
}

fn difference(a: &[f64], b: &[f64]) -> Differences {
    a.iter().zip(b).map(|(a, b)| Some(a - b)).collect()
}

fn differs(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Faster | Verdict::Slower)
}

/// The part of so many synthetic runs of which it is true.
fn part(runs: usize, mut of: impl FnMut(&mut Random) -> bool) -> f64 {
    let mut random = Random(SEED);
    let found = (0..runs).filter(|_| of(&mut random)).count();
    float(found) / float(runs)
}

/// K20: 93 to 97.5 % of the intervals hold the true ratio, in 6 to 24 rounds,
/// one launch in twenty a fifth dearer for no reason of its own.
/// They come out at 96.5, 96.2, 95.1, 96.1, 95.3 and 95.7 %.
#[test]
fn an_interval_holds_the_truth_as_often_as_it_says() {
    for rounds in [6, 8, 10, 12, 16, 24] {
        let launch = |random: &mut Random| {
            let hit = if random.uniform() < 0.05 { 0.2 } else { 0.0 };
            0.02 * random.normal() + hit
        };
        let held = part(3_000, |random| {
            let differences: Vec<f64> = (0..rounds)
                .map(|_| 0.1 + launch(random) - launch(random))
                .collect();
            let interval = hodges_lehmann(&differences).unwrap();
            interval.low <= 0.1 && 0.1 <= interval.high
        });
        assert!((0.93..=0.975).contains(&held), "{held} at {rounds}");
    }
}

/// K21: among fifteen equal servers, of which some vary four times as much as
/// others, at most 6 % of runs name any difference. They come out
/// at 3.5, 4.7 and 3.3 %; with 6 rounds the least chance there is, 3.1 %, is
/// the one that counts.
#[test]
fn equal_servers_are_rarely_told_apart_however_they_vary() {
    for rounds in [6, 8, 10] {
        let runs = if rounds < 10 { 1_500 } else { 300 };
        let wrong = part(runs, |random| {
            let costs = Costs::of(random, rounds, &[1.0; 15]);
            costs.verdicts().into_iter().any(differs)
        });
        assert!(wrong <= 0.06, "{wrong} at {rounds} rounds");
    }
}

/// K21: half of them differ by up to fourfold; the other half is still named
/// in at most 6 % of runs, and the one 10 % dearer is found in 90 %. They come
/// out at 3.1 and 98.1 %.
#[test]
fn a_server_10_percent_dearer_is_found_in_six_rounds() {
    let dearer = [
        1.1, 1.0, 1.5, 1.0, 0.8, 1.0, 3.3, 1.0, 1.2, 1.0, 2.0, 1.0, 0.7, 1.0,
        1.6,
    ];
    let (mut found, mut opposite) = (0, 0);
    let runs = 1_500;
    let wrong = part(runs, |random| {
        let verdicts = Costs::of(random, 6, &dearer).verdicts();
        found += usize::from(verdicts[0] == Verdict::Slower);
        opposite += usize::from(verdicts[0] == Verdict::Faster);
        let equal = verdicts.iter().zip(dearer).filter(|(_, d)| *d == 1.0);
        equal.into_iter().any(|(verdict, _)| differs(*verdict))
    });
    let found = float(found) / float(runs);
    assert!(wrong <= 0.06, "{wrong}");
    assert!(found >= 0.9 && opposite == 0, "{found} {opposite}");
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

/// K19: a machine that wanders by 3 % from launch to launch. Rounds in random
/// order keep to 5.5 %; all of one server and then all of the other do not,
/// and more launches make it worse. They come out at 2.9, 4.9 and 4.3 % against
/// 43, 59 and 74 %.
#[test]
fn drift_misleads_whoever_measures_one_server_after_the_other() {
    let mut before: f64 = 0.0;
    for rounds in [6, 10, 20] {
        let cost = |random: &mut Random, wander: &mut f64| {
            *wander += 0.03 * random.normal();
            *wander + 0.02 * random.normal()
        };
        let interleaved = part(3_000, |random| {
            let mut wander = 0.0;
            let differences: Vec<f64> = (0..rounds)
                .map(|_| {
                    let mut lanes = [0, 1, 2, 3, 4, 5];
                    random.shuffle(&mut lanes);
                    let mut costs = [0.0; 6];
                    for lane in lanes {
                        costs[lane] = cost(random, &mut wander);
                    }
                    costs[0] - costs[1]
                })
                .collect();
            p_value(&differences) <= 0.05
        });
        let sequential = part(300, |random| {
            let mut wander = 0.0;
            let mut all = |random: &mut Random| -> Vec<f64> {
                (0..rounds).map(|_| cost(random, &mut wander)).collect()
            };
            let (a, b) = (all(random), all(random));
            rank_sum::p_value(&a, &b) <= 0.05
        });
        assert!(interleaved <= 0.055, "{interleaved} at {rounds}");
        assert!(sequential > before.max(0.1), "{sequential} at {rounds}");
        before = sequential;
    }
}
