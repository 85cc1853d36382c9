//! Every way to go wrong is found, named and counted.

use std::time::{Duration, Instant};

use load::Pattern;
use wire::{
    Arrivals, Connections, End, Event, Fault, FaultKind, Report, Spec, Work,
};

use crate::server::{Bug, Server};
use crate::{CONNECTIONS, hold, in_flight, rate, run, run_with, spec};

fn classic(bug: Bug) -> Report {
    let server = Server::start(bug);
    run(&spec(server.addr, Work::Classic)).0
}

fn windows(bug: Bug) -> Report {
    let server = Server::start(bug);
    let open = rate(20_000.0, Arrivals::Poisson, 700);
    let order = spec(server.addr, hold(vec![open, in_flight(100, 700)]));
    run(&order).0
}

fn fault(report: &Report) -> &Fault {
    let End::Corrupted(fault) = &report.end else {
        panic!("{:?} {:?}", report.end, report.connections);
    };
    fault
}

/// What connection `number` sent from `offset` on, in hexadecimal.
fn sent(number: u32, offset: u64, length: usize) -> String {
    use std::fmt::Write as _;
    let mut bytes = vec![0; length];
    Pattern::new(42).fill(number, offset, &mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The quotation of what was expected is what was sent.
fn assert_quoted(fault: &Fault) {
    let length = fault.expected.len() / 2;
    assert_eq!(fault.expected, sent(fault.connection, fault.offset, length));
    assert!(!fault.actual.starts_with(&fault.expected) || length == 0);
}

#[test]
fn a_corrupted_byte_ends_the_classic_test_with_its_place() {
    let report = classic(Bug::CorruptByte { at: 60 });
    let fault = fault(&report);
    assert_eq!((&fault.kind, fault.offset), (&FaultKind::Wrong, 60));
    assert_eq!(fault.expected.len(), 64);
    assert_quoted(fault);
    assert!(report.classic.is_none(), "no time is printed");
    assert!(report.metrics.is_empty());
}

#[test]
fn the_last_byte_of_a_message_is_compared_too() {
    let report = classic(Bug::CorruptByte { at: 99 });
    let fault = fault(&report);
    assert_eq!((&fault.kind, fault.offset), (&FaultKind::Wrong, 99));
}

#[test]
fn a_lost_byte_ends_the_classic_test_as_short_by_one() {
    let report = classic(Bug::LoseByte { at: 50 });
    let fault = fault(&report);
    assert_eq!(fault.kind, FaultKind::Short { missing: 1 });
    assert_eq!(fault.offset, 50);
    assert_quoted(fault);
}

#[test]
fn a_doubled_byte_ends_the_classic_test_as_surplus() {
    let report = classic(Bug::DoubleByte { at: 30 });
    let fault = fault(&report);
    assert_eq!((&fault.kind, fault.offset), (&FaultKind::Surplus, 31));
}

#[test]
fn a_doubled_message_is_surplus() {
    let report = classic(Bug::DoubleRead { at: 0 });
    let fault = fault(&report);
    assert_eq!((&fault.kind, fault.offset), (&FaultKind::Surplus, 100));
}

#[test]
fn an_echo_that_stops_half_way_is_short_by_the_rest() {
    for bug in [Bug::StopAt { at: 70 }, Bug::CloseAt { at: 70 }] {
        let report = classic(bug);
        let fault = fault(&report);
        assert_eq!(fault.kind, FaultKind::Short { missing: 30 }, "{bug:?}");
        assert_eq!((fault.offset, fault.actual.as_str()), (70, ""));
    }
}

#[test]
fn another_connections_bytes_name_it_and_their_place() {
    for report in
        [classic(Bug::MixRead { at: 20 }), windows(Bug::MixRead { at: 300 })]
    {
        let fault = fault(&report);
        let FaultKind::Mixed { other, other_offset } = fault.kind else {
            panic!("{fault:?}");
        };
        assert_ne!(other, fault.connection);
        assert_eq!(fault.actual, sent(other, other_offset, 32));
        assert_quoted(fault);
    }
}

#[test]
fn damage_in_the_middle_of_a_window_is_found_and_its_window_left_out() {
    let cases = [
        (Bug::CorruptByte { at: 1000 }, FaultKind::Wrong, 1000),
        (Bug::LoseByte { at: 1000 }, FaultKind::Short { missing: 1 }, 1000),
        (Bug::DoubleByte { at: 1000 }, FaultKind::Surplus, 1001),
    ];
    for (bug, kind, offset) in cases {
        let report = windows(bug);
        let fault = fault(&report);
        assert_eq!((&fault.kind, fault.offset), (&kind, offset), "{bug:?}");
        assert_quoted(fault);
        assert!(report.windows.is_empty(), "{bug:?}");
        let proof = report.proof.as_ref().unwrap();
        assert_eq!(proof.verify(CONNECTIONS), Ok(()));
    }
}

#[test]
fn a_message_that_is_lost_while_others_are_answered_is_short() {
    let server = Server::start(Bug::LoseRead { at: 200 });
    let window = in_flight(CONNECTIONS, 1_500);
    let report = run(&spec(server.addr, hold(vec![window]))).0;
    let fault = fault(&report);
    assert_eq!(fault.kind, FaultKind::Short { missing: 100 });
    assert_eq!(fault.offset, 164, "behind two nonces and one message");
}

#[test]
fn bytes_that_come_unasked_after_the_last_window_are_surplus() {
    // The last message of a sweep is followed by its copy.
    let server = Server::start(Bug::DoubleRead { at: 40 });
    let report = run(&spec(server.addr, hold(vec![]))).0;
    let fault = fault(&report);
    assert_eq!((&fault.kind, fault.offset), (&FaultKind::Surplus, 64));
}

#[test]
fn connections_closed_without_an_echo_are_counted_and_no_time_is_given() {
    let report = classic(Bug::CloseAccepted);
    let during = "classic".to_owned();
    assert_eq!(report.end, End::Incomplete { during });
    let Connections { established, reset, .. } = report.connections;
    assert_eq!((established, reset), (0, CONNECTIONS));
    assert!(report.classic.is_none());
}

#[test]
fn a_black_hole_times_out_on_every_connection() {
    let server = Server::start(Bug::Silent);
    for work in [Work::Classic, hold(vec![])] {
        let max_connecting = CONNECTIONS;
        let order = Spec { max_connecting, ..spec(server.addr, work) };
        let report = run(&order).0;
        assert!(matches!(report.end, End::Incomplete { .. }));
        assert_eq!(report.connections.established, 0);
        assert_eq!(report.connections.timed_out, CONNECTIONS);
    }
}

#[test]
fn a_server_that_serves_all_but_one_is_incomplete_not_slower() {
    let bug = Bug::Only(CONNECTIONS as usize - 1);
    let server = Server::start(bug);
    let order = spec(server.addr, hold(vec![in_flight(10, 300)]));
    let (report, events) = run(&order);
    let during = "connect".to_owned();
    assert_eq!(report.end, End::Incomplete { during });
    assert_eq!(report.connections.established, CONNECTIONS - 1);
    assert_eq!(report.connections.timed_out, 1);
    assert_eq!(events, [], "there is no barrier to stand at");
    assert!(report.windows.is_empty() && report.metrics.is_empty());
    let proof = report.proof.unwrap();
    assert!(proof.verify(CONNECTIONS).is_err(), "{proof:?}");
}

#[test]
fn a_port_without_a_server_refuses_every_connection() {
    let addr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let report = run(&spec(addr, Work::Classic)).0;
    assert!(matches!(report.end, End::Incomplete { .. }));
    assert_eq!(report.connections.refused, CONNECTIONS);
}

#[test]
fn a_server_that_dies_in_a_window_ends_it_soon_with_counts() {
    let server = Server::start(Bug::Die { after: 2_000 });
    let window = in_flight(100, 60_000);
    let begin = Instant::now();
    let report = run(&spec(server.addr, hold(vec![window]))).0;
    assert!(begin.elapsed() < Duration::from_secs(20));
    let during = "window in_flight".to_owned();
    assert_eq!(report.end, End::Incomplete { during });
    assert_eq!(report.connections.established, CONNECTIONS);
    assert_eq!(report.connections.reset, CONNECTIONS);
    assert!(report.windows.is_empty());
}

#[test]
fn connections_closed_at_the_barrier_are_noticed_without_a_go() {
    let server = Server::start(Bug::None);
    let work = Work::Hold { await_go: true, turns: false, windows: vec![] };
    let begin = Instant::now();
    let (report, _) = run_with(&spec(server.addr, work), |event, _| {
        if let Event::Barrier { .. } = event {
            server.cut();
        }
    });
    assert!(begin.elapsed() < Duration::from_secs(20));
    let during = "barrier".to_owned();
    assert_eq!(report.end, End::Incomplete { during });
    assert_eq!(report.connections.reset, CONNECTIONS);
    assert_eq!(report.proof.unwrap().closed, CONNECTIONS);
}

#[test]
fn a_server_that_stands_still_is_stalled() {
    let server = Server::start(Bug::Freeze { after: 3_000, ms: 10_000 });
    let window = in_flight(100, 60_000);
    let begin = Instant::now();
    let report = run(&spec(server.addr, hold(vec![window]))).0;
    assert!(begin.elapsed() < Duration::from_secs(8), "not the whole window");
    let End::Stalled { during, outstanding_bytes } = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(during, "window in_flight");
    assert_eq!(*outstanding_bytes, 100 * 100);
}

#[test]
fn a_freeze_amid_large_messages_is_a_stall_and_no_damage() {
    // Well behind the reads of the two sweeps, and amid the eight reads that
    // one message takes.
    let after = 2 * u64::from(CONNECTIONS) + 2_004;
    let server = Server::start(Bug::Freeze { after, ms: 4_000 });
    let window = in_flight(20, 3_000);
    let order = Spec {
        payload_bytes: 65_536,
        stall_ms: 700,
        ..spec(server.addr, hold(vec![window]))
    };
    let (report, _) = run(&order);
    let End::Stalled { during, .. } = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(during, "window in_flight");
}
