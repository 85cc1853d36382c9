//! Whether duels tell what differs, and only that.

use std::time::{Duration, Instant};

use super::lab::{Order, STALL_MS, in_flight, only, settings};
use super::witness::trouble;
use super::{Class, Figure, Finding, Fought, Goal, Lab, Run, Test, Trouble};
use crate::duel::fight::Ring;
use crate::duel::judge::{is_over, judge};
use crate::duel::{BLOCKS, Duel, Rules, SLICE_MS, Verdict, WARM_UP_MS};
use crate::plan::Placement;
use crate::stats::median;

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K16",
        class: Class::Full,
        title: "duels of one binary against itself",
        goal: "of at least 40 at most 10 % name a difference; the median one \
               is 1 % at most",
        source: "Criterion names one in 4.4 to 55.8 %",
        seconds: 4 * DUEL_S,
        run: Run::Drive(same),
    },
    Test {
        id: "K18",
        class: Class::Full,
        title: "duels against a copy 5 % dearer",
        goal: "of at least 10 it is found in 90 %, with 8 pairs of launches \
               at most; never called cheaper",
        source: "Laaber et al. (EMSE 2019) find slowdowns of 10 %",
        seconds: 4 * DUEL_S,
        run: Run::Drive(dearer),
    },
];

/// About what a duel takes; one that is hard to decide takes twice as long.
const DUEL_S: u64 = 60;
pub(super) const ONE: Duration = Duration::from_secs(DUEL_S);
/// Duels of one call, unless there is a time until which to go on.
const AT_LEAST: usize = 4;
const CONNECTIONS: u32 = 256;
const SAME_WANTED: usize = 40;
const DEARER_WANTED: usize = 10;
/// Pairs of launches within which a difference is to be found.
const PAIRS: u32 = 8;

fn same(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let duels = accumulate(lab, |number| fight(lab, number, [0, 0]))?;
    let named = duels.iter().filter(|it| differs(it.verdict)).count();
    let off: Vec<f64> = duels.iter().map(percent_off).collect();
    Ok(judged(
        duels,
        SAME_WANTED,
        vec![
            part("name a difference", named, off.len(), Goal::AtMost(10.0)),
            Figure::new(
                "median difference",
                median(&off).unwrap_or(f64::NAN),
                "%",
                Goal::AtMost(1.0),
            ),
        ],
    ))
}

fn dearer(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let (base_us, more_us, by_design) = spins(lab)?;
    let duels = accumulate(lab, |number| {
        // Either side is the dearer one in turn; told as if it were A.
        let mut spins = [base_us + more_us, base_us];
        if number % 2 == 1 {
            spins.reverse();
        }
        let fought = fight(lab, number, spins)?;
        Ok(if number % 2 == 1 { turned(fought) } else { fought })
    })?;
    let found = duels
        .iter()
        .filter(|it| it.verdict == Verdict::Slower && it.launch_pairs <= PAIRS);
    let found = found.count();
    let wrong = duels.iter().filter(|it| it.verdict == Verdict::Faster).count();
    let all = duels.len();
    let off: Vec<f64> = duels.iter().map(percent_off).collect();
    Ok(judged(
        duels,
        DEARER_WANTED,
        vec![
            part("found", found, all, Goal::AtLeast(90.0)),
            Figure::new("called cheaper", wrong as f64, "", Goal::AtMost(0.0)),
            Figure::aside("dearer by design", by_design, "%"),
            Figure::aside("measured", median(&off).unwrap_or(f64::NAN), "%"),
        ],
    ))
}

fn part(name: &str, count: usize, all: usize, goal: Goal) -> Figure {
    Figure::new(name, 100.0 * count as f64 / all as f64, "%", goal)
}

const fn differs(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Faster | Verdict::Slower)
}

fn percent_off(duel: &Fought) -> f64 {
    100.0 * (duel.ratio.ln().abs()).exp_m1()
}

fn turned(duel: Fought) -> Fought {
    let verdict = match duel.verdict {
        Verdict::Faster => Verdict::Slower,
        Verdict::Slower => Verdict::Faster,
        other => other,
    };
    Fought { ratio: 1.0 / duel.ratio, verdict, ..duel }
}

/// With fewer duels than wanted the figures are shown and nothing is asked.
fn judged(
    duels: Vec<Fought>,
    wanted: usize,
    mut figures: Vec<Figure>,
) -> Finding {
    let few = duels.len() < wanted;
    if few {
        figures.iter_mut().for_each(|figure| figure.goal = None);
    }
    let undecided =
        few.then(|| format!("{} of {wanted} duels so far", duels.len()));
    Finding {
        n: duels.len() as u64,
        counted: "duels",
        figures,
        undecided,
        duels,
    }
}

/// Earlier duels and those of this call. What was fought before an interrupt
/// counts.
fn accumulate(
    lab: &Lab<'_>,
    mut fight: impl FnMut(usize) -> Result<Fought, Trouble>,
) -> Result<Vec<Fought>, Trouble> {
    let mut duels = lab.earlier.clone();
    let goes_on = |fought: usize| match lab.until {
        None => fought < AT_LEAST,
        Some(until) => fought == 0 || Instant::now() + ONE <= until,
    };
    while goes_on(duels.len() - lab.earlier.len()) {
        match fight(duels.len()) {
            Ok(duel) => duels.push(duel),
            Err(Trouble::Interrupted) if duels.len() > lab.earlier.len() => {
                break;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(duels)
}

/// One duel of the fixture against itself, with these spins.
fn fight(
    lab: &Lab<'_>,
    number: usize,
    spin_us: [u32; 2],
) -> Result<Fought, Trouble> {
    lab.needs_cpus_apart()?;
    let connections = CONNECTIONS.min(lab.size.connections);
    let rules = Rules {
        connections,
        rate_per_s: None,
        in_flight: None,
        workers: [1, 1],
        placement: Placement::Split,
        payload_bytes: 100,
        warm_up_ms: lab.size.ms(WARM_UP_MS),
        slice_ms: SLICE_MS,
        blocks: BLOCKS,
        whole: false,
        spin_us,
        isolation: lab.tools.isolation,
        congestion_control: None,
        lacking: Vec::new(),
        seed: lab.seed + number as u64,
    };
    let built = lab.fixture("good", 0);
    let ring = Ring {
        built: [&built, &built],
        patience: [Duration::from_secs(10); 2],
        rules: &rules,
        settings: &settings(connections),
        host: &lab.tools.host,
        client: &lab.tools.binary,
        interrupt: lab.tools.interrupt,
    };
    let mut pairs = Vec::new();
    while !is_over(&rules, &pairs) {
        let pair = ring.fight(pairs.len());
        pairs.push(pair.map_err(|(_, outcome)| trouble(outcome))?);
    }
    let Some(duel) = judge("calibrate", ["A", "B"], &rules, &pairs) else {
        return Err(Trouble::Broken("a duel came to no figure".into()));
    };
    Ok(kept(&duel))
}

const fn kept(duel: &Duel) -> Fought {
    Fought {
        ratio: duel.ratio.median,
        launch_pairs: duel.launch_pairs,
        verdict: duel.verdict,
    }
}

/// What both burn and what the dearer one burns beside it, in microseconds,
/// and how much dearer that makes it, in percent. Servers burn whole
/// microseconds and an echo costs some ten: so both burn as many as make one
/// more 5 %.
fn spins(lab: &Lab<'_>) -> Result<(u32, u32, f64), Trouble> {
    const PART: f64 = 0.05;
    let server = lab.start("good", 0)?;
    let connections = CONNECTIONS.min(lab.size.connections);
    let order = Order {
        connections,
        windows: vec![in_flight(connections, 500, 2_000)],
        stall_ms: STALL_MS,
    };
    let report = lab.load(&server, &order)?;
    let window = only(&report)?;
    let usage = window.server.ok_or_else(|| {
        Trouble::CannotJudge("the server's CPU clock can't be read".into())
    })?;
    let cpu_ns = (usage.cpu_ns + usage.softirq_ns) as f64;
    let cost_us = cpu_ns / 1e3 / window.echoes_in_window.max(1) as f64;
    let more = (PART * cost_us).round().max(1.0);
    let base = (more / PART - cost_us).round().max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, and microseconds of an echo"
    )]
    let whole = |us: f64| us.min(1e6) as u32;
    let by_design = 100.0 * more / (cost_us + base);
    Ok((whole(base), whole(more), by_design))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fought(ratio: f64, verdict: Verdict) -> Fought {
        Fought { ratio, launch_pairs: 4, verdict }
    }

    #[test]
    fn nothing_is_asked_of_too_few_duels() {
        let figures = || vec![part("named", 3, 3, Goal::AtMost(10.0))];
        let duels = vec![fought(1.1, Verdict::Slower); 3];
        let few = judged(duels.clone(), 4, figures());
        assert!(!few.is_missed() && few.undecided.is_some());
        let enough = judged(duels, 3, figures());
        assert!(enough.is_missed() && enough.undecided.is_none());
    }

    #[test]
    fn a_duel_is_told_from_the_dearer_ones_side() {
        let told = turned(fought(0.8, Verdict::Faster));
        assert_eq!(told, fought(1.25, Verdict::Slower));
        assert!((percent_off(&told) - 25.0).abs() < 1e-9);
        assert!((percent_off(&turned(told)) - 25.0).abs() < 1e-9);
    }
}
