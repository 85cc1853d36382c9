//! Which servers may be the best by a figure that no rank is made of.
//!
//! The cost of an echo and the time of the original's test have ranks by
//! exact tests. The rate held and the memory of a connection have not: there,
//! a server is out only where another one's exact interval lies beyond its
//! own. What is left holds the best one: it is out by mistake with a chance of
//! at most that of two equal servers' intervals lying apart, times the number
//! of its rivals, which must be 5 % or less.
//!
//! Refuses to do: prefer one of those that are left.

use crate::stats::verdict::{ALPHA, MIN_ROUNDS};
use crate::stats::{Estimate, chance_apart};
use crate::summarize::Row;

/// Which way of a figure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Low,
    High,
}

/// A server's figure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) row: &'a Row,
    pub(super) estimate: Estimate,
    /// The figure is a lower bound: the client gave out first.
    pub(super) at_least: bool,
    /// So is the upper end of its interval.
    pub(super) is_open: bool,
}

/// What can be said of them.
#[derive(Debug)]
pub(super) enum Best<'a> {
    /// No sound row has the figure.
    NotMeasured,
    /// Nothing is to be said under six rounds, or of a single server.
    NoVerdict { rounds: u32, servers: usize },
    /// Each of them may be the best; the first is so by its median.
    Found(Vec<Candidate<'a>>),
}

/// Picks them.
pub(super) fn best(
    mut candidates: Vec<Candidate<'_>>,
    better: Better,
) -> Best<'_> {
    candidates.sort_by(|a, b| {
        let (a, b) = (a.estimate.median, b.estimate.median);
        match better {
            Better::Low => a.total_cmp(&b),
            Better::High => b.total_cmp(&a),
        }
    });
    let servers = candidates.len();
    let Some(first) = candidates.first().copied() else {
        return Best::NotMeasured;
    };
    let rounds = candidates.iter().map(|of| of.estimate.n).max();
    let rounds = rounds.unwrap_or_default();
    if first.estimate.n < MIN_ROUNDS || servers < 2 {
        return Best::NoVerdict { rounds, servers };
    }
    let all = candidates.clone();
    candidates.retain(|one| {
        !all.iter().any(|other| is_better(other, one, better, servers - 1))
    });
    Best::Found(candidates)
}

/// Whether it is proved that `other` is better than `one`.
fn is_better(
    other: &Candidate<'_>,
    one: &Candidate<'_>,
    better: Better,
    comparisons: usize,
) -> bool {
    let (a, b) = (&other.estimate, &one.estimate);
    let apart = match better {
        Better::Low => a.high < b.low,
        // What is at least so much may be any amount more.
        Better::High => b.high < a.low && !one.is_open,
    };
    let launches = |of: &Estimate| usize::try_from(of.n).unwrap_or(0);
    let comparisons = u32::try_from(comparisons).map_or(f64::MAX, f64::from);
    let chance = chance_apart(launches(a), launches(b)) * comparisons;
    apart && a.n.min(b.n) >= MIN_ROUNDS && chance <= ALPHA
}
