//! What the machine did while a launch was measured: values that say how far
//! to trust a figure, not whether to keep it.
//!
//! Nothing is refused for noise alone; the interval shows what noise did.
//!
//! Refuses to do: judge by a counter whether it counted this launch. The
//! record says whether the counters were the launch's own.

use std::collections::BTreeMap;

use wire::{Around, NetworkCounters};

use super::gates::at_most;
use super::ladder::judged;
use crate::plan::Settings;
use crate::record::{Effect, Gate, Measurement, Outcome, Record};
use crate::stats::median;

/// Percent of a CPU that the hypervisor gave to other guests.
pub const STEAL: &str = "steal";
/// Percent of one side's CPUs that neither it, interrupts nor idling used.
pub const OTHER_CPU: &str = "other_cpu";
/// Times a second that the client was put off its CPU.
pub const CLIENT_PREEMPTED: &str = "client_preempted";
/// Percent by which a fixed computation was off the middle of its round.
pub const HOST_SPEED: &str = "host_speed";

const STEAL_PERCENT: f64 = 5.0;
const OTHER_CPU_PERCENT: f64 = 10.0;
const PREEMPTED_PER_S: f64 = 100.0;
const HOST_SPEED_PERCENT: f64 = 15.0;

type Counter = fn(&NetworkCounters) -> u64;

/// The network's counters, all of which should stand still in a window.
const COUNTERS: [(&str, Counter); 5] = [
    ("listen_overflows", |it| it.listen_overflows),
    ("listen_drops", |it| it.listen_drops),
    ("syn_cookies", |it| it.syn_cookies),
    ("retransmits", |it| it.retransmits),
    ("softnet_drops", |it| it.softnet_drops),
];

/// The checks of one launch, each at its worst window; none for what was not
/// read.
pub(super) fn checks(
    measurement: &Measurement,
    settings: &Settings,
) -> Vec<Gate> {
    let around: Vec<&Around> = judged(&measurement.report)
        .filter_map(|window| window.around.as_ref())
        .filter(|around| around.wall_ns > 0)
        .collect();
    let worst = |of: &dyn Fn(&Around) -> Option<f64>| {
        around.iter().filter_map(|it| of(it)).reduce(f64::max)
    };
    let note = |name: &str, found: Option<f64>, limit: f64| {
        found.map(|value| at_most(name, value, limit, Effect::Note))
    };
    let mut checks: Vec<Gate> = [
        note(STEAL, worst(&steal_percent), STEAL_PERCENT),
        note(
            OTHER_CPU,
            worst(&|around| other_percent(around, settings)),
            OTHER_CPU_PERCENT,
        ),
        // On the server's CPUs it is the server that puts the client off.
        note(
            CLIENT_PREEMPTED,
            worst(&|around| {
                (!settings.shares_cpus()).then(|| preempted_per_s(around))
            }),
            PREEMPTED_PER_S,
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let counted: Vec<NetworkCounters> =
        around.iter().filter_map(|it| it.network).collect();
    if !counted.is_empty() {
        checks.extend(network(&counted, measurement.private_counters));
    }
    checks
}

/// `softnet_drops` is the machine's even in a namespace of one's own, and a
/// host that pauses for 200 ms makes TCP send again what was not lost: neither
/// says that the launch did other work.
fn network(
    counted: &[NetworkCounters],
    private: bool,
) -> impl Iterator<Item = Gate> {
    COUNTERS.into_iter().map(move |(name, of)| {
        let total: u64 = counted.iter().map(of).sum();
        let hosts = ["softnet_drops", "retransmits"].contains(&name);
        let effect =
            if private && !hosts { Effect::Rank } else { Effect::Note };
        at_most(name, float(total), 0.0, effect)
    })
}

fn steal_percent(around: &Around) -> Option<f64> {
    let most = around.cpus.iter().map(|cpu| cpu.steal_ns).max()?;
    Some(100.0 * float(most) / float(around.wall_ns))
}

/// The busier side counts; where both share CPUs they are one side.
fn other_percent(around: &Around, settings: &Settings) -> Option<f64> {
    let server = around.server_cpu_ns?;
    let client = around.client_cpu_ns;
    let (servers, clients) = (&settings.server_cpus, &settings.client_cpus);
    if !settings.isolation.pin || settings.shares_cpus() {
        let all = |_: u32| true;
        return others(around, all, server.saturating_add(client));
    }
    let server = others(around, |cpu| servers.contains(&cpu), server);
    let client = others(around, |cpu| clients.contains(&cpu), client);
    server.into_iter().chain(client).reduce(f64::max)
}

/// Of these CPUs, the percent that none but others can have used.
fn others(
    around: &Around,
    is_ours: impl Fn(u32) -> bool,
    own_ns: u64,
) -> Option<f64> {
    let (mut count, mut known) = (0_u64, own_ns);
    for cpu in around.cpus.iter().filter(|it| is_ours(it.cpu)) {
        count += 1;
        let free = cpu.idle_ns.saturating_add(cpu.irq_ns);
        known = known.saturating_add(free.saturating_add(cpu.steal_ns));
    }
    let all = around.wall_ns.saturating_mul(count);
    let rest = float(all.saturating_sub(known));
    (all > 0).then(|| 100.0 * rest / float(all))
}

fn preempted_per_s(around: &Around) -> f64 {
    let seconds = float(around.wall_ns) / 1e9;
    float(around.client_involuntary_switches) / seconds
}

/// How long the fixed computation took in the middle of each round.
pub(super) fn speeds(records: &[&Record]) -> BTreeMap<u32, f64> {
    let mut by_round: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for record in records {
        if let Outcome::Measured(measurement) = &record.outcome
            && let Some(ns) = measurement.probe_ns
        {
            by_round.entry(record.trial.round).or_default().push(float(ns));
        }
    }
    by_round
        .into_iter()
        .filter_map(|(round, all)| Some((round, median(&all)?)))
        .collect()
}

/// Whether the machine was as fast before this launch as before the others
/// of its round.
pub(super) fn host_speed(
    measurement: &Measurement,
    middle_ns: Option<&f64>,
) -> Option<Gate> {
    let own = float(measurement.probe_ns?);
    let percent = 100.0 * (own / middle_ns? - 1.0).abs();
    Some(at_most(HOST_SPEED, percent, HOST_SPEED_PERCENT, Effect::Note))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and nanoseconds of a launch stay far below 2^52"
)]
fn float(value: u64) -> f64 {
    value as f64
}
