//! G: torture, by seed and on request: a random walk through everything that
//! clients and machines do, and a long soak.

use std::time::{Duration, Instant};

use super::case::Case;
use super::g_walk::{Action, SLOTS, Walker, walk};
use super::lab::Lab;
use super::verdict::{Evidence, Outcome, Stop, ensure};

pub(crate) const CASES: &[Case] = &[
    Case::must("G1", "random walk", fuzz).asked(),
    Case::must("G3", "soak", soak).asked(),
];

fn fuzz(lab: &mut Lab<'_>) -> Outcome {
    let length = lab.pick(200, 1_000, 1_000);
    let actions = walk(lab.manner.seed, length);
    let evidence = match attempted(lab, &actions) {
        Err(Stop::Fail(evidence)) => evidence,
        outcome => return outcome,
    };
    let (shrunk, evidence) = shrink(lab, actions, evidence)?;
    let steps: Vec<String> = shrunk.iter().map(Action::to_string).collect();
    lab.note(format!("by {} steps: {}", steps.len(), steps.join(", ")));
    Err(Stop::Fail(evidence))
}

/// Leaves out whatever the failure does not need, for a limited time. What is
/// wrong for certain may not become what merely took too long.
fn shrink(
    lab: &mut Lab<'_>,
    mut actions: Vec<Action>,
    mut evidence: Evidence,
) -> Outcome<(Vec<Action>, Evidence)> {
    let until = Instant::now() + Duration::from_secs(60);
    let is_late = evidence.bound.is_some();
    let mut size = actions.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < actions.len() && Instant::now() < until {
            let end = (from + size).min(actions.len());
            let mut fewer = actions.clone();
            fewer.drain(from..end);
            match attempted(lab, &fewer) {
                Err(Stop::Fail(other)) if other.bound.is_some() == is_late => {
                    (actions, evidence) = (fewer, other);
                }
                Err(Stop::Interrupted) => return Err(Stop::Interrupted),
                _ => from = end,
            }
        }
        size /= 2;
    }
    Ok((actions, evidence))
}

/// Walks with a server of its own; at every step what has come is a beginning
/// of what was sent, and at the end all of it.
fn attempt(lab: &mut Lab<'_>, actions: &[Action]) -> Outcome {
    lab.start()?;
    lab.recount();
    let mut walker = Walker::new(SLOTS);
    for &action in actions {
        walker.step(lab, action)?;
    }
    walker.end(lab)?;
    lab.afterlife()
}

/// The walk, and what became of the server that failed it.
fn attempted(lab: &mut Lab<'_>, actions: &[Action]) -> Outcome {
    attempt(lab, actions).map_err(|stop| lab.explain(stop))
}

fn soak(lab: &mut Lab<'_>) -> Outcome {
    const EACH: u64 = 100;
    let count = lab.pick(1_000, 10_000, 10_000);
    super::e_load::room_for(count)?;
    lab.start()?;
    let bound = lab.volume_ms(5_000);
    let mut conns = super::e_load::ramp(lab, count)?;
    let (before, open) = (lab.server().resident(), lab.server().descriptors());
    let end = Instant::now() + lab.manner.soak;
    let mut sweeps = 0;
    while Instant::now() < end {
        let sweep = Instant::now();
        for conn in &mut conns {
            conn.send(EACH)?;
        }
        for conn in &mut conns {
            conn.receive_rest(bound)?;
        }
        // One in a hundred is reset, one closes; others take their places.
        for n in 0..count / 50 {
            let at = lab.index(count);
            let fresh = lab.connect_from(n)?;
            fresh.connected(bound)?;
            let old = std::mem::replace(&mut conns[at], fresh);
            if n % 2 == 0 {
                old.reset()?;
            }
        }
        sweeps += 1;
        lab.pause(Duration::from_secs(1).saturating_sub(sweep.elapsed()))?;
    }
    let grown = lab.server().resident().saturating_sub(before);
    let most = 8 << 20;
    lab.note(format!("{sweeps} sweeps, grown by {} KiB", grown >> 10));
    ensure(
        grown <= most,
        "at most 8 MiB more resident memory",
        format!("{} MiB more", grown >> 20),
    )?;
    lab.eventually("descriptors as before", bound, |lab| {
        let now = lab.server().descriptors();
        let same = now.abs_diff(open) <= 2;
        Ok(if same { Ok(()) } else { Err(format!("{now}, not {open}")) })
    })
}
