//! What one more connection at rest takes: the slope over the points of
//! `idle`, round by round.
//!
//! A difference over a fresh server counts what is allocated once for all as
//! if every connection took a part of it; the slope doesn't.
//!
//! Refuses to do: draw a line through launches of two rounds.

use std::collections::BTreeMap;

use super::types::Row;
use crate::plan::Scenario;
use crate::stats::Estimate;
use crate::stats::slope::theil_sen;

/// Memory of a connection by name; the slope's name is this and `_slope`.
const METRICS: [&str; 3] = [
    "bytes_per_connection",
    "rss_bytes_per_connection",
    "kernel_bytes_per_connection",
];

/// Adds the slopes of a lane to its row of the most idle connections.
pub(super) fn add(rows: &mut [Row]) {
    for metric in METRICS {
        let slopes: BTreeMap<u32, f64> = points(rows, metric)
            .into_iter()
            .filter(|(_, points)| points.len() > 2)
            .filter_map(|(round, points)| Some((round, theil_sen(&points)?)))
            .collect();
        let values: Vec<f64> = slopes.values().copied().collect();
        let most = rows.iter_mut().max_by_key(|row| held(row));
        let Some((row, slope)) = most.zip(Estimate::of(&values)) else {
            continue;
        };
        let name = format!("{metric}_slope");
        row.metrics.insert(name.clone(), slope);
        for launch in &mut row.launches {
            let own = slopes.get(&launch.round);
            launch.metrics.extend(own.map(|slope| (name.clone(), *slope)));
        }
    }
}

/// By round: all bytes of so many connections, and none of none.
fn points(rows: &[Row], metric: &str) -> BTreeMap<u32, Vec<(f64, f64)>> {
    let mut out: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        let Some(held) = held(row) else { continue };
        let held = f64::from(held);
        for (round, each) in row.by_round(metric) {
            let points = out.entry(round).or_insert_with(|| vec![(0.0, 0.0)]);
            points.push((held, each * held));
        }
    }
    out
}

const fn held(row: &Row) -> Option<u32> {
    match row.scenario {
        Scenario::Idle(connections) => Some(connections),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Scenario::Idle;
    use crate::scripted::{self, bare, measured, plan, records};
    use crate::summarize::summarize;

    #[test]
    fn what_is_allocated_once_for_all_is_in_no_slope() {
        const ONCE: u64 = 3_000_000;
        const EACH: u64 = 5_000;
        let points = [Idle(2_000), Idle(6_000), Idle(10_000)];
        let plan = plan(&["a"], &points, 6);
        let records = records(&plan, |trial| {
            let mut launch = bare(trial.scenario, 0.0);
            let held = launch.held.as_mut().unwrap();
            let count = u64::from(trial.scenario.point().unwrap());
            held.pss_bytes = launch.fresh.pss_bytes + ONCE + EACH * count;
            held.kernel_bytes = launch.fresh.kernel_bytes + 8_000 * count;
            measured(launch)
        });
        let summary = summarize("r", false, &scripted::host(), &plan, &records);
        let row = summary.row("a", Idle(10_000)).unwrap();
        let of = |name: &str| row.metrics[name].median;
        // The line through nothing and three points: of its six slopes the
        // three between points are right, the others a little steep.
        let slope = of("rss_bytes_per_connection_slope");
        assert!((5_000.0..5_200.0).contains(&slope), "{slope}");
        let plainly = of("rss_bytes_per_connection");
        assert!((plainly - 5_300.0).abs() < 1.0, "{plainly}");
        assert!((of("kernel_bytes_per_connection_slope") - 8e3).abs() < 1e-6);
        assert_eq!(row.metrics["bytes_per_connection_slope"].n, 6);
        let fewer = summary.row("a", Idle(2_000)).unwrap();
        assert!(!fewer.metrics.contains_key("bytes_per_connection_slope"));
    }
}
