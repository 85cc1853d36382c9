//! A stored run as one HTML file, readable without network and script.
//!
//! [`html`] is a function of its input alone: the same run gives the same
//! bytes. Whatever a server, a manifest or a log wrote passes
//! [`crate::summarize::plain`] and is escaped by the template.
//!
//! Refuses to do: compute a figure that a test has not confirmed, load
//! anything, hide a failure.

mod best;
mod certificate;
mod conformance;
mod costs;
mod crossing;
mod defaults;
mod failures;
mod fairness;
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
mod timeline;
mod trust;
mod words;

#[cfg(test)]
mod sections_tests;
#[cfg(test)]
mod sweeps_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod words_tests;

use self::words::Answer;
use crate::calibrate::Certificate;
use crate::render::{Checked, inert};
use crate::summarize::{Spectrum, Summary, Timeline};

/// A run, as a report tells it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What its tables say.
    pub summary: &'a Summary,
    /// Runs of the same machine that answer what this one did not measure.
    pub others: &'a [Summary],
    /// Whole distributions of latency; may be empty.
    pub spectra: &'a [Spectrum],
    /// A trial of each server; may be empty.
    pub timelines: &'a [Timeline],
    /// What the conformance suite found of each server; may be empty.
    pub(crate) checked: &'a [Checked],
    /// How the instrument stands on the machine of the run.
    pub certificate: Option<&'a Certificate>,
}

impl<'a> Report<'a> {
    /// Of a summary alone.
    #[must_use]
    pub const fn of(summary: &'a Summary) -> Self {
        Self {
            summary,
            others: &[],
            spectra: &[],
            timelines: &[],
            checked: &[],
            certificate: None,
        }
    }
}

/// The page.
#[must_use]
pub fn html(report: &Report<'_>) -> String {
    page::page(report).into_string() + "\n"
}

/// What these runs answer together, as items of Markdown: each question by the
/// first run that measured it.
#[must_use]
pub fn answers(summaries: &[Summary]) -> String {
    let Some((first, others)) = summaries.split_first() else {
        return String::new();
    };
    let items = words::by_several(first, others).into_iter();
    let items = items.map(|(Answer { question, answer }, _)| {
        format!("- **{}** {}\n", inert(&question), inert(&answer))
    });
    items.collect()
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
        .chain(timeline::timeline(report.timelines))
        .map(|figure| (format!("{}.svg", figure.id), figure.file()))
        .collect()
}
