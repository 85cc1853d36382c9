//! Whether histograms, intervals, tests and verdicts are right: computed on
//! synthetic samples whose truth is known, by the functions that the unit
//! tests call too.

use super::truth::quantile;
use super::{Class, Figure, Finding, Goal, Run, Test};
use crate::stats::random::Random;
use crate::stats::simulation::{Drift, drift};
use crate::stats::{golden, simulation};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K6",
        class: Class::Unit,
        title: "histograms: error of a value, shards merged, the stored form",
        goal: "quantiles within 0.1 % of the sorted values; four shards merge \
               to the same bytes; the stored form comes back the same",
        source: "Lancet averages p99s over its agents",
        seconds: 1,
        run: Run::Compute(|| histograms(200_000)),
    },
    Test {
        id: "K19",
        class: Class::Unit,
        title: "a machine that drifts, two equal servers",
        goal: "rounds in random order name a difference in at most 5.5 % of \
               runs; one server after the other must fail this",
        source: "Kalibera & Jones 2013 on what to repeat",
        seconds: 2,
        run: Run::Compute(drifting),
    },
    Test {
        id: "K20",
        class: Class::Unit,
        title: "intervals of 6 to 24 rounds, one launch in twenty a fifth \
                dearer",
        goal: "they hold the truth in 93 to 97.5 % of runs",
        source: "bootstrap intervals hold it in 83 to 91 %",
        seconds: 3,
        run: Run::Compute(intervals),
    },
    Test {
        id: "K21",
        class: Class::Unit,
        title: "fifteen servers of unequal noise, all equal or half different",
        goal: "an equal one named in at most 6 % of runs; one 10 % dearer \
               found at six rounds in 90 %, and never called cheaper",
        source: "permutation tests that pool the noise err in 16 to 22 %",
        seconds: 10,
        run: Run::Compute(families),
    },
    Test {
        id: "K22",
        class: Class::Unit,
        title: "exact tests and intervals against SciPy",
        goal: "within 1e-9",
        source: "statrs 0.19.1 is wrong where n1 ≤ n2",
        seconds: 1,
        run: Run::Compute(exact),
    },
];

/// Values from a nanosecond to a minute, evenly over the orders of magnitude.
fn histograms(n: u64) -> Finding {
    const SHARDS: usize = 4;
    let mut random = Random(6);
    let mut whole = wire::empty();
    let mut shards: Vec<_> = (0..SHARDS).map(|_| wire::empty()).collect();
    let mut values = Vec::new();
    for at in 0..n {
        let value = (random.uniform() * 60e9_f64.ln()).exp();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 ns and a minute"
        )]
        let value = value as u64;
        values.push(value);
        whole.saturating_record(value);
        shards[at as usize % SHARDS].saturating_record(value);
    }
    let mut merged = wire::empty();
    let added = shards.iter().all(|shard| merged.add(shard).is_ok());
    let error = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0]
        .map(|q| {
            let truth = quantile(&mut values, q) as f64;
            (whole.value_at_quantile(q) as f64 / truth - 1.0).abs()
        })
        .into_iter()
        .fold(0.0, f64::max);
    let stored = wire::encode(&whole);
    let same = added && wire::encode(&merged) == stored;
    let back = wire::decode(&stored).is_ok_and(|back| back == whole);
    let wrong = |ok: bool| f64::from(u8::from(!ok));
    let none = Goal::AtMost(0.0);
    Finding::of(
        n,
        "values",
        vec![
            Figure::new("error", 100.0 * error, "%", Goal::AtMost(0.1)),
            Figure::new("merged to other bytes", wrong(same), "", none),
            Figure::new("came back changed", wrong(back), "", none),
        ],
    )
}

const PERCENT: f64 = 100.0;

fn drifting() -> Finding {
    const RUNS: usize = 3_000;
    let mut figures = Vec::new();
    for rounds in [6, 10, 20] {
        let Drift { interleaved, sequential } = drift(rounds, RUNS);
        figures.extend([
            Figure::new(
                format!("false at {rounds} rounds"),
                PERCENT * interleaved,
                "%",
                Goal::AtMost(5.5),
            ),
            Figure::new(
                "one after the other",
                PERCENT * sequential,
                "%",
                Goal::AtLeast(5.5),
            ),
        ]);
    }
    Finding::of(3 * RUNS as u64, "runs", figures)
}

fn intervals() -> Finding {
    const RUNS: usize = 10_000;
    const ROUNDS: [usize; 6] = [6, 8, 10, 12, 16, 24];
    let figures = ROUNDS.map(|rounds| {
        Figure::new(
            format!("hold at {rounds}"),
            PERCENT * simulation::coverage(rounds, RUNS),
            "%",
            Goal::Within(93.0, 97.5),
        )
    });
    Finding::of((ROUNDS.len() * RUNS) as u64, "runs", figures.to_vec())
}

fn families() -> Finding {
    const RUNS: usize = 1_500;
    let most = |name: String, part| {
        Figure::new(name, PERCENT * part, "%", Goal::AtMost(6.0))
    };
    let equal = [6, 8].map(|rounds| {
        let wrong = simulation::equal_told_apart(rounds, RUNS);
        most(format!("false of equal ones at {rounds}"), wrong)
    });
    let power = simulation::half_dearer(RUNS);
    let mut figures = equal.to_vec();
    figures.extend([
        most("false among different ones".into(), power.wrong),
        Figure::new(
            "+10 % found",
            PERCENT * power.found,
            "%",
            Goal::AtLeast(90.0),
        ),
        Figure::new(
            "called cheaper",
            PERCENT * power.opposite,
            "%",
            Goal::AtMost(0.0),
        ),
    ]);
    Finding::of(3 * RUNS as u64, "runs", figures)
}

fn exact() -> Finding {
    let all = golden::all();
    let worst = all.iter().map(golden::Golden::error).fold(0.0, f64::max);
    let figures =
        vec![Figure::new("largest error", worst, "", Goal::AtMost(1e-9))];
    Finding::of(all.len() as u64, "golden values", figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_and_exact_statistics_meet_their_goals() {
        for finding in [histograms(100_000), exact()] {
            assert!(!finding.is_missed(), "{finding:?}");
        }
    }
}
