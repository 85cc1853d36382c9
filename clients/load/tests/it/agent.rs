//! The protocol with the harness.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use wire::{Arrivals, Command, End, Event, Report, Spec, Work};

use crate::process::Agent;
use crate::server::{Bug, Server};
use crate::{CONNECTIONS, in_flight, rate, spec};

/// Ten times the promised 200 ms, and a busy machine.
const SOON: Duration = Duration::from_secs(3);

fn order(spec: Spec) -> String {
    serde_json::to_string(&Command::Spec(Box::new(spec))).unwrap()
}

fn held(server: &Server) -> Spec {
    let windows =
        vec![rate(1_000.0, Arrivals::Poisson, 300), in_flight(50, 300)];
    spec(server.addr, Work::Hold { await_go: true, turns: false, windows })
}

fn report(agent: &Agent) -> Report {
    match agent.event() {
        Event::Report(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// An agent that stands at the barrier of `server`.
fn at_the_barrier(server: &Server) -> Agent {
    let mut agent = Agent::start();
    agent.say(&order(held(server)));
    let connected = agent.event();
    assert!(matches!(connected, Event::Connected { .. }), "{connected:?}");
    let barrier = agent.event();
    assert!(matches!(barrier, Event::Barrier { .. }), "{barrier:?}");
    agent
}

#[test]
fn the_order_of_events_is_connected_barrier_windows_loaded_report() {
    let server = Server::start(Bug::None);
    let mut agent = at_the_barrier(&server);
    assert!(agent.is_silent(Duration::from_millis(300)), "it awaits the go");
    agent.say("\"go\"");
    for name in ["rate", "in_flight"] {
        let (start, end) = (agent.event(), agent.event());
        let Event::WindowStart { window, t_ns: start_ns } = start else {
            panic!("{start:?}");
        };
        assert_eq!(window, name);
        let Event::WindowEnd { window, t_ns: end_ns } = end else {
            panic!("{end:?}");
        };
        assert_eq!(window, name);
        assert!(end_ns - start_ns >= 250_000_000);
    }
    let loaded = agent.event();
    assert!(matches!(loaded, Event::Loaded { .. }), "{loaded:?}");
    assert!(agent.is_silent(Duration::from_millis(300)), "it awaits the go");
    let open = server.open_connections();
    assert_eq!(open, CONNECTIONS as usize, "nothing is closed before the go");
    agent.say("\"go\"");
    let report = report(&agent);
    assert_eq!(report.end, End::Completed);
    assert_eq!(report.windows.len(), 2);
    assert_eq!(report.proof.unwrap().verify(CONNECTIONS), Ok(()));
    assert_eq!(agent.exit_code(), 0);
}

#[test]
fn windows_taken_in_turns_each_await_a_go_and_tell_when_they_are_drained() {
    let server = Server::start(Bug::None);
    let mut agent = Agent::start();
    let windows = vec![in_flight(50, 200), in_flight(50, 200)];
    let work = Work::Hold { await_go: true, turns: true, windows };
    agent.say(&order(spec(server.addr, work)));
    while !matches!(agent.event(), Event::Barrier { .. }) {}
    agent.say("\"go\"");
    for _ in 0..2 {
        assert!(agent.is_silent(Duration::from_millis(300)), "not its turn");
        agent.say("\"go\"");
        assert!(matches!(agent.event(), Event::WindowStart { .. }));
        assert!(matches!(agent.event(), Event::WindowEnd { .. }));
        let drained = agent.event();
        assert!(matches!(drained, Event::Drained { .. }), "{drained:?}");
    }
    assert!(matches!(agent.event(), Event::Loaded { .. }));
    agent.say("\"go\"");
    let report = report(&agent);
    assert_eq!(report.end, End::Completed);
    assert_eq!(report.windows.len(), 2);
    assert!(report.windows.iter().all(|it| it.echoes_in_window > 0));
}

#[test]
fn a_stop_at_the_barrier_is_obeyed_at_once() {
    let server = Server::start(Bug::None);
    let mut agent = at_the_barrier(&server);
    let begin = Instant::now();
    agent.say("\"stop\"");
    let report = report(&agent);
    assert_eq!(report.end, End::Stopped);
    assert_eq!(report.connections.established, CONNECTIONS);
    assert_eq!(agent.exit_code(), 0);
    assert!(begin.elapsed() < SOON);
}

#[test]
fn the_end_of_stdin_is_a_stop_even_within_a_window() {
    let server = Server::start(Bug::None);
    let mut agent = Agent::start();
    let windows = vec![in_flight(50, 60_000)];
    let work = Work::Hold { await_go: false, turns: false, windows };
    agent.say(&order(spec(server.addr, work)));
    while !matches!(agent.event(), Event::WindowStart { .. }) {}
    let begin = Instant::now();
    agent.hang_up();
    let report = report(&agent);
    assert_eq!(report.end, End::Stopped);
    assert!(report.windows.is_empty(), "half a window is none");
    assert_eq!(agent.exit_code(), 0);
    assert!(begin.elapsed() < SOON);
}

#[test]
fn a_signal_is_a_stop() {
    let server = Server::start(Bug::None);
    for signal in [Signal::TERM, Signal::INT] {
        let agent = at_the_barrier(&server);
        agent.signal(signal);
        assert_eq!(report(&agent).end, End::Stopped);
    }
}

#[test]
fn nothing_at_all_is_a_stop_before_the_order() {
    for line in [None, Some("\"stop\"")] {
        let mut agent = Agent::start();
        match line {
            Some(line) => agent.say(line),
            None => agent.hang_up(),
        }
        let report = report(&agent);
        assert_eq!(report.end, End::Stopped);
        assert_eq!(report.connections.requested, 0);
        assert_eq!(agent.exit_code(), 0);
    }
}

#[test]
fn what_is_no_order_is_refused_with_its_reason() {
    let server = Server::start(Bug::None);
    let newer = Spec { protocol: 99, ..held(&server) };
    let remote = Spec { addr: "192.0.2.1:9".parse().unwrap(), ..newer.clone() };
    let remote = Spec { protocol: wire::PROTOCOL, ..remote };
    let cases = [
        ("junk".to_owned(), "not a command"),
        ("{\"spec\":{}}".to_owned(), "missing field"),
        ("\"go\"".to_owned(), "first line must be a spec"),
        (order(newer), "protocol 99"),
        (order(remote), "not a loopback address"),
    ];
    for (line, reason) in cases {
        let mut agent = Agent::start();
        agent.say(&line);
        let event = agent.event();
        let Event::Error { message } = event else { panic!("{event:?}") };
        assert!(message.contains(reason), "{message}");
        assert_eq!(agent.exit_code(), 2);
    }
}

#[test]
fn junk_within_a_run_ends_it_with_its_reason() {
    let server = Server::start(Bug::None);
    let again = order(held(&server));
    for (line, reason) in [("junk", "not a command"), (&again, "one spec")] {
        let mut agent = at_the_barrier(&server);
        agent.say(line);
        let event = agent.event();
        let Event::Error { message } = event else { panic!("{event:?}") };
        assert!(message.contains(reason), "{message}");
        assert_eq!(agent.exit_code(), 1);
    }
}

#[test]
fn a_client_that_was_stopped_admits_it() {
    let server = Server::start(Bug::None);
    let mut agent = Agent::start();
    let windows = vec![rate(500.0, Arrivals::Uniform, 2_000)];
    let work = Work::Hold { await_go: false, turns: false, windows };
    let order_spec = Spec { stall_ms: 5_000, ..spec(server.addr, work) };
    agent.say(&order(order_spec));
    while !matches!(agent.event(), Event::WindowStart { .. }) {}
    agent.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(600));
    agent.signal(Signal::CONT);
    let event = agent.event();
    assert!(matches!(event, Event::WindowEnd { .. }), "{event:?}");
    let report = report(&agent);
    assert_eq!(report.end, End::Completed);
    let window = &report.windows[0];
    assert_eq!((window.planned, window.echoed), (1_000, 1_000));
    // Late messages were sent late, not left out, and their lateness is the
    // client's own: in the response and the slip.
    for stored in [&window.response, &window.slip] {
        let histogram = wire::decode(stored).unwrap();
        let late = histogram.count_between(200_000_000, u64::MAX);
        assert!(late >= 150, "{late} late");
    }
}
