//! Shows the matrix and the evidence behind it, for people and as JSON. Pure.

use std::fmt::Write;

use serde::Serialize;

use super::case::{Case, Level};
use super::cell::Cell;
use super::verdict::Verdict;
use crate::conformance::Tier;
use crate::plan::Skip;

/// Everything a check found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema_version: u32,
    /// The user stopped it: cells are missing.
    pub(crate) partial: bool,
    pub(crate) tier: Tier,
    pub(crate) strict: bool,
    pub(crate) seed: u64,
    pub(crate) cases: Vec<Listed>,
    pub(crate) servers: Vec<String>,
    /// Servers that can't run here.
    pub(crate) skipped: Vec<Skip>,
    /// Servers that don't build.
    pub(crate) unbuilt: Vec<Skip>,
    pub(crate) cells: Vec<Cell>,
}

/// A case that was tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) level: Level,
    pub(crate) setup: char,
}

impl From<&Case> for Listed {
    fn from(case: &Case) -> Self {
        let Case { id, title, level, setup, .. } = *case;
        Self { id, title, level, setup }
    }
}

/// The matrix, a block of servers at a time, and the evidence.
pub(crate) fn text(report: &Report) -> String {
    const ABREAST: usize = 6;
    let mut out = String::new();
    for servers in report.servers.chunks(ABREAST) {
        let mut head = vec!["case".to_owned(), String::new()];
        head.extend(servers.iter().cloned());
        let rows = report.cases.iter().map(|case| {
            let level = match case.level {
                Level::Must => "",
                Level::Should => " (should)",
                Level::Info => " (info)",
            };
            let title = format!("{}{level}", case.title);
            let mut row = vec![case.id.to_owned(), title];
            row.extend(servers.iter().map(|id| word(report, id, case.id)));
            row
        });
        let rows: Vec<Vec<String>> = rows.collect();
        out.push_str(&grid(&head, &rows));
        out.push('\n');
    }
    for cell in &report.cells {
        explain(&mut out, cell);
    }
    skips(&mut out, report);
    for skip in report.unbuilt.iter().chain(&report.skipped) {
        let hint = skip.hint.as_deref().unwrap_or_default();
        let (server, reason) = (&skip.server, skip.reason.trim());
        let line = format!("{server}: not tried, {reason} {hint}");
        writeln!(out, "{}", line.trim_end()).ok();
    }
    out.push_str(&closing(report));
    out
}

/// What stands in the matrix.
fn word(report: &Report, server: &str, case: &str) -> String {
    let mut cells = report.cells.iter();
    let cell = cells.find(|cell| cell.server == server && cell.case == case);
    let Some(cell) = cell else { return "-".into() };
    let mut word = cell.verdict.word().to_owned();
    if cell.verdict == Verdict::Fail && cell.passed > 0 {
        write!(word, " {}/{}", cell.passed, cell.repeats).ok();
    }
    if let Some(after @ (Verdict::Fail | Verdict::Error)) = cell.afterlife {
        write!(word, ", after: {}", after.word()).ok();
    }
    word
}

/// Left-aligned columns, two spaces apart.
fn grid(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, "{cell:width$}  ").ok();
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn explain(out: &mut String, cell: &Cell) {
    let Cell { server, case, command, .. } = cell;
    for late in &cell.late_at_first {
        writeln!(out, "{case} {server}: tried again, for at first {late}").ok();
    }
    let seconds = cell.duration_ms as f64 / 1000.0;
    match (&cell.expected, &cell.actual, &cell.reason) {
        (Some(expected), Some(actual), reason) => {
            let flaky = match (cell.passed, cell.repeats) {
                (0, _) => String::new(),
                (passed, n) => format!(", flaky: passed {passed} of {n}"),
            };
            let word = match cell.afterlife {
                Some(Verdict::Fail) if cell.verdict != Verdict::Fail => "FAIL",
                _ => cell.verdict.word(),
            };
            writeln!(out, "{case} {server}: {word}{flaky}").ok();
            writeln!(out, "  expected  {expected}").ok();
            writeln!(out, "  actual    {actual}").ok();
            if let Some(reason) = reason {
                writeln!(out, "  declared  {reason}").ok();
            }
            for note in &cell.notes {
                writeln!(out, "  note      {note}").ok();
            }
            writeln!(out, "  took      {seconds:.1} s").ok();
            writeln!(out, "  again     {command}").ok();
        }
        (_, _, Some(reason)) if cell.verdict != Verdict::Skip => {
            let word = cell.verdict.word();
            writeln!(out, "{case} {server}: {word}, {reason}").ok();
            writeln!(out, "  again     {command}").ok();
        }
        _ if cell.verdict == Verdict::Info => {
            let notes = cell.notes.join(", ");
            writeln!(out, "{case} {server}: {notes}").ok();
        }
        _ => {}
    }
}

/// One line for each reason that something was skipped.
fn skips(out: &mut String, report: &Report) {
    let skipped = |cell: &&Cell| cell.verdict == Verdict::Skip;
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for cell in report.cells.iter().filter(skipped) {
        let reason = cell.reason.as_deref().unwrap_or_default();
        let known = reasons.iter().position(|(known, _)| *known == reason);
        let at = known.unwrap_or_else(|| {
            reasons.push((reason, Vec::new()));
            reasons.len() - 1
        });
        reasons[at].1.push(format!("{} {}", cell.case, cell.server));
    }
    for (reason, cells) in reasons {
        writeln!(out, "skipped {}: {reason}", cells.join(", ")).ok();
    }
}

fn closing(report: &Report) -> String {
    let count = |wanted: fn(&Cell) -> bool| {
        report.cells.iter().filter(|cell| wanted(cell)).count()
    };
    let failed = count(Cell::failed);
    let errors = count(|it| it.is_open() && !it.failed());
    let skipped = count(|it| it.verdict == Verdict::Skip);
    let passed = count(|it| {
        it.verdict == Verdict::Pass && !it.failed() && !it.is_open()
    });
    let partial = if report.partial { ", interrupted" } else { "" };
    format!(
        "{} cells, seed {}: {passed} passed, {failed} failed, {errors} \
         error(s), {skipped} skipped{partial}",
        report.cells.len(),
        report.seed,
    )
}
