//! Where one server overtakes another on a curve.
//!
//! Refuses to do: see a crossing where intervals overlap.

use std::collections::BTreeMap;

use crate::stats::Estimate;
use crate::stats::verdict::MIN_ROUNDS;
use crate::summarize::{Row, plain};

/// A cost by the place on a curve.
pub(super) type Costs = BTreeMap<u64, Estimate>;

/// A sentence for every two servers of which one is cheaper at a lower place
/// and the other at a higher one. No difference below `floor` is one.
pub(super) fn crossings(
    curves: &[(&Row, Costs)],
    floor: impl Fn(u64) -> f64,
    name: impl Fn(u64) -> String,
) -> Vec<String> {
    let cheaper = |a: &Costs, b: &Costs| -> Vec<u64> {
        let both = a.iter().filter_map(|(place, cost)| {
            let other = b.get(place)?;
            is_cheaper(cost, other, floor(*place)).then_some(*place)
        });
        both.collect()
    };
    let mut out = Vec::new();
    for (a, at_a) in curves {
        for (b, at_b) in curves {
            let (first, then) = (cheaper(at_a, at_b), cheaper(at_b, at_a));
            let turn = first.iter().rev().find_map(|low| {
                let high = then.iter().find(|high| *high > low)?;
                Some((*low, *high))
            });
            let Some((low, high)) = turn else { continue };
            out.push(format!(
                "{} is cheaper than {} at {} and dearer at {}.",
                plain(&a.server),
                plain(&b.server),
                name(low),
                name(high),
            ));
        }
    }
    out
}

/// Intervals of enough rounds lie apart by more than what is not resolved.
fn is_cheaper(a: &Estimate, b: &Estimate, floor: f64) -> bool {
    a.n >= MIN_ROUNDS
        && b.n >= MIN_ROUNDS
        && a.high < b.low
        && a.median * (1.0 + floor) < b.median
}
