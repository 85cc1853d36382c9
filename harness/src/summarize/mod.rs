//! From the records of a run to everything its table says.
//!
//! Records hold what was counted; every figure is derived here, each time
//! anew. A percentile comes from the merged counts of all launches; any other
//! figure is the median over launches. Both carry the exact order-statistic
//! interval of [`crate::stats`].
//!
//! Refuses to do: rank. Whether two servers differ is a question for a test
//! of its own; until there is one every rank is null.

mod gates;
mod metrics;
mod reason;
mod rows;
mod types;

#[cfg(test)]
mod gates_tests;
#[cfg(test)]
mod tests;

pub use gates::{
    CENSORED, CENSUS, CONSERVATION, PROOF, SENT_IN_TIME, gates, wants_at_least,
};
pub use metrics::client_limited;
pub use reason::{plain, reason};
pub use rows::{ACCEPT_OVERFLOWED, CENSUS_UNREAD, CLIENT_LIMITED, NOT_RUN_YET};
pub use types::{
    ControlLane, Controls, Failure, Launch, Pair, Row, SCHEMA_VERSION, Summary,
};

use crate::host::Host;
use crate::plan::{Control, Lane, Plan};
use crate::record::Record;

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
    let of_lane = |lane: &Lane| -> Vec<Row> {
        plan.scenarios
            .iter()
            .map(|scenario| {
                rows::of_lane(lane, *scenario, records, plan, partial)
            })
            .collect()
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
    let mut summary = Summary {
        schema_version: SCHEMA_VERSION,
        run: run.into(),
        partial,
        host: host.clone(),
        plan: plan.clone(),
        controls: Controls {
            same: None,
            spin_5_percent: None,
            reference: with(Some(Control::Reference))
                .flat_map(of_lane)
                .collect(),
        },
        rows,
        pairs: Vec::new(),
    };
    for row in &summary.rows {
        summary.pairs.extend(pair(&summary, row));
    }
    for row in &mut summary.rows {
        row.ratio = summary
            .pairs
            .iter()
            .find(|p| p.server == row.server && p.scenario == row.scenario)
            .map(|pair| pair.ratio);
    }
    summary.controls.same = with(Some(Control::Same)).next().map(|lane| {
        let mut rows = of_lane(lane);
        let ratios: Vec<Pair> =
            rows.iter().filter_map(|row| pair(&summary, row)).collect();
        for row in &mut rows {
            row.ratio = ratios
                .iter()
                .find(|pair| pair.scenario == row.scenario)
                .map(|pair| pair.ratio);
        }
        ControlLane {
            lane: lane.name.clone(),
            server: lane.server.clone(),
            ratios,
            rows,
        }
    });
    summary
}

/// The row against the reference, if both were measured in a common round
/// and it is not the reference's own.
fn pair(summary: &Summary, row: &Row) -> Option<Pair> {
    let reference = summary.reference_row(row.scenario)?;
    let metric = row.scenario.primary_metric();
    (row.server != reference.server).then_some(())?;
    Some(Pair {
        server: row.server.clone(),
        reference: reference.server.clone(),
        scenario: row.scenario,
        metric: metric.into(),
        ratio: row.ratio_to(reference, metric)?,
    })
}
