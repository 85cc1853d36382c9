//! Decides a duel from its slices. Pure: no clock, file or process.
//!
//! The ratio of a launch pair is the median over its blocks, so a burst of
//! somebody else's work spoils a block and no more; or that of all its slices
//! together, where a runtime has bursts of its own ([`Rules::whole`]).
//!
//! Over launch pairs the logarithms of the ratios are averaged, with Student's
//! interval: after four pairs no rank test could speak. A duel is looked at up
//! to three times, and the chances of a false alarm at each look add up to at
//! most 5 % (Bonferroni).

use super::{
    Duel, IDLE_LIMIT_PERCENT, LaunchPair, METRIC, Rules, SCHEMA_VERSION, Slice,
    Verdict,
};
use crate::stats::{Estimate, median};
use crate::summarize::CARRIED_PERCENT;

/// A difference that the verdict calls none.
const EQUIVALENT: f64 = 0.02;
/// Nothing smaller is called a difference: code layout alone makes as much.
const SMALLEST: f64 = 0.01;

/// One look: after how many launch pairs, the level of its interval, and the
/// quantile of Student's distribution that gives it (SciPy 1.17.1:
/// `scipy.stats.t.isf((1 - level) / 2, pairs - 1)`).
struct Look {
    pairs: usize,
    level: f64,
    quantile: f64,
}

const LOOKS: [Look; 3] = [
    Look { pairs: 4, level: 0.9875, quantile: 5.391949071934051 },
    Look { pairs: 8, level: 0.9875, quantile: 3.33529493981708 },
    Look { pairs: 16, level: 0.975, quantile: 2.48987970347989 },
];

/// The most launch pairs a duel takes.
#[must_use]
pub const fn most_pairs() -> usize {
    LOOKS[LOOKS.len() - 1].pairs
}

/// Whether a duel is over after these pairs: decided, or never to be.
#[must_use]
pub fn is_over(rules: &Rules, pairs: &[LaunchPair]) -> bool {
    let looked_at = LOOKS.iter().any(|look| look.pairs == pairs.len());
    pairs.len() >= most_pairs()
        || looked_at && obstacle(rules, pairs).is_some()
        || verdict(rules, pairs) != Verdict::Undecided
}

/// What these pairs say, if this is a moment to look.
#[must_use]
pub fn verdict(rules: &Rules, pairs: &[LaunchPair]) -> Verdict {
    let Some(look) = LOOKS.iter().find(|look| look.pairs == pairs.len()) else {
        return Verdict::Undecided;
    };
    if obstacle(rules, pairs).is_some() {
        return Verdict::Undecided;
    }
    let Some(ratio) = over_pairs(rules, pairs, cost, look) else {
        return Verdict::Undecided;
    };
    let (low, high) = (ratio.low, ratio.high);
    let apart = !(low..=high).contains(&1.0);
    if apart && (ratio.median.ln().abs() >= SMALLEST.ln_1p()) {
        return match ratio.median < 1.0 {
            true => Verdict::Faster,
            false => Verdict::Slower,
        };
    }
    if low > 1.0 / (1.0 + EQUIVALENT) && high < 1.0 + EQUIVALENT {
        return Verdict::Equivalent;
    }
    Verdict::Undecided
}

/// Everything there is to say about these pairs; `None` where there is no
/// figure yet.
#[must_use]
pub fn judge(
    duel: &str,
    names: [&str; 2],
    rules: &Rules,
    pairs: &[LaunchPair],
) -> Option<Duel> {
    // Between two looks the interval of the next one is shown.
    let look = LOOKS.iter().find(|look| look.pairs >= pairs.len());
    let look = look.unwrap_or(&LOOKS[LOOKS.len() - 1]);
    Some(Duel {
        schema_version: SCHEMA_VERSION,
        duel: duel.into(),
        a: names[0].into(),
        b: names[1].into(),
        metric: METRIC.into(),
        ratio: over_pairs(rules, pairs, cost, look)?,
        throughput_ratio: over_pairs(rules, pairs, throughput, look)?,
        launch_pairs: u32::try_from(pairs.len()).unwrap_or(u32::MAX),
        verdict: verdict(rules, pairs),
        reason: obstacle(rules, pairs),
        partial: !is_over(rules, pairs),
        rules: rules.clone(),
        pairs: pairs.to_vec(),
    })
}

/// Two slices of one server in one block.
type Slices = [Slice];

fn cost(slices: &Slices) -> f64 {
    let cpu: u64 = slices.iter().map(|slice| slice.cpu_ns).sum();
    float(cpu) / float(echoes(slices))
}

fn throughput(slices: &Slices) -> f64 {
    let wall: u64 = slices.iter().map(|slice| slice.wall_ns).sum();
    float(echoes(slices)) / float(wall)
}

fn echoes(slices: &Slices) -> u64 {
    slices.iter().map(|slice| slice.echoes).sum()
}

/// What stands in the way of a verdict, whatever the ratio.
fn obstacle(rules: &Rules, pairs: &[LaunchPair]) -> Option<String> {
    let idle = busiest_idle(pairs);
    if idle > IDLE_LIMIT_PERCENT {
        return Some(format!(
            "while the other was loaded, one used {idle:.1} % of a CPU by \
             itself; {IDLE_LIMIT_PERCENT:.0} % is allowed"
        ));
    }
    if pairs.iter().any(|pair| log_ratio(rules, pair, cost).is_none()) {
        let why = "a pair of launches has blocks without an echo, and no ratio";
        return Some(format!("{why}: load more, by --rate or a closed loop"));
    }
    let per_s = rules.rate_per_s?;
    let all = |of: fn(&LaunchPair) -> &Vec<Slice>| -> Vec<Slice> {
        pairs.iter().flat_map(of).copied().collect()
    };
    let sides = [all(|pair| &pair.a), all(|pair| &pair.b)];
    let short = sides.map(|slices| missed(&slices, per_s));
    let short = short[0].max(short[1]);
    (short > 0.0).then(|| {
        format!(
            "{short:.1} % of the {per_s} echoes per second were not carried: \
             compare at a lower --rate"
        )
    })
}

/// How much of the load stayed undone, in percent; 0 where no more did than
/// is allowed, and than four deviations of its Poisson arrivals explain.
fn missed(slices: &Slices, per_s: u32) -> f64 {
    let wall: u64 = slices.iter().map(|slice| slice.wall_ns).sum();
    let due = float(wall) / 1e9 * f64::from(per_s);
    let missed = due - float(echoes(slices));
    let allowed = due * (1.0 - CARRIED_PERCENT / 100.0) + 4.0 * due.sqrt();
    if missed > allowed { 100.0 * missed / due } else { 0.0 }
}

fn busiest_idle(pairs: &[LaunchPair]) -> f64 {
    pairs.iter().flat_map(|pair| pair.idle_percent).fold(0.0, f64::max)
}

/// The logarithm of A over B in one launch pair: the median over its blocks,
/// of which there is but one where they count together.
fn log_ratio(
    rules: &Rules,
    pair: &LaunchPair,
    of: fn(&Slices) -> f64,
) -> Option<f64> {
    let size = if rules.whole { pair.a.len().max(1) } else { 2 };
    let blocks = pair.a.chunks_exact(size).zip(pair.b.chunks_exact(size));
    let logs: Vec<f64> = blocks.map(|(a, b)| (of(a) / of(b)).ln()).collect();
    median(&logs)
}

/// The mean over launch pairs with Student's interval, as ratios.
fn over_pairs(
    rules: &Rules,
    pairs: &[LaunchPair],
    of: fn(&Slices) -> f64,
    look: &Look,
) -> Option<Estimate> {
    let logs: Vec<f64> =
        pairs.iter().filter_map(|pair| log_ratio(rules, pair, of)).collect();
    let n = logs.len() as f64;
    if logs.is_empty() {
        return None;
    }
    let mean = logs.iter().sum::<f64>() / n;
    let count = u32::try_from(logs.len()).unwrap_or(u32::MAX);
    if logs.len() < LOOKS[0].pairs {
        let bare = mean.exp();
        let (median, low, high) = (bare, bare, bare);
        return Some(Estimate { median, low, high, n: count, level: 0.0 });
    }
    let square = |log: &f64| (log - mean).powi(2);
    let variance = logs.iter().map(square).sum::<f64>() / (n - 1.0);
    let half = look.quantile * (variance / n).sqrt();
    Some(Estimate {
        median: mean.exp(),
        low: (mean - half).exp(),
        high: (mean + half).exp(),
        n: count,
        // The quantile belongs to the look; fewer pairs have less.
        level: if logs.len() == look.pairs { look.level } else { 0.0 },
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^52")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
