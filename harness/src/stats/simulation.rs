//! The instrument on synthetic runs whose truth is known: how often an
//! interval holds it, how often a difference is named that isn't there, how
//! often one is found that is. Seeded, so that a figure is always the same.

use super::flips::{Differences, family_wise};
use super::noise::floor;
use super::random::Random;
use super::signed_rank::{hodges_lehmann, p_value};
use super::verdict::{Question, Verdict, deviation, judge};
use super::{float, rank_sum};

const SEED: u64 = 20_261_123;

/// How noisy the servers of a synthetic run are: five, five, three and two of
/// fifteen, the last as much again in each launch as a pool that thrashes.
const NOISE: [f64; 15] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.03, 0.03, 0.03, 0.03, 0.03, 0.05, 0.05,
    0.05, 0.08, 0.08,
];

/// How much dearer the fifteen are where half of them differ, by up to
/// fourfold; the first is the one to be found.
const HALF_DEARER: [f64; 15] =
    [1.1, 1.0, 1.5, 1.0, 0.8, 1.0, 3.3, 1.0, 1.2, 1.0, 2.0, 1.0, 0.7, 1.0, 1.6];

/// How often something was said of runs in which half of the servers differ.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    /// Parts of runs in which two equal servers were told apart.
    pub wrong: f64,
    /// Parts of runs in which the server 10 % dearer was found.
    pub found: f64,
    /// Parts of runs in which it was called cheaper.
    pub opposite: f64,
}

/// How often a difference was named of two equal servers on a machine that
/// drifts.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    /// In rounds of shuffled order, within which ratios are taken.
    pub interleaved: f64,
    /// All launches of one server, then all of the other.
    pub sequential: f64,
}

/// The part of intervals that hold the true ratio, in so many rounds, one
/// launch in twenty a fifth dearer for no reason of its own.
#[must_use]
pub fn coverage(rounds: usize, runs: usize) -> f64 {
    let launch = |random: &mut Random| {
        let hit = if random.uniform() < 0.05 { 0.2 } else { 0.0 };
        0.02 * random.normal() + hit
    };
    part(runs, |random| {
        let differences: Vec<f64> = (0..rounds)
            .map(|_| 0.1 + launch(random) - launch(random))
            .collect();
        hodges_lehmann(&differences)
            .is_some_and(|it| it.low <= 0.1 && 0.1 <= it.high)
    })
}

/// The part of runs in which any of fifteen equal servers, of which some vary
/// four times as much as others, is said to differ.
#[must_use]
pub fn equal_told_apart(rounds: usize, runs: usize) -> f64 {
    part(runs, |random| {
        let costs = Costs::of(random, rounds, &[1.0; 15]);
        costs.verdicts().into_iter().any(differs)
    })
}

/// The same fifteen in six rounds, half of them truly different.
#[must_use]
pub fn half_dearer(runs: usize) -> Power {
    let (mut found, mut opposite) = (0, 0);
    let wrong = part(runs, |random| {
        let verdicts = Costs::of(random, 6, &HALF_DEARER).verdicts();
        found += usize::from(verdicts[0] == Verdict::Slower);
        opposite += usize::from(verdicts[0] == Verdict::Faster);
        let equal = verdicts.iter().zip(HALF_DEARER).filter(|(_, d)| *d == 1.0);
        equal.into_iter().any(|(verdict, _)| differs(*verdict))
    });
    let part = |count| float(count) / float(runs);
    Power { wrong, found: part(found), opposite: part(opposite) }
}

/// Two of six equal servers on a machine that wanders by 3 % from launch to
/// launch, tested at 5 %. All of one server and then all of the other is a
/// tenth of the runs, for it needs no more to be seen to fail.
#[must_use]
pub fn drift(rounds: usize, runs: usize) -> Drift {
    let cost = |random: &mut Random, wander: &mut f64| {
        *wander += 0.03 * random.normal();
        *wander + 0.02 * random.normal()
    };
    let interleaved = part(runs, |random| {
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
    let sequential = part(runs / 10, |random| {
        let mut wander = 0.0;
        let mut all = |random: &mut Random| -> Vec<f64> {
            (0..rounds).map(|_| cost(random, &mut wander)).collect()
        };
        let (a, b) = (all(random), all(random));
        rank_sum::p_value(&a, &b) <= 0.05
    });
    Drift { interleaved, sequential }
}

/// The logarithms of the costs of a reference and fifteen servers, `dearer`
/// by so much. Every round has a speed of its own.
pub(super) struct Costs {
    pub(super) reference: Vec<f64>,
    pub(super) servers: Vec<Vec<f64>>,
}

impl Costs {
    pub(super) fn of(
        random: &mut Random,
        rounds: usize,
        dearer: &[f64; 15],
    ) -> Self {
        Self::hit(random, rounds, dearer, 0.0)
    }

    /// The same where so large a part of launches is a fifth dearer.
    pub(super) fn hit(
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
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
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
        let floor = floor(&logs).unwrap_or_default();
        let judged = family.iter().zip(chances).map(|(differences, chance)| {
            let logs: Vec<f64> =
                differences.iter().flatten().copied().collect();
            let question = Question {
                ratio: hodges_lehmann(&logs)?.exp(),
                chance,
                family: family.len(),
                floor,
                deviation: deviation(&logs),
            };
            Some(judge(&question)?.verdict)
        });
        judged.map(|it| it.unwrap_or(Verdict::Undecided)).collect()
    }
}

pub(super) fn difference(a: &[f64], b: &[f64]) -> Differences {
    a.iter().zip(b).map(|(a, b)| Some(a - b)).collect()
}

fn differs(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Faster | Verdict::Slower)
}

/// The part of so many synthetic runs of which it is true.
pub(super) fn part(
    runs: usize,
    mut of: impl FnMut(&mut Random) -> bool,
) -> f64 {
    let mut random = Random(SEED);
    let found = (0..runs).filter(|_| of(&mut random)).count();
    float(found) / float(runs)
}

#[cfg(test)]
#[path = "simulation_tests.rs"]
mod tests;
