//! A table that may be sorted, read aloud and scrolled by itself.
//!
//! Refuses to do: know what its columns mean.

use maud::{Markup, html};

use crate::stats::Estimate;
use crate::units::Plain;

/// One cell.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) content: Markup,
    /// By what the script sorts; text sorts by itself.
    pub(super) key: Option<f64>,
}

impl Cell {
    pub(super) fn text(words: &str) -> Self {
        Self { content: html! { (words) }, key: None }
    }

    pub(super) fn markup(content: Markup, key: Option<f64>) -> Self {
        Self { content, key }
    }

    /// Marked where the machine disturbed the figure, or a check of its own
    /// disputes it.
    pub(super) fn doubted(self, doubted: bool) -> Self {
        if !doubted || self.key.is_none() {
            return self;
        }
        Self { content: html! { "~" (self.content) }, ..self }
    }

    /// Before the figure, such as `≤`.
    pub(super) fn bound(self, bound: &str) -> Self {
        if bound.is_empty() || self.key.is_none() {
            return self;
        }
        Self { content: html! { (bound) (self.content) }, ..self }
    }

    /// A figure with its interval below; a dash where there is none.
    pub(super) fn figure(estimate: Option<&Estimate>, scale: f64) -> Self {
        let Some(estimate) = estimate else { return Self::text("–") };
        let shown = Plain(estimate.median * scale);
        Self {
            content: html! { (shown.to_string()) (interval(estimate, scale)) },
            key: Some(estimate.median),
        }
    }
}

/// The interval of a figure in small print; nothing without one.
pub(super) fn interval(estimate: &Estimate, scale: f64) -> Markup {
    estimate.interval().map_or_else(Markup::default, |(low, high)| {
        let (low, high) = (Plain(low * scale), Plain(high * scale));
        html! { small { (format!("{low}–{high}")) } }
    })
}

/// A row: its head, and a cell for each further column.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) head: String,
    pub(super) class: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A table; `heads` holds that of the first column too.
pub(super) fn table(
    id: &str,
    caption: &str,
    heads: &[String],
    lines: &[Line],
) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table id=(id) {
                caption { (caption) }
                thead { tr {
                    @for head in heads { th scope="col" { (head) } }
                } }
                tbody {
                    @for line in lines { (row(line)) }
                }
            }
        }
    }
}

fn row(line: &Line) -> Markup {
    let class = (!line.class.is_empty()).then_some(line.class);
    html! {
        tr class=[class] {
            th scope="row" { (line.head) }
            @for cell in &line.cells {
                td data-key=[cell.key.map(|key| key.to_string())] {
                    (cell.content)
                }
            }
        }
    }
}
