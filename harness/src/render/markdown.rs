//! The same for a pull request or a README.
//!
//! Refuses to do: pass foreign Markdown or HTML on.

use comfy_table::{Table, presets};

use crate::plan::Scenario;
use crate::summarize::{Summary, plain};

use super::curves::{LEGEND, curves};
use super::original::original_lines;
use super::view::{View, view};
use super::{footing, heading, shipped};

/// The whole output of a run.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let view = view(summary);
    let command = heading::command(&summary.plan).join(" ");
    let mut out = format!("```console\n$ {command}\n```\n\n");
    for sentence in heading::sentences(summary) {
        out.push_str(&escape(&sentence));
        out.push('\n');
    }
    out.push('\n');
    if !view.lines.is_empty() {
        out.push_str(&of_view(&view, "model"));
        out.push('\n');
    }
    let curves = curves(summary);
    for curve in &curves {
        out.push_str(&format!("{}:\n\n", escape(&curve.title)));
        out.push_str(&figures(&curve.view));
        out.push('\n');
    }
    if !curves.is_empty() {
        for sentence in LEGEND {
            out.push_str(&escape(sentence));
            out.push('\n');
        }
        out.push('\n');
    }
    if let Some(view) = shipped::view(summary) {
        out.push_str(&format!("{}:\n\n", escape(shipped::TITLE)));
        out.push_str(&of_view(&view, "defaults"));
        out.push('\n');
        for sentence in shipped::LEGEND {
            out.push_str(&escape(sentence));
            out.push('\n');
        }
        out.push('\n');
    }
    for sentence in footing::sentences(summary, &view) {
        out.push_str(&markdown_item(&sentence));
    }
    let original = original_lines(summary);
    if summary.plan.scenarios == [Scenario::Classic] && !original.is_empty() {
        out.push_str(&format!("\n```text\n{}\n```\n", original.join("\n")));
    }
    out
}

/// A sentence below that.
#[must_use]
pub fn markdown_item(sentence: &str) -> String {
    format!("- {}\n", escape(sentence))
}

/// The table alone, such as a README holds.
#[must_use]
pub fn markdown_table(summary: &Summary) -> String {
    of_view(&view(summary), "model")
}

/// A view as a table; `words` is what a line's words are.
fn of_view(view: &View, words: &str) -> String {
    let titles = view
        .titles
        .iter()
        .map(|[above, below]| escape(format!("{above} {below}").trim_end()));
    let header = ["server".to_owned(), words.to_owned()]
        .into_iter()
        .chain(titles)
        .chain(["notes".to_owned()]);
    let rows = view.lines.iter().map(|line| {
        let cells = line.cells.iter().map(|cell| escape(cell));
        [escape(&line.server), escape(&line.model)]
            .into_iter()
            .chain(cells)
            .chain([escape(&line.notes.join("; "))])
            .collect()
    });
    rule(header.collect(), rows.collect())
}

/// The same without words.
fn figures(view: &View) -> String {
    let titles = view
        .titles
        .iter()
        .map(|[above, below]| escape(format!("{above} {below}").trim_end()));
    let header = std::iter::once("server".to_owned()).chain(titles);
    let rows = view.lines.iter().map(|line| {
        let cells = line.cells.iter().map(|cell| escape(cell));
        std::iter::once(escape(&line.server)).chain(cells).collect()
    });
    rule(header.collect(), rows.collect())
}

/// A Markdown table of cells that are already escaped.
pub(super) fn rule(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header).add_rows(rows);
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Text that shows as itself: one line, and no character that Markdown or
/// HTML would take for a mark, a link or a mention.
pub(super) fn escape(text: &str) -> String {
    inert(&plain(text))
}

/// The same for a text that holds nothing foreign but what was made plain.
pub(crate) fn inert(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
