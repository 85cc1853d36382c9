//! The random walk of G1: its steps, drawn from a seed, and what each does to
//! a server.
//!
//! Refuses to do: excuse a connection that has been served once.

use std::fmt;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::Signal;

use super::conn::Conn;
use super::e_exhaustion::Squeeze;
use super::lab::Lab;
use super::verdict::{Outcome, Stop};

/// Connections at once.
pub(super) const SLOTS: usize = 64;
/// These are drawn more often: what waits in them adds up.
const HOT: usize = 4;
/// More than the sockets of both sides hold.
const FLOOD: u64 = 16 << 20;
/// Nothing has been taken for so long: a stall.
const STALL: Duration = Duration::from_millis(10);
/// What stalled has stalled for long before it goes on at the end.
const LONG: Duration = Duration::from_millis(350);

/// One step of the walk. A step that makes no sense where it comes to stand,
/// as after others were left out, does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Connect(usize),
    Write(usize, u64),
    Read(usize, usize),
    /// Writes without reading until nothing is taken any more.
    Flood(usize),
    /// Reads all that is due, which a stalled connection must survive.
    Catch(usize),
    /// Ends the sending side, and later the server's must end too.
    Finish(usize),
    Close(usize),
    Reset(usize),
    /// Lets the server work for some milliseconds.
    Wait(u64),
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
            Self::Flood(at) => write!(out, "flood {at}"),
            Self::Catch(at) => write!(out, "catch up {at}"),
            Self::Finish(at) => write!(out, "finish {at}"),
            Self::Close(at) => write!(out, "close {at}"),
            Self::Reset(at) => write!(out, "reset {at}"),
            Self::Wait(ms) => write!(out, "wait {ms}"),
            Self::Freeze => write!(out, "freeze"),
            Self::Thaw => write!(out, "thaw"),
            Self::Squeeze => write!(out, "squeeze"),
            Self::Release => write!(out, "release"),
        }
    }
}

/// The walk of a seed. Pure.
pub(super) fn walk(seed: u64, length: usize) -> Vec<Action> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..length).map(|_| draw(&mut random)).collect()
}

fn draw(random: &mut ChaCha8Rng) -> Action {
    let sized = |random: &mut ChaCha8Rng| -> u64 {
        // Small and large alike: every order of magnitude is as likely.
        let order = random.random_range(0..18);
        1 + random.random_range(0..1u64 << order)
    };
    let slots = if random.random_range(0..10) < 3 { HOT } else { SLOTS };
    let at = random.random_range(0..slots);
    match random.random_range(0..1_000) {
        0..160 => Action::Connect(at),
        160..480 => Action::Write(at, sized(random)),
        480..740 => {
            let most = sized(random);
            Action::Read(at, usize::try_from(most).unwrap_or(1))
        }
        740..760 => Action::Flood(at % HOT),
        760..790 => Action::Catch(at),
        790..840 => Action::Finish(at),
        840..870 => Action::Close(at),
        870..900 => Action::Reset(at),
        900..940 => Action::Wait(random.random_range(1..10)),
        940..950 => Action::Freeze,
        950..970 => Action::Thaw,
        970..980 => Action::Squeeze,
        _ => Action::Release,
    }
}

/// Who walks.
pub(super) struct Walker<'a> {
    slots: Vec<Option<Walked<'a>>>,
    flooded: bool,
    frozen: bool,
    squeezed: Option<Squeeze>,
}

struct Walked<'a> {
    conn: Conn<'a>,
    finished: bool,
    /// It came when there was no descriptor for it: it may wait, or be closed
    /// unserved.
    excused: bool,
}

impl Walked<'_> {
    /// Nothing binds the server to one that it was too poor to serve.
    fn is_excused(&self) -> bool {
        self.excused && self.conn.received == 0
    }
}

impl<'a> Walker<'a> {
    pub(super) fn new(slots: usize) -> Self {
        let slots = std::iter::repeat_with(|| None).take(slots).collect();
        Self { slots, flooded: false, frozen: false, squeezed: None }
    }

    pub(super) fn step(
        &mut self,
        lab: &mut Lab<'a>,
        action: Action,
    ) -> Outcome {
        match action {
            Action::Connect(at) if self.slots[at].is_none() => {
                let conn = lab.connect()?;
                let excused = self.squeezed.is_some();
                self.slots[at] =
                    Some(Walked { conn, finished: false, excused });
            }
            Action::Connect(_) => {}
            Action::Write(at, bytes) => self.each(at, |open| {
                if !open.finished {
                    open.conn.try_send(bytes)?;
                }
                Ok(true)
            })?,
            Action::Flood(at) => {
                self.flooded = true;
                self.each(at, |open| {
                    if !open.finished {
                        open.conn.offer(FLOOD, STALL)?;
                    }
                    Ok(true)
                })?;
            }
            Action::Read(at, most) => self.each(at, |open| open.read(most))?,
            Action::Catch(at) => {
                let bound = lab.volume_ms(10_000);
                let works = !self.frozen;
                self.each(at, |open| open.catch_up(works, bound))?;
            }
            Action::Finish(at) => self.each(at, |open| {
                if !std::mem::replace(&mut open.finished, true) {
                    open.conn.finish()?;
                }
                Ok(true)
            })?,
            Action::Close(at) => self.slots[at] = None,
            Action::Reset(at) => {
                if let Some(open) = self.slots[at].take() {
                    open.conn.reset()?;
                }
            }
            Action::Wait(ms) => lab.pause(Duration::from_millis(ms))?,
            _ => self.machine(lab, action)?,
        }
        lab.server().alive()
    }

    /// What happens to the server as a whole.
    fn machine(&mut self, lab: &mut Lab<'a>, action: Action) -> Outcome {
        match action {
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
                for open in self.slots.iter_mut().flatten() {
                    open.excused |= open.conn.received == 0;
                }
            }
            Action::Release => {
                self.squeezed.take().map_or(Ok(()), Squeeze::end)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Does something to a connection, if there is one, that tells whether it
    /// is still there.
    fn each(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut Walked<'a>) -> Outcome<bool>,
    ) -> Outcome {
        let Some(open) = &mut self.slots[at] else { return Ok(()) };
        let stays = match act(open) {
            Err(Stop::Fail(_)) if open.is_excused() => false,
            stays => stays?,
        };
        if !stays {
            self.slots[at] = None;
        }
        Ok(())
    }

    /// Gives the server back what it was denied, and takes all that is due.
    pub(super) fn end(mut self, lab: &mut Lab<'a>) -> Outcome {
        self.step(lab, Action::Thaw)?;
        self.step(lab, Action::Release)?;
        if self.flooded {
            lab.pause(LONG)?;
        }
        let bound = lab.volume_ms(10_000);
        for at in 0..self.slots.len() {
            self.each(at, |open| {
                if !open.finished {
                    open.conn.receive_rest(bound)?;
                    open.conn.finish()?;
                }
                open.conn.rest_and_end(bound).map(|()| false)
            })?;
        }
        Ok(())
    }
}

impl Walked<'_> {
    fn read(&mut self, most: usize) -> Outcome<bool> {
        if self.conn.try_receive_most(most)?.is_some() {
            return Ok(true);
        }
        // It may end only after all of it.
        if !(self.finished && self.conn.sent == self.conn.received) {
            self.conn.short(self.conn.sent)?;
        }
        Ok(false)
    }

    /// One that was never served may have to wait, and all if nobody works.
    fn catch_up(&mut self, works: bool, bound: Duration) -> Outcome<bool> {
        if works && self.conn.received > 0 {
            self.conn.receive_rest(bound)?;
        }
        Ok(true)
    }
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
        assert!(has(|it| matches!(it, Action::Flood(0..HOT))));
        assert!(has(|it| matches!(it, Action::Catch(_))));
        assert!(has(|it| matches!(it, Action::Reset(_))));
        assert!(has(|it| *it == Action::Freeze));
        assert!(has(|it| *it == Action::Squeeze));
    }
}
