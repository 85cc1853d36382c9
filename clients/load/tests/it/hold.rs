//! The barrier, and the proof that it held.

use std::time::Duration;

use wire::{End, Event, Work};

use crate::server::{Bug, Server};
use crate::{CONNECTIONS, hold, run, run_with, spec};

#[test]
fn the_proof_of_a_good_server_is_recomputed_from_its_counts_and_times() {
    let server = Server::start(Bug::None);
    let (report, events) = run(&spec(server.addr, hold(vec![])));
    assert_eq!(report.end, End::Completed);
    let proof = report.proof.unwrap();
    assert_eq!(proof.verify(CONNECTIONS), Ok(()));
    assert!(proof.verify(CONNECTIONS + 1).is_err());
    let [Event::Connected { opened, .. }, Event::Barrier { proof: half }] =
        &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(*opened, CONNECTIONS);
    assert_eq!(half.first_echoes, CONNECTIONS);
    assert_eq!((half.second_sweep_ns, half.second_echoes), (0, 0));
    let Ok(()) = proof.verify(CONNECTIONS) else { unreachable!() };
    assert_eq!(half.last_first_echo_ns, proof.last_first_echo_ns);
}

#[test]
fn every_connection_is_open_at_once_on_one_descriptor() {
    let server = Server::start(Bug::None);
    let (report, _) = run(&spec(server.addr, hold(vec![])));
    let counts = report.connections;
    assert_eq!(counts.established, CONNECTIONS);
    assert_eq!(counts.peak_open, CONNECTIONS);
    assert_eq!(counts.refused + counts.reset + counts.timed_out, 0);
}

#[test]
fn the_barrier_waits_for_a_go_that_may_come_early() {
    let server = Server::start(Bug::None);
    let work = Work::Hold { await_go: true, turns: false, windows: vec![] };
    let (report, _) = run_with(&spec(server.addr, work), |event, controls| {
        if let Event::Connected { .. } = event {
            controls.go();
            controls.go();
        }
    });
    assert_eq!(report.end, End::Completed);
}

#[test]
fn a_stop_at_the_barrier_reports_what_there_is() {
    let server = Server::start(Bug::None);
    let work = Work::Hold { await_go: true, turns: false, windows: vec![] };
    let (report, _) = run_with(&spec(server.addr, work), |event, controls| {
        if let Event::Barrier { .. } = event {
            controls.stop();
        }
    });
    assert_eq!(report.end, End::Stopped);
    assert_eq!(report.connections.established, CONNECTIONS);
    let proof = report.proof.unwrap();
    assert_eq!(proof.first_echoes, CONNECTIONS);
    assert!(proof.verify(CONNECTIONS).is_err(), "there was one sweep only");
}

#[test]
fn connections_lost_after_the_last_window_are_no_completed_run() {
    let server = Server::start(Bug::None);
    let work = Work::Hold { await_go: true, turns: false, windows: vec![] };
    let (report, _) = run_with(&spec(server.addr, work), |event, controls| {
        match event {
            Event::Barrier { .. } => controls.go(),
            Event::Loaded { .. } => {
                server.cut();
                // Long enough to be noticed, too short to be counted.
                std::thread::sleep(Duration::from_millis(100));
                controls.go();
            }
            _ => {}
        }
    });
    assert!(matches!(report.end, End::Incomplete { .. }), "{:?}", report.end);
}
