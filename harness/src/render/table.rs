//! The table of a terminal: a line of figures for each server, and below it
//! one of words.
//!
//! Refuses to do: exceed [`WIDTH`] columns, whatever a manifest says.

use comfy_table::{CellAlignment, Table, presets};

use crate::plan::Scenario;
use crate::summarize::Summary;

use super::original::original_lines;
use super::text::{WIDTH, shorten, width, wrap, wrap_words};
use super::view::{View, view};
use super::{footing, heading};

const GAP: usize = 2;

/// A server's name is never cut shorter than this.
const NAME: usize = 12;

/// The whole output of a run: command, machine, table, controls, failures.
#[must_use]
pub fn table(summary: &Summary) -> String {
    let view = view(summary);
    let command = heading::command(&summary.plan);
    let command = command.iter().map(String::as_str);
    let mut lines = wrap_words(command, "    ", " \\");
    lines.push(String::new());
    for sentence in heading::sentences(summary) {
        lines.extend(wrap(&sentence, "  ", ""));
    }
    lines.push(String::new());
    lines.extend(body(&view));
    lines.push(String::new());
    for sentence in footing::sentences(summary, &view) {
        lines.extend(wrap(&sentence, "  ", ""));
    }
    if summary.plan.scenarios == [Scenario::Classic] {
        let original = original_lines(summary);
        if !original.is_empty() {
            lines.push(String::new());
            lines.extend(original);
        }
    }
    finish(lines)
}

/// Nothing but the lines, none of them too wide.
pub(super) fn finish(lines: Vec<String>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(&shorten(line.trim_end(), WIDTH));
        out.push('\n');
    }
    out
}

fn body(view: &View) -> Vec<String> {
    let titles =
        view.titles.iter().map(|[above, below]| format!("{above}\n{below}"));
    let header: Vec<String> =
        std::iter::once("server\n".to_owned()).chain(titles).collect();
    let room = name_room(view);
    let rows = view.lines.iter().map(|line| {
        let name = shorten(&line.server, room);
        std::iter::once(name).chain(line.cells.iter().cloned()).collect()
    });
    let figures = columns(header, rows.collect());
    let (head, rest) = figures.split_at(figures.len().min(2));
    let mut out = head.to_vec();
    let widest = figures.iter().map(|line| width(line)).max().unwrap_or(0);
    out.push("─".repeat(widest.min(WIDTH)));
    for (figures, line) in rest.iter().zip(&view.lines) {
        out.push(figures.clone());
        let mut words: Vec<&str> = Vec::new();
        words.extend((!line.model.is_empty()).then_some(line.model.as_str()));
        words.extend(line.notes.iter().map(String::as_str));
        if !words.is_empty() {
            let words = format!("  {}", words.join(" · "));
            out.push(shorten(&words, WIDTH));
        }
    }
    out
}

/// What the other columns leave for the name.
fn name_room(view: &View) -> usize {
    let others: usize = (0..view.titles.len())
        .map(|at| {
            let cells = view.lines.iter().filter_map(|line| line.cells.get(at));
            let widest = cells.map(|cell| width(cell)).max().unwrap_or(0);
            let title = view.titles[at].iter().map(|part| width(part)).max();
            GAP + widest.max(title.unwrap_or(0))
        })
        .sum();
    WIDTH.saturating_sub(others).max(NAME)
}

/// Aligned lines without borders: the first column to the left, the others to
/// the right.
pub(super) fn columns(
    header: Vec<String>,
    rows: Vec<Vec<String>>,
) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header).add_rows(rows);
    for (at, column) in table.column_iter_mut().enumerate() {
        let gap = if at == 0 { 0 } else { 2 };
        column.set_padding((gap, 0));
        column.set_cell_alignment(if at == 0 {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
