//! Hosts, plans and records made up for tests: every figure is chosen.

use wire::{
    Arrivals, Classic, ClientUsage, Connections, End, Fault, FaultKind, Load,
    Proof, Report, ServerUsage, WindowReport,
};

use crate::host::Host;
use crate::plan::{
    Control, Isolation, Lane, Placement, Plan, Scenario, Settings, Skip, Trial,
};
use crate::record::{
    Announce, Census, Measurement, Outcome, Record, Rest, SCHEMA, Snapshot,
    SocketFacts,
};

/// The name of the control lane.
pub(crate) const SAME: &str = "rust-mio@again";

pub(crate) fn host() -> Host {
    Host {
        label: "Example CPU, 2 CPUs, 24 GiB, Linux 6.18".into(),
        cpu_model: "Example CPU".into(),
        cpus: vec![0, 1],
        memory_bytes: 24 << 30,
        kernel: "6.18.5-generic".into(),
        descriptors_hard: 20_000,
        somaxconn: 4096,
        congestion_control: "cubic".into(),
        ephemeral_ports: [32_768, 60_999],
        irq_time_apart: true,
        governor: None,
        rustc: "rustc 1.95.0".into(),
        revision: Some("0123abc".into()),
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        connections: 10_000,
        payload_bytes: 100,
        rate_per_s: 10_000.0,
        in_flight: 256,
        workers: 1,
        backlog: 4096,
        buffer_bytes: 4096,
        placement: Placement::Split,
        isolation: Isolation::Pin,
        server_cpus: vec![0],
        client_cpus: vec![1],
        warm_up_ms: 500,
        fixed_rate_ms: 2_000,
        in_flight_ms: 1_000,
        idle_ms: 500,
        quick: false,
    }
}

/// A plan over these servers, `rust-mio` the reference and run twice.
pub(crate) fn plan(
    servers: &[&str],
    scenarios: &[Scenario],
    rounds: u32,
) -> Plan {
    let lane = |name: &str, control| Lane {
        name: name.into(),
        server: name.split('@').next().unwrap_or(name).into(),
        control,
        family: "family".into(),
        model: format!("the model of {name}"),
        status: "maintained".into(),
    };
    let mut lanes: Vec<Lane> =
        servers.iter().map(|server| lane(server, None)).collect();
    if !servers.contains(&"rust-mio") {
        lanes.push(lane("rust-mio", Some(Control::Reference)));
    }
    lanes.push(lane(SAME, Some(Control::Same)));
    let trials = (1..=rounds)
        .flat_map(|round| lanes.iter().map(move |lane| (round, lane)))
        .flat_map(|(round, lane)| {
            scenarios.iter().map(move |scenario| Trial {
                round,
                lane: lane.name.clone(),
                scenario: *scenario,
                seed: u64::from(round),
            })
        })
        .collect();
    Plan {
        seed: 42,
        rounds,
        scenarios: scenarios.to_vec(),
        reference: Some("rust-mio".into()),
        settings: settings(),
        lanes,
        trials,
        skipped: Vec::new(),
    }
}

pub(crate) fn skip(server: &str, reason: &str, hint: &str) -> Skip {
    Skip {
        server: server.into(),
        reason: reason.into(),
        hint: Some(hint.into()),
    }
}

/// One record for each trial of the plan, by what `outcome` makes of it.
pub(crate) fn records(
    plan: &Plan,
    mut outcome: impl FnMut(&Trial) -> Outcome,
) -> Vec<Record> {
    plan.trials
        .iter()
        .map(|trial| Record {
            schema: SCHEMA,
            run: "scripted".into(),
            trial: trial.clone(),
            started_unix_ms: 0,
            duration_ms: 6_000,
            artifact: None,
            gates: Vec::new(),
            outcome: outcome(trial),
        })
        .collect()
}

/// A sound launch in which one echo cost so many microseconds, or the classic
/// test took so many milliseconds. It holds no histogram.
pub(crate) fn bare(scenario: Scenario, primary: f64) -> Measurement {
    match scenario {
        Scenario::Classic => classic(primary, ""),
        Scenario::Load => load(primary, ["", ""]),
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
        Scenario::Load => load(
            primary,
            [
                &histogram(latency_us, 20_000),
                &histogram(latency_us * 9, 100_000),
            ],
        ),
    }
}

pub(crate) fn measured(measurement: Measurement) -> Outcome {
    Outcome::Measured(Box::new(measurement))
}

pub(crate) fn corrupted() -> Outcome {
    Outcome::Corrupted(Fault {
        kind: FaultKind::Wrong,
        connection: 17,
        offset: 300,
        expected: "0a0b0c".into(),
        actual: "0a0bff".into(),
    })
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

fn window(
    name: &str,
    load: Load,
    echoes: u64,
    cpu_us: f64,
    histogram: &str,
) -> WindowReport {
    let seconds = if matches!(load, Load::Rate { .. }) { 2 } else { 1 };
    WindowReport {
        name: name.into(),
        load,
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
        slip: histogram.into(),
        client_busy_ns: 300_000_000,
        server: Some(ServerUsage {
            cpu_ns: (cpu_us * 1e3 * echoes as f64) as u64,
            softirq_ns: 0,
        }),
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
    }
}
