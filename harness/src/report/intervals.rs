//! A drawing with a line for each server: figures with their intervals on a
//! logarithmic axis.
//!
//! Refuses to do: hide an interval, or draw one that a figure does not have.

use maud::{Markup, html};

use super::figure::{Figure, Mark, line, mark, text};
use super::scale::{Scale, label, px};
use crate::stats::Estimate;

/// One server.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// On its right side.
    pub(super) remark: String,
    /// Two at most.
    pub(super) points: Vec<Point>,
}

/// One figure of it.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) estimate: Estimate,
    pub(super) mark: Mark,
    pub(super) class: &'static str,
}

/// A value to compare with, and how far around it nothing is resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    pub(super) at: f64,
    /// As a fraction.
    pub(super) floor: f64,
}

/// What is drawn, and what is written to it.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    /// Of the axis.
    pub(super) unit: String,
    pub(super) lines: Vec<Line>,
    pub(super) base: Option<Base>,
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 180.0;
const RIGHT: f64 = 710.0;
const TOP: f64 = 34.0;
const STEP: f64 = 24.0;

/// Draws it.
pub(super) fn draw(chart: &Chart) -> Figure {
    let scale = Scale::logarithmic(&ends(chart), LEFT, RIGHT);
    let rows = u32::try_from(chart.lines.len()).map_or(0.0, f64::from);
    let bottom = TOP + STEP * rows;
    let body = html! {
        @if let Some(base) = chart.base { (band(base, &scale, bottom)) }
        @for tick in scale.ticks(9) {
            (line((scale.at(tick), TOP), (scale.at(tick), bottom), "grid"))
            (text(scale.at(tick), bottom + 18.0, "mid soft", &label(tick)))
        }
        @if let Some(base) = chart.base {
            (line((scale.at(base.at), TOP - 6.0), (scale.at(base.at), bottom), "rule"))
        }
        (text(LEFT, 18.0, "soft", &chart.unit))
        @for (row, of) in chart.lines.iter().enumerate() {
            @let y = TOP + STEP * (place(row) + 0.5);
            (text(LEFT - 12.0, y + 4.5, "end", &of.name))
            @for (point, aside) in of.points.iter().zip(asides(of)) {
                (drawn(point, &scale, y + aside))
            }
            (text(RIGHT + 14.0, y + 4.5, "soft", &of.remark))
        }
    };
    Figure {
        id: chart.id.clone(),
        title: chart.title.clone(),
        description: chart.description.clone(),
        width: WIDTH,
        height: bottom + 28.0,
        body,
    }
}

fn ends(chart: &Chart) -> Vec<f64> {
    let points = chart.lines.iter().flat_map(|line| &line.points);
    let mut ends: Vec<f64> = points
        .flat_map(|point| {
            let Estimate { low, high, median, .. } = point.estimate;
            [low, median, high]
        })
        .collect();
    ends.extend(chart.base.iter().flat_map(|base| {
        [base.at / (1.0 + base.floor), base.at * (1.0 + base.floor)]
    }));
    ends
}

fn band(base: Base, scale: &Scale, bottom: f64) -> Markup {
    let from = scale.at(base.at / (1.0 + base.floor));
    let to = scale.at(base.at * (1.0 + base.floor));
    html! {
        rect.band x=(px(from)) y=(px(TOP)) width=(px(to - from))
            height=(px(bottom - TOP)) {}
    }
}

fn drawn(point: &Point, scale: &Scale, y: f64) -> Markup {
    const END: f64 = 4.0;
    let whisker = point.estimate.interval().map(|(low, high)| {
        let (low, high) = (scale.at(low), scale.at(high));
        html! {
            (line((low, y), (high, y), "whisker"))
            (line((low, y - END), (low, y + END), "whisker"))
            (line((high, y - END), (high, y + END), "whisker"))
        }
    });
    let x = scale.at(point.estimate.median);
    html! { (whisker.unwrap_or_default()) (mark(point.mark, x, y, point.class)) }
}

/// Two intervals of a line lie below one another, for they may overlap.
const fn asides(line: &Line) -> [f64; 2] {
    if line.points.len() > 1 { [-4.5, 4.5] } else { [0.0; 2] }
}

fn place(row: usize) -> f64 {
    u32::try_from(row).map_or(0.0, f64::from)
}
