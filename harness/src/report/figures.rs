//! Figures that a report compares and a summary holds only in parts.
//!
//! Refuses to do: take a figure from a row that failed a check.

use super::best::Candidate;
use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::summarize::{Held, Row, Summary};

pub(super) const USER: &str = "rss_bytes_per_connection";
pub(super) const KERNEL: &str = "kernel_bytes_per_connection";

/// The main scenarios of a run, the one that decides first.
pub(super) fn scenarios(summary: &Summary) -> Vec<Scenario> {
    let mut scenarios = summary.plan.scenarios.clone();
    scenarios.retain(|scenario| scenario.is_main());
    scenarios.sort_by_key(|scenario| *scenario != Scenario::Load);
    scenarios
}

/// The rows of a scenario whose figures may be compared, in the order of the
/// run.
pub(super) fn sound(summary: &Summary, scenario: Scenario) -> Vec<&Row> {
    let rows = summary.rows.iter();
    rows.filter(|row| row.scenario == scenario && row.is_sound()).collect()
}

/// All rows of a scenario by its primary figure: the sound ones, then those
/// that a check disputes, then those without figures.
pub(super) fn by_cost(summary: &Summary, scenario: Scenario) -> Vec<&Row> {
    let rows = summary.rows.iter().filter(|row| row.scenario == scenario);
    let mut rows: Vec<&Row> = rows.collect();
    let cost = |row: &Row| {
        let cost = row.metrics.get(scenario.primary_metric());
        cost.map_or(f64::INFINITY, |cost| cost.median)
    };
    rows.sort_by(|a, b| {
        let (later, earlier) = (!a.is_sound(), !b.is_sound());
        later.cmp(&earlier).then(cost(a).total_cmp(&cost(b)))
    });
    rows
}

/// The highest rate of each sound server, in echoes a second.
pub(super) fn held(summary: &Summary) -> Vec<Candidate<'_>> {
    let rows = sound(summary, Scenario::Load).into_iter();
    rows.filter_map(|row| {
        let Held { estimate, at_least, is_open } = row.held()?;
        Some(Candidate { row, estimate, at_least, is_open })
    })
    .collect()
}

/// The memory of a connection of each sound server, user and kernel together,
/// in bytes.
pub(super) fn memory(summary: &Summary) -> Vec<Candidate<'_>> {
    let rows = sound(summary, Scenario::Load).into_iter();
    rows.filter_map(|row| {
        let estimate = memory_of(row)?;
        Some(Candidate { row, estimate, at_least: false, is_open: false })
    })
    .collect()
}

/// User and kernel are added within a launch, where they were read together.
pub(super) fn memory_of(row: &Row) -> Option<Estimate> {
    let (user, kernel) = (row.by_round(USER), row.by_round(KERNEL));
    let both = user.iter().filter_map(|(round, user)| {
        let kernel = kernel.get(round)?;
        Some(user + kernel)
    });
    Estimate::of(&both.collect::<Vec<f64>>())
}
