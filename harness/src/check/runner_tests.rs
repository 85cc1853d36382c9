//! How tries become a cell.

use super::super::verdict::{fail, late};
use super::*;
use crate::build::Built;
use crate::record::Artifact;

fn cell(level: Level, strict: bool, outcomes: &[Outcome]) -> Cell {
    let case = Case { level, ..Case::must("X1", "x", |_| Ok(())) };
    let artifact = Artifact { sha256: String::new(), version: String::new() };
    let built = Built {
        artifact,
        command: Vec::new(),
        directory: std::path::PathBuf::new(),
    };
    let target = Target {
        id: "a".into(),
        built,
        outside: None,
        workspace: true,
        ready: Duration::ZERO,
        family: crate::catalog::Family::Threads,
        slow: 1,
    };
    let soak = Duration::ZERO;
    let manner = Manner { tier: Tier::Core, stretch: 1, seed: 1, soak };
    let tries: Vec<Try> =
        outcomes.iter().zip(1..).map(|(data, seed)| one(data, seed)).collect();
    judge(&case, &target, Rules { manner, repeat: None, strict }, &tries)
}

fn one(data: &Outcome, seed: u64) -> Try {
    Try {
        data: data.clone(),
        after: Some(Ok(())),
        notes: Vec::new(),
        seed,
        took: Duration::ZERO,
        late_at_first: None,
    }
}

#[test]
fn what_noise_or_a_crowd_may_have_done_is_tried_again_but_not_for_ever() {
    let crowded = || {
        let late: Outcome = late("echo", Duration::ZERO, "late");
        late.map_err(|stop| match stop {
            Stop::Fail(it) => Stop::Fail(Evidence { crowded: true, ..it }),
            stop => stop,
        })
    };
    let noisy = || Err(Stop::Error("noise".into()));
    for (outcomes, taken, told) in [
        (vec![Ok(())], 1, None),
        (vec![late("echo", Duration::ZERO, "by its own fault")], 1, None),
        (vec![crowded(), Ok(())], 2, Some("late")),
        (vec![crowded(), crowded()], 2, Some("late")),
        (vec![noisy(), crowded(), Ok(())], 3, Some("late")),
        (vec![noisy(), noisy(), noisy()], 3, None),
    ] {
        let mut tries = outcomes.iter().zip(1..);
        let last = quietly(|| tries.next().map(|(it, n)| one(it, n)));
        let last = last.expect("tried");
        assert_eq!(
            (last.seed, &last.data),
            (taken, &outcomes[outcomes.len() - 1])
        );
        // A pass doesn't hide what came before it.
        assert_eq!(last.late_at_first.as_deref(), told);
    }
}

#[test]
fn one_failure_in_three_is_a_failure_and_shows_its_seed() {
    let outcomes = [Ok(()), fail("much", "little"), Ok(())];
    let flaky = cell(Level::Must, false, &outcomes);
    assert_eq!(flaky.verdict, Verdict::Fail);
    assert_eq!((flaky.passed, flaky.repeats, flaky.seed), (2, 3, 2));
    assert_eq!(flaky.actual.as_deref(), Some("little"));
    assert!(flaky.command.ends_with("--case X1 --seed 2"));
    let soft = cell(Level::Should, false, &outcomes);
    assert_eq!(soft.verdict, Verdict::NonStrict);
    let strict = cell(Level::Should, true, &outcomes);
    assert_eq!(strict.verdict, Verdict::Fail);
}

#[test]
fn an_error_is_no_pass_and_no_failure() {
    let noisy = Err(Stop::Error("noise".into()));
    let error = cell(Level::Must, false, &[Ok(()), noisy.clone()]);
    assert_eq!(error.verdict, Verdict::Error);
    assert!(!error.failed());
    let fails = cell(Level::Must, false, &[noisy, fail("a", "b")]);
    assert!(fails.failed());
}

#[test]
fn a_declared_failure_is_expected_and_a_declared_success_an_error() {
    let declared = Unsupported {
        case: "X1".into(),
        why: "no option".into(),
        source: "upstream#1".into(),
    };
    let mut fails = cell(Level::Must, false, &[fail("a", "b")]);
    apply(&declared, &mut fails);
    assert_eq!(fails.verdict, Verdict::Unsupported);
    assert_eq!(fails.reason.as_deref(), Some("no option (upstream#1)"));
    let mut passes = cell(Level::Must, false, &[Ok(())]);
    apply(&declared, &mut passes);
    assert_eq!(passes.verdict, Verdict::Error);
}
