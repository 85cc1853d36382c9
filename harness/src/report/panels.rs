//! Small multiples: one panel a server, its curve before those of all others.
//!
//! Refuses to do: put twenty curves into one drawing and call it legible.

use std::fmt::Write;

use maud::{Markup, html};

use super::figure::{Figure, line, text};
use super::scale::{Scale, px};

/// One server's curve.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    /// Below the name.
    pub(super) remark: String,
    /// By growing `x`.
    pub(super) points: Vec<Spot>,
}

/// A place on it, with the ends of its interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// All of them, and their axes.
#[derive(Debug)]
pub(super) struct Panels {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) curves: Vec<Curve>,
    /// Places on the horizontal axis with their labels.
    pub(super) x_ticks: Vec<(f64, String)>,
    pub(super) y_label: fn(f64) -> String,
}

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 38.0;
const RIGHT: f64 = 220.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 146.0;
/// Panels beside one another in a file.
const COLUMNS: usize = 4;

/// A figure for each curve.
pub(super) fn each(panels: &Panels) -> Vec<Figure> {
    let scales = scales(panels);
    let ghosts = ghosts(panels, &scales);
    let figures =
        panels.curves.iter().enumerate().map(|(number, curve)| Figure {
            id: format!("{}-{}", panels.id, number + 1),
            title: format!("{}: {}", panels.title, curve.name),
            description: panels.description.clone(),
            width: WIDTH,
            height: HEIGHT,
            body: panel(panels, curve, &ghosts, &scales),
        });
    figures.collect()
}

/// All of them in one figure.
pub(super) fn together(panels: &Panels) -> Figure {
    let figures = each(panels);
    let rows = figures.len().div_ceil(COLUMNS);
    let place = |n: usize| u32::try_from(n).map_or(0.0, f64::from);
    let body = html! {
        @for (number, figure) in figures.iter().enumerate() {
            svg x=(px(WIDTH * place(number % COLUMNS)))
                y=(px(HEIGHT * place(number / COLUMNS)))
                width=(px(WIDTH)) height=(px(HEIGHT)) { (figure.body) }
        }
    };
    Figure {
        id: panels.id.clone(),
        title: panels.title.clone(),
        description: panels.description.clone(),
        width: WIDTH * place(COLUMNS),
        height: HEIGHT * place(rows),
        body,
    }
}

type Scales = (Scale, Scale);

fn scales(panels: &Panels) -> Scales {
    let spots = || panels.curves.iter().flat_map(|curve| &curve.points);
    let mut across: Vec<f64> = spots().map(|spot| spot.x).collect();
    across.extend(panels.x_ticks.iter().map(|(x, _)| x));
    let up: Vec<f64> = spots().flat_map(|s| [s.low, s.y, s.high]).collect();
    (
        Scale::logarithmic(&across, LEFT, RIGHT),
        Scale::logarithmic(&up, BOTTOM, TOP),
    )
}

fn ghosts(panels: &Panels, scales: &Scales) -> Markup {
    let mut all = String::new();
    for curve in &panels.curves {
        all.push_str(&path(curve.points.iter().map(|s| (s.x, s.y)), scales));
    }
    html! { path.ghost d=(all) {} }
}

fn panel(
    panels: &Panels,
    curve: &Curve,
    ghosts: &Markup,
    scales: &Scales,
) -> Markup {
    let (across, up) = scales;
    let there = curve.points.iter().map(|spot| (spot.x, spot.high));
    let back = curve.points.iter().rev().map(|spot| (spot.x, spot.low));
    let area = path(there.chain(back), scales);
    html! {
        (text(4.0, 15.0, "strong", &curve.name))
        (text(4.0, 31.0, "soft", &curve.remark))
        @for tick in up.ticks(5) {
            (line((LEFT, up.at(tick)), (RIGHT, up.at(tick)), "grid"))
            (text(LEFT - 5.0, up.at(tick) + 4.0, "end soft", &(panels.y_label)(tick)))
        }
        @for (x, _) in &panels.x_ticks {
            (line((across.at(*x), BOTTOM), (across.at(*x), BOTTOM + 4.0), "rule"))
        }
        @for (x, label) in apart(&panels.x_ticks, across) {
            (text(x, BOTTOM + 18.0, "mid soft", label))
        }
        (ghosts)
        @if curve.points.len() > 1 { path.area d=(area) {} }
        path.curve d=(path(curve.points.iter().map(|s| (s.x, s.y)), scales)) {}
        @for spot in &curve.points {
            circle.dot cx=(px(across.at(spot.x))) cy=(px(up.at(spot.y))) r="2.6" {}
        }
    }
}

/// The labels that have room beside one another, the last of them always.
fn apart<'a>(
    ticks: &'a [(f64, String)],
    across: &Scale,
) -> Vec<(f64, &'a str)> {
    const LETTER: f64 = 7.5;
    const GAP: f64 = 6.0;
    let mut kept: Vec<(f64, &str)> = Vec::new();
    let mut room = f64::INFINITY;
    for (x, label) in ticks.iter().rev() {
        let letters = u32::try_from(label.chars().count()).unwrap_or(u32::MAX);
        let half = f64::from(letters) * LETTER / 2.0;
        let place = across.at(*x);
        if place + half <= room {
            room = place - half - GAP;
            kept.push((place, label));
        }
    }
    kept
}

fn path(places: impl Iterator<Item = (f64, f64)>, scales: &Scales) -> String {
    let (across, up) = scales;
    let mut out = String::new();
    for (number, (x, y)) in places.enumerate() {
        let letter = if number == 0 { 'M' } else { 'L' };
        let (x, y) = (px(across.at(x)), px(up.at(y)));
        write!(out, "{letter}{x} {y}").expect("a String takes all text");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_the_last_is_there() {
        let values = [1.0, 10.0, 1_000.0, 2_000.0, 10_000.0, 19_000.0];
        let scale = Scale::logarithmic(&values, LEFT, RIGHT);
        let ticks = values.map(|x| (x, super::super::scale::label(x)));
        let kept = apart(&ticks, &scale);
        let labels: Vec<&str> = kept.iter().map(|(_, label)| *label).collect();
        assert_eq!(labels, ["19k", "2000", "10", "1"]);
        let wide = [(1.0, "a".repeat(40)), (2.0, "b".repeat(40))];
        assert_eq!(apart(&wide, &scale).len(), 1);
    }
}
