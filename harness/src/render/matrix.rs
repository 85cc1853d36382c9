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

/// A case that some servers did not pass, once for each reason.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deviation<'a> {
    pub(crate) case: &'a str,
    /// What became of it.
    pub(crate) word: &'static str,
    pub(crate) why: &'a str,
    /// Where upstream says so.
    pub(crate) source: Option<&'a str>,
    pub(crate) servers: Vec<&'a str>,
}

/// The table, and below it a line for each deviation.
#[must_use]
pub(crate) fn matrix(servers: &[Checked]) -> String {
    let (heads, rows) = grid(servers);
    let escaped = |cells: Vec<String>| -> Vec<String> {
        cells.iter().map(|cell| escape(cell)).collect()
    };
    let mut out = rule(heads, rows.into_iter().map(escaped).collect());
    let lines = deviations(servers);
    if !lines.is_empty() {
        out.push('\n');
    }
    for found in lines {
        let servers: Vec<String> =
            found.servers.iter().map(|id| escape(id)).collect();
        let (servers, case) = (servers.join(", "), escape(found.case));
        let (word, why) = (found.word, escape(found.why));
        write!(out, "- {servers}: {case} {word}: {why}").ok();
        if let Some(source) = found.source {
            write!(out, " ([upstream]({source}))").ok();
        }
        out.push('\n');
    }
    out
}

/// Heads of the columns, and a row for each server.
pub(crate) fn grid(servers: &[Checked]) -> (Vec<String>, Vec<Vec<String>>) {
    let groups: Vec<_> =
        GROUPS.into_iter().filter(|g| any(servers, g.0)).collect();
    let mut heads = vec!["server".to_owned(), "tier".to_owned()];
    heads.extend(groups.iter().map(|(id, what)| format!("{id} {what}")));
    heads.push("deviations".into());
    let row = |checked: &Checked| {
        let mut row = vec![checked.server.clone(), tier(checked)];
        row.extend(groups.iter().map(|(id, _)| passed(checked, *id)));
        let ids = of(checked).filter(|it| word(it).is_some());
        let ids: Vec<&str> = ids.map(|it| it.case.as_str()).collect();
        row.push(ids.join(" "));
        row
    };
    (heads, servers.iter().map(row).collect())
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
pub(crate) fn deviations(servers: &[Checked]) -> Vec<Deviation<'_>> {
    let mut all: Vec<Deviation<'_>> = Vec::new();
    for checked in servers {
        for found in of(checked) {
            let Some(word) = word(found) else { continue };
            let (why, source) = reason(checked, found);
            let one = Deviation {
                case: &found.case,
                word,
                why,
                source,
                servers: Vec::new(),
            };
            let same = |known: &&mut Deviation<'_>| {
                (known.case, known.word) == (one.case, one.word)
                    && (known.why, known.source) == (one.why, one.source)
            };
            match all.iter_mut().find(same) {
                Some(known) => known.servers.push(&checked.server),
                None => all
                    .push(Deviation { servers: vec![&checked.server], ..one }),
            }
        }
    }
    all
}

fn reason<'a>(
    checked: &'a Checked,
    found: &'a Finding,
) -> (&'a str, Option<&'a str>) {
    let mut declared = checked.declared.iter();
    match declared.find(|it| it.case == found.case) {
        Some(it) => (&it.why, Some(&it.source)),
        None => (found.detail.as_deref().unwrap_or("no reason given"), None),
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
