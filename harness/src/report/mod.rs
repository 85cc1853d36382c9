//! A stored run as one HTML file, readable without network and script.
//!
//! [`html`] is a function of its input alone: the same run gives the same
//! bytes. Whatever a server, a manifest or a log wrote passes
//! [`crate::summarize::plain`] and is escaped by the template.
//!
//! Refuses to do: compute a figure that a test has not confirmed, load
//! anything, hide a failure.

mod best;
mod costs;
mod crossing;
mod failures;
mod figure;
mod figures;
mod forest;
mod intervals;
mod ladder;
mod latency;
mod memory;
mod page;
mod panels;
mod ranking;
mod scale;
mod spectrum;
mod sweeps;
mod table;
mod trust;
mod words;

#[cfg(test)]
mod sweeps_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod words_tests;

use crate::summarize::{Spectrum, Summary};

/// A run, as a report tells it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What its tables say.
    pub summary: &'a Summary,
    /// Whole distributions of latency; may be empty.
    pub spectra: &'a [Spectrum],
}

/// The page.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    page::page(report).into_string() + "\n"
}

/// Its drawings, each as the name and the text of an SVG file.
#[must_use]
pub fn drawings(report: &Report<'_>) -> Vec<(String, String)> {
    let summary = report.summary;
    let ratios = figures::scenarios(summary).into_iter();
    let ratios =
        ratios.filter_map(|scenario| forest::forest(summary, scenario));
    let sweeps = sweeps::sweeps(summary);
    let panels = ladder::panels(summary)
        .into_iter()
        .chain(spectrum::panels(report.spectra))
        .chain(sweeps.iter().filter_map(|it| it.panels(summary)));
    ratios
        .chain(latency::latency(summary))
        .chain(panels.map(|panels| panels::together(&panels)))
        .chain(memory::memory(summary))
        .map(|figure| (format!("{}.svg", figure.id), figure.file()))
        .collect()
}
