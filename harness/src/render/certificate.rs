//! A certificate in words, and the line that tables carry of it.
//!
//! Refuses to do: average goals into a grade.

use crate::calibrate::{Certificate, Entry, Figure, Goal, State};
use crate::summarize::plain;
use crate::units::{Count, Plain};

use super::table::finish;
use super::text::{wrap, wrap_words};

const INDENT: &str = "     ";

/// Every test with its figures.
#[must_use]
pub fn certificate(certificate: &Certificate) -> String {
    let machine = plain(&certificate.machine.label);
    let mut lines = wrap(&format!("Calibration on {machine}."), "  ", "");
    lines.push(String::new());
    for entry in &certificate.tests {
        if entry.state == State::NotRun {
            continue;
        }
        lines.extend(wrap(&head(entry), INDENT, ""));
        let figures = entry.figures.iter().map(figure);
        let mut figures: Vec<String> = figures.collect();
        figures.extend(entry.because.as_deref().map(plain));
        figures.extend(disturbed(entry));
        if !figures.is_empty() {
            lines.extend(indented(&figures.join(", ")));
        }
    }
    let counts = [State::Met, State::Missed, State::Unjudged]
        .map(|state| ids(certificate, state).len());
    let [met, missed, unjudged] = counts;
    lines.push(String::new());
    lines.push(format!(
        "{met} met, {missed} missed, {unjudged} not judged{}.",
        not_run(certificate),
    ));
    finish(lines)
}

/// One result in a line.
#[must_use]
pub fn calibrated(entry: &Entry) -> String {
    let (id, state) = (&entry.id, word(entry.state));
    let why: Vec<String> = match &entry.because {
        Some(because) => vec![plain(because)],
        None => missed(entry).chain(disturbed(entry)).collect(),
    };
    let why = why.join(", ");
    format!("{id} {state}: {why}").trim_end_matches(": ").to_owned()
}

/// How the instrument stands, for below a table: when it was calibrated on
/// the machine of that table, by this revision or another, and what it
/// missed. `now_s` is in seconds since 1970.
#[must_use]
pub fn instrument(
    certificate: Option<&Certificate>,
    revision: Option<&str>,
    now_s: u64,
) -> String {
    let run = |it: &&Entry| it.state != State::NotRun;
    let none = "Instrument: never calibrated on this machine: \
                cargo harness calibrate";
    let Some(certificate) = certificate else { return none.into() };
    let entries: Vec<&Entry> = certificate.tests.iter().filter(run).collect();
    let times = || entries.iter().filter_map(|entry| entry.unix_s);
    let (Some(oldest), Some(newest)) = (times().min(), times().max()) else {
        return none.into();
    };
    let met = ids(certificate, State::Met).len();
    let mut out = format!(
        "Instrument: calibrated {} on this machine, {met} of {} goals met",
        age(newest, oldest, now_s),
        entries.len(),
    );
    let missed: Vec<String> = entries
        .iter()
        .filter(|entry| entry.state == State::Missed)
        .map(|entry| {
            let figures: Vec<String> = missed(entry).collect();
            format!("{} ({})", entry.id, figures.join(", "))
        })
        .collect();
    if !missed.is_empty() {
        out.push_str(&format!(", missed: {}", missed.join(", ")));
    }
    let unjudged = ids(certificate, State::Unjudged);
    if !unjudged.is_empty() {
        out.push_str(&format!("; not judged: {}", unjudged.join(" ")));
    }
    out.push_str(&not_run(certificate));
    let others: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.revision.as_deref() != revision)
        .map(|entry| entry.id.as_str())
        .collect();
    if others.len() == entries.len() {
        out.push_str("; at another revision of the suite");
    } else if !others.is_empty() {
        let others = others.join(" ");
        out.push_str(&format!("; at another revision: {others}"));
    }
    out.push('.');
    out
}

fn head(entry: &Entry) -> String {
    let mut head = format!(
        "{:<4} {}: {}",
        entry.id,
        word(entry.state),
        plain(&entry.title)
    );
    if entry.n > 0 {
        head.push_str(&format!(
            "; {} {}",
            Count(entry.n),
            plain(&entry.counted)
        ));
    }
    head
}

/// Wraps a text of which the first line is indented like the others.
fn indented(text: &str) -> Vec<String> {
    // The blank between two words is the last one of the indent.
    let first = &INDENT[1..];
    wrap_words(std::iter::once(first).chain(text.split(' ')), INDENT, "")
}

/// How a test stands, in words.
pub(crate) const fn word(state: State) -> &'static str {
    match state {
        State::Met => "met",
        State::Missed => "MISSED",
        State::Unjudged => "could not be judged",
        State::NotRun => "not yet run",
    }
}

fn missed(entry: &Entry) -> impl Iterator<Item = String> {
    entry.figures.iter().filter(|figure| figure.is_missed()).map(figure)
}

/// `slip p99 180 µs (goal ≤ 100)`.
pub(crate) fn figure(figure: &Figure) -> String {
    let mut text = format!("{} {}", plain(&figure.name), number(figure.value));
    if !figure.unit.is_empty() {
        text.push_str(&format!(" {}", plain(&figure.unit)));
    }
    match figure.goal {
        None => {}
        Some(Goal::AtMost(most)) => {
            text.push_str(&format!(" (goal ≤ {})", bound(most)));
        }
        Some(Goal::AtLeast(least)) => {
            text.push_str(&format!(" (goal ≥ {})", bound(least)));
        }
        Some(Goal::Within(low, high)) => {
            let (low, high) = (bound(low), bound(high));
            text.push_str(&format!(" (goal {low} to {high})"));
        }
    }
    text
}

/// In three digits; counts as they are.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e6 {
        format!("{value:.0}")
    } else {
        small(value).unwrap_or_else(|| Plain(value).to_string())
    }
}

/// As it was set.
fn bound(value: f64) -> String {
    small(value).unwrap_or_else(|| value.to_string())
}

/// Powers of ten where three decimals would show nothing.
fn small(value: f64) -> Option<String> {
    let is_small = value != 0.0 && value.abs() < 1e-3;
    is_small.then(|| format!("{value:.1e}"))
}

/// What others had of the CPUs, if it was enough to show.
fn disturbed(entry: &Entry) -> Option<String> {
    let percent = entry.others_percent;
    (percent >= 1.0).then(|| format!("others had {percent:.0} % of the CPUs"))
}

fn ids(certificate: &Certificate, state: State) -> Vec<&str> {
    let entries = certificate.tests.iter();
    let entries = entries.filter(|entry| entry.state == state);
    entries.map(|entry| entry.id.as_str()).collect()
}

fn not_run(certificate: &Certificate) -> String {
    match ids(certificate, State::NotRun) {
        ids if ids.is_empty() => String::new(),
        ids => format!("; not yet run: {}", ids.join(" ")),
    }
}

/// `today`, `3 days ago`, `3 to 12 days ago`.
fn age(newest_s: u64, oldest_s: u64, now_s: u64) -> String {
    const DAY_S: u64 = 86_400;
    let days = |then_s: u64| now_s.saturating_sub(then_s) / DAY_S;
    match (days(newest_s), days(oldest_s)) {
        (0, 0) => "within a day".into(),
        (1, 1) => "1 day ago".into(),
        (new, old) if new == old => format!("{new} days ago"),
        (new, old) => format!("{new} to {old} days ago"),
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
