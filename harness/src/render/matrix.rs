//! The conformance of all servers for a README: a row each, a column for each
//! group of cases, and every deviation in words.
//!
//! Refuses to do: count as passed what was skipped or declared unsupported.

use std::fmt::Write;

use super::markdown::{escape, rule};
use crate::check::{Level, Verdict};
use crate::conformance::kept::{Finding, Kept};

/// One server of the matrix.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) server: String,
    /// What is committed; none where nothing is.
    pub(crate) found: Option<Kept>,
    /// It was found of the server as it is.
    pub(crate) current: bool,
    pub(crate) declared: Vec<Declared>,
}

/// A case that a server can't pass, from its `server.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) case: String,
    pub(crate) why: String,
    /// Where upstream says so.
    pub(crate) source: String,
}

/// Letters of the groups, and what they are about.
const GROUPS: [(char, &str); 7] = [
    ('A', "bytes"),
    ('B', "closing"),
    ('C', "back-pressure"),
    ('D', "latency"),
    ('E', "exhaustion"),
    ('F', "start, stop"),
    ('G', "torture"),
];

/// The table, and below it a line for each deviation.
#[must_use]
pub(crate) fn matrix(servers: &[Checked]) -> String {
    let groups: Vec<_> =
        GROUPS.into_iter().filter(|g| any(servers, g.0)).collect();
    let mut header = vec!["server".to_owned(), "tier".to_owned()];
    header.extend(groups.iter().map(|(id, what)| format!("{id} {what}")));
    header.push("deviations".into());
    let row = |checked: &Checked| {
        let mut row = vec![escape(&checked.server), tier(checked)];
        row.extend(groups.iter().map(|(id, _)| passed(checked, *id)));
        let ids = of(checked).filter(|it| word(it).is_some());
        let ids: Vec<String> = ids.map(|it| escape(&it.case)).collect();
        row.push(ids.join(" "));
        row
    };
    let mut out = rule(header, servers.iter().map(row).collect());
    let lines = deviations(servers);
    if !lines.is_empty() {
        out.push('\n');
    }
    for (text, servers) in lines {
        let servers: Vec<String> =
            servers.iter().map(|id| escape(id)).collect();
        writeln!(out, "- {}: {text}", servers.join(", ")).ok();
    }
    out
}

fn of(checked: &Checked) -> impl Iterator<Item = &Finding> {
    checked.found.iter().flat_map(|found| &found.cases)
}

fn any(servers: &[Checked], group: char) -> bool {
    let mut all = servers.iter().flat_map(of);
    all.any(|it| it.case.starts_with(group) && it.level != Level::Info)
}

fn tier(checked: &Checked) -> String {
    let Some(found) = &checked.found else { return "unchecked".into() };
    let mut text = found.tier.name().to_owned();
    if found.stretch > 1 {
        write!(text, ", time bounds × {}", found.stretch).ok();
    }
    if !checked.current {
        text += ", of an earlier version";
    }
    text
}

/// `9/10`: passed, and all that bind or should hold.
fn passed(checked: &Checked, group: char) -> String {
    let judged = of(checked)
        .filter(|it| it.case.starts_with(group) && it.level != Level::Info);
    let judged: Vec<&Finding> = judged.collect();
    if judged.is_empty() {
        return "–".into();
    }
    let passed = judged
        .iter()
        .filter(|it| it.verdict == Verdict::Pass && !it.failed())
        .count();
    format!("{passed}/{}", judged.len())
}

/// What became of a case that did not pass.
fn word(found: &Finding) -> Option<&'static str> {
    if found.level == Level::Info {
        return None;
    }
    if found.failed() {
        return Some("failed");
    }
    match found.verdict {
        Verdict::Pass | Verdict::Info => None,
        Verdict::NonStrict => Some("missed, which is allowed"),
        Verdict::Unsupported => Some("not supported"),
        Verdict::Skip => Some("skipped"),
        Verdict::Fail | Verdict::Error => Some("not judged"),
    }
}

/// Each deviation once, with all servers that share it.
fn deviations(servers: &[Checked]) -> Vec<(String, Vec<&str>)> {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for checked in servers {
        for found in of(checked) {
            let Some(word) = word(found) else { continue };
            let text = format!(
                "{} {word}: {}",
                escape(&found.case),
                reason(checked, found)
            );
            match lines.iter_mut().find(|(known, _)| *known == text) {
                Some((_, servers)) => servers.push(&checked.server),
                None => lines.push((text, vec![&checked.server])),
            }
        }
    }
    lines
}

fn reason(checked: &Checked, found: &Finding) -> String {
    let mut declared = checked.declared.iter();
    match declared.find(|it| it.case == found.case) {
        Some(it) => format!("{} ([upstream]({}))", escape(&it.why), it.source),
        None => escape(found.detail.as_deref().unwrap_or("no reason given")),
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
