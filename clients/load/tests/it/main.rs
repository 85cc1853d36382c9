//! The client against servers that behave, and servers that do not.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod agent;
mod churn;
mod cli;
mod faults;
mod hold;
mod process;
mod server;
mod windows;

use std::net::SocketAddr;

use load::{Controls, Session};
use wire::{
    Arrivals, Event, Load, PROTOCOL, Report, Spec, Window, WindowReport, Work,
};

/// Connections of most tests: enough to be many, few enough for a thread each.
const CONNECTIONS: u32 = 200;

/// An order for `work`, with a stall of 700 ms so that tests are short.
fn spec(addr: SocketAddr, work: Work) -> Spec {
    Spec {
        protocol: PROTOCOL,
        addr,
        connections: CONNECTIONS,
        payload_bytes: 100,
        seed: 42,
        max_connecting: 64,
        stall_ms: 700,
        cpus: vec![],
        server_pids: vec![],
        softirq_cpus: vec![],
        watched_cpus: vec![],
        count_packets: false,
        stay_awake: false,
        work,
    }
}

fn hold(windows: Vec<Window>) -> Work {
    Work::Hold { await_go: false, turns: false, windows }
}

fn rate(per_s: f64, arrivals: Arrivals, duration_ms: u64) -> Window {
    let load = Load::Rate { per_s, arrivals };
    Window {
        name: "rate".into(),
        load,
        warm_up_ms: 100,
        duration_ms,
        step: false,
        active: None,
        client_spin_us: None,
    }
}

fn in_flight(connections: u32, duration_ms: u64) -> Window {
    let load = Load::InFlight { connections };
    Window {
        name: "in_flight".into(),
        load,
        warm_up_ms: 100,
        duration_ms,
        step: false,
        active: None,
        client_spin_us: None,
    }
}

/// Carries out `spec` and returns the report and the events before it.
fn run(spec: &Spec) -> (Report, Vec<Event>) {
    run_with(spec, |_, _| ())
}

/// The same, with a say at every event.
fn run_with(
    spec: &Spec,
    mut say: impl FnMut(&Event, &Controls),
) -> (Report, Vec<Event>) {
    let session = Session::new();
    let controls = session.controls();
    let mut events = Vec::new();
    let report = session
        .run(spec, false, &mut |event| {
            say(&event, &controls);
            events.push(event);
        })
        .expect("the client itself does not fail");
    (report, events)
}

/// Every byte sent came back, every planned message is accounted for.
fn assert_conserved(window: &WindowReport) {
    assert_eq!(window.bytes_sent, window.bytes_verified);
    assert_eq!(window.planned, window.echoed + window.censored);
    let response = wire::decode(&window.response).unwrap();
    assert_eq!(response.len(), window.echoed);
}
