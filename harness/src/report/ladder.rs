//! What an echo costs at each rate, and where one server overtakes another.
//!
//! Refuses to do: show a rate that nobody was offered.

use maud::Markup;

use super::crossing::{self, Costs};
use super::figures::{by_cost, sound};
use super::panels::{Curve, Panels, Spot};
use super::scale::label;
use super::table::{Cell, Line, table};
use crate::plan::Scenario;
use crate::render::rate;
use crate::summarize::{Row, Summary, plain};
use crate::units::Plain;

const STEP: &str = "cpu_us_per_echo_at_";

/// By rate, in echoes a second: the fixed one and every step of the ladder that a row has a cost for.
fn costs(summary: &Summary, row: &Row) -> Costs {
    let steps = row.metrics.iter().filter_map(|(name, cost)| {
        let per_s = name.strip_prefix(STEP)?.parse().ok()?;
        Some((per_s, *cost))
    });
    let mut costs: Costs = steps.collect();
    let fixed = row.metrics.get(Scenario::Load.primary_metric());
    let per_s = format!("{:.0}", summary.plan.settings.rate_per_s).parse();
    if let (Some(fixed), Ok(per_s)) = (fixed, per_s) {
        costs.insert(per_s, *fixed);
    }
    costs
}

fn curves(summary: &Summary) -> Vec<(&Row, Costs)> {
    let rows = by_cost(summary, Scenario::Load).into_iter();
    let rows = rows.map(|row| (row, costs(summary, row)));
    rows.filter(|(_, costs)| costs.len() > 1).collect()
}

/// None where no server has a cost at two rates.
pub(super) fn panels(summary: &Summary) -> Option<Panels> {
    let curves = curves(summary);
    let rates = rates(&curves);
    (!curves.is_empty()).then(|| Panels {
        id: "cost-by-rate".into(),
        title: "CPU per echo by rate".into(),
        description: "Microseconds of server CPU per echo, logarithmic, over \
                      the echoes offered each second. The strong curve is \
                      this server with its interval; the pale curves are all \
                      other servers. A curve ends with the server's ladder."
            .into(),
        curves: curves.iter().map(|(row, costs)| curve(row, costs)).collect(),
        x_ticks: rates
            .iter()
            .map(|per_s| (number(*per_s), label(number(*per_s))))
            .collect(),
        y_label: label,
    })
}

/// The same figures to read: microseconds.
pub(super) fn figures(summary: &Summary) -> Markup {
    let curves = curves(summary);
    let rates = rates(&curves);
    let names = rates.iter().map(|per_s| rate(number(*per_s)));
    let heads: Vec<String> =
        std::iter::once("server".into()).chain(names).collect();
    let lines: Vec<Line> = curves
        .iter()
        .map(|(row, costs)| Line {
            head: plain(&row.server),
            class: "",
            cells: rates
                .iter()
                .map(|per_s| Cell::figure(costs.get(per_s), 1.0))
                .collect(),
        })
        .collect();
    let caption = "CPU per echo by rate, in µs";
    table("cost-by-rate-figures", caption, &heads, &lines)
}

/// A sentence for every two sound servers of which one is cheaper at a lower
/// rate and the other at a higher one.
pub(super) fn crossings(summary: &Summary) -> Vec<String> {
    let floor = summary.controls.floors.get(&*Scenario::Load.name());
    let floor = floor.copied().unwrap_or(0.0);
    let curves: Vec<(&Row, Costs)> = sound(summary, Scenario::Load)
        .into_iter()
        .map(|row| (row, costs(summary, row)))
        .collect();
    crossing::crossings(&curves, |_| floor, |per_s| rate(number(per_s)))
}

fn curve(row: &Row, costs: &Costs) -> Curve {
    let spots = costs.iter().map(|(per_s, cost)| Spot {
        x: number(*per_s),
        y: cost.median,
        low: cost.low,
        high: cost.high,
    });
    let ends = costs.first_key_value().zip(costs.last_key_value());
    Curve {
        name: plain(&row.server),
        remark: ends.map_or_else(String::new, |((_, first), (per_s, last))| {
            format!(
                "{} µs, at {} {}",
                Plain(first.median),
                rate(number(*per_s)),
                Plain(last.median),
            )
        }),
        points: spots.collect(),
    }
}

fn rates(curves: &[(&Row, Costs)]) -> Vec<u64> {
    let all = curves.iter().flat_map(|(_, costs)| costs.keys().copied());
    let mut rates: Vec<u64> = all.collect();
    rates.sort_unstable();
    rates.dedup();
    rates
}

#[expect(clippy::cast_precision_loss, reason = "rates stay far below 2^52")]
const fn number(per_s: u64) -> f64 {
    per_s as f64
}
