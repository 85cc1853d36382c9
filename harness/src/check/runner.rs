//! Puts one server through one case, as often as the tier says, and makes a
//! cell of the matrix of it.

use std::time::{Duration, Instant};

use super::case::{Case, Level};
use super::cell::Cell;
use super::lab::{Lab, Manner, Target};
use super::noise::Noise;
use super::tries::{Try, quietly};
use super::verdict::{Evidence, Outcome, Stop, Verdict};
use crate::catalog::Unsupported;
use crate::conformance::Tier;
use crate::interrupt::Interrupt;

/// How a whole suite is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) manner: Manner,
    pub(crate) repeat: Option<u32>,
    pub(crate) strict: bool,
}

/// Tries a case; none if the user wants to stop.
pub(crate) fn run(
    case: &'static Case,
    target: &Target,
    declared: Option<&Unsupported>,
    rules: Rules,
    noise: &Noise,
    interrupt: &Interrupt,
) -> Option<Cell> {
    let [quick, core, long] = case.repeats;
    let usual = match rules.manner.tier {
        Tier::Quick => quick,
        Tier::Core => core,
        Tier::Long => long,
    };
    let mut tries = Vec::new();
    for repeat in 0..rules.repeat.unwrap_or(usual) {
        let seed = rules.manner.seed + u64::from(repeat);
        let manner = Manner { seed, ..rules.manner };
        let tried =
            quietly(|| try_once(case, target, manner, noise, interrupt))?;
        // What can't be tried once can't be tried again.
        let over = matches!(tried.data, Err(Stop::Skip(_)));
        tries.push(tried);
        if over {
            break;
        }
    }
    let mut cell = judge(case, target, rules, &tries);
    if let Some(declared) = declared {
        apply(declared, &mut cell);
    }
    Some(cell)
}

fn try_once(
    case: &Case,
    target: &Target,
    manner: Manner,
    noise: &Noise,
    interrupt: &Interrupt,
) -> Option<Try> {
    noise.reset();
    let start = Instant::now();
    let mut lab = Lab::new(target, manner, interrupt);
    let data = (case.run)(&mut lab).map_err(|stop| lab.explain(stop));
    let data = void_if_noisy(data, noise, lab.cpu());
    let skipped = matches!(data, Err(Stop::Skip(_)));
    let wanted = case.afterlife && !skipped && data != Err(Stop::Interrupted);
    let after = wanted.then(|| {
        let after = lab.afterlife();
        void_if_noisy(after, noise, lab.cpu())
    });
    let interrupted = |outcome: &Outcome| *outcome == Err(Stop::Interrupted);
    if interrupted(&data) || after.as_ref().is_some_and(interrupted) {
        return None;
    }
    let notes = std::mem::take(&mut lab.notes);
    let (seed, took) = (manner.seed, start.elapsed());
    Some(Try { data, after, notes, seed, took, late_at_first: None })
}

/// A time that was not kept says nothing when a thread that only sleeps was
/// late by a quarter of it (late once for a bound that always holds, late one
/// time in two hundred for a bound that holds 99 times of 100). That others
/// had the CPUs voids nothing, but is told, and tried once more.
fn void_if_noisy(outcome: Outcome, noise: &Noise, cpu: Duration) -> Outcome {
    const OFTEN: f64 = 0.005;
    const MUCH: f64 = 0.2;
    let Err(Stop::Fail(evidence)) = outcome else { return outcome };
    let Some(bound) = evidence.bound else {
        return Err(Stop::Fail(evidence));
    };
    let (worst, others) = (noise.worst(), noise.others(cpu));
    let mut actual = evidence.actual.clone();
    let crowded = others > MUCH;
    if crowded {
        let percent = others * 100.0;
        actual += &format!("; others had {percent:.0} % of the CPUs");
    }
    let late = if evidence.often {
        noise.share(bound / 4) > OFTEN
    } else {
        worst > bound / 4
    };
    if late {
        return Err(Stop::Error(format!(
            "too noisy to judge: {actual}, and a sleeping thread was late by \
             {worst:.0?} itself",
        )));
    }
    Err(Stop::Fail(Evidence { actual, crowded, ..evidence }))
}

/// Makes a cell of its tries. Pure.
fn judge(case: &Case, target: &Target, rules: Rules, tries: &[Try]) -> Cell {
    let passed = tries.iter().filter(|tried| tried.passed()).count();
    let word = |outcome: &Outcome| match outcome {
        Ok(()) => Verdict::Pass,
        Err(Stop::Fail(_)) => Verdict::Fail,
        Err(Stop::Skip(_)) => Verdict::Skip,
        Err(Stop::Error(_) | Stop::Interrupted) => Verdict::Error,
    };
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Fail => 3,
        Verdict::Error => 2,
        Verdict::Skip => 1,
        _ => 0,
    };
    let worst = |words: Vec<Verdict>| words.into_iter().max_by_key(rank);
    let data: Vec<_> = tries.iter().map(|it| word(&it.data)).collect();
    let after: Vec<_> =
        tries.iter().filter_map(|it| it.after.as_ref().map(word)).collect();
    let mut verdict = worst(data).unwrap_or(Verdict::Skip);
    let soft = case.level == Level::Should && !rules.strict;
    if verdict == Verdict::Fail && soft {
        verdict = Verdict::NonStrict;
    } else if case.level == Level::Info && verdict != Verdict::Skip {
        verdict = Verdict::Info;
    }
    // The try that tells most: the first that failed, else the last.
    let severity = |it: &&Try| {
        let after = it.after.as_ref().map_or(0, |it| rank(&word(it)));
        rank(&word(&it.data)).max(after)
    };
    let worst = tries.iter().map(|it| severity(&it)).max().unwrap_or(0);
    let shown = tries.iter().find(|it| severity(it) == worst);
    let shown = shown.expect("every case is tried at least once");
    let seed = shown.seed;
    let mut cell = Cell {
        server: target.id.clone(),
        case: case.id,
        level: case.level,
        verdict,
        afterlife: worst_of(&after),
        passed,
        repeats: tries.len(),
        expected: None,
        actual: None,
        reason: None,
        notes: shown.notes.clone(),
        late_at_first: late_at_first(tries),
        seed,
        duration_ms: u64::try_from(shown.took.as_millis()).unwrap_or(u64::MAX),
        command: again(case, target, rules, seed),
    };
    let failed = tries.iter().filter(|it| !it.passed());
    let seeds: Vec<String> = failed.map(|it| it.seed.to_string()).collect();
    if seeds.len() > 1 {
        cell.notes.push(format!("failed with the seeds {}", seeds.join(", ")));
    }
    let stop = shown.data.as_ref().err();
    let later = shown.after.as_ref().and_then(|it| it.as_ref().err());
    match stop.or(later) {
        Some(Stop::Fail(evidence)) => {
            let when = if stop.is_none() { "afterwards: " } else { "" };
            cell.expected = Some(format!("{when}{}", line(&evidence.expected)));
            cell.actual = Some(line(&evidence.actual));
        }
        Some(Stop::Skip(why) | Stop::Error(why)) => {
            cell.reason = Some(line(why));
        }
        Some(Stop::Interrupted) | None => {}
    }
    cell
}

/// What a verdict must not hide.
fn late_at_first(tries: &[Try]) -> Vec<String> {
    tries
        .iter()
        .filter_map(|it| Some(line(it.late_at_first.as_ref()?)))
        .collect()
}

/// The command that does it again.
fn again(case: &Case, target: &Target, rules: Rules, seed: u64) -> String {
    let tier = match rules.manner.tier {
        Tier::Quick => " --quick",
        Tier::Core => "",
        Tier::Long => " --long",
    };
    let what = match case.id {
        "G1" => "--fuzz".to_owned(),
        "G3" => format!("--soak {}s", rules.manner.soak.as_secs()),
        id => format!("--case {id}"),
    };
    let mut command = format!("cargo harness check {}", target.id);
    if let Some(directory) = &target.outside {
        // It is known by no id, and a shell may see it.
        let quoted = directory.display().to_string().replace('\'', "'\\''");
        command = format!("cargo harness check --server-dir '{quoted}'");
    }
    command += &format!(" {what}{tier} --seed {seed}");
    if rules.manner.stretch != 1 {
        command += &format!(" --stretch {}", rules.manner.stretch);
    }
    if rules.strict {
        command += " --strict";
    }
    command
}

/// A server may have said anything: one line of it, and not too long.
fn line(text: &str) -> String {
    const MOST: usize = 300;
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(plain).take(MOST).collect()
}

fn worst_of(verdicts: &[Verdict]) -> Option<Verdict> {
    let all = [Verdict::Fail, Verdict::Error, Verdict::Pass];
    all.into_iter().find(|one| verdicts.contains(one))
}

/// Holds a cell against what its server declares.
fn apply(declared: &Unsupported, cell: &mut Cell) {
    if matches!(cell.verdict, Verdict::Fail | Verdict::NonStrict) {
        cell.verdict = Verdict::Unsupported;
        let (why, source) = (&declared.why, &declared.source);
        cell.reason = Some(format!("{why} ({source})"));
        // What a failure leaves behind is part of it.
        cell.afterlife = None;
    } else if cell.verdict == Verdict::Pass {
        cell.verdict = Verdict::Error;
        cell.reason = Some(
            "it passes, though server.toml declares it unsupported: remove \
             the declaration"
                .into(),
        );
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
