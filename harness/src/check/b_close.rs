//! B: how connections end.

use std::time::Duration;

use rustix::process::Signal;

use super::case::Case;
use super::lab::Lab;
use super::net::counter;
use super::verdict::{Outcome, broken, ensure, fail};

pub(crate) const CASES: &[Case] = &[
    Case::must("B1", "half-close after 1 KiB", half_close).quick(),
    Case::must("B2", "half-close after 64 MiB", stream).quick(),
    Case::must("B3", "half-close, read late", read_late),
    Case::must("B4", "end without a byte", end).quick(),
    Case::must("B5", "reset in the middle", reset).quick(),
    Case::must("B6", "reset in the accept queue", reset_queued).quick(),
    Case::must("B7", "no reset of its own", no_reset).setup('N').quick(),
    Case::must("B8", "leaves nothing behind", hygiene),
    Case::must("B9", "vanished peer", vanished).setup('N').info().ends(),
    Case::must("B10", "idle is no error", idle).long(),
];

fn half_close(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    for _ in 0..50 {
        let mut conn = lab.connect()?;
        conn.send(1 << 10)?;
        conn.finish()?;
        conn.rest_and_end(lab.ms(1_000))?;
    }
    // A quick server has echoed before the end comes: now it finds both.
    for _ in 0..5 {
        let mut conn = lab.connect()?;
        lab.server().signal_all(Signal::STOP)?;
        let sent = conn.send(1 << 10).and_then(|()| conn.finish());
        lab.server().signal_all(Signal::CONT)?;
        sent?;
        conn.rest_and_end(lab.ms(1_000))?;
    }
    Ok(())
}

fn stream(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    let volume = lab.pick(16 << 20, 64 << 20, 64 << 20);
    let bound = lab.volume_ms(10_000);
    conn.exchange_finishing(volume, bound)?;
    conn.rest_and_end(bound)
}

fn read_late(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    // Less than what the sockets of both sides hold.
    let taken = conn.offer(4 << 20, Duration::from_secs(2))?;
    conn.finish()?;
    lab.note(format!("{} KiB unread", taken >> 10));
    lab.pause(Duration::from_secs(2))?;
    conn.rest_and_end(lab.volume_ms(3_000))
}

fn end(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    for _ in 0..20 {
        let mut conn = lab.connect()?;
        conn.finish()?;
        conn.end(lab.ms(1_000))?;
    }
    Ok(())
}

fn reset(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut others = lab.connect_all(20)?;
    for other in &mut others {
        other.exchange(10, lab.ms(1_000))?;
    }
    for round in 0..200 {
        let mut conn = lab.connect()?;
        conn.offer(1 << 20, Duration::from_millis(2))?;
        // Some of it is on its way back, and more wants to be.
        conn.try_receive()?;
        conn.reset()?;
        if round % 10 == 0 {
            others[round / 10].exchange(10, lab.ms(1_000))?;
        }
    }
    lab.server().alive()?;
    for _ in 0..10 {
        finish_and_reset(lab)?;
        others[0].exchange(10, lab.ms(1_000))?;
    }
    for other in &mut others {
        other.exchange(10, lab.ms(1_000))?;
    }
    lab.settles(others.len())
}

/// Whoever is reset reads or writes ECONNRESET once. After the peer has
/// finished as well it reads what had come, and its echo meets EPIPE, and
/// SIGPIPE with it.
fn finish_and_reset(lab: &mut Lab<'_>) -> Outcome {
    lab.server().signal_all(Signal::STOP)?;
    let reset = (0..10).try_for_each(|_| {
        let mut conn = lab.connect()?;
        conn.send(10 << 10)?;
        conn.finish()?;
        conn.reset()
    });
    lab.server().signal_all(Signal::CONT)?;
    reset?;
    lab.echo_once(lab.ms(1_000))?;
    lab.server().alive()
}

fn reset_queued(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    lab.server().signal_all(Signal::STOP)?;
    for _ in 0..100 {
        lab.connect()?.reset()?;
    }
    lab.server().signal_all(Signal::CONT)?;
    lab.echo_once(lab.ms(1_000))?;
    lab.server().alive()
}

fn no_reset(lab: &mut Lab<'_>) -> Outcome {
    lab.own_network()?;
    lab.start()?;
    let before = counter("Tcp", "OutRsts")?;
    for _ in 0..lab.pick(100, 500, 500) {
        let mut conn = lab.connect()?;
        conn.exchange(100, lab.ms(1_000))?;
        conn.finish()?;
        conn.end(lab.ms(1_000))?;
    }
    // Whoever closes first is in order too.
    for _ in 0..lab.pick(100, 500, 500) {
        lab.connect()?.exchange(100, lab.ms(1_000))?;
    }
    lab.settles(0)?;
    let resets = counter("Tcp", "OutRsts")? - before;
    ensure(resets == 0, "no reset", format!("{resets} resets were sent"))
}

fn hygiene(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    // Pools grow to their size first.
    let mut conns = lab.connect_all(200)?;
    for conn in &mut conns {
        conn.exchange(100, lab.ms(2_000))?;
    }
    drop(conns);
    lab.settles(0)?;
    let threads = lab.server().threads();
    // A heap grows to its size; a leak grows each time.
    let mut least = u64::MAX;
    for _ in 0..6 {
        let resident = lab.server().resident();
        come_and_go(lab)?;
        let grown = lab.server().resident().saturating_sub(resident);
        least = least.min(grown);
        if least <= 4 << 20 {
            break;
        }
    }
    lab.eventually("threads back at rest", lab.ms(1_000), |lab| {
        let now = lab.server().threads();
        let near = now <= threads + 2;
        Ok(if near { Ok(()) } else { Err(format!("{now}, not {threads}")) })
    })?;
    ensure(
        least <= 4 << 20,
        "at most 4 MiB more resident memory",
        format!("{} KiB more", least >> 10),
    )?;
    // A server may not have come to the last ones yet.
    lab.eventually("no CLOSE_WAIT", lab.ms(1_000), |lab| {
        let waiting = crate::sockets::close_wait(lab.server().addr)
            .map_err(super::verdict::broken("socket diagnostics"))?;
        let none = waiting == 0;
        Ok(if none { Ok(()) } else { Err(format!("{waiting} sockets in it")) })
    })?;
    let zombies = lab.server().zombies();
    ensure(zombies == 0, "no zombie", format!("{zombies} of them"))
}

/// Connections one by one, then 200 at a time.
fn come_and_go(lab: &mut Lab<'_>) -> Outcome {
    for _ in 0..lab.pick(500, 1_000, 1_000) {
        lab.connect()?.exchange(100, lab.ms(1_000))?;
    }
    for _ in 0..5 {
        let mut conns = lab.connect_all(200)?;
        for conn in &mut conns {
            conn.exchange(100, lab.ms(2_000))?;
        }
    }
    lab.settles(0)
}

/// No server offers an option for it yet, so it is told, not judged.
fn vanished(lab: &mut Lab<'_>) -> Outcome {
    lab.own_network()?;
    lab.start()?;
    let open = lab.server().descriptors();
    let mut conn = lab.connect()?;
    conn.exchange(10, lab.ms(1_000))?;
    lab.network().cut().map_err(broken("the loopback"))?;
    drop(conn);
    lab.pause(Duration::from_secs(5))?;
    let kept = lab.server().descriptors() > open;
    lab.network().mend().map_err(broken("the loopback"))?;
    let note = if kept { "kept after 5 s" } else { "freed within 5 s" };
    lab.note(format!("a connection to nobody is {note}"));
    Ok(())
}

fn idle(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conns = lab.connect_all(20)?;
    for conn in conns.iter_mut().take(10) {
        conn.exchange(10, lab.ms(1_000))?;
    }
    lab.pause(Duration::from_secs(lab.pick(3, 60, 60)))?;
    for conn in &mut conns {
        match conn.exchange(10, lab.ms(1_000)) {
            Ok(took) => {
                super::verdict::within("an echo", took, lab.ms(100))?;
            }
            Err(super::verdict::Stop::Fail(evidence)) => {
                return fail("an idle connection lives", evidence.actual);
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok(())
}
