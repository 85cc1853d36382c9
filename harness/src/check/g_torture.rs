//! G: torture, by seed and on request: a random walk through everything that
//! clients and machines do, and a long soak.

use std::fmt;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use super::case::Case;
use super::conn::Conn;
use super::e_exhaustion::Squeeze;
use super::lab::Lab;
use super::verdict::{Evidence, Outcome, Stop, ensure};

pub(crate) const CASES: &[Case] = &[
    Case::must("G1", "random walk", fuzz).asked(),
    Case::must("G3", "soak", soak).asked(),
];

/// Connections at once.
const SLOTS: usize = 64;

/// One step of the walk. A step that makes no sense where it comes to stand,
/// as after others were left out, does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Connect(usize),
    Write(usize, u64),
    Read(usize, usize),
    /// Ends the sending side, and later the server's must end too.
    Finish(usize),
    Close(usize),
    Reset(usize),
    /// Stops the server for some milliseconds, while others go on.
    Freeze,
    Thaw,
    /// No descriptor is free any more.
    Squeeze,
    Release,
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(at) => write!(out, "connect {at}"),
            Self::Write(at, bytes) => write!(out, "write {at} {bytes}"),
            Self::Read(at, bytes) => write!(out, "read {at} {bytes}"),
            Self::Finish(at) => write!(out, "finish {at}"),
            Self::Close(at) => write!(out, "close {at}"),
            Self::Reset(at) => write!(out, "reset {at}"),
            Self::Freeze => write!(out, "freeze"),
            Self::Thaw => write!(out, "thaw"),
            Self::Squeeze => write!(out, "squeeze"),
            Self::Release => write!(out, "release"),
        }
    }
}

/// The walk of a seed. Pure.
fn walk(seed: u64, length: usize) -> Vec<Action> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sized = |random: &mut ChaCha8Rng| -> u64 {
        // Small and large alike: every order of magnitude is as likely.
        let order = random.random_range(0..18);
        1 + random.random_range(0..1u64 << order)
    };
    (0..length)
        .map(|_| {
            let at = random.random_range(0..SLOTS);
            match random.random_range(0..100) {
                0..18 => Action::Connect(at),
                18..54 => Action::Write(at, sized(&mut random)),
                54..84 => {
                    let most = sized(&mut random);
                    Action::Read(at, usize::try_from(most).unwrap_or(1))
                }
                84..89 => Action::Finish(at),
                89..92 => Action::Close(at),
                92..95 => Action::Reset(at),
                95 => Action::Freeze,
                96..98 => Action::Thaw,
                98 => Action::Squeeze,
                _ => Action::Release,
            }
        })
        .collect()
}

fn fuzz(lab: &mut Lab<'_>) -> Outcome {
    let length = lab.pick(200, 1_000, 1_000);
    let actions = walk(lab.manner.seed, length);
    let evidence = match attempt(lab, &actions) {
        Err(Stop::Fail(evidence)) => evidence,
        outcome => return outcome,
    };
    let (shrunk, evidence) = shrink(lab, actions, evidence)?;
    let steps: Vec<String> = shrunk.iter().map(Action::to_string).collect();
    let actual = format!(
        "{}; by {} steps: {}",
        evidence.actual,
        steps.len(),
        steps.join(", ")
    );
    Err(Stop::Fail(Evidence { actual, ..evidence }))
}

/// Leaves out whatever the failure does not need, for a limited time.
fn shrink(
    lab: &mut Lab<'_>,
    mut actions: Vec<Action>,
    mut evidence: Evidence,
) -> Outcome<(Vec<Action>, Evidence)> {
    let until = Instant::now() + Duration::from_secs(60);
    let mut size = actions.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < actions.len() && Instant::now() < until {
            let end = (from + size).min(actions.len());
            let mut fewer = actions.clone();
            fewer.drain(from..end);
            match attempt(lab, &fewer) {
                Err(Stop::Fail(other)) => (actions, evidence) = (fewer, other),
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
    let mut walker = Walker::default();
    walker.slots.resize_with(SLOTS, || None);
    for &action in actions {
        walker.step(lab, action)?;
    }
    walker.step(lab, Action::Thaw)?;
    walker.step(lab, Action::Release)?;
    let bound = lab.volume_ms(10_000);
    for mut conn in walker.slots.into_iter().flatten() {
        if !conn.finished {
            conn.conn.receive_rest(bound)?;
            conn.conn.finish()?;
        }
        conn.conn.rest_and_end(bound)?;
    }
    lab.afterlife()
}

#[derive(Default)]
struct Walker<'a> {
    slots: Vec<Option<Walked<'a>>>,
    frozen: bool,
    squeezed: Option<Squeeze>,
}

struct Walked<'a> {
    conn: Conn<'a>,
    finished: bool,
}

impl<'a> Walker<'a> {
    fn step(&mut self, lab: &mut Lab<'a>, action: Action) -> Outcome {
        match action {
            Action::Connect(at) if self.slots[at].is_none() => {
                let conn = lab.connect()?;
                self.slots[at] = Some(Walked { conn, finished: false });
            }
            Action::Write(at, bytes) => {
                let Some(open) = &mut self.slots[at] else { return Ok(()) };
                if !open.finished {
                    open.conn.try_send(bytes)?;
                }
            }
            Action::Read(at, most) => {
                let Some(open) = &mut self.slots[at] else { return Ok(()) };
                if open.conn.try_receive_most(most)?.is_none() {
                    // It may end only after all of it.
                    let all = open.conn.sent == open.conn.received;
                    if !(open.finished && all) {
                        open.conn.short(open.conn.sent)?;
                    }
                    self.slots[at] = None;
                }
            }
            Action::Finish(at) => {
                let Some(open) = &mut self.slots[at] else { return Ok(()) };
                if !open.finished {
                    open.conn.finish()?;
                    open.finished = true;
                }
            }
            Action::Close(at) => self.slots[at] = None,
            Action::Reset(at) => {
                if let Some(open) = self.slots[at].take() {
                    open.conn.reset()?;
                }
            }
            Action::Freeze if !self.frozen => {
                lab.server().signal_all(Signal::STOP)?;
                self.frozen = true;
            }
            Action::Thaw if self.frozen => {
                lab.server().signal_all(Signal::CONT)?;
                self.frozen = false;
            }
            Action::Squeeze if self.squeezed.is_none() => {
                self.squeezed = Some(Squeeze::begin(lab)?);
            }
            Action::Release => {
                self.squeezed.take().map_or(Ok(()), Squeeze::end)?;
            }
            _ => {}
        }
        lab.server().alive()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_walks_the_same_way_and_does_everything() {
        let actions = walk(5, 10_000);
        assert_eq!(actions, walk(5, 10_000));
        assert_ne!(actions, walk(6, 10_000));
        let has = |wanted: fn(&Action) -> bool| actions.iter().any(wanted);
        assert!(has(|it| matches!(it, Action::Write(_, 60_000..))));
        assert!(has(|it| matches!(it, Action::Write(_, 1))));
        assert!(has(|it| matches!(it, Action::Reset(_))));
        assert!(has(|it| *it == Action::Freeze));
        assert!(has(|it| *it == Action::Squeeze));
    }
}
