//! Whole texts, so that a change of any word is seen.

use wire::{Arrivals, Connections, Histogram, Proof, ServerUsage, encode};

use super::*;

fn histogram(samples: u64) -> String {
    let mut histogram: Histogram = wire::empty();
    for index in 0..samples {
        histogram.saturating_record(20_000 + index * 2_000_000 / samples);
    }
    encode(&histogram)
}

fn report(end: End) -> Report {
    let connections = Connections {
        requested: 10_000,
        established: 9_998,
        refused: 0,
        reset: 1,
        timed_out: 1,
        peak_open: 4_000,
    };
    Report { end, connections, ..Report::new() }
}

fn window(load: Load) -> WindowReport {
    WindowReport {
        name: "w".into(),
        load,
        step: false,
        start_ns: 5_000_000_000,
        end_ns: 7_500_000_000,
        planned: 50_000,
        sent_in_time: 49_999,
        censored: 1,
        echoed: 49_999,
        echoes_in_window: 49_990,
        bytes_sent: 5_999_900,
        bytes_verified: 5_999_900,
        response: histogram(49_999),
        service: histogram(49_999),
        slip: histogram(200),
        client_busy_ns: 500_000_000,
        server: None,
        fairness: Some(Fairness {
            connections: 2,
            shares: 3.0,
            squared_shares: 5.0,
            fewest_echoes: 3,
            starved: 1,
            longest_gap_ns: 212_000_000,
        }),
        overlap: None,
        around: None,
        packets: None,
    }
}

#[test]
fn the_classic_text() {
    let mut report = report(End::Completed);
    report.classic = Some(Classic {
        total_ns: 412_180_000,
        connect: histogram(10_000),
        echo: histogram(10_000),
        network: None,
    });
    insta::assert_snapshot!(render(&report, "Rust (tokio)"));
}

#[test]
fn the_text_of_held_connections_and_their_windows() {
    let mut report = report(End::Completed);
    report.proof = Some(Proof {
        opened: 10_000,
        first_echoes: 10_000,
        last_first_echo_ns: 1_000_000,
        second_sweep_ns: 2_234_000,
        second_echoes: 10_000,
        last_second_echo_ns: 3_000_000,
        closed: 0,
    });
    let arrivals = Arrivals::Poisson;
    let open = window(Load::Rate { per_s: 20_000.0, arrivals });
    let usage = ServerUsage { cpu_ns: 600_000_000, softirq_ns: 10_000_000 };
    let closed = WindowReport {
        server: Some(usage),
        ..window(Load::InFlight { connections: 256 })
    };
    report.windows = vec![open, closed];
    insta::assert_snapshot!(render(&report, "127.0.0.1:8080"));
}

#[test]
fn sessions_cost_by_the_session() {
    let (per_s, arrivals) = (500.0, Arrivals::Poisson);
    let usage = ServerUsage { cpu_ns: 600_000_000, softirq_ns: 0 };
    let mut report = report(End::Completed);
    report.windows = vec![WindowReport {
        server: Some(usage),
        ..window(Load::Sessions { per_s, arrivals, echoes: 8 })
    }];
    let text = render(&report, "x");
    assert!(text.contains("server 12.00 µs CPU/session"), "{text}");
    assert!(!text.contains("CPU/echo"), "{text}");
}

#[test]
fn a_proof_that_does_not_hold_is_not_claimed() {
    let during = "connect".to_owned();
    let mut report = report(End::Incomplete { during });
    report.proof = Some(Proof { opened: 10_000, ..Proof::default() });
    insta::assert_snapshot!(render(&report, "x"));
}

#[test]
fn each_kind_of_failure_has_its_sentence() {
    let fault = |kind| {
        let (expected, actual) = ("00ff".to_owned(), "01ff".to_owned());
        let (connection, offset) = (17, 4132);
        End::Corrupted(Fault { kind, connection, offset, expected, actual })
    };
    let during = "window fixed_rate".to_owned();
    let ends = [
        fault(FaultKind::Wrong),
        fault(FaultKind::Short { missing: 12 }),
        fault(FaultKind::Surplus),
        fault(FaultKind::Mixed { other: 3, other_offset: 100 }),
        End::Stalled { during, outstanding_bytes: 5_000 },
        End::Stopped,
    ];
    let texts: Vec<_> =
        ends.into_iter().map(|end| render(&report(end), "x")).collect();
    insta::assert_snapshot!(texts.join("\n"));
}
