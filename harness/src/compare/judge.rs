//! Whether two medians differ, and by how much they may.
//!
//! Refuses to do: look at anything but two estimates and a floor.

use super::types::{Change, Verdict};
use crate::stats::{Estimate, chance_apart};
use crate::units::higher_is_better;

/// Fewer measured rounds in either run decide nothing.
pub const MIN_ROUNDS: u32 = 5;

/// Nothing smaller is called a difference, as a fraction.
pub const MIN_CHANGE: f64 = 0.01;

/// At most this chance of naming any difference between two runs of the same
/// servers, over all comparisons together.
pub const MAX_CHANCE: f64 = 0.05;

pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) could_hide: Option<f64>,
    pub(super) rounds_needed: Option<u32>,
}

/// The ratio of two positive estimates.
pub(super) fn change(before: &Estimate, after: &Estimate) -> Change {
    Change {
        median: after.median / before.median,
        low: after.low / before.high,
        high: after.high / before.low,
    }
}

pub(super) fn judge(
    metric: &str,
    before: &Estimate,
    after: &Estimate,
    floor: f64,
    comparisons: usize,
) -> Judgement {
    let needed = rounds_needed(before.n, after.n, comparisons);
    if needed > 0 {
        return Judgement {
            verdict: Verdict::Undecided,
            could_hide: None,
            rounds_needed: Some(needed),
        };
    }
    let change = change(before, after);
    // The interval of the change leaves 1 out exactly when the two intervals
    // lie apart.
    let apart = change.low > 1.0 || change.high < 1.0;
    let verdict = if !apart || distance(change.median) <= floor {
        Verdict::NoDifference
    } else if (change.median > 1.0) == higher_is_better(metric) {
        Verdict::Faster
    } else {
        Verdict::Slower
    };
    let could_hide = distance(change.low).max(distance(change.high)).max(floor);
    Judgement {
        verdict,
        could_hide: (verdict == Verdict::NoDifference).then_some(could_hide),
        rounds_needed: None,
    }
}

/// Rounds that the shorter run lacks, or both where they are alike, until so
/// many comparisons can be made with a chance of at most [`MAX_CHANCE`] that
/// any of them errs.
fn rounds_needed(a: u32, b: u32, comparisons: usize) -> u32 {
    /// Further on than anybody will go.
    const FAR: u32 = 100;
    let (fewer, more) = (a.min(b), a.max(b).max(MIN_ROUNDS));
    let carries = |a: u32, b: u32| {
        let chance = chance_apart(a as usize, b as usize);
        a.min(b) >= MIN_ROUNDS && chance * comparisons as f64 <= MAX_CHANCE
    };
    (fewer..FAR)
        .find(|rounds| carries(*rounds, more))
        .or_else(|| (more..FAR).find(|rounds| carries(*rounds, *rounds)))
        .unwrap_or(FAR)
        .saturating_sub(fewer)
}

/// How far a ratio is from 1, as a fraction, either way alike.
fn distance(ratio: f64) -> f64 {
    ratio.max(1.0 / ratio) - 1.0
}

#[cfg(test)]
mod tests {
    use super::rounds_needed;

    #[test]
    fn more_comparisons_need_more_rounds() {
        let cases = [
            // (rounds before, rounds now, comparisons, rounds needed)
            (1, 6, 1, 4),
            (3, 3, 1, 2),
            (5, 5, 6, 0),
            (5, 5, 7, 1),
            (6, 6, 23, 0),
            (6, 6, 24, 1),
            (6, 5, 11, 0),
            (6, 5, 12, 1),
        ];
        for (before, now, comparisons, needed) in cases {
            let found = rounds_needed(before, now, comparisons);
            assert_eq!(found, needed, "{before}, {now}, {comparisons}");
        }
    }
}
