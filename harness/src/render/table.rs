//! The table of a terminal: a line of figures for each server, and below it
//! one of words.
//!
//! Refuses to do: exceed [`WIDTH`] columns, whatever a manifest says.

use comfy_table::{CellAlignment, Table, presets};

use crate::plan::Scenario;
use crate::summarize::Summary;

use super::curves::{LEGEND, curves};
use super::original::original_lines;
use super::text::{WIDTH, shorten, width, wrap, wrap_words};
use super::view::{View, view};
use super::{footing, heading, shipped};

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
    if !view.lines.is_empty() {
        lines.extend(body(&view));
        lines.push(String::new());
    }
    let curves = curves(summary);
    for curve in &curves {
        lines.extend(wrap(&curve.title, "  ", ""));
        lines.extend(body(&curve.view));
        lines.push(String::new());
    }
    if !curves.is_empty() {
        for sentence in LEGEND {
            lines.extend(wrap(sentence, "  ", ""));
        }
        lines.push(String::new());
    }
    if let Some(view) = shipped::view(summary) {
        lines.extend(wrap(shipped::TITLE, "  ", ""));
        lines.extend(body(&view));
        for sentence in shipped::LEGEND {
            lines.extend(wrap(sentence, "  ", ""));
        }
        lines.push(String::new());
    }
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
    let gutter = bracket(view);
    let indent = gutter.as_ref().map_or("", |_| "  ");
    let mut out: Vec<String> =
        head.iter().map(|line| format!("{indent}{line}")).collect();
    let widest = figures.iter().map(|line| width(line)).max().unwrap_or(0);
    out.push("─".repeat((width(indent) + widest).min(WIDTH)));
    for (at, (figures, line)) in rest.iter().zip(&view.lines).enumerate() {
        let marks = gutter.as_ref().map_or(["", ""], |gutter| gutter[at]);
        out.push(format!("{}{figures}", marks[0]));
        let mut words: Vec<&str> = Vec::new();
        words.extend((!line.model.is_empty()).then_some(line.model.as_str()));
        words.extend(line.notes.iter().map(String::as_str));
        if !words.is_empty() {
            let words = format!("{}  {}", marks[1], words.join(" · "));
            out.push(shorten(&words, WIDTH));
        }
    }
    out
}

/// What stands left of each server's two lines: a bracket around those that
/// are tied for cheapest. `None` where none are, or another stands between.
fn bracket(view: &View) -> Option<Vec<[&'static str; 2]>> {
    let tied = view.lines.iter().filter(|line| line.tied).count();
    if tied < 2 || !view.lines[..tied].iter().all(|line| line.tied) {
        return None;
    }
    let marks = (0..view.lines.len()).map(|at| match at {
        0 => ["┌ ", "│ "],
        _ if at + 1 < tied => ["│ ", "│ "],
        _ if at < tied => ["│ ", "└ "],
        _ => ["  ", "  "],
    });
    Some(marks.collect())
}

/// What the other columns and a bracket leave for the name.
fn name_room(view: &View) -> usize {
    let others: usize = (0..view.titles.len())
        .map(|at| {
            let cells = view.lines.iter().filter_map(|line| line.cells.get(at));
            let widest = cells.map(|cell| width(cell)).max().unwrap_or(0);
            let title = view.titles[at].iter().map(|part| width(part)).max();
            GAP + widest.max(title.unwrap_or(0))
        })
        .sum();
    WIDTH.saturating_sub(others + GAP).max(NAME)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Scenario::Load;
    use crate::render::tests::lines_fit;
    use crate::scripted::{self, bare, measured, plan, records};
    use crate::summarize::summarize;

    #[test]
    fn a_bracket_holds_those_that_are_tied_for_cheapest() {
        let plan = plan(&["rust-mio", "rust-tokio", "dear"], &[Load], 6);
        let records = records(&plan, |trial| {
            let level = if trial.lane == "dear" { 13.0 } else { 10.0 };
            let seed = f64::from(trial.round) * trial.lane.len() as f64;
            measured(bare(Load, level * (1.0 + 0.01 * seed.sin())))
        });
        let summary = summarize("r", false, &scripted::host(), &plan, &records);
        let table = table(&summary);
        lines_fit(&table);
        let lines: Vec<&str> = table.lines().collect();
        let first =
            lines.iter().position(|line| line.starts_with('┌')).unwrap();
        let marks: Vec<&str> =
            lines[first..first + 6].iter().map(|line| &line[..3]).collect();
        let outside = &lines[first + 4][..2];
        assert_eq!(marks[..4], ["┌", "│", "│", "└"]);
        assert_eq!(outside, "  ");
        assert!(lines[first].contains("1–2"), "{table}");
        let tied = "Tied for cheapest in load: rust-";
        assert!(table.contains(tied), "{table}");
    }
}
