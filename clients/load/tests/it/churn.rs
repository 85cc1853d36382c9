//! Sessions come and go: plans kept, none forgotten, a lost one named.

use std::net::TcpListener;

use wire::{
    Arrivals, End, FaultKind, Load, Report, Spec, Window, WindowReport, Work,
};

use crate::server::{Bug, Server};
use crate::{assert_conserved, hold, rate, run, spec};

const ECHOES: u32 = 3;

fn churn(server: &Server, per_s: f64, duration_ms: u64) -> Spec {
    let arrivals = Arrivals::Uniform;
    let window = Window {
        name: "churn".into(),
        load: Load::Sessions { per_s, arrivals, echoes: ECHOES },
        warm_up_ms: 100,
        duration_ms,
        step: false,
        active: None,
        client_spin_us: None,
    };
    spec(server.addr, Work::Churn { window })
}

fn only(report: &Report) -> &WindowReport {
    assert_eq!(report.end, End::Completed, "{:?}", report.connections);
    &report.windows[0]
}

#[test]
fn every_planned_session_connects_echoes_and_closes() {
    let server = Server::start(Bug::None);
    let (report, _) = run(&churn(&server, 1_000.0, 1_000));
    let window = only(&report);
    // The warm-up of 100 ms holds 100 sessions less the one due at its end.
    assert_eq!((window.planned, window.echoed), (1_000, 1_000));
    assert_eq!(window.bytes_sent, 1_099 * u64::from(ECHOES) * 100);
    assert_conserved(window);
    assert_eq!(report.connections.requested, 1_099);
    assert_eq!(report.connections.established, 1_099);
    assert_eq!(report.connections.reset, 0);
    for name in ["sessions_per_s", "session_us_p50", "slip_us_p50"] {
        assert!(report.metrics.contains_key(name), "{name}");
    }
    // Whole sessions are timed: each holds three echoes and more.
    let session = wire::decode(&window.response).unwrap();
    let service = wire::decode(&window.service).unwrap();
    assert_eq!((session.len(), service.len()), (1_000, 1_000));
}

#[test]
fn sessions_over_two_loops_are_those_of_the_same_plan() {
    let cpus = crate::windows::cpus();
    if cpus.len() < 2 {
        eprintln!("one CPU only: nothing to divide");
        return;
    }
    let server = Server::start(Bug::None);
    let order = Spec { cpus, stall_ms: 5_000, ..churn(&server, 1_000.0, 500) };
    let (report, _) = run(&order);
    let window = only(&report);
    assert_eq!(report.client.loops, 2);
    assert_eq!((window.planned, window.echoed), (500, 500));
    assert_conserved(window);
}

#[test]
fn a_session_without_a_free_slot_waits_and_its_time_counts() {
    // Three echoes of 1 ms each: one slot serves some 300 of 600 a second.
    let server = Server::start(Bug::Slow);
    let order = Spec { connections: 1, ..churn(&server, 600.0, 500) };
    waits_for_the_slot(&run(&order).0);
    let most = Spec { max_connecting: 1, ..churn(&server, 600.0, 500) };
    waits_for_the_slot(&run(&most).0);
}

fn waits_for_the_slot(report: &Report) {
    let window = only(report);
    assert_eq!(report.connections.peak_open, 1);
    assert_eq!(window.planned, 300);
    assert_conserved(window);
    assert!(window.sent_in_time < window.planned, "{window:?}");
    let slip = wire::decode(&window.slip).unwrap();
    assert!(slip.max() > 100_000_000, "it waited: {}", slip.max());
}

#[test]
fn a_session_cut_short_or_refused_ends_the_run() {
    let server = Server::start(Bug::CloseAt { at: 100 });
    let (report, _) = run(&churn(&server, 500.0, 500));
    let during = "window churn".to_owned();
    assert_eq!(report.end, End::Incomplete { during });
    assert_eq!(report.connections.reset, 1);
    assert!(report.windows.is_empty(), "no figure is made of it");

    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    let (report, _) = run(&Spec { addr, ..churn(&server, 500.0, 500) });
    assert!(matches!(report.end, End::Incomplete { .. }));
    assert_eq!(report.connections.refused, 1);
}

#[test]
fn a_bad_byte_in_a_session_is_named_with_its_place() {
    let server = Server::start(Bug::CorruptByte { at: 250 });
    let (report, _) = run(&churn(&server, 500.0, 500));
    let End::Corrupted(fault) = &report.end else {
        panic!("{:?}", report.end);
    };
    assert_eq!(fault.offset, 250);
    assert_eq!(fault.connection, 9, "the tenth session");
}

#[test]
fn the_bytes_of_another_session_name_it_beyond_the_slots() {
    let server = Server::start(Bug::MixRead { at: 250 });
    let order = Spec { connections: 4, ..churn(&server, 500.0, 500) };
    let (report, _) = run(&order);
    let End::Corrupted(fault) = &report.end else {
        panic!("{:?}", report.end);
    };
    assert!(matches!(fault.kind, FaultKind::Mixed { .. }), "{fault:?}");
    assert!(fault.connection >= 4, "beyond the slots: {fault:?}");
}

#[test]
fn a_rate_over_a_part_of_the_connections_leaves_the_others_idle() {
    let server = Server::start(Bug::None);
    let window =
        Window { active: Some(7), ..rate(2_000.0, Arrivals::Poisson, 500) };
    let (report, _) = run(&spec(server.addr, hold(vec![window])));
    let window = only(&report);
    assert_conserved(window);
    assert_eq!(window.fairness.unwrap().connections, 7);
}
