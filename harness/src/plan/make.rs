//! Turns a request into a plan.

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{
    Control, Lack, Lane, Plan, STEP_WARM_UP_MS, Scenario, Settings, Skip, Trial,
};

/// What was asked for, names resolved.
#[derive(Clone, Debug)]
pub struct Request {
    /// Seed of everything random.
    pub seed: u64,
    /// Rounds, 1 or more.
    pub rounds: u32,
    /// In the order of selection.
    pub scenarios: Vec<Scenario>,
    /// Servers that can run, in the order of selection, `control` not set.
    pub selected: Vec<Lane>,
    /// Some of them once more, as shipped.
    pub shipped: Vec<Lane>,
    /// The reference server, if it can run.
    pub reference: Option<Lane>,
    /// Run the reference with a spin too, where there is an echo's cost to
    /// take a part of.
    pub spin: bool,
    /// What holds for every trial.
    pub settings: Settings,
    /// Servers that can't run.
    pub skipped: Vec<Skip>,
    /// Levels of isolation that can't be had.
    pub lacking: Vec<Lack>,
}

/// Lays out all trials. In each round and scenario every lane runs once, in
/// an order shuffled by the seed, so that a drift of the machine meets every
/// lane alike and neighbours in a round can be compared.
///
/// The order within a round depends on the seed and the round alone: a plan
/// with more rounds begins with the same trials.
#[must_use]
pub fn make(request: Request) -> Plan {
    let spin = request.spin && request.scenarios.contains(&Scenario::Load);
    let mut lanes = lanes(request.selected, request.reference.as_ref(), spin);
    lanes.extend(request.shipped);
    let mut trials = Vec::new();
    for round in 1..=request.rounds {
        for &scenario in &request.scenarios {
            let seed = mix(request.seed, round, scenario);
            let mut order: Vec<&Lane> =
                lanes.iter().filter(|lane| lane.runs(scenario)).collect();
            order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            if round == 1 {
                spin_after_reference(&mut order);
            }
            trials.extend(order.into_iter().map(|lane| Trial {
                round,
                lane: lane.name.clone(),
                scenario,
                seed,
            }));
        }
    }
    Plan {
        seed: request.seed,
        rounds: request.rounds,
        scenarios: request.scenarios,
        reference: request.reference.map(|lane| lane.server),
        settings: request.settings,
        lanes,
        trials,
        skipped: request.skipped,
        lacking: request.lacking,
    }
}

/// The spin is chosen by what the reference costs, so in the first round the
/// lane that spins changes places with the reference if it would be first.
fn spin_after_reference(order: &mut [&Lane]) {
    let spin = order.iter().position(|l| l.control == Some(Control::Spin));
    let Some(spin) = spin else { return };
    let is_reference = |lane: &&Lane| {
        let plain = matches!(lane.control, None | Some(Control::Reference));
        plain && lane.server == order[spin].server
    };
    let others = order.iter().enumerate().filter(|(at, _)| *at != spin);
    let mut others = others.filter(|(_, lane)| is_reference(lane));
    if let Some((reference, _)) = others.next()
        && spin < reference
    {
        order.swap(spin, reference);
    }
}

/// The selected lanes, then the reference if it wasn't selected, then the
/// reference under its second name and the one that spins.
fn lanes(
    mut lanes: Vec<Lane>,
    reference: Option<&Lane>,
    spin: bool,
) -> Vec<Lane> {
    let Some(reference) = reference else { return lanes };
    if lanes.iter().all(|lane| lane.server != reference.server) {
        lanes.push(Lane {
            control: Some(Control::Reference),
            ..reference.clone()
        });
    }
    lanes.push(Lane {
        name: format!("{}@same", reference.server),
        control: Some(Control::Same),
        ..reference.clone()
    });
    if spin {
        lanes.push(Lane {
            name: format!("{}@+5%", reference.server),
            control: Some(Control::Spin),
            ..reference.clone()
        });
    }
    lanes
}

/// A seed of its own for each round and scenario (SplitMix64, Steele et al.
/// 2014).
fn mix(seed: u64, round: u32, scenario: Scenario) -> u64 {
    let step = u64::from(round) << 8 ^ scenario.number();
    let mut z = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // JSON readers keep 53 bits of a number.
    (z ^ (z >> 31)) >> 11
}

/// How long one round of these takes, about.
#[must_use]
pub fn round_time(request: &Request) -> Duration {
    let plan = make(Request { rounds: 1, ..request.clone() });
    total_time(&plan, &plan.trials)
}

/// Steps of the ladder that a server on one CPU is taken through, about, the
/// one that is too much included.
const STEPS_CLIMBED: u64 = 4;

const fn step(settings: &Settings) -> u64 {
    match settings.step_ms {
        0 => 0,
        counted => counted + STEP_WARM_UP_MS,
    }
}

/// How long one trial takes, about: what it sleeps through by design and
/// what launch, connects, sweeps and stop took on a 2-CPU machine.
/// `settings` are those of its workload.
#[must_use]
pub fn trial_time(settings: &Settings, scenario: Scenario) -> Duration {
    let connections = u64::from(settings.connections);
    let held = 500 + connections / 10 + settings.idle_ms;
    let open = settings.warm_up_ms + settings.fixed_rate_ms;
    let closed = settings.warm_up_ms / 2 + settings.in_flight_ms;
    Duration::from_millis(match scenario {
        Scenario::Classic => 300 + connections / 12,
        Scenario::Idle(_) => held,
        Scenario::Sizes(_) => held + closed,
        Scenario::Herd => held + open,
        Scenario::Churn => 500 + open,
        Scenario::Load | Scenario::Scale(_) | Scenario::Handler(_) => {
            held + open + closed + STEPS_CLIMBED * step(settings)
        }
    })
}

/// How long these trials of a plan take, about.
#[must_use]
pub fn total_time<'a>(
    plan: &Plan,
    trials: impl IntoIterator<Item = &'a Trial>,
) -> Duration {
    let time = |trial: &Trial| {
        let own = plan.settings_for(&trial.lane, trial.scenario);
        trial_time(&own, trial.scenario) + knocking(plan, trial)
    };
    trials.into_iter().map(time).sum()
}

/// How long, about, clients knock again where a server listens with a queue as
/// short as its library's. Of eight servers on a 2-CPU machine 10,000 newcomers
/// took 0 to 48 s longer by that, 10 in the mean, and 0 to 28 s, 3.6 in the
/// mean, where they come 512 at a time.
fn knocking(plan: &Plan, trial: &Trial) -> Duration {
    let lane = plan.lanes.iter().find(|lane| lane.name == trial.lane);
    let queue = lane.and_then(|lane| lane.shipped?.backlog);
    Duration::from_secs(match (queue, trial.scenario) {
        (None, _) => 0,
        (Some(queue), _) if queue >= plan.settings.connections => 0,
        (_, Scenario::Classic) => 10,
        _ => 3,
    })
}

/// As many of `rounds` as fit the budget, but at least one. A budget cuts
/// rounds, never connections.
#[must_use]
pub fn rounds_within(budget: Duration, one: Duration, rounds: u32) -> u32 {
    let fit = budget.as_secs_f64() / one.as_secs_f64().max(0.001);
    (1..=rounds).rev().find(|&count| f64::from(count) <= fit).unwrap_or(1)
}

/// The same plan with another number of rounds.
#[must_use]
pub fn with_rounds(plan: &Plan, rounds: u32) -> Plan {
    let reference = plan
        .lanes
        .iter()
        .find(|lane| {
            matches!(lane.control, None | Some(Control::Reference))
                && Some(&lane.server) == plan.reference.as_ref()
        })
        .map(|lane| Lane { control: None, ..lane.clone() });
    let of = |wanted: Option<Control>| -> Vec<Lane> {
        let lanes = plan.lanes.iter();
        lanes.filter(|lane| lane.control == wanted).cloned().collect()
    };
    make(Request {
        seed: plan.seed,
        rounds,
        scenarios: plan.scenarios.clone(),
        selected: of(None),
        shipped: of(Some(Control::Shipped)),
        reference,
        spin: plan.lanes.iter().any(|l| l.control == Some(Control::Spin)),
        settings: plan.settings.clone(),
        skipped: plan.skipped.clone(),
        lacking: plan.lacking.clone(),
    })
}
