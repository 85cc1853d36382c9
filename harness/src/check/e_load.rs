//! E, second half: many, slow, short or hostile connections.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use socket2::SockRef;

use super::case::Case;
use super::conn::Conn;
use super::crowd::{Pings, lasting, ping_pong};
use super::lab::Lab;
use super::verdict::{Outcome, Stop, ensure, refused, within};
use crate::catalog::Family;

pub(crate) const CASES: &[Case] = &[
    Case::must("E7", "limit of connections", max_conns).info(),
    Case::must("E10", "slowloris", slowloris).once(),
    Case::must("E11", "churn", churn).once(),
    Case::must("E12", "storm of resets", storm).once(),
    Case::must("E13", "10,000 held", held).once(),
];

/// The contract has no option for it, so there is nothing to judge.
fn max_conns(_: &mut Lab<'_>) -> Outcome {
    let why = "the contract has no limit of connections yet";
    Err(Stop::Skip(why.into()))
}

fn slowloris(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let count = lab.pick(200, 2_000, 2_000);
    let mut active = lab.connect_all(10)?;
    let before = lab.server().resident();
    let mut slow = Vec::new();
    for n in 0..count {
        let mut conn = lab.connect_from(n)?;
        conn.connected(lab.ms(2_000))?;
        conn.exchange(1, lab.ms(2_000))?;
        slow.push(conn);
    }
    let more = lasting(Duration::from_secs(lab.pick(2, 20, 20)));
    let rest = lab.pick(1_000, 5_000, 5_000) / count as u64;
    let pings = thread::scope(|scope| -> Outcome<Pings> {
        let more = &more;
        let trickle = scope.spawn(move || -> Outcome {
            while more() {
                for conn in slow.iter_mut().take_while(|_| more()) {
                    conn.try_receive()?;
                    conn.send(1)?;
                    thread::sleep(Duration::from_millis(rest));
                }
            }
            slow.iter_mut()
                .try_for_each(|it| it.receive_rest(Duration::from_secs(5)))
        });
        let pause = Duration::from_millis(20);
        let pings = ping_pong(&mut active, 100, pause, more);
        trickle.join().expect("a trickle doesn't panic")?;
        pings
    })?;
    let grown = lab.server().resident().saturating_sub(before);
    let each = (grown >> 10) / count as u64;
    lab.note(format!("{each} KiB a connection"));
    let most = if lab.target.family == Family::Threads { 128 } else { 64 };
    ensure(
        each <= most,
        format!("at most {most} KiB a connection"),
        format!("{each} KiB"),
    )?;
    pings.judge(lab.ms(50), None)
}

fn churn(lab: &mut Lab<'_>) -> Outcome {
    const ABREAST: usize = 64;
    lab.start()?;
    let count = lab.pick(2_000, 20_000, 20_000);
    let start = Instant::now();
    let bound = lab.volume_ms(60_000);
    for batch in 0..count / ABREAST {
        let mut conns = Vec::new();
        for _ in 0..ABREAST {
            conns.push(lab.connect_from(batch)?);
        }
        for conn in &mut conns {
            conn.connected(lab.volume_ms(5_000))?;
            conn.send(64)?;
        }
        for conn in &mut conns {
            conn.receive_rest(lab.volume_ms(5_000))?;
        }
    }
    within("the churn", start.elapsed(), bound)?;
    lab.settles(0)
}

fn storm(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let addr = lab.server().addr;
    let mut bystander = [lab.connect()?];
    let count = lab.pick(2_000, 10_000, 10_000);
    let over = AtomicBool::new(false);
    let pings = thread::scope(|scope| -> Outcome<Pings> {
        let storm = scope.spawn(|| {
            let raged = (0..count).try_for_each(|_| connect_and_reset(addr));
            over.store(true, Ordering::Relaxed);
            raged
        });
        let end = Instant::now() + lab.volume_ms(30_000);
        let more = || !over.load(Ordering::Relaxed) && Instant::now() < end;
        let pause = Duration::from_millis(5);
        let pings = ping_pong(&mut bystander, 10, pause, &more);
        storm.join().expect("a storm doesn't panic")?;
        pings
    })?;
    lab.server().alive()?;
    pings.judge(lab.ms(250), None)?;
    lab.settles(1)
}

fn connect_and_reset(addr: SocketAddr) -> Outcome {
    const PATIENCE: Duration = Duration::from_secs(10);
    let reset = |stream: TcpStream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))
    };
    TcpStream::connect_timeout(&addr, PATIENCE)
        .and_then(reset)
        .map_err(|error| refused("connecting", &error))
}

/// As many connections need as many descriptors on both sides.
pub(super) fn room_for(count: usize) -> Outcome {
    let need = count + 2 * SPARE;
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if allowed >= need as u64 {
        return Ok(());
    }
    let why = format!("{count} connections need {need} descriptors");
    Err(Stop::Skip(why))
}

const SPARE: usize = 64;

/// So many connections that each have carried an echo.
pub(super) fn ramp<'a>(
    lab: &mut Lab<'a>,
    count: usize,
) -> Outcome<Vec<Conn<'a>>> {
    let bound = lab.volume_ms(5_000);
    let mut conns = Vec::new();
    while conns.len() < count {
        // Fewer at once than any accept queue holds.
        let first = conns.len();
        for n in first..count.min(first + 500) {
            conns.push(lab.connect_from(n)?);
        }
        for conn in &mut conns[first..] {
            conn.connected(bound)?;
            conn.send(1 << 10)?;
        }
        for conn in &mut conns[first..] {
            conn.receive_rest(bound)?;
        }
    }
    Ok(conns)
}

fn held(lab: &mut Lab<'_>) -> Outcome {
    let count: usize = lab.pick(1_000, 10_000, 10_000);
    room_for(count)?;
    lab.start()?;
    let before = lab.server().descriptors();
    let bound = lab.volume_ms(5_000);
    let start = Instant::now();
    let mut conns = ramp(lab, count)?;
    lab.note(format!("{count} connected in {:.1?}", start.elapsed()));
    let open = lab.server().descriptors() - before;
    ensure(
        open <= count + SPARE,
        format!("at most {} descriptors", count + SPARE),
        format!("{open}"),
    )?;
    let more = lasting(Duration::from_secs(lab.pick(0, 1, 60)));
    loop {
        let sweep = Instant::now();
        for conn in &mut conns {
            conn.send(1 << 10)?;
        }
        for conn in &mut conns {
            conn.receive_rest(bound)?;
        }
        if !more() {
            return Ok(());
        }
        let every = Duration::from_secs(lab.pick(0, 0, 10));
        lab.pause(every.saturating_sub(sweep.elapsed()))?;
    }
}
