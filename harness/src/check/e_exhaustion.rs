//! E, first half: something runs out. Survive, stay quiet, recover.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use super::case::Case;
use super::conn::Conn;
use super::crowd::{lasting, ping_pong, stall_all};
use super::groups::Group;
use super::lab::Lab;
use super::verdict::{Outcome, Stop, ensure, fail};
use crate::process::Confine;

pub(crate) const CASES: &[Case] = &[
    Case::must("E1", "out of descriptors", survive).setup('R').once().quick(),
    Case::must("E2", "descriptors come back", recover).setup('R').once(),
    Case::must("E3", "limit lowered while it runs", squeeze).setup('L'),
    Case::must("E6", "no new thread or process", no_thread).setup('T'),
    Case::must("E8", "out of memory", memory).setup('M').once(),
    Case::must("E9", "accept queue overflows", overflow).setup('N').once(),
];

/// What became of clients that came when there was no descriptor left.
struct Crowd<'a> {
    served: Vec<Conn<'a>>,
    waiting: Vec<Conn<'a>>,
    closed: usize,
}

impl<'a> Crowd<'a> {
    /// Connects so many, sends a byte on each and sees what comes back.
    fn gather(lab: &mut Lab<'a>, count: usize) -> Outcome<Self> {
        let mut conns = lab.connect_all(count)?;
        for conn in &mut conns {
            // The server may have closed what it can't serve.
            tolerate(conn.send(1))?;
        }
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(3));
        lab.pause(lab.ms(500).clamp(least, most))?;
        let (mut served, mut waiting) = (Vec::new(), Vec::new());
        let mut closed = 0;
        for mut conn in conns {
            match tolerate(conn.try_receive())? {
                Some(Some(0)) => waiting.push(conn),
                Some(Some(_)) => served.push(conn),
                Some(None) | None => closed += 1,
            }
        }
        Ok(Self { served, waiting, closed })
    }

    /// Everyone who is served is still served.
    fn still_served(&mut self, lab: &Lab<'_>) -> Outcome {
        for conn in &mut self.served {
            let took = conn.exchange(10, lab.ms(2_000))?;
            super::verdict::within("an echo", took, lab.ms(1_000))?;
        }
        Ok(())
    }
}

/// Takes a failure of one connection as an answer.
fn tolerate<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Fail(_)) => Ok(None),
        Err(stop) => Err(stop),
    }
}

const LIMIT: u64 = 128;

fn confined() -> Confine {
    Confine { descriptors: Some(LIMIT), ..Confine::default() }
}

/// A server with more clients than descriptors.
fn exhaust<'a>(lab: &mut Lab<'a>, confine: Confine) -> Outcome<Crowd<'a>> {
    lab.start_confined(&["--addr", "127.0.0.1:0"], confine)?;
    // Each of several processes has the limit for itself.
    let processes = lab.server().pids().len();
    let crowd = Crowd::gather(lab, processes * 128 + 32)?;
    ensure(
        crowd.served.len() >= 64,
        "at least 64 connections served with 128 descriptors",
        format!(
            "{} served, {} waiting, {} closed",
            crowd.served.len(),
            crowd.waiting.len(),
            crowd.closed
        ),
    )?;
    if crowd.waiting.len() + crowd.closed == 0 {
        let why = "its processes had descriptors for everyone";
        return Err(Stop::Skip(why.into()));
    }
    Ok(crowd)
}

fn survive(lab: &mut Lab<'_>) -> Outcome {
    let mut crowd = exhaust(lab, confined())?;
    let time = Duration::from_secs(lab.pick(1, 2, 2));
    let log = lab.server().process.stderr_bytes();
    let burnt = lab.burnt(time)?;
    let log = lab.server().process.stderr_bytes() - log;
    lab.server().alive()?;
    crowd.still_served(lab)?;
    lab.note(format!("{burnt:.0?} of CPU, {log} bytes of log in {time:.0?}"));
    ensure(
        burnt <= time / 10,
        "at most a tenth of a CPU while it can't accept",
        format!("{burnt:.1?} of CPU in {time:.0?}"),
    )?;
    ensure(
        log <= 64 << 10,
        format!("at most 64 KiB of log in {time:.0?}"),
        format!("{log} bytes"),
    )
}

fn recover(lab: &mut Lab<'_>) -> Outcome {
    let mut crowd = exhaust(lab, confined())?;
    crowd.waiting.clear();
    let left = crowd.served.len() - 10;
    crowd.served.truncate(left);
    let start = Instant::now();
    // Ten pauses of the contract, in which dead connections are taken out.
    let bound = if lab.target.workspace { 250 } else { 2_000 };
    lab.echo_once(lab.ms(bound))?;
    lab.note(format!("let in again after {:.0?}", start.elapsed()));
    crowd.still_served(lab)
}

fn squeeze(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conns = lab.connect_all(50)?;
    for conn in &mut conns {
        conn.exchange(10, lab.ms(1_000))?;
    }
    let squeeze = Squeeze::begin(lab)?;
    let mut late = Vec::new();
    for _ in 0..5 {
        late.push(lab.connect()?);
    }
    for conn in &mut conns {
        conn.exchange(10, lab.ms(1_000))?;
    }
    lab.pause(Duration::from_millis(300))?;
    for conn in &mut conns {
        conn.exchange(10, lab.ms(1_000))?;
    }
    squeeze.end()?;
    lab.echo_once(lab.ms(2_000))?;
    lab.server().alive()
}

/// A server that can't open another descriptor for the time being.
#[derive(Debug)]
pub(super) struct Squeeze {
    pids: Vec<u32>,
    before: Rlimit,
}

impl Squeeze {
    pub(super) fn begin(lab: &mut Lab<'_>) -> Outcome<Self> {
        // The server has inherited the limits of this process.
        let before = getrlimit(Resource::Nofile);
        let pids = lab.server().pids();
        for &pid in &pids {
            let current = Some(lowest_free(pid)?.max(open(pid)));
            limit(pid, Rlimit { current, ..before })?;
        }
        Ok(Self { pids, before })
    }

    pub(super) fn end(self) -> Outcome {
        self.pids.into_iter().try_for_each(|pid| limit(pid, self.before))
    }
}

/// No limit is below what is open already: `poll(2)` takes no more entries
/// than the limit, whatever their numbers.
fn open(pid: u32) -> u64 {
    let list = std::fs::read_dir(format!("/proc/{pid}/fd"));
    list.map_or(0, |list| list.count() as u64)
}

fn lowest_free(pid: u32) -> Outcome<u64> {
    let free = (0..).find(|fd: &u64| {
        let path = format!("/proc/{pid}/fd/{fd}");
        std::fs::symlink_metadata(path).is_err()
    });
    free.ok_or_else(|| Stop::Error("no descriptor is free".into()))
}

fn limit(pid: u32, limit: Rlimit) -> Outcome {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    match prlimit(raw, Resource::Nofile, limit) {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::PERM) => {
            Err(Stop::Skip("needs the right to limit others".into()))
        }
        Err(error) => fail("a living server", error.to_string()),
    }
}

fn no_thread(lab: &mut Lab<'_>) -> Outcome {
    let group = Group::threads()?;
    lab.start()?;
    let pids = lab.server().pids();
    group.take(&pids)?;
    group.limit(Some(lab.server().threads() + 10))?;
    let mut crowd = Crowd::gather(lab, 40)?;
    ensure(!crowd.served.is_empty(), "some are served", "nobody is")?;
    lab.server().alive()?;
    crowd.still_served(lab)?;
    crowd.waiting.clear();
    group.limit(None)?;
    lab.echo_once(lab.ms(2_000))?;
    crowd.still_served(lab)
}

fn memory(lab: &mut Lab<'_>) -> Outcome {
    let group = Group::memory()?;
    lab.start()?;
    let pids = lab.server().pids();
    group.take(&pids)?;
    // What it holds already stays with the group it came from.
    group.limit(Some(64 << 20))?;
    let mut stalled = lab.connect_all(50)?;
    for conn in &stalled {
        conn.receive_buffer(4 << 10)?;
    }
    // More than the sockets hold: what the server took besides, it keeps.
    const MOST: u64 = 32 << 20;
    let took = stall_all(&mut stalled, MOST, Duration::from_millis(500))?;
    lab.note(format!("{} MiB taken of stalled readers", took >> 20));
    lab.server().alive()?;
    ensure(
        stalled.iter().all(|conn| conn.sent < MOST),
        "clients that read nothing are held up",
        format!("one could send {} MiB", MOST >> 20),
    )?;
    let mut others = lab.connect_all(lab.pick(100, 200, 200))?;
    let more = lasting(Duration::from_secs(lab.pick(2, 10, 10)));
    let pause = Duration::from_millis(100);
    let pings = ping_pong(&mut others, 100, pause, &more);
    lab.server().alive()?;
    pings?.judge(lab.ms(1_000), None)?;
    group.limit(None)
}

fn overflow(lab: &mut Lab<'_>) -> Outcome {
    const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";
    lab.own_network()?;
    std::fs::write(SOMAXCONN, "16")
        .map_err(|error| Stop::Skip(format!("{SOMAXCONN}: {error}")))?;
    lab.start()?;
    lab.server().signal_all(Signal::STOP)?;
    let count = lab.pick(100, 200, 200);
    let mut conns = (0..count)
        .map(|_| lab.connect_soon(None))
        .collect::<Outcome<Vec<_>>>()?;
    lab.pause(Duration::from_secs(2))?;
    lab.server().signal_all(Signal::CONT)?;
    let start = Instant::now();
    let bound = lab.ms(10_000);
    for conn in &mut conns {
        conn.connected(bound.saturating_sub(start.elapsed()))?;
        conn.exchange(10, bound.saturating_sub(start.elapsed()))?;
    }
    super::verdict::within("200 echoes", start.elapsed(), bound)?;
    lab.server().alive()
}
