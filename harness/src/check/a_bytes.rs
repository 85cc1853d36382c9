//! A: every byte, in order, uninterpreted, at once.

use std::time::Duration;

use super::case::Case;
use super::conn::Conn;
use super::lab::Lab;
use super::verdict::{Outcome, ensure, within};

pub(crate) const CASES: &[Case] = &[
    Case::must("A1", "size sweep", sizes).quick(),
    Case::must("A2", "dribble of single bytes", dribble).quick(),
    Case::must("A3", "messages in one write", coalesced).quick(),
    Case::must("A4", "stream cut at random", sliced),
    Case::must("A5", "bytes that mean something", transparent).quick(),
    Case::must("A6", "gigabyte both ways", gigabyte).once(),
    Case::must("A7", "no cross-talk on reused descriptors", reuse).once(),
    Case::must("A8", "speaks when spoken to, at once", prompt).quick(),
    Case::must("A9", "connections without a byte", empty).quick(),
    Case::must("A10", "urgent byte", urgent).should().quick(),
];

fn sizes(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    sweep(lab)
}

/// Every size at which buffers have edges.
pub(super) fn sweep(lab: &mut Lab<'_>) -> Outcome {
    let mut conn = lab.connect()?;
    let small = [1, 2, 3, 7];
    let powers = [1 << 10, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16];
    let large = powers.into_iter().chain([1 << 20]);
    let around = large.flat_map(|size: u64| size - 1..=size + 1);
    for size in small.into_iter().chain(around) {
        conn.exchange(size, lab.volume_ms(2_000))?;
    }
    conn.silent(Duration::from_millis(20))
}

fn dribble(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    for n in 1..=lab.pick(4_000, 10_000, 10_000) {
        conn.send(1)?;
        conn.try_receive()?;
        // Now and then in step, or a slow server reads them all as one.
        if n % 8 == 0 {
            conn.receive_rest(lab.volume_ms(2_000))?;
        }
    }
    conn.receive_rest(lab.volume_ms(10_000))
}

fn coalesced(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.send(1_000 * 37)?;
    conn.receive_rest(lab.volume_ms(2_000))?;
    conn.exchange(1, lab.ms(1_000))?;
    conn.silent(Duration::from_millis(20))
}

fn sliced(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    for _ in 0..lab.pick(1, 5, 5) {
        let mut conn = lab.connect()?;
        let length = lab.pick(1 << 17, 1 << 20, 1 << 20);
        while conn.sent < length {
            conn.send((1 + lab.below(3_000)).min(length - conn.sent))?;
            if lab.below(2) == 0 {
                // In step, so that the next piece comes alone.
                conn.receive_rest(lab.volume_ms(2_000))?;
            }
            let pause = Duration::from_micros(lab.below(2_000));
            lab.pause(pause)?;
        }
        conn.receive_rest(lab.volume_ms(20_000))?;
    }
    Ok(())
}

fn transparent(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let every: Vec<u8> = (0..=u8::MAX).cycle().take(256 * 16).collect();
    let payloads: [&[u8]; 10] = [
        &every,
        &[0; 1_000],
        b"\r\n\r\n\n\n\r\r\r\n",
        b"\x04\x1a\x03\x00\x04",
        b"\xff\xf4\xff\xfd\x06\xff\xff\xff",
        b"\xc3\x28\xa0\xa1\xe2\x28\xa1\xf0\x28\x8c\xbc\xfe\xff\xed\xa0\x80",
        b"\xef\xbb\xbfbyte order mark",
        b"QUIT\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 64 << 10],
    ];
    let mut conn = lab.connect()?;
    for payload in payloads {
        conn.exchange_raw(payload, lab.ms(2_000))?;
    }
    // Each may be the first that a server hears.
    for payload in payloads {
        lab.connect()?.exchange_raw(payload, lab.ms(2_000))?;
    }
    Ok(())
}

fn gigabyte(lab: &mut Lab<'_>) -> Outcome {
    const MIB: u64 = 1 << 20;
    lab.start()?;
    let mut conn = lab.connect()?;
    let before = lab.server().resident();
    let volume = lab.pick(32, 256, 1024) * MIB;
    let (mut most, mut took) = (0, Duration::ZERO);
    for _ in 0..16 {
        took += conn.exchange(volume / 16, lab.volume_ms(4_000))?;
        let now = lab.server().resident();
        most = most.max(now.saturating_sub(before));
    }
    within("the gigabyte", took, lab.volume_ms(60_000))?;
    lab.note(format!("{} MiB grown by {} KiB", volume / MIB, most >> 10));
    ensure(
        most <= 8 * MIB,
        "at most 8 MiB more resident memory",
        format!("{} MiB more", most / MIB),
    )
}

fn reuse(lab: &mut Lab<'_>) -> Outcome {
    const EACH: u64 = 64 << 10;
    lab.start()?;
    let count = lab.pick(200, 1_000, 1_000);
    let mut conns = lab.connect_all(count)?;
    let mut finished = 0;
    while finished < count {
        let at = lab.index(conns.len());
        let conn = &mut conns[at];
        if conn.sent == EACH {
            conn.receive_rest(lab.volume_ms(10_000))?;
            finished += 1;
            drop(conns.swap_remove(at));
            continue;
        }
        conn.send((1 + lab.below(16_000)).min(EACH - conn.sent))?;
        if lab.below(2) == 0 {
            conn.try_receive()?;
        }
        // Three in ten end in the middle; another takes the place at once.
        if lab.below(15) == 0 {
            let fresh = lab.connect()?;
            let old = std::mem::replace(&mut conns[at], fresh);
            end_somehow(lab, old)?;
        }
    }
    Ok(())
}

/// Half of them by a reset, in the middle of whatever they were doing.
fn end_somehow(lab: &mut Lab<'_>, conn: Conn<'_>) -> Outcome {
    if lab.below(2) == 0 { conn.reset() } else { Ok(()) }
}

fn prompt(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.silent(Duration::from_millis(500))?;
    for size in [1, 7] {
        let took = conn.exchange(size, lab.ms(2_000))?;
        let what = format!("an echo of {size} byte(s)");
        within(&what, took, lab.ms(50))?;
    }
    conn.silent(Duration::from_millis(20))
}

fn empty(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    for _ in 0..1_000 {
        drop(lab.connect()?);
    }
    lab.settles(0)?;
    lab.rests(Duration::from_millis(500))
}

fn urgent(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.send_raw(b"abc")?;
    conn.send_urgent(b"d")?;
    conn.send_raw(b"ef")?;
    conn.finish()?;
    let bound = lab.ms(2_000);
    let echoed = conn.receive_raw(7, bound)?;
    lab.rests(Duration::from_millis(300))?;
    ensure(
        echoed == b"abcdef",
        "abcdef",
        String::from_utf8_lossy(&echoed).into_owned(),
    )
}
