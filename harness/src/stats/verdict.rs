//! What may be said of one server against another, in one of four words.
//!
//! Refuses to do: give a verdict under [`MIN_ROUNDS`] rounds, or call a
//! difference what the run cannot resolve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::noise::normal_quantile;
use super::{Estimate, float};

/// With fewer rounds no pattern of signs is rare enough.
pub const MIN_ROUNDS: u32 = 6;

/// A family-wise chance above this proves no difference.
pub const ALPHA: f64 = 0.05;

/// Nothing smaller is called a difference, as a fraction.
pub const MIN_DIFFERENCE: f64 = 0.01;

/// Servers that are surely no farther apart are equivalent, as a fraction.
pub const EQUIVALENT: f64 = 0.05;

/// Rounds beyond which nobody will go on.
pub const FAR: u32 = 100;

/// A finding. Costs are compared: the one that costs less is faster.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It costs less than what it is compared to.
    Faster,
    /// It costs more.
    Slower,
    /// No difference is proved and, if there is one, it is below 5 %.
    Equivalent,
    /// Neither is proved; more rounds would tell.
    Undecided,
}

/// What is known of two servers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// The ratio of their costs, by Hodges and Lehmann.
    pub ratio: Estimate,
    /// The family-wise chance of it were they equal.
    pub chance: f64,
    /// Comparisons in that family.
    pub family: usize,
    /// What the run cannot resolve, as a fraction.
    pub floor: f64,
    /// Standard deviation of the logarithms of the rounds' ratios.
    pub deviation: f64,
}

/// A verdict, and how many more rounds a decision probably takes where there
/// is none; at most so many that all rounds are [`FAR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The word.
    pub verdict: Verdict,
    /// Set where it is undecided.
    pub rounds_needed: Option<u32>,
}

/// Answers the question; `None` under [`MIN_ROUNDS`] rounds.
#[must_use]
pub fn judge(question: &Question) -> Option<Ruling> {
    let ratio = question.ratio;
    if ratio.n < MIN_ROUNDS {
        return None;
    }
    let size = ratio.median.ln().abs();
    let proved = question.chance <= ALPHA;
    let limit = EQUIVALENT.ln_1p();
    let verdict = if proved && size > least(question.floor) {
        if ratio.median < 1.0 { Verdict::Faster } else { Verdict::Slower }
    } else if ratio.low.ln() > -limit && ratio.high.ln() < limit {
        Verdict::Equivalent
    } else {
        Verdict::Undecided
    };
    let undecided = verdict == Verdict::Undecided;
    let rounds_needed = undecided.then(|| rounds_needed(question));
    Some(Ruling { verdict, rounds_needed })
}

/// The standard deviation of these, 0 of fewer than two.
#[must_use]
pub fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let n = float(values.len());
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt()
}

/// The least logarithm of a ratio that is called a difference.
fn least(floor: f64) -> f64 {
    floor.max(MIN_DIFFERENCE).ln_1p()
}

/// Takes ratio and deviation for the true ones: either the difference then
/// stands out from its error and the floor, both of which shrink with the
/// root of the rounds, or its interval fits between the limits of
/// equivalence.
fn rounds_needed(question: &Question) -> u32 {
    let now = question.ratio.n;
    let size = question.ratio.median.ln().abs();
    let family = float(question.family.max(1));
    let of_family = normal_quantile(1.0 - ALPHA / 2.0 / family);
    let alone = normal_quantile(1.0 - ALPHA / 2.0);
    let decided = |rounds: u32| {
        let error = question.deviation / f64::from(rounds).sqrt();
        let shrunk = (f64::from(now) / f64::from(rounds)).sqrt();
        let differs =
            size > of_family * error && size > least(question.floor * shrunk);
        differs || size + alone * error < EQUIVALENT.ln_1p()
    };
    let rounds = (now + 1..FAR).find(|rounds| decided(*rounds));
    rounds.unwrap_or(FAR).saturating_sub(now).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Equivalent, Faster, Slower, Undecided};

    fn question(
        [low, median, high]: [f64; 3],
        chance: f64,
        floor: f64,
    ) -> Question {
        let ratio = Estimate { median, low, high, n: 6, level: 0.96875 };
        let deviation = (high / low).ln() / 2.5;
        Question { ratio, chance, family: 15, floor, deviation }
    }

    #[test]
    fn a_verdict_is_one_of_four_words() {
        let cases = [
            // [low, ratio, high], family-wise chance, floor
            ([1.15, 1.20, 1.25], 0.031, 0.02, Slower),
            ([0.75, 0.80, 0.85], 0.031, 0.02, Faster),
            // Proved, but below the floor: as good as equal, or not known.
            ([1.01, 1.02, 1.03], 0.031, 0.03, Equivalent),
            ([1.01, 1.05, 1.09], 0.031, 0.06, Undecided),
            // Below 1 % nothing is a difference, however sure it is.
            ([1.005, 1.008, 1.009], 0.0001, 0.0, Equivalent),
            // A proved difference goes first, be it below 5 %.
            ([1.02, 1.03, 1.04], 0.031, 0.02, Slower),
            ([0.98, 1.01, 1.04], 0.4, 0.02, Equivalent),
            ([0.90, 1.01, 1.14], 0.4, 0.02, Undecided),
            ([1.05, 1.20, 1.35], 0.0625, 0.02, Undecided),
        ];
        for (ratio, chance, floor, verdict) in cases {
            let found = judge(&question(ratio, chance, floor)).unwrap();
            assert_eq!(found.verdict, verdict, "{ratio:?} {chance} {floor}");
            let undecided = verdict == Undecided;
            assert_eq!(found.rounds_needed.is_some(), undecided);
        }
    }

    #[test]
    fn there_is_no_verdict_under_six_rounds() {
        let mut few = question([1.9, 2.0, 2.1], 0.0, 0.01);
        few.ratio.n = 5;
        assert_eq!(judge(&few), None);
    }

    #[test]
    fn the_rounds_needed_grow_with_the_noise_and_end_somewhere() {
        let needed = |ratio, floor| {
            judge(&question(ratio, 0.4, floor)).unwrap().rounds_needed.unwrap()
        };
        // 1 % apart, deviation 4 %: equal within 5 % once 1.96 · 0.04 / √n is
        // below 3.9 %, which it is at 7 rounds already; 10 %: at 25 or so.
        assert_eq!(needed([0.95, 1.01, 1.06], 0.02), 1);
        let more = needed([0.88, 1.01, 1.13], 0.02);
        assert!((15..25).contains(&more), "{more}");
        // 5 % apart in much noise: on the limit between all words.
        assert_eq!(needed([0.60, 1.05, 1.60], 0.3), FAR - 6);
    }
}
