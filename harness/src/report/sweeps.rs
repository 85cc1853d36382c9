//! The workloads beside `classic` and `load`: curves over their points, and
//! where one server overtakes another.
//!
//! Refuses to do: draw a server's curve through a point that failed a check.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::crossing::{Costs, crossings};
use super::figures::{by_cost, sound};
use super::panels::{Curve, Panels, Spot};
use super::scale::label;
use super::table::{Cell, Line, table};
use crate::plan::{SERIES, Scenario};
use crate::render::{Figured, figures};
use crate::stats::Estimate;
use crate::summarize::{Row, Summary, plain};
use crate::units::{Bytes, Count, of_metric};

/// One series of a run.
#[derive(Debug)]
pub(super) struct Sweep {
    series: &'static str,
    points: Vec<Scenario>,
}

/// Every series of the run beside the main ones.
pub(super) fn sweeps(summary: &Summary) -> Vec<Sweep> {
    let series = SERIES.iter().copied();
    let sweep = |series| {
        let all = summary.plan.scenarios.iter().copied();
        let own =
            all.filter(|it: &Scenario| !it.is_main() && it.series() == series);
        Sweep { series, points: own.collect() }
    };
    series.map(sweep).filter(|sweep| !sweep.points.is_empty()).collect()
}

fn title(series: &str) -> &'static str {
    match series {
        "scale" => "More connections, the same load",
        "idle" => "Connections at rest",
        "sizes" => "Messages from small to bulk",
        "handler" => "When each message costs work",
        "herd" => "One in a hundred active",
        _ => "Sessions that come and go",
    }
}

impl Sweep {
    /// By its primary figure; none where it has no points to go through.
    pub(super) fn panels(&self, summary: &Summary) -> Option<Panels> {
        let curves = self.curves(summary);
        let primary = self.points.first()?.primary_metric();
        let (_, what, per) =
            figures(self.series).iter().find(|it| it.0 == primary)?;
        let drawn = curves.iter().filter(|(_, costs)| costs.len() > 1);
        let drawn: Vec<Curve> =
            drawn.map(|(row, costs)| curve(row, costs, *per)).collect();
        (!drawn.is_empty()).then(|| Panels {
            id: format!("{}-curves", self.series),
            title: format!("{}: {what}", title(self.series)),
            description: format!(
                "{what}, logarithmic, over {}. The strong curve is this \
                 server with its interval; the pale curves are all other \
                 servers.",
                over(self.series)
            ),
            curves: drawn,
            x_ticks: self.points.iter().map(|point| tick(*point)).collect(),
            y_label: label,
        })
    }

    /// A sentence for every two servers whose order turns on the way.
    pub(super) fn crossings(&self, summary: &Summary) -> Vec<String> {
        let floor = |point: u64| {
            let scenario = self.points.iter().find(|it| at(**it) == point);
            let floors = &summary.controls.floors;
            scenario.and_then(|it| floors.get(&*it.name())).copied()
        };
        crossings(
            &self.curves(summary),
            |point| floor(point).unwrap_or(0.0),
            |point| {
                let own = self.points.iter().find(|it| at(**it) == point);
                own.map_or_else(String::new, |it| format!("{} ", heading(*it)))
                    .trim_end()
                    .to_owned()
            },
        )
    }

    /// All figures of it, a column for each point and figure.
    pub(super) fn figures(&self, summary: &Summary) -> Markup {
        let columns: Vec<(Scenario, Figured)> = figures(self.series)
            .iter()
            .flat_map(|it| self.points.iter().map(move |at| (*at, *it)))
            .collect();
        let heads =
            columns.iter().map(|(point, (_, what, _))| match point.point() {
                Some(_) => format!("{what}, {}", heading(*point)),
                None => (*what).to_owned(),
            });
        let heads: Vec<String> =
            std::iter::once("server".into()).chain(heads).collect();
        let lines = self.servers(summary).into_iter().map(|server| Line {
            head: plain(server),
            class: "",
            cells: columns
                .iter()
                .map(|(point, (metric, _, per))| {
                    cell(summary.row(server, *point), metric, *per)
                })
                .collect(),
        });
        let id = format!("{}-figures", self.series);
        let lines: Vec<Line> = lines.collect();
        table(&id, title(self.series), &heads, &lines)
    }

    /// Every server of it, by the last point.
    fn servers<'a>(&self, summary: &'a Summary) -> Vec<&'a str> {
        let last = self.points.last().copied();
        let rows = last.map_or_else(Vec::new, |last| by_cost(summary, last));
        rows.into_iter().map(|row| row.server.as_str()).collect()
    }

    /// The primary figure of each server by point, sound rows alone.
    fn curves<'a>(&self, summary: &'a Summary) -> Vec<(&'a Row, Costs)> {
        let mut by_server: BTreeMap<&str, (&Row, Costs)> = BTreeMap::new();
        for point in &self.points {
            for row in sound(summary, *point) {
                let cost = row.metrics.get(point.primary_metric());
                let Some(cost) = cost else { continue };
                let known = by_server.entry(&row.server);
                let (_, costs) = known.or_insert((row, Costs::new()));
                costs.insert(at(*point), *cost);
            }
        }
        let order = self.servers(summary).into_iter();
        order.filter_map(|server| by_server.remove(server)).collect()
    }
}

/// The whole section.
pub(super) fn section(
    summary: &Summary,
    drawn: impl Fn(&Panels) -> Markup,
) -> Option<Markup> {
    let sweeps = sweeps(summary);
    (!sweeps.is_empty()).then(|| {
        html! {
            @for sweep in &sweeps {
                h3 { (title(sweep.series)) }
                @if let Some(panels) = sweep.panels(summary) {
                    p { (panels.description) }
                    (drawn(&panels))
                    @let crossings = sweep.crossings(summary);
                    @if crossings.is_empty() {
                        p { "No server is proved cheaper than another at one \
                             point and dearer at a later one." }
                    } @else {
                        ul { @for it in &crossings { li { (it) } } }
                    }
                    details {
                        summary { "The figures" }
                        (sweep.figures(summary))
                    }
                } @else {
                    (sweep.figures(summary))
                }
            }
        }
    })
}

fn cell(row: Option<&Row>, metric: &str, per: f64) -> Cell {
    let Some(row) = row else { return Cell::text("–") };
    if !row.is_measured() {
        return Cell::text(&row.outcome.replace('_', " "));
    }
    let cell = Cell::figure(row.metrics.get(metric), per);
    cell.doubted(row.is_disturbed() || !row.is_sound())
}

fn curve(row: &Row, costs: &Costs, per: f64) -> Curve {
    let spot = |(point, cost): (&u64, &Estimate)| Spot {
        x: place(*point),
        y: cost.median * per,
        low: cost.low * per,
        high: cost.high * per,
    };
    let metric = row.scenario.primary_metric();
    let ends = costs.values().next().zip(costs.values().next_back());
    Curve {
        name: plain(&row.server),
        remark: ends.map_or_else(String::new, |(first, last)| {
            let (first, last) = (first.median, last.median);
            let (first, last) =
                (of_metric(metric, first), of_metric(metric, last));
            format!("{first} to {last}")
        }),
        points: costs.iter().map(spot).collect(),
    }
}

fn at(point: Scenario) -> u64 {
    point.point().unwrap_or_default().into()
}

/// A logarithmic axis has no zero: a handler that does nothing stands at 1.
fn place(point: u64) -> f64 {
    u32::try_from(point.max(1)).map_or(f64::MAX, f64::from)
}

fn tick(point: Scenario) -> (f64, String) {
    let short = match point {
        Scenario::Sizes(bytes) if bytes >= 1 << 20 => {
            format!("{}M", bytes >> 20)
        }
        Scenario::Sizes(bytes) if bytes >= 1 << 10 => {
            format!("{}K", bytes >> 10)
        }
        _ => label(at(point) as f64),
    };
    (place(at(point)), short)
}

fn heading(point: Scenario) -> String {
    match point {
        Scenario::Sizes(bytes) => Bytes(f64::from(bytes)).to_string(),
        Scenario::Handler(us) => format!("{us} µs"),
        _ => format!("{} connections", Count(at(point))),
    }
}

fn over(series: &str) -> &'static str {
    match series {
        "sizes" => "the bytes of a message",
        "handler" => "the handler's microseconds, which are in the cost",
        _ => "the connections held",
    }
}
