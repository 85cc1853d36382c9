//! The workloads beside `classic` and `load`: a table for each figure, with a
//! column for each point of a sweep.
//!
//! Refuses to do: draw; that is `report`.

use crate::plan::{SERIES, SESSION_ECHOES, SESSIONS_PER_S, Scenario};
use crate::summarize::{Row, Summary, plain};
use crate::units::{Bytes, Count, PlusMinus};

use super::notes::{is_to_come, words};
use super::text::rate;
use super::view::{Line, View, doubt, percentiles, ratio};

#[cfg(test)]
#[path = "curves_tests.rs"]
mod tests;

/// A table and what stands above it.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) title: String,
    pub(super) view: View,
}

/// What stands below all of them, a sentence each.
pub(super) const LEGEND: [&str; 2] = [
    "*: may be the cheapest of all at that point, by the tests that ranks are \
     made by.",
    "Each point is a launch of its own in every round; ± is the farther end \
     of the exact order-statistic interval.",
];

/// A figure of a workload: its name, what it is called and what it is
/// multiplied by.
pub(crate) type Figured = (&'static str, &'static str, f64);

const PER_KIB: f64 = 1.0 / 1024.0;
const PER_MS: f64 = 1e-3;
const PER_MB: f64 = 1e-6;

/// The figures of a scenario beside the main ones, the primary one first.
pub(crate) fn figures(series: &str) -> &'static [Figured] {
    const COST: Figured = ("cpu_us_per_echo", "µs CPU an echo", 1.0);
    match series {
        "scale" => &[COST, ("latency_us_p99", "p99 in ms", PER_MS)],
        "idle" => &[
            ("bytes_per_connection", "KiB a connection, both ends", PER_KIB),
            ("rest_cpu_percent", "% CPU at rest", 1.0),
        ],
        "sizes" => &[
            ("cpu_us_per_echo_in_flight", "µs CPU an echo", 1.0),
            ("bytes_per_s", "MB/s each way", PER_MB),
        ],
        "handler" => &[COST],
        "churn" => &[
            ("cpu_us_per_session", "µs CPU a session", 1.0),
            ("session_us_p50", "p50 of a session in ms", PER_MS),
            ("session_us_p99", "p99 of a session in ms", PER_MS),
        ],
        _ => &[
            COST,
            ("latency_us_p50", "p50 in ms", PER_MS),
            ("latency_us_p99", "p99 in ms", PER_MS),
        ],
    }
}

/// All tables, in the order of the scenarios.
pub(super) fn curves(summary: &Summary) -> Vec<Curve> {
    let mut curves = Vec::new();
    for series in SERIES {
        let points: Vec<Scenario> = summary
            .plan
            .scenarios
            .iter()
            .copied()
            .filter(|it| !it.is_main() && it.series() == series)
            .collect();
        let Some(&first) = points.first() else { continue };
        if first.point().is_none() {
            curves.push(single(summary, first));
            continue;
        }
        for figure in figures(series) {
            curves.push(sweep(summary, &points, *figure));
        }
    }
    curves
}

/// One line a server, one column a point.
fn sweep(
    summary: &Summary,
    points: &[Scenario],
    (metric, what, per): Figured,
) -> Curve {
    let slope = format!("{metric}_slope");
    let has_slope = summary.rows.iter().any(|row| {
        points.contains(&row.scenario) && row.metrics.contains_key(&slope)
    });
    let lines = sorted(summary, points, metric).into_iter().map(|server| {
        let cell = |point: &Scenario, metric: &str| {
            let row = summary.row(server, *point);
            row.map_or_else(dash, |row| value(summary, row, metric, per))
        };
        let cells = points.iter().map(|point| cell(point, metric));
        let last = points.last().filter(|_| has_slope);
        let slope = last.map(|point| cell(point, &slope));
        line(server, cells.chain(slope).collect())
    });
    let own = points.first().map(|first| summary.plan.settings.at(*first));
    let under = match points.first() {
        Some(Scenario::Scale(_)) => "by held connections",
        Some(Scenario::Sizes(_)) => "by bytes of a message, 16 in flight",
        Some(Scenario::Handler(_)) => "by the handler's time, which is in it",
        _ => "by their number",
    };
    let at = match points.first() {
        Some(Scenario::Scale(_) | Scenario::Handler(_)) => own
            .map(|own| format!(" at {}", rate(own.rate_per_s)))
            .unwrap_or_default(),
        _ => String::new(),
    };
    let series = points.first().map_or("", |first| first.series());
    Curve {
        title: format!("{series}: {what}{at}, {under}"),
        view: View {
            titles: points
                .iter()
                .map(|point| heading(*point))
                .chain(has_slope.then(|| ["one more".into(), "conn".into()]))
                .collect(),
            lines: lines.collect(),
        },
    }
}

/// One line a server, one column a figure.
fn single(summary: &Summary, scenario: Scenario) -> Curve {
    let primary = scenario.primary_metric();
    let (title, unit, latency) = match scenario {
        Scenario::Churn => (
            format!(
                "churn: {} sessions/s, each connects, has {SESSION_ECHOES} \
                 echoes and closes",
                Count(SESSIONS_PER_S as u64)
            ),
            "a session",
            "session",
        ),
        _ => {
            let own = summary.plan.settings.at(scenario);
            let active = scenario.active(&own).unwrap_or(own.connections);
            let title = format!(
                "herd: {} held, {} of them active at {}",
                Count(own.connections.into()),
                Count(active.into()),
                rate(own.rate_per_s),
            );
            (title, "an echo", "latency")
        }
    };
    let lines = sorted(summary, &[scenario], primary).into_iter();
    let lines = lines.map(|server| {
        let Some(row) = summary.row(server, scenario) else {
            return line(server, vec![dash(); 3]);
        };
        let cells = vec![
            value(summary, row, primary, 1.0),
            ratio(summary, row),
            percentiles(row, latency),
        ];
        line(server, cells)
    });
    let titles = [["µs CPU", unit], ["×", "reference"], ["p50 / p99", "ms"]];
    Curve {
        title,
        view: View {
            lines: lines.collect(),
            titles: titles.map(|title| title.map(str::to_owned)).into(),
        },
    }
}

fn line(server: &str, cells: Vec<String>) -> Line {
    Line {
        server: plain(server),
        model: String::new(),
        tied: false,
        cells,
        notes: Vec::new(),
    }
}

fn dash() -> String {
    "–".into()
}

fn heading(point: Scenario) -> [String; 2] {
    let at = point.point().unwrap_or_default();
    match point {
        Scenario::Sizes(bytes) => {
            [Bytes(f64::from(bytes)).to_string(), String::new()]
        }
        Scenario::Handler(us) => [format!("{us} µs"), String::new()],
        _ => [Count(at.into()).to_string(), "conns".into()],
    }
}

/// A figure, with a star where the row may be the cheapest; or what became of
/// the row.
fn value(summary: &Summary, row: &Row, metric: &str, per: f64) -> String {
    let best = row.rank.is_some_and(|[first, _]| first == 1)
        && metric == row.scenario.primary_metric()
        && summary.is_ranked(row.scenario);
    match row.metrics.get(metric) {
        Some(figure) => format!(
            "{}{}{}",
            doubt(row, None),
            PlusMinus(*figure, per),
            if best { "*" } else { "" },
        ),
        // A percentile whose samples don't carry it.
        None if row.is_measured() && metric.contains("_us_p") => "few".into(),
        None if row.is_measured() => dash(),
        None if is_to_come(row) => dash(),
        None => words(&row.outcome),
    }
}

/// Servers by the figure at the last point; those without one last.
fn sorted<'a>(
    summary: &'a Summary,
    points: &[Scenario],
    metric: &str,
) -> Vec<&'a str> {
    let mut servers: Vec<&str> = Vec::new();
    for row in summary.rows.iter().filter(|row| points.contains(&row.scenario))
    {
        if !servers.contains(&row.server.as_str()) {
            servers.push(&row.server);
        }
    }
    let sign = if crate::units::higher_is_better(metric) { -1.0 } else { 1.0 };
    let key = |server: &&str| {
        let row = points.last().and_then(|last| summary.row(server, *last));
        let figure = row.and_then(|row| row.metrics.get(metric));
        figure.map_or(f64::INFINITY, |figure| sign * figure.median)
    };
    servers.sort_by(|a, b| key(a).total_cmp(&key(b)));
    servers
}
