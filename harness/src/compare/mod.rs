//! Two runs of the same plan on the same machine: what changed.
//!
//! A machine drifts by more than servers differ, so what is compared is each
//! server's ratio to the reference of its own run, paired by round; drift
//! that all share cancels. A difference is named only when both runs have at
//! least [`MIN_ROUNDS`] rounds (more where there are many comparisons, see
//! [`MAX_CHANCE`]), the exact intervals of the two medians lie apart, and the
//! change is larger than both 1 % and what the same binary under two names
//! differed by in either run. A row that a check of its own run disputes is
//! not compared; marks of a disturbed machine are shown with the figure.
//!
//! Refuses to do: compare runs of other machines, plans or schemas unless
//! told to; name a difference that the rounds do not carry.

mod judge;
mod same;
mod threshold;
mod trust;
mod types;
mod words;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod threshold_tests;
#[cfg(test)]
mod trust_tests;

pub use judge::{MAX_CHANCE, MIN_CHANGE, MIN_ROUNDS};
pub use same::{NotComparable, mismatches, other_machine, other_plan};
pub use threshold::{BadThreshold, Threshold, UnknownMetric, breaches};
pub use types::{Change, Comparison, Drift, Entry, Options, Verdict};

use crate::plan::Scenario;
use crate::stats::{Estimate, chance_apart};
use crate::summarize::{Row, SCHEMA_VERSION, Summary, plain};
use judge::{change, judge};
use trust::is_fault;

/// Compares run `b` to the earlier run `a`.
///
/// # Errors
/// The runs differ in something that decides results, and
/// [`Options::allow_mismatch`] is not set.
pub fn compare(
    a: &Summary,
    b: &Summary,
    options: &Options,
) -> Result<Comparison, NotComparable> {
    let mismatches = mismatches(a, b, options.absolute);
    if !mismatches.is_empty() && !options.allow_mismatch {
        return Err(NotComparable { mismatches });
    }
    let mut comparison = Comparison {
        schema_version: SCHEMA_VERSION,
        a: a.run.clone(),
        b: b.run.clone(),
        absolute: options.absolute,
        reference: common_reference(a, b).map(str::to_owned),
        mismatches,
        drift: drift(a, b),
        entries: Vec::new(),
        chance: 0.0,
    };
    for (server, scenario) in subjects(a, b) {
        let by_ratio = !options.absolute;
        if by_ratio && comparison.reference.as_deref() == Some(server) {
            continue;
        }
        let subject = Subject { a, b, server, scenario, options };
        comparison.entries.extend(subject.entries());
    }
    pronounce(&mut comparison);
    Ok(comparison)
}

/// Judges all pairs of figures together: the more there are, the likelier
/// chance sets one of them apart.
fn pronounce(comparison: &mut Comparison) {
    let carries = |entry: &Entry| {
        let (before, after) = entry.before.zip(entry.after)?;
        (before.n.min(after.n) >= MIN_ROUNDS).then_some((before, after))
    };
    let comparisons =
        comparison.entries.iter().filter_map(carries).count().max(1);
    for entry in &mut comparison.entries {
        let Some((before, after)) = entry.before.zip(entry.after) else {
            continue;
        };
        let metric = &entry.metric;
        let found = judge(metric, &before, &after, entry.floor, comparisons);
        entry.verdict = found.verdict;
        entry.could_hide = found.could_hide;
        entry.rounds_needed = found.rounds_needed;
        entry.sentence = words::judged(entry, comparison.absolute);
        if found.verdict != Verdict::Undecided {
            comparison.chance += chance_apart(rounds(before), rounds(after));
        }
    }
}

/// One server and workload, in both runs.
#[derive(Clone, Copy)]
struct Subject<'a> {
    a: &'a Summary,
    b: &'a Summary,
    server: &'a str,
    scenario: Scenario,
    options: &'a Options,
}

impl Subject<'_> {
    fn entries(&self) -> Vec<Entry> {
        let (before, after) = (
            self.a.row(self.server, self.scenario),
            self.b.row(self.server, self.scenario),
        );
        let (Some(before), Some(after)) = (before, after) else {
            let only = if before.is_some() { "before" } else { "now" };
            let why = format!("it was selected only {only}");
            return vec![self.without_figures(Verdict::Missing, &why)];
        };
        if before.is_measured() && after.is_measured() {
            if let Some((verdict, why)) = trust::verdict(before, after) {
                return vec![self.without_figures(verdict, &why)];
            }
            let mut entries: Vec<Entry> = self
                .metrics(before, after)
                .into_iter()
                .map(|metric| self.figures(before, after, metric))
                .collect();
            entries.extend(self.newly_failing(before, after));
            entries
        } else {
            vec![self.of_failure(before, after)]
        }
    }

    /// Rounds that fail now beside others that are measured.
    fn newly_failing(&self, before: &Row, after: &Row) -> Option<Entry> {
        let faults = |row: &Row| {
            let failures = row.failures.iter();
            failures.filter(|failure| is_fault(&failure.outcome)).count()
        };
        let (then, now) = (faults(before), faults(after));
        let last = after.failures.last().filter(|_| now > then)?;
        let why = format!(
            "{now} of its rounds failed now, {then} before: {}",
            plain(&last.reason)
        );
        Some(self.without_figures(Verdict::Broken, &why))
    }

    /// The primary metric, and of those asked for the ones there are.
    fn metrics<'m>(&'m self, before: &Row, after: &Row) -> Vec<&'m str> {
        let primary = self.scenario.primary_metric();
        let asked = self.options.metrics.iter().map(String::as_str);
        let there = |metric: &&str| {
            *metric != primary
                && before.metrics.contains_key(*metric)
                && after.metrics.contains_key(*metric)
        };
        let mut metrics = vec![primary];
        for metric in asked.filter(there) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        metrics
    }

    fn figures(&self, before: &Row, after: &Row, metric: &str) -> Entry {
        let doubts = [before, after].map(|row| trust::doubts(row, metric));
        let values = self
            .value(self.a, before, metric)
            .zip(self.value(self.b, after, metric))
            .filter(|(before, after)| before.low > 0.0 && after.low > 0.0);
        let Some((before, after)) = values else {
            let why = if self.options.absolute {
                format!("{metric} was not measured in both runs")
            } else {
                format!(
                    "{metric} was not measured in both runs together with \
                     the reference"
                )
            };
            let mut entry = self.without_figures(Verdict::Missing, &why);
            entry.metric = metric.into();
            return entry;
        };
        let floor = [self.a, self.b]
            .into_iter()
            .filter_map(|run| run.control_floor(self.scenario))
            .fold(MIN_CHANGE, f64::max);
        let [doubts_before, doubts_now] = doubts;
        Entry {
            metric: metric.into(),
            before: Some(before),
            after: Some(after),
            change: Some(change(&before, &after)),
            floor,
            doubts_before,
            doubts_now,
            ..self.without_figures(Verdict::Undecided, "not judged yet")
        }
    }

    /// What is compared: the ratio to the run's own reference, or the figure
    /// itself.
    fn value(
        &self,
        run: &Summary,
        row: &Row,
        metric: &str,
    ) -> Option<Estimate> {
        if self.options.absolute {
            return row.metrics.get(metric).copied();
        }
        common_reference(self.a, self.b)?;
        row.ratio_to(run.reference_row(self.scenario)?, metric)
    }

    fn of_failure(&self, before: &Row, after: &Row) -> Entry {
        let verdict = match (before.is_measured(), after.is_measured()) {
            (true, false) if is_fault(&after.outcome) => Verdict::Broken,
            (false, true) if is_fault(&before.outcome) => Verdict::Mended,
            _ => Verdict::Missing,
        };
        self.without_figures(verdict, &words::outcomes(before, after))
    }

    fn without_figures(&self, verdict: Verdict, why: &str) -> Entry {
        Entry {
            server: self.server.into(),
            scenario: self.scenario,
            metric: self.scenario.primary_metric().into(),
            before: None,
            after: None,
            change: None,
            floor: MIN_CHANGE,
            doubts_before: Vec::new(),
            doubts_now: Vec::new(),
            verdict,
            could_hide: None,
            rounds_needed: None,
            sentence: words::without_figures(self.server, self.scenario, why),
        }
    }
}

fn common_reference<'a>(a: &'a Summary, b: &Summary) -> Option<&'a str> {
    let reference = a.plan.reference.as_deref()?;
    (b.plan.reference.as_deref() == Some(reference)).then_some(reference)
}

/// Selected servers and workloads in the order of run `a`, then what only
/// run `b` has.
fn subjects<'a>(a: &'a Summary, b: &'a Summary) -> Vec<(&'a str, Scenario)> {
    let mut subjects = Vec::new();
    for row in a.rows.iter().chain(&b.rows) {
        let subject = (row.server.as_str(), row.scenario);
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// How the reference's own figures moved, which ratios leave out.
fn drift(a: &Summary, b: &Summary) -> Vec<Drift> {
    let Some(reference) = common_reference(a, b) else { return Vec::new() };
    a.plan
        .scenarios
        .iter()
        .filter_map(|scenario| {
            let metric = scenario.primary_metric();
            let before = *a.reference_row(*scenario)?.metrics.get(metric)?;
            let after = *b.reference_row(*scenario)?.metrics.get(metric)?;
            let sound = before.low > 0.0 && after.low > 0.0;
            let change = sound.then(|| change(&before, &after))?;
            Some(Drift {
                scenario: *scenario,
                metric: metric.into(),
                before,
                after,
                sentence: words::drift(reference, *scenario, metric, &change),
                change,
            })
        })
        .collect()
}

fn rounds(estimate: Estimate) -> usize {
    usize::try_from(estimate.n).unwrap_or(usize::MAX)
}
