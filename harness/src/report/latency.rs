//! Latency at the fixed rate: median and 99th percentile of every server.
//!
//! Refuses to do: show a percentile that too few samples carry.

use super::figure::{Figure, Mark};
use super::figures::by_cost;
use super::intervals::{Chart, Line, Point, draw};
use crate::plan::Scenario;
use crate::render::rate;
use crate::stats::Estimate;
use crate::summarize::{Row, Summary, plain};
use crate::units::Plain;

const P50: &str = "latency_us_p50";
const P99: &str = "latency_us_p99";
const MS_PER_US: f64 = 1e-3;

/// None where no server has a percentile.
pub(super) fn latency(summary: &Summary) -> Option<Figure> {
    let rows = by_cost(summary, Scenario::Load);
    let lines: Vec<Line> = rows.into_iter().filter_map(line).collect();
    let at = rate(summary.plan.settings.rate_per_s);
    (!lines.is_empty()).then(|| {
        draw(&Chart {
            id: "latency".into(),
            title: format!("Latency at {at}: median and 99th percentile"),
            description: "One line a server in the order of cost, on a \
                          logarithmic axis: a disc for the median, a square \
                          for the 99th percentile, each with the interval of \
                          the launches' own percentiles. Latency counts from \
                          when a message was due."
                .into(),
            unit: "ms, logarithmic".into(),
            lines,
            base: None,
        })
    })
}

fn line(row: &Row) -> Option<Line> {
    let point = |metric: &str, mark, class| {
        let estimate = scaled(row.metrics.get(metric)?);
        Some(Point { estimate, mark, class })
    };
    let p50 = point(P50, Mark::Disc, "a");
    let p99 = point(P99, Mark::Square, "b");
    let shown = |point: &Option<Point>| {
        point.as_ref().map_or_else(
            || "few".to_owned(),
            |point| Plain(point.estimate.median).to_string(),
        )
    };
    let remark = format!("p50 {} / p99 {} ms", shown(&p50), shown(&p99));
    let points: Vec<Point> = p50.into_iter().chain(p99).collect();
    let name = plain(&row.server);
    (!points.is_empty()).then_some(Line { name, remark, points })
}

fn scaled(us: &Estimate) -> Estimate {
    Estimate {
        median: us.median * MS_PER_US,
        low: us.low * MS_PER_US,
        high: us.high * MS_PER_US,
        ..*us
    }
}
