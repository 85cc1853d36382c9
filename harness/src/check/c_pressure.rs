//! C: back-pressure, fairness, and what it costs to do nothing.

use std::thread;
use std::time::Duration;

use super::case::Case;
use super::crowd::{Pings, flood, lasting, ping_pong, stall_all};
use super::lab::Lab;
use super::verdict::{Outcome, ensure, fail};

pub(crate) const CASES: &[Case] = &[
    Case::must("C1", "one stalled reader", stalled).quick(),
    Case::must("C2", "100 stalled readers", many_stalled).once(),
    Case::must("C3", "goes on after a stall", resume),
    Case::must("C4", "slow reader", slow_reader).once(),
    Case::must("C5", "firehoses and small talk", fairness).once(),
    Case::must("C6", "64 stalled, one more", head_of_line).once(),
    Case::must("C7", "cost of idle connections", idle_cost).once(),
    Case::must("C8", "one stalled, 100 others", shared).once(),
];

const MIB: u64 = 1 << 20;

fn stalled(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    let before = lab.server().resident();
    let taken = conn.offer(256 * MIB, Duration::from_millis(1_500))?;
    let grown = lab.server().resident().saturating_sub(before);
    lab.note(format!("took {} KiB, grown by {} KiB", taken >> 10, grown >> 10));
    ensure(
        taken < 96 * MIB,
        "no more than 96 MiB taken from one who reads nothing",
        format!("{} MiB taken", taken / MIB),
    )?;
    ensure(
        grown <= 8 * MIB,
        "at most 8 MiB more resident memory",
        format!("{} MiB more", grown / MIB),
    )
}

fn many_stalled(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let count = lab.pick(30, 100, 100);
    let mut conns = lab.connect_all(count)?;
    for conn in &conns {
        conn.receive_buffer(64 << 10)?;
    }
    let before = lab.server().resident();
    stall_all(&mut conns, 16 * MIB, Duration::from_millis(1_500))?;
    let grown = lab.server().resident().saturating_sub(before);
    lab.note(format!("grown by {} KiB each", (grown >> 10) / count as u64));
    let most = count as u64 * (640 << 10);
    ensure(
        grown <= most,
        format!("at most {} MiB more resident memory", most / MIB),
        format!("{} MiB more", grown / MIB),
    )?;
    lab.echo_once(lab.ms(1_000))
}

fn resume(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    let taken = conn.offer(96 * MIB, Duration::from_millis(1_000))?;
    ensure(taken < 96 * MIB, "a stall before 96 MiB", "no stall")?;
    conn.receive_rest(lab.volume_ms(5_000))?;
    conn.exchange(100, lab.ms(1_000)).map(drop)
}

fn slow_reader(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let time = Duration::from_secs(lab.pick(2, 5, 5));
    let mut slow = lab.connect()?;
    slow.receive_buffer(2 << 10)?;
    let mut others = lab.connect_all(10)?;
    slow.offer(256 * MIB, Duration::from_millis(500))?;
    let before = lab.server().cpu();
    let (pause, more) = (Duration::from_millis(100), lasting(time));
    let pings = thread::scope(|scope| -> Outcome<Pings> {
        let small_talk =
            scope.spawn(|| ping_pong(&mut others, 10, pause, &more));
        let reading = lasting(time);
        while reading() {
            slow.try_send(64 << 10)?;
            if slow.try_receive_most(1 << 10)?.is_none() {
                return fail("an open connection", "it was closed");
            }
            thread::sleep(Duration::from_millis(100));
        }
        small_talk.join().expect("ping-pong doesn't panic")
    })?;
    let burnt = lab.server().cpu().saturating_sub(before);
    pings.judge(lab.ms(50), None)?;
    ensure(
        burnt <= time / 10,
        "at most a tenth of a CPU for a slow reader",
        format!("{burnt:.1?} of CPU in {time:.0?}"),
    )
}

fn fairness(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let time = Duration::from_secs(lab.pick(2, 5, 5));
    let mut hoses = lab.connect_all(2)?;
    let mut others = lab.connect_all(50)?;
    let bound = lab.volume_ms(5_000);
    let more = lasting(time);
    let pings = thread::scope(|scope| -> Outcome<Pings> {
        let more = &more;
        let flooding: Vec<_> = hoses
            .iter_mut()
            .map(|hose| scope.spawn(move || flood(hose, bound, more)))
            .collect();
        let pause = Duration::from_millis(20);
        let pings = ping_pong(&mut others, 10, pause, more);
        for hose in flooding {
            hose.join().expect("a flood doesn't panic")?;
        }
        pings
    })?;
    let slow = if lab.target.slow > 1 { 4 } else { 1 };
    let p99 = lab.ms(250) * slow;
    pings.judge(p99, Some(lab.volume_ms(1_000)))
}

fn head_of_line(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conns = lab.connect_all(64)?;
    for conn in &conns {
        conn.receive_buffer(4 << 10)?;
    }
    stall_all(&mut conns, 16 * MIB, Duration::from_millis(500))?;
    lab.echo_once(lab.ms(1_000))
}

fn idle_cost(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let before = lab.server().resident();
    let fds = lab.server().descriptors();
    let threads = lab.server().threads();
    let count: u32 = lab.pick(300, 1_000, 1_000);
    let mut conns = lab.connect_all(count as usize)?;
    for conn in &mut conns {
        conn.exchange(100, lab.ms(2_000))?;
    }
    let grown = lab.server().resident().saturating_sub(before);
    let fds = lab.server().descriptors().saturating_sub(fds);
    let threads = lab.server().threads().saturating_sub(threads);
    lab.note(format!(
        "{:.1} KiB, {:.2} descriptors, {:.2} threads a connection",
        grown as f64 / 1024.0 / f64::from(count),
        fds as f64 / f64::from(count),
        threads as f64 / f64::from(count),
    ));
    lab.pause(Duration::from_millis(300))?;
    let time = Duration::from_secs(lab.pick(2, 5, 5));
    let burnt = lab.burnt(time)?;
    ensure(
        burnt <= time / 100,
        format!("at most 1 % of a CPU for {count} idle connections"),
        format!("{burnt:.1?} of CPU in {time:.0?}"),
    )
}

fn shared(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut stalled = lab.connect()?;
    stalled.receive_buffer(4 << 10)?;
    stalled.offer(64 * MIB, Duration::from_millis(500))?;
    let mut others = lab.connect_all(100)?;
    for other in &mut others {
        other.exchange(64 << 10, lab.volume_ms(2_000))?;
    }
    let more = lasting(Duration::from_secs(lab.pick(1, 2, 2)));
    let pause = Duration::from_millis(20);
    let pings = ping_pong(&mut others, 1_000, pause, &more)?;
    let slow = if lab.target.slow > 1 { 4 } else { 1 };
    pings.judge(lab.ms(250) * slow, Some(lab.volume_ms(1_000)))
}
