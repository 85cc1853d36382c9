//! Whether damage and lies are found out.

use std::thread::sleep;
use std::time::{Duration, Instant};

use wire::{End, Fault, FaultKind, Report};

use super::lab::{Order, STALL_MS, in_flight, only};
use super::witness::trouble;
use super::{Class, Figure, Finding, Goal, Lab, Run, Test, Trouble};
use crate::drive::Moment;
use crate::record::Outcome;
use crate::{sample, sockets};

pub(super) const TESTS: &[Test] = &[
    Test {
        id: "K7",
        class: Class::Live,
        title: "one message in a million corrupted, lost, doubled or swapped",
        goal: "all four found, by kind and place; a sound server gives as \
               many back as were sent",
        source: "go-websocket-benchmark published 9 of 16 rows with counts \
                 that differ, unflagged",
        seconds: 75,
        run: Run::Drive(damage),
    },
    Test {
        id: "K8",
        class: Class::Live,
        title: "servers that don't hold the connections they seem to",
        goal: "five of five caught: one accepts 9,999, one never reads a \
               connection, one closes it at once, one at the barrier, one \
               has a backlog of 1; a sound one is not",
        source: "other load generators trust connect()",
        seconds: 32,
        run: Run::Drive(lies),
    },
    Test {
        id: "K9",
        class: Class::Live,
        title: "10,000 connections are opened without a loss",
        goal: "no accept queue overflows, no SYN cookie, no SYN sent twice",
        source: "wrk2 spreads its connects over up to 50 s",
        seconds: 5,
        run: Run::Drive(opening),
    },
];

/// Connections in flight while damage is looked for.
const IN_FLIGHT: u32 = 256;
const DAMAGE_MS: u64 = 25_000;
/// The message that is damaged, if the time carries so many.
const DAMAGED: f64 = 500_000.0;
const MESSAGE: u64 = 100;
/// Two nonces of a connection come before its first message.
const NONCES: u64 = 64;

fn damage(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let order = Order {
        connections: 1_000.min(lab.size.connections),
        windows: vec![in_flight(
            IN_FLIGHT.min(lab.size.connections),
            0,
            lab.size.ms(DAMAGE_MS),
        )],
        stall_ms: STALL_MS,
    };
    let server = lab.start("good", 0)?;
    let report = lab.load(&server, &order)?;
    drop(server);
    let window = only(&report)?;
    let unequal = window.bytes_sent.abs_diff(window.bytes_verified)
        + window.planned.abs_diff(window.echoed);
    let n = window.planned;
    let at = (DAMAGED * lab.size.time).round() * MESSAGE as f64;
    let bugs = ["corrupt", "lose", "double", "mix"];
    // Such a run ends at the fault: a slow machine gets the time it needs.
    let mut patient = order.clone();
    patient.windows[0].duration_ms *= 4;
    let mut found = 0;
    for bug in bugs {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some fifty million"
        )]
        let server = lab.start(bug, at as u64)?;
        let report = lab.drive(&server, &patient, |_| {})?;
        if let End::Corrupted(fault) = &report.end {
            found += u32::from(is_at_its_place(bug, fault, order.connections));
        }
    }
    let all = Goal::AtLeast(bugs.len() as f64);
    Ok(Finding::of(
        n,
        "sound messages",
        vec![
            Figure::new("found", f64::from(found), "of 4", all),
            Figure::new("unequal", unequal as f64, "", Goal::AtMost(0.0)),
        ],
    ))
}

/// Whether a fault is what the fixture did: to the middle of one message, or
/// from the beginning of one where two were swapped. A byte that is its own
/// neighbour's double shows a little later.
fn is_at_its_place(bug: &str, fault: &Fault, connections: u32) -> bool {
    let Some(offset) = fault.offset.checked_sub(NONCES) else { return false };
    let inside = offset % MESSAGE;
    let middle = MESSAGE / 2;
    let here = match (bug, &fault.kind) {
        ("corrupt", FaultKind::Wrong) => inside == middle,
        ("lose", FaultKind::Short { missing: 1 })
        | ("double", FaultKind::Surplus) => {
            (middle..middle + 8).contains(&inside)
        }
        ("mix", FaultKind::Mixed { other, other_offset }) => {
            inside == 0
                && *other != fault.connection
                && (other_offset - NONCES.min(*other_offset)) % MESSAGE == 0
        }
        _ => false,
    };
    here && fault.connection < connections
}

/// No answer for so long is a server that holds a connection no more.
const LIE_STALL_MS: u64 = 2_000;

fn lies(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let connections = lab.size.connections;
    let liars = [
        ("limit", u64::from(connections) - 1),
        ("neglect", u64::from(connections) / 2),
        ("close-accepted", u64::from(connections) / 2),
        ("close-quiet", u64::from(connections)),
        ("small-backlog", 1),
    ];
    let mut caught = 0;
    for (bug, at) in liars {
        caught += u32::from(is_caught(lab, bug, at)?);
    }
    let accused = is_caught(lab, "good", 0)?;
    Ok(Finding::of(
        u64::from(connections),
        "connections",
        vec![
            Figure::new(
                "caught",
                f64::from(caught),
                "of 5",
                Goal::AtLeast(liars.len() as f64),
            ),
            Figure::new(
                "accused falsely",
                f64::from(u32::from(accused)),
                "",
                Goal::AtMost(0.0),
            ),
        ],
    ))
}

/// Whether anything tells that this server does not hold all connections:
/// the launch, the end of the load, the proof, or the kernel's census.
fn is_caught(lab: &Lab<'_>, bug: &str, at: u64) -> Result<bool, Trouble> {
    let server = match lab.try_start(bug, at) {
        Ok(server) => server,
        Err(Outcome::NeverReady { .. }) => return Ok(true),
        Err(outcome) => return Err(trouble(outcome)),
    };
    let connections = lab.size.connections;
    let order = Order {
        connections,
        windows: vec![in_flight(16, 0, 100)],
        stall_ms: LIE_STALL_MS,
    };
    let addr = server.running.announce().addr;
    let mut census = None;
    let report = lab.drive(&server, &order, |moment| {
        if moment == Moment::Barrier {
            census = sockets::census(addr).ok();
            sleep(Duration::from_millis(100));
        }
    })?;
    let counted = census.is_some_and(|census| {
        [census.server_established, census.client_established]
            == [connections; 2]
    });
    Ok(!(counted && is_proved(&report, connections)))
}

fn is_proved(report: &Report, connections: u32) -> bool {
    let proof = report.proof.as_ref();
    report.end == End::Completed
        && proof.is_some_and(|proof| proof.verify(connections).is_ok())
}

const LOSSES: [(&str, &str); 4] = [
    ("ListenOverflows", "accept queue overflows"),
    ("ListenDrops", "dropped at the listener"),
    ("SyncookiesSent", "SYN cookies"),
    ("TCPSynRetrans", "SYNs sent again"),
];

/// The counters are of the network that the test is made in: where it has none
/// of its own, what others lose counts against it.
fn opening(lab: &Lab<'_>) -> Result<Finding, Trouble> {
    let connections = lab.size.connections;
    let server = lab.start("good", 0)?;
    let order = Order {
        connections,
        windows: vec![in_flight(1, 0, 10)],
        stall_ms: STALL_MS,
    };
    let count = || LOSSES.map(|(name, _)| sample::tcp_counter(name));
    let (before, start) = (count(), Instant::now());
    let (mut after, mut took) = (before, Duration::ZERO);
    let report = lab.drive(&server, &order, |moment| {
        if moment == Moment::Barrier {
            (after, took) = (count(), start.elapsed());
        }
    })?;
    if report.end != End::Completed {
        let end = format!("the connections were not opened: {:?}", report.end);
        return Err(Trouble::Broken(end));
    }
    let mut figures: Vec<Figure> = LOSSES
        .iter()
        .zip(before.iter().zip(after))
        .map(|((_, name), (before, after))| {
            let lost = after.saturating_sub(*before) as f64;
            Figure::new(*name, lost, "", Goal::AtMost(0.0))
        })
        .collect();
    figures.push(Figure::aside("opened within", took.as_secs_f64(), "s"));
    Ok(Finding::of(u64::from(connections), "connections", figures))
}
