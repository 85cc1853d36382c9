//! F, second part: how it stops, starts again, and is interrupted.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::case::Case;
use super::conn::Conn;
use super::crowd::{flood, stall_all};
use super::lab::Lab;
use super::net::unacknowledged;
use super::verdict::{Outcome, Stop, ensure, late, within};
use crate::process::Confine;

pub(crate) const CASES: &[Case] = &[
    Case::must("F5", "restarts at once", restart).ends(),
    Case::must("F6", "stops when idle", stop).ends().quick(),
    Case::must("F7", "drains", drain).ends().times(5, 100).quick(),
    Case::must("F8", "drain time, second signal", deadline).ends(),
    Case::must("F10", "interrupted", interrupted).once(),
];

fn restart(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    for _ in 0..lab.pick(3, 20, 20) {
        let mut conns = lab.connect_all(50)?;
        for conn in &mut conns {
            conn.exchange(10, lab.ms(1_000))?;
        }
        let mut server = lab.take_server();
        let addr = server.addr.to_string();
        // The server closes first, so the waiting is on its port.
        server.signal(Signal::TERM)?;
        server.exits("the stop", lab.ms(6_000))?;
        drop(server);
        let again = lab.launch(&["--addr", &addr], Confine::default())?;
        within("the restart", again.ready, lab.volume_ms(1_000))?;
        lab.keep(again)?;
    }
    Ok(())
}

fn stop(lab: &mut Lab<'_>) -> Outcome {
    for signal in [Signal::TERM, Signal::INT] {
        for count in [0, 10] {
            lab.start()?;
            let mut conns = lab.connect_all(count)?;
            for conn in &mut conns {
                conn.exchange(10, lab.ms(1_000))?;
            }
            let mut server = lab.take_server();
            server.signal(signal)?;
            let start = Instant::now();
            let bound = lab.ms(1_000);
            for conn in &mut conns {
                conn.end(bound)?;
            }
            let left = bound.saturating_sub(start.elapsed());
            server.exits("the stop", left.max(Duration::from_millis(1)))?;
            let chatter = server.chatter();
            ensure(
                chatter.is_empty(),
                "one line on stdout",
                format!("and {chatter:?}"),
            )?;
        }
    }
    Ok(())
}

fn drain(lab: &mut Lab<'_>) -> Outcome {
    const DRAIN: Duration = Duration::from_secs(5);
    let drain = DRAIN.as_millis().to_string();
    lab.start_with(&["--drain-ms", &drain])?;
    let mut conns = lab.connect_all(50)?;
    for conn in &mut conns {
        conn.send(32 << 10)?;
    }
    // These have sent more than all buffers hold, so the server is in the
    // middle of it.
    let mut stalled = lab.connect_all(3)?;
    for conn in &mut stalled {
        conn.offer(64 << 20, Duration::from_millis(200))?;
    }
    // Of the others' bytes half is echoed and unread; the other half the
    // server has not even read when it is told to stop.
    let mut server = lab.take_server();
    server.signal_all(Signal::STOP)?;
    for conn in &mut conns {
        conn.send(32 << 10)?;
    }
    // What is still in the sender's own kernel nobody has promised.
    let due = stalled
        .iter()
        .map(|conn| Ok(conn.sent - unacknowledged(&conn.stream)?))
        .collect::<Outcome<Vec<u64>>>()?;
    let start = Instant::now();
    server.signal(Signal::TERM)?;
    server.signal_all(Signal::CONT)?;
    let bound = lab.ms(500);
    while TcpStream::connect(server.addr).is_ok() {
        if start.elapsed() > bound {
            return late("newcomers refused", bound, "one was let in");
        }
        lab.pause(Duration::from_millis(5))?;
    }
    for (at, conn) in conns.iter_mut().enumerate() {
        conn.receive_rest(lab.volume_ms(5_000))?;
        // Half of them say that they have finished, half just wait.
        if at % 2 == 0 {
            conn.finish()?;
        }
    }
    for (conn, due) in stalled.iter_mut().zip(due) {
        conn.receive(due - conn.received, lab.volume_ms(5_000))?;
    }
    drop(stalled);
    for conn in &mut conns {
        conn.end(DRAIN + lab.ms(1_000))?;
    }
    let left = (DRAIN + lab.ms(1_000)).saturating_sub(start.elapsed());
    server.exits("the drain", left)
}

fn deadline(lab: &mut Lab<'_>) -> Outcome {
    const DRAIN: Duration = Duration::from_millis(500);
    lab.start_with(&["--drain-ms", "500"])?;
    let conns = never_read(lab)?;
    let mut server = lab.take_server();
    server.signal(Signal::TERM)?;
    server.exits("the end of the drain", DRAIN + lab.ms(1_000))?;
    drop((server, conns));

    lab.start_with(&["--drain-ms", "60000"])?;
    let _conns = never_read(lab)?;
    let mut server = lab.take_server();
    server.signal(Signal::TERM)?;
    // Longer than the first may take: no time but the one asked for.
    lab.pause(DRAIN + Duration::from_millis(1_100))?;
    // It is still busy with what it has to deliver.
    server.alive()?;
    server.signal(Signal::TERM)?;
    server.ends("the second signal", lab.ms(200)).map(drop)
}

/// Ten clients that read nothing, stalled for sure: each has sent more than
/// the server can have passed on.
fn never_read<'a>(lab: &mut Lab<'a>) -> Outcome<Vec<Conn<'a>>> {
    const MOST: u64 = 32 << 20;
    let mut conns = lab.connect_all(10)?;
    for conn in &conns {
        conn.receive_buffer(4 << 10)?;
    }
    stall_all(&mut conns, MOST, lab.ms(300))?;
    // What a small buffer lets through is no stall.
    let least = conns.iter().map(|conn| conn.sent).min();
    if least.is_some_and(|sent| sent < 1 << 20) {
        let why = "its clients did not stall: the machine is too busy";
        return Err(Stop::Error(why.into()));
    }
    Ok(conns)
}

fn interrupted(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    let over = AtomicBool::new(false);
    let bound = lab.volume_ms(10_000);
    let moved = thread::scope(|scope| -> Outcome<u64> {
        let more = || !over.load(Ordering::Relaxed);
        let transfer = scope.spawn(move || flood(&mut conn, bound, &more));
        let stormed = storm(lab);
        over.store(true, Ordering::Relaxed);
        let moved = transfer.join().expect("a flood doesn't panic");
        stormed?;
        moved
    })?;
    lab.note(format!("{} MiB meanwhile", moved >> 20));
    lab.server().alive()
}

/// Stops and goes on; then a thousand signals a second that mean nothing, to
/// all processes. The kernel drops those that nobody handles, so every tenth
/// time it is a stop that goes on at once: `epoll_wait(2)` returns EINTR.
fn storm(lab: &mut Lab<'_>) -> Outcome {
    let stop = Duration::from_millis(lab.pick(300, 3_000, 3_000));
    for time in [Duration::from_millis(1), stop, Duration::from_millis(1)] {
        lab.pause(Duration::from_millis(50))?;
        lab.server().signal_all(Signal::STOP)?;
        lab.pause(time)?;
        lab.server().signal_all(Signal::CONT)?;
    }
    for n in 0..lab.pick(300, 3_000, 3_000) {
        let signals: &[Signal] = match n % 10 {
            0 => &[Signal::STOP, Signal::CONT],
            1 => &[Signal::CHILD],
            _ => &[Signal::WINCH],
        };
        for &signal in signals {
            lab.server().signal_all(signal)?;
        }
        lab.pause(Duration::from_millis(1))?;
    }
    Ok(())
}
