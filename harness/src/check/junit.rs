//! The matrix as JUnit's XML, for CI. Pure.

use std::fmt::Write;

use super::cell::Cell;
use super::report::Report;
use super::verdict::Verdict;
use crate::plan::Skip;

/// JUnit's XML: a suite for each server.
pub(crate) fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\"?>\n<testsuites>\n");
    for server in &report.servers {
        let own = |cell: &&Cell| cell.server == *server;
        let cells: Vec<&Cell> = report.cells.iter().filter(own).collect();
        let of = |wanted: fn(&Cell) -> bool| {
            cells.iter().filter(|cell| wanted(cell)).count()
        };
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" \
             errors=\"{}\" skipped=\"{}\">",
            escape(server),
            cells.len(),
            of(Cell::failed),
            of(|it| it.is_open() && !it.failed()),
            of(is_skip),
        )
        .ok();
        for cell in &cells {
            testcase(&mut out, report, cell);
        }
        out.push_str("  </testsuite>\n");
    }
    report.unbuilt.iter().for_each(|skip| untried(&mut out, skip, "error"));
    report.skipped.iter().for_each(|skip| untried(&mut out, skip, "skipped"));
    out.push_str("</testsuites>\n");
    out
}

/// A server that could not be tried.
fn untried(out: &mut String, skip: &Skip, what: &str) {
    let (server, reason) = (escape(&skip.server), escape(&skip.reason));
    let errors = u8::from(what == "error");
    writeln!(
        out,
        "  <testsuite name=\"{server}\" tests=\"1\" failures=\"0\" \
         errors=\"{errors}\" skipped=\"{}\">\n    <testcase \
         classname=\"{server}\" name=\"build\"><{what} \
         message=\"{reason}\"/></testcase>\n  </testsuite>",
        1 - errors,
    )
    .ok();
}

fn is_skip(cell: &Cell) -> bool {
    matches!(cell.verdict, Verdict::Skip | Verdict::Unsupported)
}

fn testcase(out: &mut String, report: &Report, cell: &Cell) {
    let case = report.cases.iter().find(|case| case.id == cell.case);
    let title = case.map_or("", |case| case.title);
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{} {}\" time=\"{:.3}\"",
        escape(&cell.server),
        cell.case,
        escape(title),
        cell.duration_ms as f64 / 1000.0
    )
    .ok();
    let text = |part: &Option<String>| escape(part.as_deref().unwrap_or(""));
    let (expected, actual) = (text(&cell.expected), text(&cell.actual));
    let reason = text(&cell.reason);
    let inner = if cell.failed() {
        format!(
            "<failure message=\"{actual}\">expected {expected}&#10;actual \
             {actual}&#10;{}</failure>",
            escape(&cell.command)
        )
    } else if cell.is_open() {
        format!("<error message=\"{reason}\"/>")
    } else if is_skip(cell) {
        format!("<skipped message=\"{reason}\"/>")
    } else {
        out.push_str("/>\n");
        return;
    };
    writeln!(out, ">{inner}</testcase>").ok();
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Tier;

    fn cell(case: &'static str, verdict: Verdict) -> Cell {
        Cell {
            actual: Some("\"x\" < \u{1}y".into()),
            reason: Some("why".into()),
            command: "again & again".into(),
            ..Cell::scripted("a", case, verdict)
        }
    }

    #[test]
    fn every_outcome_has_its_element_and_is_counted() {
        let open = Cell {
            afterlife: Some(Verdict::Error),
            ..cell("A3", Verdict::Pass)
        };
        let cells = vec![
            cell("A1", Verdict::Pass),
            cell("A2", Verdict::Fail),
            open,
            cell("A4", Verdict::Skip),
            cell("A5", Verdict::Unsupported),
        ];
        let skip = |server: &str| Skip {
            server: server.into(),
            reason: "<gone>".into(),
            hint: None,
        };
        let xml = junit(&Report {
            schema_version: 1,
            partial: false,
            tier: Tier::Quick,
            strict: false,
            seed: 1,
            cases: Vec::new(),
            servers: vec!["a".into()],
            skipped: vec![skip("b")],
            unbuilt: vec![skip("c")],
            cells,
        });
        let counts = "tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"2\"";
        for part in [
            counts,
            "name=\"A1 \" time=\"1.500\"/>",
            "<failure message=\"&quot;x&quot; &lt;  y\">",
            "again &amp; again</failure>",
            "<error message=\"why\"/>",
            "<skipped message=\"why\"/>",
            "name=\"build\"><skipped message=\"&lt;gone&gt;\"/>",
            "name=\"build\"><error message=\"&lt;gone&gt;\"/>",
        ] {
            assert!(xml.contains(part), "no {part} in {xml}");
        }
        assert_eq!(xml.matches("<testcase ").count(), 7);
    }
}
