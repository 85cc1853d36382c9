//! From the records of a run to everything its table says.
//!
//! Records hold what was counted; every figure is derived here, each time
//! anew. A percentile comes from the merged counts of all launches; any other
//! figure is the median over launches. Both carry the exact order-statistic
//! interval of [`crate::stats`]. Whether two servers differ is asked of tests
//! that know how many questions are asked at once.
//!
//! Refuses to do: rank what they don't tell apart, or anything at all under
//! six rounds.

mod bounds;
mod controls;
mod footprint;
mod gates;
mod judge;
mod ladder;
mod metrics;
mod reason;
mod rows;
mod shipped;
mod slope;
mod spectrum;
mod surroundings;
mod timeline;
mod types;

#[cfg(test)]
mod gates_tests;
#[cfg(test)]
mod judge_tests;
#[cfg(test)]
mod ladder_tests;
#[cfg(test)]
mod shipped_tests;
#[cfg(test)]
mod surroundings_tests;
#[cfg(test)]
mod tests;

pub use bounds::limited_by_client;
pub use controls::{ControlLane, Controls, Pair};
pub use gates::{
    CENSORED, CENSUS, CLIENT_BUSY, CONSERVATION, LITTLE, PROOF, SENT_IN_TIME,
    SLIP, STARVED, UNACCOUNTED, gates, wants_at_least,
};
pub use ladder::{Held, ladder_limited};
pub use reason::{plain, reason};
pub use rows::{
    ACCEPT_OVERFLOWED, CENSUS_UNREAD, CHECK_FAILED, CLIENT_LIMITED,
    LADDER_LIMITED, NOT_RUN_YET, UNCHECKED,
};
pub use shipped::ShippedLane;
pub use spectrum::{Quantile, Spectrum, spectra};
pub use surroundings::{CLIENT_PREEMPTED, HOST_SPEED, OTHER_CPU, STEAL};
pub use timeline::{Phase, PhaseKind, Timeline, timelines};
pub(crate) use types::CARRIED_PERCENT;
pub use types::{Failure, Launch, Row, SCHEMA_VERSION, Summary};

use std::collections::BTreeMap;

use crate::host::Host;
use crate::plan::{Control, Lane, Plan, Scenario};
use crate::record::{Outcome, Record};
use crate::repeat::{counted, repeats};
use judge::{Findings, Scene, findings};

/// Summarises the records of one run; they may be fewer than planned, and in
/// any order but for repeated trials, of which the last counts.
#[must_use]
pub fn summarize(
    run: &str,
    partial: bool,
    host: &Host,
    plan: &Plan,
    records: &[Record],
) -> Summary {
    let repeated = repeats(records);
    let records = &counted(records)[..];
    let of_lane = |lane: &Lane| -> Vec<Row> {
        let runs = |scenario: &&Scenario| lane.runs(**scenario);
        let own = plan.scenarios.iter().filter(runs).map(|scenario| {
            rows::of_lane(lane, *scenario, records, plan, partial)
        });
        let mut rows: Vec<Row> = own.collect();
        slope::add(&mut rows);
        rows
    };
    let with = |wanted: Option<Control>| {
        plan.lanes.iter().filter(move |lane| lane.control == wanted)
    };
    let mut rows: Vec<Row> = with(None).flat_map(of_lane).collect();
    for skip in &plan.skipped {
        rows.extend(
            plan.scenarios
                .iter()
                .map(|scenario| rows::of_skip(skip, *scenario)),
        );
    }
    let shipped = with(Some(Control::Shipped))
        .filter_map(|lane| shipped::held(lane, of_lane(lane), &rows, records));
    let shipped = shipped.collect();
    let control = |wanted| {
        with(Some(wanted)).next().map(|lane| ControlLane {
            lane: lane.name.clone(),
            server: lane.server.clone(),
            ratios: Vec::new(),
            rows: of_lane(lane),
            spin_us: spin_us(lane, records),
            spin_percent: None,
        })
    };
    let mut summary = Summary {
        schema_version: SCHEMA_VERSION,
        run: run.into(),
        partial,
        host: host.clone(),
        plan: plan.clone(),
        controls: Controls {
            same: control(Control::Same),
            spin_5_percent: control(Control::Spin),
            floors: BTreeMap::new(),
            reference: with(Some(Control::Reference))
                .flat_map(of_lane)
                .collect(),
        },
        rows,
        shipped,
        pairs: Vec::new(),
        repeated,
    };
    for scenario in &plan.scenarios {
        let found = findings(&scene(&summary, *scenario));
        pronounce(&mut summary, *scenario, found);
    }
    let cost = summary
        .reference_row(Scenario::Load)
        .and_then(|row| row.metrics.get(Scenario::Load.primary_metric()))
        .map(|cost| cost.median);
    if let Some(spin) = &mut summary.controls.spin_5_percent {
        spin.spin_percent = spin
            .spin_us
            .zip(cost)
            .map(|(us, cost)| 100.0 * f64::from(us) / cost);
    }
    summary
}

/// What a lane's last launch burnt before each echo.
fn spin_us(lane: &Lane, records: &[&Record]) -> Option<u32> {
    records.iter().rev().find_map(|record| match &record.outcome {
        Outcome::Measured(measured) if record.trial.lane == lane.name => {
            measured.spin_us
        }
        _ => None,
    })
}

fn scene(summary: &Summary, scenario: Scenario) -> Scene<'_> {
    let rows = summary.rows.iter().filter(|row| row.scenario == scenario);
    Scene {
        scenario,
        compares: summary.plan.settings.compares(scenario),
        rows: rows.collect(),
        reference: summary.reference_row(scenario),
        same: summary.controls.same.as_ref().and_then(|l| l.row(scenario)),
        spin: summary
            .controls
            .spin_5_percent
            .as_ref()
            .and_then(|lane| lane.row(scenario)),
        seed: summary.plan.seed,
    }
}

/// Writes findings where they belong.
fn pronounce(summary: &mut Summary, scenario: Scenario, found: Findings) {
    let controls = &mut summary.controls;
    if let Some(floor) = found.floor {
        controls.floors.insert(scenario.name().into(), floor);
    }
    let lanes = [
        (&mut controls.same, found.same),
        (&mut controls.spin_5_percent, found.spin),
    ];
    for (lane, pair) in lanes {
        let Some((lane, pair)) = lane.as_mut().zip(pair) else { continue };
        let rows = lane.rows.iter_mut();
        rows.filter(|row| row.scenario == scenario).for_each(|row| {
            row.ratio = Some(pair.ratio);
            row.verdict = pair.verdict;
            row.rounds_needed = pair.rounds_needed;
        });
        lane.ratios.push(pair);
    }
    let reference = summary.plan.reference.as_deref();
    let rows = summary.rows.iter_mut();
    for row in rows.filter(|row| row.scenario == scenario) {
        let pair = found.pairs.iter().find(|pair| {
            pair.server == row.server
                && Some(pair.reference.as_str()) == reference
        });
        row.ratio = pair.map(|pair| pair.ratio);
        row.verdict = pair.and_then(|pair| pair.verdict);
        row.rounds_needed = pair.and_then(|pair| pair.rounds_needed);
        let rank = found.ranks.iter().find(|(name, _)| *name == row.server);
        row.rank = rank.map(|(_, rank)| *rank);
    }
    summary.pairs.extend(found.pairs);
}
