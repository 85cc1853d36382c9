//! How often two runs of the same servers have a difference named: seeded
//! synthetic pairs of runs with noise, drift and outliers.

use super::*;
use crate::plan::Scenario::Load;
use crate::plan::{Plan, Trial};
use crate::scripted::{self, bare, measured, plan, records};
use crate::stats::random::Random;
use crate::summarize::summarize;

const SERVERS: [&str; 11] =
    ["rust-mio", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

/// Pairs of runs in each setting.
const PAIRS: u32 = 300;

/// What a simulated machine is like.
#[derive(Clone, Copy)]
struct Machine {
    servers: usize,
    rounds: u32,
    /// Lognormal noise of a launch; three times as much for server `e`.
    noise: f64,
    /// The part of launches that a neighbour makes 20 % dearer.
    hit: f64,
}

/// A run on a machine that wanders: every round has a speed of its own, which
/// all lanes share.
fn run(
    random: &mut Random,
    plan: &Plan,
    machine: Machine,
    slowed: impl Fn(&str) -> f64,
) -> Summary {
    let mut wander = 0.3 * random.normal();
    let mut round = 0;
    let records = records(plan, |trial: &Trial| {
        if trial.round != round {
            round = trial.round;
            wander += 0.1 * random.normal();
        }
        let wider = if trial.lane == "e" { 3.0 } else { 1.0 };
        let mut log = wander + machine.noise * wider * random.normal();
        if random.uniform() < machine.hit {
            log += 0.2;
        }
        let cost = 100.0 * slowed(&trial.lane) * log.exp();
        measured(bare(trial.scenario, cost))
    });
    summarize("simulated", false, &scripted::host(), plan, &records)
}

/// The part of pairs in which anything at all is named.
fn named(machine: Machine, slowed: impl Fn(&str) -> f64) -> f64 {
    let plan = plan(&SERVERS[..machine.servers], &[Load], machine.rounds);
    let mut random = Random(20_261_123);
    let mut found = 0;
    for _ in 0..PAIRS {
        let before = run(&mut random, &plan, machine, |_| 1.0);
        let after = run(&mut random, &plan, machine, &slowed);
        let comparison = compare(&before, &after, &Options::default()).unwrap();
        found += u32::from(comparison.entries.iter().any(Entry::is_named));
    }
    f64::from(found) / f64::from(PAIRS)
}

#[test]
fn at_most_5_percent_of_runs_against_themselves_name_any_difference() {
    let cases = [
        (6, 5, 0.02, 0.05),
        (11, 6, 0.01, 0.05),
        (11, 6, 0.05, 0.0),
        (6, 9, 0.02, 0.05),
    ];
    for (servers, rounds, noise, hit) in cases {
        let machine = Machine { servers, rounds, noise, hit };
        let wrong = named(machine, |_| 1.0);
        assert!(
            wrong <= 0.05,
            "{wrong} of {servers} servers, {rounds} rounds, noise {noise}"
        );
    }
}

#[test]
fn a_server_20_percent_slower_is_found_in_the_same_noise() {
    let slowed = |lane: &str| if lane == "a" { 1.2 } else { 1.0 };
    // The interval of 6 rounds reaches from the least to the greatest, so
    // that one launch hit by a neighbour can hide a difference; from 9 rounds
    // on it cannot.
    for (rounds, hit) in [(6, 0.0), (12, 0.05)] {
        let machine = Machine { servers: 4, rounds, noise: 0.02, hit };
        let found = named(machine, slowed);
        assert!(found >= 0.9, "{found} at {rounds} rounds");
    }
}
