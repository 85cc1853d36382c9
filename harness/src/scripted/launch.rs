//! Measurements made up for tests, sound until a test damages them.

use wire::{
    Around, Arrivals, Classic, ClientUsage, Connections, CpuUse, End, Fairness,
    Load, NetworkCounters, Overlap, Proof, Report, ServerUsage, WindowReport,
};

use crate::plan::Scenario;
use crate::record::{
    Announce, Census, Measurement, Rest, Snapshot, SocketFacts,
};

/// A sound launch in which one echo cost so many microseconds, or the classic
/// test took so many milliseconds. It holds no histogram.
pub(crate) fn bare(scenario: Scenario, primary: f64) -> Measurement {
    match scenario {
        Scenario::Classic => classic(primary, ""),
        _ => of_curve(scenario, load(primary, ["", ""])),
    }
}

/// The same with histograms of as many samples as a real launch has, at
/// `latency_us`, one in fifty of them ten times as late.
pub(crate) fn full(
    scenario: Scenario,
    primary: f64,
    latency_us: u64,
) -> Measurement {
    match scenario {
        Scenario::Classic => classic(primary, &histogram(latency_us, 10_000)),
        _ => {
            let open = histogram(latency_us, 20_000);
            let closed = histogram(latency_us * 9, 100_000);
            of_curve(scenario, load(primary, [&open, &closed]))
        }
    }
}

/// What of a launch of `load` another workload would show. Its primary figure
/// is as chosen where that is the cost of an echo at the fixed rate.
fn of_curve(scenario: Scenario, mut launch: Measurement) -> Measurement {
    if scenario.is_main() {
        return launch;
    }
    let held = super::settings().at(scenario).connections;
    let report = &mut launch.report;
    if let Some(proof) = &mut report.proof {
        (proof.opened, proof.first_echoes) = (held, held);
        proof.second_echoes = held;
    }
    launch.census = launch
        .census
        .map(|_| Census { server_established: held, client_established: held });
    report.windows.retain(|window| match scenario {
        Scenario::Idle(_) => false,
        Scenario::Sizes(_) => window.name == "in_flight",
        Scenario::Herd | Scenario::Churn => window.name == "fixed_rate",
        _ => true,
    });
    if scenario == Scenario::Churn {
        (report.proof, launch.census, launch.held) = (None, None, None);
        let arrivals = Arrivals::Poisson;
        report.windows[0].load =
            Load::Sessions { per_s: 10_000.0, arrivals, echoes: 8 };
    }
    launch
}

pub(crate) fn histogram(latency_us: u64, samples: u64) -> String {
    let mut histogram = wire::empty();
    let late = samples / 50;
    for (us, count) in [(latency_us, samples - late), (latency_us * 10, late)] {
        histogram.record_n(us * 1_000, count).expect("value in range");
    }
    wire::encode(&histogram)
}

fn classic(total_ms: f64, histogram: &str) -> Measurement {
    let echo = match histogram {
        "" => self::histogram(90, 10_000),
        given => given.to_owned(),
    };
    let mut report = report();
    report.classic = Some(Classic {
        total_ns: (total_ms * 1e6) as u64,
        connect: histogram.into(),
        echo,
        network: None,
    });
    Measurement { report, ..measurement() }
}

fn load(cpu_us: f64, [rate, in_flight]: [&str; 2]) -> Measurement {
    let mut report = report();
    report.proof = Some(Proof {
        opened: 10_000,
        first_echoes: 10_000,
        last_first_echo_ns: 1_000,
        second_sweep_ns: 2_000,
        second_echoes: 10_000,
        last_second_echo_ns: 3_000,
        closed: 0,
    });
    let open = Load::Rate { per_s: 10_000.0, arrivals: Arrivals::Poisson };
    let closed = Load::InFlight { connections: 256 };
    report.windows = vec![
        window("fixed_rate", open, 20_000, cpu_us, rate),
        window("in_flight", closed, 100_000, cpu_us * 0.7, in_flight),
    ];
    let held = Snapshot {
        processes: 1,
        threads: 2,
        descriptors: 10_007,
        pss_bytes: 5_048_000,
        kernel_bytes: 178_000_000,
        voluntary_switches: 10_000,
        involuntary_switches: 10,
    };
    let loaded = Snapshot {
        voluntary_switches: 75_000,
        involuntary_switches: 140,
        ..held
    };
    Measurement {
        report,
        held: Some(held),
        loaded: Some(loaded),
        rest: Some(Rest { cpu_ns: 500_000, wall_ns: 500_000_000 }),
        census: Some(Census {
            server_established: 10_000,
            client_established: 10_000,
        }),
        ..measurement()
    }
}

/// Adds a ladder of which the last of these rates is too much.
pub(crate) fn climb(launch: &mut Measurement, rates: &[f64], us: u64) {
    let last = rates.len() - 1;
    for (at, per_s) in rates.iter().enumerate() {
        let load = Load::Rate { per_s: *per_s, arrivals: Arrivals::Poisson };
        let latency = histogram(if at == last { 60_000 } else { us }, 5_000);
        let name = format!("step_{per_s}");
        let mut step = window(&name, load, 5_000, 6.0, &latency);
        step.step = true;
        if at == last {
            (step.sent_in_time, step.echoes_in_window) = (4_000, 3_000);
        }
        launch.report.windows.insert(1 + at, step);
    }
}

fn window(
    name: &str,
    load: Load,
    echoes: u64,
    cpu_us: f64,
    histogram: &str,
) -> WindowReport {
    let is_closed = matches!(load, Load::InFlight { .. });
    let seconds = if is_closed { 1 } else { 2 };
    let slip = match histogram {
        "" => String::new(),
        _ => self::histogram(5, echoes),
    };
    WindowReport {
        name: name.into(),
        load,
        step: false,
        start_ns: 1_000_000_000,
        end_ns: 1_000_000_000 * (1 + seconds),
        planned: echoes,
        sent_in_time: echoes,
        censored: 0,
        echoed: echoes,
        echoes_in_window: echoes,
        bytes_sent: echoes * 100,
        bytes_verified: echoes * 100,
        response: histogram.into(),
        service: histogram.into(),
        slip,
        client_busy_ns: 300_000_000,
        server: Some(ServerUsage {
            cpu_ns: (cpu_us * 1e3 * echoes as f64) as u64,
            softirq_ns: 0,
        }),
        fairness: Some(Fairness {
            connections: 8_000,
            shares: 8_000.0,
            squared_shares: 8_000.0,
            fewest_echoes: 1,
            starved: 0,
            longest_gap_ns: 3_000_000,
        }),
        overlap: is_closed.then(|| filled(histogram)),
        around: Some(around(1 + seconds)),
        packets: None,
    }
}

/// What makes the response times fill a second of 256 in flight.
fn filled(histogram: &str) -> Overlap {
    let responses =
        wire::decode(histogram).map_or(0.0, |it| it.mean() * it.len() as f64);
    let lacking = 256e9 - responses;
    Overlap {
        before_ns: lacking.max(0.0) as u64,
        after_ns: (-lacking).max(0.0) as u64,
    }
}

/// A quiet machine: the server used a second of its CPU, the client 0.6.
fn around(seconds: u64) -> Around {
    let wall_ns = seconds * 1_000_000_000;
    let cpu = |cpu, used_ns: u64| CpuUse {
        cpu,
        idle_ns: wall_ns - used_ns - 200_000_000,
        irq_ns: 150_000_000,
        steal_ns: 20_000_000,
    };
    Around {
        wall_ns,
        cpus: vec![cpu(0, 1_000_000_000), cpu(1, 600_000_000)],
        server_cpu_ns: Some(1_000_000_000),
        client_cpu_ns: 600_000_000,
        client_involuntary_switches: 30,
        network: Some(NetworkCounters::default()),
    }
}

fn report() -> Report {
    Report {
        end: End::Completed,
        connections: Connections {
            requested: 10_000,
            established: 10_000,
            peak_open: 10_000,
            ..Connections::default()
        },
        client: ClientUsage { loops: 1, ..ClientUsage::default() },
        ..Report::new()
    }
}

fn measurement() -> Measurement {
    Measurement {
        announce: Announce {
            addr: "127.0.0.1:40000".parse().expect("a literal address"),
            pid: 1234,
            backend: "epoll".into(),
            workers: 1,
            buffer: 4096,
        },
        sockets: SocketFacts::default(),
        report: report(),
        fresh: Snapshot {
            processes: 1,
            threads: 2,
            descriptors: 7,
            pss_bytes: 1_048_000,
            kernel_bytes: 100_000_000,
            ..Snapshot::default()
        },
        held: None,
        loaded: None,
        rest: None,
        census: None,
        exit: None,
        flags: Vec::new(),
        probe_ns: Some(10_000_000),
        private_counters: false,
        spin_us: None,
        isolation: None,
        group: None,
    }
}
