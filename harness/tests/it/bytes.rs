//! Servers that damage, lose, add or swap bytes, or serve only some.

use harness::record::{Outcome, Record};
use load::Pattern;
use wire::{Fault, FaultKind};

use crate::bed::{Bed, Ran};
use crate::tests;

tests![
    damaged_bytes_of_the_classic_test_are_named_with_connection_and_offset,
    damaged_bytes_under_load_are_named_with_connection_and_offset,
    a_black_hole_never_has_a_rate,
    a_connection_that_is_never_read_is_counted_and_no_rate_is_shown,
    a_connection_closed_at_once_is_counted_as_lost,
    a_connection_closed_between_the_sweeps_breaks_the_proof,
    a_server_that_accepts_all_but_one_never_has_a_rate,
];

const BUGS: [&str; 5] = ["corrupt", "lose", "double", "surplus", "mix"];

fn damage_is_named(scenario: &str) {
    let mut bed = Bed::new();
    for bug in BUGS {
        bed.fixture(bug, &["--bug", bug]);
    }
    let ran = bed.run(&["--scenario", scenario]);
    ran.exits_with(3).measured_the_good_one();
    for bug in BUGS {
        let record = ran.record(bug);
        let fault = fault(&record);
        is_true(bug, fault, Pattern::new(record.trial.seed));
        let (number, offset) = (fault.connection, fault.offset);
        let place = format!("connection {number} received");
        let offset = format!("at offset {offset}");
        ran.shows(bug, "corrupted", &[&place, &offset]);
    }
}

fn damaged_bytes_of_the_classic_test_are_named_with_connection_and_offset() {
    damage_is_named("classic");
}

fn damaged_bytes_under_load_are_named_with_connection_and_offset() {
    damage_is_named("load");
}

fn fault(record: &Record) -> &Fault {
    match &record.outcome {
        Outcome::Corrupted(fault) => fault,
        other => panic!("{}: {other:?}", record.trial.lane),
    }
}

/// Recomputes from the pattern what was due and what the bug makes of it.
fn is_true(bug: &str, fault: &Fault, pattern: Pattern) {
    let (own, offset) = (fault.connection, fault.offset);
    assert!(own < 64, "{fault:?}");
    let stream = |connection, from, length| {
        let mut bytes = vec![0; length];
        pattern.fill(connection, from, &mut bytes);
        bytes
    };
    let expected = bytes(&fault.expected);
    let actual = bytes(&fault.actual);
    assert_eq!(expected, stream(own, offset, expected.len()), "{fault:?}");
    assert!(!actual.is_empty(), "{fault:?}");
    match bug {
        "corrupt" => {
            assert_eq!(fault.kind, FaultKind::Wrong);
            let length = actual.len();
            let mut damaged = stream(own, offset, length);
            damaged[0] ^= 0x55;
            assert_eq!(actual, damaged, "{fault:?}");
        }
        "lose" => {
            assert_eq!(fault.kind, FaultKind::Short { missing: 1 });
            assert_eq!(actual, stream(own, offset + 1, actual.len()));
        }
        "double" => {
            assert_eq!(fault.kind, FaultKind::Surplus);
            assert_eq!(actual, stream(own, offset - 1, actual.len()));
        }
        "surplus" => assert_eq!(fault.kind, FaultKind::Surplus),
        _ => {
            let FaultKind::Mixed { other, other_offset } = fault.kind else {
                panic!("{fault:?}");
            };
            assert!(other != own && other < 64, "{fault:?}");
            let length = actual.len().min(32);
            assert_eq!(actual, stream(other, other_offset, length));
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// Asserts that it was not measured and tells how many were served.
fn served(ran: &Ran, requested: u32) -> u32 {
    ran.exits_with(3).measured_the_good_one();
    let row = ran.row("bad");
    assert!(row["metrics"].as_object().unwrap().is_empty(), "{row:#}");
    let Outcome::Incomplete { connections, .. } = ran.outcome("bad") else {
        panic!("{:?}", ran.outcome("bad"));
    };
    assert_eq!(connections.requested, requested);
    let words = format!("{} of", connections.established);
    ran.shows("bad", "incomplete", &[&words]);
    let lost = connections.refused + connections.reset + connections.timed_out;
    assert!(connections.established + lost >= requested, "{connections:?}");
    connections.established
}

fn a_black_hole_never_has_a_rate() {
    for scenario in ["classic", "load"] {
        let bed = Bed::with_bad(&["--bug", "black-hole"]);
        let ran = bed.run(&["--scenario", scenario]);
        assert_eq!(served(&ran, 64), 0);
    }
}

fn a_connection_that_is_never_read_is_counted_and_no_rate_is_shown() {
    let ran = Bed::with_bad(&["--bug", "neglect"]).classic();
    assert_eq!(served(&ran, 64), 63);
}

fn a_connection_closed_at_once_is_counted_as_lost() {
    for scenario in ["classic", "load"] {
        let bed = Bed::with_bad(&["--bug", "close-accepted"]);
        let ran = bed.run(&["--scenario", scenario]);
        assert!(served(&ran, 64) < 64);
        // Nobody waited for a connection that was known to be lost.
        let took = ran.record("bad").duration_ms;
        assert!(took < 5_000, "{took} ms");
    }
}

fn a_connection_closed_between_the_sweeps_breaks_the_proof() {
    let bed = Bed::with_bad(&["--bug", "close-quiet", "--at", "64"]);
    let ran = bed.load();
    ran.exits_with(3).measured_the_good_one();
    ran.shows("bad", "incomplete", &["of 64 connections", "1 reset"]);
}

fn a_server_that_accepts_all_but_one_never_has_a_rate() {
    let bed = Bed::with_bad(&["--bug", "limit", "--at", "63"]);
    assert_eq!(served(&bed.load(), 64), 63);
}
