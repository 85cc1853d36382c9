//! One row: a server under one workload, from all of its trials.
//!
//! Refuses to do: average a failed trial in, or hide one.

use std::collections::BTreeMap;

use super::bounds::limited_by_client;
use super::gates::{CONSERVATION, SLIP, gates, slip, worse};
use super::ladder::ladder_limited;
use super::metrics::pooled;
use super::reason::{plain, reason};
use super::surroundings::{host_speed, speeds};
use super::types::{Failure, Row};
use crate::conformance::Standing;
use crate::plan::{Lane, Plan, Scenario, Settings, Skip};
use crate::record::{Effect, Gate, Measurement, Outcome, Record};

/// Throughput of such a launch is a lower bound.
pub const CLIENT_LIMITED: &str = "client-limited";

/// The model spreads over workers, of which the plan gave it one.
pub(super) const PARALLELISM_UNTESTED: &str = "parallelism-untested";

/// An accept queue was full while the original's client connected: its total
/// holds seconds of the kernel's SYN timer.
pub const ACCEPT_OVERFLOWED: &str = "accept-queue-overflowed";
/// The highest rate held in such a launch is a lower bound.
pub const LADDER_LIMITED: &str = "ladder-limited";

/// The kernel could not be asked how many sockets are established.
pub const CENSUS_UNREAD: &str = "census-unread";

/// The conformance suite failed the server: its figures have no rank.
pub const CHECK_FAILED: &str = "check-failed";

/// The conformance suite has not tried the server as it is.
pub const UNCHECKED: &str = "unchecked";

/// Why a lane of an unfinished run has no figures.
pub const NOT_RUN_YET: &str = "not run yet";

/// The row of one lane.
#[must_use]
pub(super) fn of_lane(
    lane: &Lane,
    scenario: Scenario,
    records: &[&Record],
    plan: &Plan,
    partial: bool,
) -> Row {
    let trials = last_of_each_round(lane, scenario, records);
    let mut row = Row {
        family: lane.family.clone(),
        model: lane.model.clone(),
        status: lane.status.clone(),
        ..empty(&lane.name, scenario)
    };
    stand(&mut row, lane);
    let mut measured = Vec::new();
    let settings = &plan.settings.at(scenario);
    let speeds = speeds(records);
    for (round, record) in &trials {
        match &record.outcome {
            Outcome::Measured(measurement) => {
                let mut checks =
                    checks(record, measurement, settings, scenario);
                checks.extend(host_speed(measurement, speeds.get(round)));
                match void(&checks) {
                    Some(why) => row.failures.push(Failure {
                        round: *round,
                        outcome: record.outcome.name().into(),
                        reason: why,
                    }),
                    None => measured.push((*round, measurement.as_ref())),
                }
                row.flags.extend(flags(measurement, settings, scenario));
                row.flags.extend(marks(&checks));
                if lane.parallel && measurement.announce.workers == 1 {
                    row.flags.push(PARALLELISM_UNTESTED.into());
                }
                row.gates.extend(checks);
            }
            failed => row.failures.push(Failure {
                round: *round,
                outcome: failed.name().into(),
                reason: reason(failed).unwrap_or_default(),
            }),
        }
    }
    row.gates = worst(std::mem::take(&mut row.gates));
    for flag in std::mem::take(&mut row.flags) {
        *row.flag_counts.entry(flag).or_default() += 1;
    }
    row.flags = row.flag_counts.keys().cloned().collect();
    row.flags.extend(standing_flag(&row).map(str::to_owned));
    row.rounds = u32::try_from(measured.len()).unwrap_or(u32::MAX);
    (row.metrics, row.launches) = pooled(&measured, settings, scenario);
    merge_slip(&mut row);
    settle(&mut row, &trials, partial);
    row
}

/// What the conformance suite had found when the run began.
fn stand(row: &mut Row, lane: &Lane) {
    let Some(found) = &lane.conformance else { return };
    row.conformance = Some(found.standing);
    row.conformance_tier = found.tier;
    row.failed_cases = found.failed.iter().map(|id| plain(id)).collect();
}

fn standing_flag(row: &Row) -> Option<&'static str> {
    match row.conformance? {
        Standing::Pass => None,
        Standing::Failed => Some(CHECK_FAILED),
        Standing::Unchecked => Some(UNCHECKED),
    }
}

/// The launches whose figures count, in the order of rounds.
pub(super) fn sound_launches<'a>(
    lane: &Lane,
    scenario: Scenario,
    records: &[&'a Record],
    plan: &Plan,
) -> Vec<&'a Measurement> {
    let trials = last_of_each_round(lane, scenario, records);
    let sound = trials.into_values().filter_map(|record| {
        let Outcome::Measured(measurement) = &record.outcome else {
            return None;
        };
        let settings = plan.settings.at(scenario);
        let checks = checks(record, measurement, &settings, scenario);
        void(&checks).is_none().then_some(measurement.as_ref())
    });
    sound.collect()
}

/// The row of a server that can't be run here.
#[must_use]
pub(super) fn of_skip(skip: &Skip, scenario: Scenario) -> Row {
    Row {
        reason: Some(plain(&skip.reason)),
        hint: skip.hint.as_deref().map(plain),
        ..empty(&skip.server, scenario)
    }
}

fn empty(server: &str, scenario: Scenario) -> Row {
    Row {
        server: server.into(),
        scenario,
        outcome: "skipped".into(),
        rounds: 0,
        rank: None,
        metrics: BTreeMap::new(),
        gates: Vec::new(),
        flags: Vec::new(),
        flag_counts: BTreeMap::new(),
        family: String::new(),
        model: String::new(),
        status: String::new(),
        conformance: None,
        conformance_tier: None,
        failed_cases: Vec::new(),
        reason: None,
        hint: None,
        failures: Vec::new(),
        ratio: None,
        verdict: None,
        rounds_needed: None,
        launches: Vec::new(),
    }
}

/// A resumed run repeats what was interrupted: the later record counts.
fn last_of_each_round<'a>(
    lane: &Lane,
    scenario: Scenario,
    records: &[&'a Record],
) -> BTreeMap<u32, &'a Record> {
    records
        .iter()
        .filter(|record| {
            record.trial.lane == lane.name && record.trial.scenario == scenario
        })
        .map(|record| (record.trial.round, *record))
        .collect()
}

/// Recomputed checks, and those of the record that only the harness could
/// make while the server ran.
fn checks(
    record: &Record,
    measurement: &Measurement,
    settings: &Settings,
    scenario: Scenario,
) -> Vec<Gate> {
    let mut checks = gates(measurement, settings, scenario);
    for gate in &record.gates {
        if !checks.iter().any(|known| known.name == gate.name) {
            checks.push(gate.clone());
        }
    }
    checks
}

/// Why the figures of a launch are void, if they are.
fn void(checks: &[Gate]) -> Option<String> {
    let gate =
        checks.iter().find(|gate| gate.name == CONSERVATION && !gate.pass)?;
    Some(format!(
        "what was sent and what came back do not add up: {} unaccounted for",
        gate.value
    ))
}

fn flags(
    measurement: &Measurement,
    settings: &Settings,
    scenario: Scenario,
) -> Vec<String> {
    let mut flags: Vec<String> =
        measurement.flags.iter().map(|flag| plain(flag)).collect();
    if limited_by_client(&measurement.report, settings) {
        flags.push(CLIENT_LIMITED.into());
    }
    if ladder_limited(measurement, settings) {
        flags.push(LADDER_LIMITED.into());
    }
    if scenario.holds() && measurement.census.is_none() {
        flags.push(CENSUS_UNREAD.into());
    }
    flags.sort_unstable();
    flags.dedup();
    flags
}

/// A flag for each check that failed and leaves the rank.
fn marks(checks: &[Gate]) -> impl Iterator<Item = String> {
    let marks = [Effect::Latency, Effect::Throughput, Effect::Note];
    let failed = checks.iter().filter(|gate| !gate.pass);
    failed
        .filter(move |gate| marks.contains(&gate.effect))
        .map(|gate| gate.name.replace('_', "-"))
}

/// The row's percentiles come from the merged counts of all launches, so that
/// is where the client's lateness matters; one late launch of many does not
/// dispute them.
fn merge_slip(row: &mut Row) {
    let p99 = |name: &str| row.metrics.get(name).map(|found| found.median);
    let merged = p99("slip_us_p99").zip(p99("latency_us_p99"));
    let known = row.gates.iter_mut().find(|gate| gate.name == SLIP);
    if let Some((known, (own, response))) = known.zip(merged) {
        *known = slip(own, response);
    }
}

/// Each check once, at its worst, in the order they were first made.
fn worst(all: Vec<Gate>) -> Vec<Gate> {
    let mut worst: Vec<Gate> = Vec::new();
    for gate in all {
        match worst.iter_mut().find(|known| known.name == gate.name) {
            Some(known) => *known = worse(known.clone(), gate),
            None => worst.push(gate),
        }
    }
    worst
}

/// What the row as a whole came to.
fn settle(row: &mut Row, trials: &BTreeMap<u32, &Record>, partial: bool) {
    if row.rounds > 0 {
        row.outcome = "measured".into();
        return;
    }
    let Some(record) = trials.values().next_back() else {
        let reason = if partial { NOT_RUN_YET } else { "no trial of it" };
        row.reason = Some(reason.into());
        if partial {
            row.outcome = "interrupted".into();
        }
        return;
    };
    row.outcome = record.outcome.name().into();
    row.reason = row.failures.last().map(|last| last.reason.clone());
    row.hint = match &record.outcome {
        Outcome::Skipped { hint, .. } => hint.as_deref().map(plain),
        Outcome::BuildFailed { .. } => {
            let server = row.server.split('@').next().unwrap_or_default();
            Some(format!("cargo harness build {}", plain(server)))
        }
        _ => None,
    };
}
