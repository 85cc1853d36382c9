//! Latency by percentile, to as many nines as the samples carry.
//!
//! Refuses to do: extend a curve beyond its samples.

use maud::Markup;

use super::panels::{Curve, Panels, Spot};
use super::scale::label;
use super::table::{Cell, Line, table};
use crate::summarize::{Quantile, Spectrum, plain};
use crate::units::{Count, Plain};

/// Places that the axis marks.
const MARKS: [(f64, &str); 4] =
    [(0.5, "50 %"), (0.9, "90"), (0.99, "99"), (0.999, "99.9")];

/// None where the records hold no distribution.
pub(super) fn panels(spectra: &[Spectrum]) -> Option<Panels> {
    let points = || spectra.iter().flat_map(|spectrum| &spectrum.points);
    let last = points().map(|point| point.quantile).reduce(f64::max)?;
    let marks = MARKS.iter().filter(|(quantile, _)| *quantile <= last);
    Some(Panels {
        id: "spectrum".into(),
        title: "Latency by percentile".into(),
        description: "Milliseconds, logarithmic, from the median on the left \
                      to the last percentile with at least 400 samples beyond \
                      it. The strong curve is this server, merged over all \
                      rounds; the area around it holds the rounds' own \
                      percentiles; the pale curves are all other servers."
            .into(),
        curves: spectra.iter().map(curve).collect(),
        x_ticks: marks
            .map(|(quantile, words)| (beyond(*quantile), (*words).to_owned()))
            .collect(),
        y_label: label,
    })
}

/// The same figures to read: milliseconds.
pub(super) fn figures(spectra: &[Spectrum]) -> Markup {
    let longest = spectra.iter().max_by_key(|of| of.points.len());
    let quantiles: Vec<f64> = longest
        .map(|of| of.points.iter().map(|point| point.quantile).collect())
        .unwrap_or_default();
    let names = quantiles.iter().map(|quantile| name(*quantile));
    let heads: Vec<String> =
        ["server".into(), "messages".into()].into_iter().chain(names).collect();
    let lines: Vec<Line> = spectra
        .iter()
        .map(|spectrum| {
            let samples = Count(spectrum.samples).to_string();
            let mut cells = vec![Cell::text(&samples)];
            cells.extend(quantiles.iter().map(|quantile| {
                let same = |point: &&Quantile| point.quantile == *quantile;
                let point = spectrum.points.iter().find(same);
                Cell::figure(point.map(|point| &point.us), 1e-3)
            }));
            Line { head: plain(&spectrum.server), class: "", cells }
        })
        .collect();
    table("spectrum-figures", "Latency by percentile, in ms", &heads, &lines)
}

fn curve(spectrum: &Spectrum) -> Curve {
    let spot = |point: &Quantile| Spot {
        x: beyond(point.quantile),
        y: point.us.median / 1e3,
        low: point.us.low / 1e3,
        high: point.us.high / 1e3,
    };
    let last = spectrum.points.last();
    Curve {
        name: plain(&spectrum.server),
        remark: last.map_or_else(String::new, |last| {
            let ms = Plain(last.us.median / 1e3);
            format!("{} {ms} ms", name(last.quantile))
        }),
        points: spectrum.points.iter().map(spot).collect(),
    }
}

/// How many samples there are for one beyond: each nine takes equal room.
fn beyond(quantile: f64) -> f64 {
    1.0 / (1.0 - quantile)
}

/// `p50`, `p99.95`.
fn name(quantile: f64) -> String {
    let percent = format!("{:.2}", 100.0 * quantile);
    format!("p{}", percent.trim_end_matches('0').trim_end_matches('.'))
}
