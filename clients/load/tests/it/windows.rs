//! Open and closed windows: plans kept, bytes conserved, times honest.

use wire::{Arrivals, End, Load, Report, Spec, Window};

use crate::server::{Bug, Server};
use crate::{CONNECTIONS, assert_conserved, hold, in_flight, rate, run, spec};

const MS: u64 = 1_000_000;

fn completed(order: &Spec) -> Report {
    let (report, _) = run(order);
    assert_eq!(report.end, End::Completed, "{:?}", report.connections);
    report
}

#[test]
fn a_uniform_plan_is_sent_to_the_last_message_and_comes_back() {
    let server = Server::start(Bug::None);
    let window = rate(2_000.0, Arrivals::Uniform, 1_000);
    let report = completed(&spec(server.addr, hold(vec![window])));
    let window = &report.windows[0];
    // The warm-up of 100 ms holds 200 messages less the one due at its end.
    assert_eq!(window.planned, 2_000);
    assert_eq!((window.censored, window.echoed), (0, 2_000));
    assert_eq!(window.bytes_sent, 2_199 * 100);
    assert_conserved(window);
    let service = wire::decode(&window.service).unwrap();
    let slip = wire::decode(&window.slip).unwrap();
    assert_eq!((service.len(), slip.len()), (2_000, 2_000));
}

#[test]
fn a_poisson_plan_is_the_same_for_one_loop_and_for_two() {
    let server = Server::start(Bug::None);
    let window = rate(3_000.0, Arrivals::Poisson, 500);
    let order = spec(server.addr, hold(vec![window]));
    let one = completed(&order);
    let planned = one.windows[0].planned;
    assert!((1_300..1_700).contains(&planned), "{planned}");
    let cpus = cpus();
    if cpus.len() < 2 {
        eprintln!("one CPU only: the half with two loops is left out");
        return;
    }
    let two = completed(&Spec { cpus, ..order });
    assert_eq!(two.client.loops, 2);
    assert_eq!(two.windows[0].planned, planned);
    assert_eq!(two.windows[0].bytes_sent, one.windows[0].bytes_sent);
    assert_conserved(&two.windows[0]);
    assert_eq!(two.proof.unwrap().verify(CONNECTIONS), Ok(()));
}

/// The first two CPUs this process may use.
pub(crate) fn cpus() -> Vec<u32> {
    let set = rustix::thread::sched_getaffinity(None).unwrap();
    (0..1024).filter(|cpu| set.is_set(*cpu as usize)).take(2).collect()
}

#[test]
fn a_closed_window_keeps_k_in_flight() {
    let server = Server::start(Bug::None);
    let report = completed(&spec(server.addr, hold(vec![in_flight(50, 600)])));
    let window = &report.windows[0];
    assert_conserved(window);
    assert!(window.echoes_in_window > 100);
    // Little's law, for the counted part: what the response times leave out
    // of it or have beyond it is told apart.
    let response = wire::decode(&window.response).unwrap();
    let overlap = window.overlap.unwrap();
    let inside_ns = response.mean() * response.len() as f64
        + overlap.before_ns as f64
        - overlap.after_ns as f64;
    let in_flight = inside_ns / (window.end_ns - window.start_ns) as f64;
    assert!((49.5..50.5).contains(&in_flight), "{in_flight}");
}

#[test]
fn windows_follow_one_another_on_the_same_connections() {
    let server = Server::start(Bug::None);
    let windows = vec![
        rate(1_000.0, Arrivals::Poisson, 200),
        in_flight(CONNECTIONS, 200),
        Window { name: "again".into(), ..rate(500.0, Arrivals::Uniform, 200) },
    ];
    let report = completed(&spec(server.addr, hold(windows)));
    let names: Vec<_> = report.windows.iter().map(|w| &w.name[..]).collect();
    assert_eq!(names, ["rate", "in_flight", "again"]);
    report.windows.iter().for_each(assert_conserved);
    for name in ["achieved_per_s", "echoes_per_s"] {
        assert!(report.metrics.contains_key(name), "{name}");
    }
}

/// The second step is left out; what is no step follows all the same.
#[test]
fn a_ladder_ends_at_the_step_that_is_too_much() {
    let server = Server::start(Bug::Slow);
    let step = |per_s: f64| Window {
        name: format!("step_{per_s}"),
        step: true,
        ..rate(per_s, Arrivals::Uniform, 300)
    };
    let order = Spec {
        connections: 20,
        stall_ms: 5_000,
        ..spec(
            server.addr,
            hold(vec![
                step(10.0),
                step(2_000.0),
                step(20.0),
                in_flight(4, 200),
            ]),
        )
    };
    let report = completed(&order);
    let names: Vec<_> = report.windows.iter().map(|w| &w.name[..]).collect();
    assert_eq!(names, ["step_10", "step_2000", "in_flight"]);
    assert!(report.windows[0].is_carried() && !report.windows[1].is_carried());
    report.windows.iter().for_each(assert_conserved);
    assert!(report.metrics["held_per_s"] <= 10.0, "{:?}", report.metrics);
    assert!(!report.metrics.contains_key("achieved_per_s"));
}

#[test]
fn large_messages_fill_sockets_and_come_back_whole() {
    let server = Server::start(Bug::None);
    let window = rate(60.0, Arrivals::Uniform, 500);
    let order = Spec {
        connections: 8,
        payload_bytes: 1 << 20,
        stall_ms: 5_000,
        ..spec(server.addr, hold(vec![window, in_flight(4, 300)]))
    };
    let report = completed(&order);
    report.windows.iter().for_each(assert_conserved);
    assert_eq!(report.windows[0].planned, 30);
    assert!(report.windows[1].echoed >= 4);
}

#[test]
fn a_server_slower_than_the_plan_is_offered_all_of_it_nevertheless() {
    let server = Server::start(Bug::Slow);
    let window = rate(2_000.0, Arrivals::Uniform, 500);
    let order = Spec {
        connections: 20,
        stall_ms: 5_000,
        ..spec(server.addr, hold(vec![window]))
    };
    let report = completed(&order);
    let window = &report.windows[0];
    assert_eq!(window.planned, 1_000);
    assert_eq!(window.planned, window.echoed + window.censored);
    assert!(window.echoes_in_window < 800, "{}", window.echoes_in_window);
    let response = wire::decode(&window.response).unwrap();
    assert!(response.max() > 100 * MS, "the queue is in the response");
    let length_ns = window.end_ns - window.start_ns;
    assert!(
        window.client_busy_ns <= length_ns * u64::from(report.client.loops),
        "no loop is busier than its window is long"
    );
}

#[test]
fn a_rate_beyond_the_client_is_given_up_after_the_window_and_counted() {
    let server = Server::start(Bug::None);
    let window = rate(10_000_000.0, Arrivals::Uniform, 200);
    let order =
        Spec { stall_ms: 5_000, ..spec(server.addr, hold(vec![window])) };
    let report = completed(&order);
    let window = &report.windows[0];
    assert_eq!(window.planned, 2_000_000);
    assert!(window.censored > 0);
    assert_eq!(window.planned, window.echoed + window.censored);
    assert_eq!(window.bytes_sent, window.bytes_verified);
}

#[test]
fn a_server_that_stands_still_for_a_while_shows_in_the_response() {
    let server = Server::start(Bug::Freeze { after: 1_000, ms: 600 });
    let window = rate(500.0, Arrivals::Uniform, 3_000);
    let order =
        Spec { stall_ms: 5_000, ..spec(server.addr, hold(vec![window])) };
    let report = completed(&order);
    let window = &report.windows[0];
    assert_eq!(window.planned, 1_500);
    assert_conserved(window);
    let response = wire::decode(&window.response).unwrap();
    assert!(response.max() >= 550 * MS, "{}", response.max());
    // Of 1500 messages the 300 due in the freeze were late, the first by
    // 600 ms, the last by none: two thirds of them by more than 200 ms.
    let late = response.count_between(200 * MS, u64::MAX);
    assert!(late >= 150, "{late} messages were late");
}

#[test]
fn a_pause_on_one_connection_shows_in_the_longest_wait() {
    // By then a connection has had two nonces and some messages.
    let server = Server::start(Bug::Pause { at: 700, ms: 200 });
    let window = rate(2_000.0, Arrivals::Uniform, 1_500);
    let order =
        Spec { stall_ms: 5_000, ..spec(server.addr, hold(vec![window])) };
    let report = completed(&order);
    let fairness = report.windows[0].fairness.unwrap();
    assert!(fairness.longest_gap_ns >= 200 * MS, "{fairness:?}");
    assert_eq!((fairness.connections, fairness.starved), (200, 0));
    assert!(report.metrics["longest_gap_ms"] >= 200.0);
    assert!(report.metrics["jain"] > 0.9, "{:?}", report.metrics);
}

#[test]
fn a_connection_that_is_served_only_in_quiet_is_starved() {
    let server = Server::start(Bug::Starve);
    let windows = vec![
        rate(2_000.0, Arrivals::Uniform, 1_000),
        in_flight(CONNECTIONS, 500),
    ];
    let order = Spec { stall_ms: 5_000, ..spec(server.addr, hold(windows)) };
    let report = completed(&order);
    for window in &report.windows {
        let fairness = window.fairness.unwrap();
        assert_eq!((fairness.starved, fairness.fewest_echoes), (1, 0));
        assert_conserved(window);
    }
    assert_eq!(report.metrics["starved"], 1.0);
    assert_eq!(report.metrics["starved_in_flight"], 1.0);
    assert!(report.metrics["jain_in_flight"] < 1.0);
}

#[test]
fn what_the_machine_did_is_read_around_the_window() {
    let server = Server::start(Bug::None);
    let order = Spec {
        server_pids: vec![std::process::id()],
        watched_cpus: cpus(),
        ..spec(server.addr, hold(vec![in_flight(20, 300)]))
    };
    let report = completed(&order);
    let around = report.windows[0].around.as_ref().unwrap();
    // A warm-up of 100 ms is in it.
    assert!(around.wall_ns >= 400 * MS, "{around:?}");
    assert_eq!(around.cpus.len(), cpus().len());
    for cpu in &around.cpus {
        let known = cpu.idle_ns + cpu.irq_ns + cpu.steal_ns;
        assert!(known <= around.wall_ns + 40 * MS, "{around:?}");
    }
    assert!(around.server_cpu_ns.unwrap() > 0 && around.network.is_some());
}

#[test]
fn the_servers_cpu_time_is_read_at_the_edges() {
    let server = Server::start(Bug::None);
    let own = std::process::id();
    let order = Spec {
        server_pids: vec![own],
        softirq_cpus: vec![0],
        ..spec(server.addr, hold(vec![in_flight(20, 300)]))
    };
    let report = completed(&order);
    let usage = report.windows[0].server.unwrap();
    assert!(usage.cpu_ns > 0);
    assert!(report.metrics["cpu_us_per_echo_in_flight"] > 0.0);
    let gone = Spec { server_pids: vec![u32::MAX], ..order };
    assert_eq!(completed(&gone).windows[0].server, None);
}

#[test]
fn packets_are_counted_where_that_is_asked_for() {
    let server = Server::start(Bug::None);
    let order = spec(server.addr, hold(vec![in_flight(20, 300)]));
    let uncounted = completed(&order);
    assert_eq!(uncounted.windows[0].packets, None);
    assert!(!uncounted.metrics.contains_key("packets_per_echo_in_flight"));
    let counted = completed(&Spec { count_packets: true, ..order });
    // Others may be on this loopback too; a request and its echo are two.
    let window = &counted.windows[0];
    let least = 2 * window.echoes_in_window - 2 * 20;
    assert!(window.packets.unwrap() >= least, "{:?}", window.packets);
    assert!(counted.metrics["packets_per_echo_in_flight"] > 1.0);
}

#[test]
fn the_clients_useful_work_leaves_spinning_out() {
    // It takes a millisecond for an echo.
    let server = Server::start(Bug::Slow);
    for stay_awake in [false, true] {
        let window = rate(500.0, Arrivals::Uniform, 1_000);
        let order = spec(server.addr, hold(vec![window]));
        let report = completed(&Spec { stay_awake, ..order });
        let window = &report.windows[0];
        assert_conserved(window);
        assert!(window.client_busy_ns > 0);
        // 500 echoes are some milliseconds of work, though the loop was awake
        // for 100 µs before each, and for a millisecond after it.
        let busy_ns = window.client_busy_ns;
        assert!(busy_ns < 400 * MS, "{stay_awake}: {busy_ns}");
        let Load::Rate { .. } = window.load else { panic!() };
    }
}
