//! When a comparison should fail a build.
//!
//! Refuses to do: fail for noise. A threshold is breached only when the whole
//! interval of the change lies beyond it.

use std::str::FromStr;

use thiserror::Error;

use super::types::{Comparison, Entry, Verdict};
use crate::units::higher_is_better;

/// `latency_us_p99=10%`: the figure may become worse by this much.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Name of the figure.
    pub metric: String,
    /// Percent, 0 or more.
    pub percent: f64,
}

/// The text is not `METRIC=PERCENT`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected METRIC=PERCENT, such as cpu_us_per_echo=5%, not {0:?}")]
pub struct BadThreshold(String);

impl FromStr for Threshold {
    type Err = BadThreshold;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (metric, percent) = text.split_once('=')?;
            let percent = percent.trim();
            let percent = percent.strip_suffix('%').unwrap_or(percent);
            let percent: f64 = percent.trim_end().parse().ok()?;
            let metric = metric.trim();
            let sound = percent.is_finite()
                && percent >= 0.0
                && !metric.is_empty()
                && !metric.contains(char::is_whitespace);
            sound.then(|| Self { metric: metric.into(), percent })
        };
        parsed().ok_or_else(|| BadThreshold(text.into()))
    }
}

/// A threshold names a figure that no row of the comparison has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no server has {metric} in both runs; there are {}", known.join(", "))]
pub struct UnknownMetric {
    /// As it was given.
    pub metric: String,
    /// The figures that were compared.
    pub known: Vec<String>,
}

/// The regressions beyond their thresholds, a sentence each.
///
/// Without a threshold every figure that became worse counts, with some only
/// those they name. A server that was measured before and failed now counts
/// always.
///
/// # Errors
/// A threshold's metric was compared for no server, so that it would hold
/// whatever happened. [`super::Options::metrics`] must name it.
pub fn breaches(
    comparison: &Comparison,
    thresholds: &[Threshold],
) -> Result<Vec<String>, UnknownMetric> {
    for threshold in thresholds {
        let known = |entry: &&Entry| entry.change.is_some();
        let compared = comparison
            .entries
            .iter()
            .filter(known)
            .any(|entry| entry.metric == threshold.metric);
        let broken = comparison
            .entries
            .iter()
            .any(|entry| entry.verdict == Verdict::Broken);
        if !compared && !broken {
            let mut known: Vec<String> = comparison
                .entries
                .iter()
                .filter(known)
                .map(|entry| entry.metric.clone())
                .collect();
            known.sort_unstable();
            known.dedup();
            let metric = threshold.metric.clone();
            return Err(UnknownMetric { metric, known });
        }
    }
    let breached = |entry: &&Entry| match entry.verdict {
        Verdict::Broken => true,
        Verdict::Slower if thresholds.is_empty() => true,
        Verdict::Slower => thresholds.iter().any(|threshold| {
            threshold.metric == entry.metric
                && at_least_worse(entry) > threshold.percent / 100.0
        }),
        _ => false,
    };
    Ok(comparison
        .entries
        .iter()
        .filter(breached)
        .map(|entry| entry.sentence.clone())
        .collect())
}

/// The smallest fraction by which the figure became worse that the interval
/// still allows.
fn at_least_worse(entry: &Entry) -> f64 {
    let Some(change) = entry.change else { return 0.0 };
    if higher_is_better(&entry.metric) {
        1.0 - change.high
    } else {
        change.low - 1.0
    }
}
