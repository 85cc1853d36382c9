//! The number of the suite's name, end to end: 10,000 connections.
//!
//! Where the descriptor limit does not carry them, the tests show as ignored
//! with the reason, never as passed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a panic is the report, and it starts the client"
)]

mod server;

use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use wire::{End, Report};

const CONNECTIONS: u32 = 10_000;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let lacking = load::raise_descriptors(CONNECTIONS).err();
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        let name = match &lacking {
            None => name.to_owned(),
            Some(reason) => format!("{name} (ignored: {reason})"),
        };
        Trial::test(name, test).with_ignored_flag(lacking.is_some())
    };
    let trials = vec![
        trial("the_classic_test_verifies_all_10_000", classic),
        trial("the_barrier_proves_10_000_at_once", held),
        trial("a_stop_releases_thousands_at_once", stopped),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(addr: SocketAddr, args: &[&str]) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .arg(addr.to_string())
        .args(args)
        .arg("--json")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn classic() -> Result<(), Failed> {
    let server = server::Server::start();
    let report = run(server.addr, &[]);
    assert_eq!(report.end, End::Completed, "{:?}", report.connections);
    assert_eq!(report.connections.established, CONNECTIONS);
    let classic = report.classic.unwrap();
    let echo = wire::decode(&classic.echo)?;
    assert_eq!(echo.len(), u64::from(CONNECTIONS));
    assert!(classic.total_ns >= echo.max());
    assert!(report.metrics["total_ms"] > 0.0);
    Ok(())
}

fn held() -> Result<(), Failed> {
    let server = server::Server::start();
    let count = CONNECTIONS.to_string();
    let report = run(
        server.addr,
        &["--hold", &count, "--rate", "5000", "--duration", "1s"],
    );
    assert_eq!(report.end, End::Completed, "{:?}", report.connections);
    report.proof.unwrap().verify(CONNECTIONS)?;
    assert_eq!(report.connections.peak_open, CONNECTIONS);
    let descriptors = u64::from(report.client.descriptors);
    let most = u64::from(CONNECTIONS) + load::SPARE;
    assert!((u64::from(CONNECTIONS)..=most).contains(&descriptors));
    let window = &report.windows[0];
    assert_eq!(window.bytes_sent, window.bytes_verified);
    assert_eq!(window.planned, window.echoed);
    Ok(())
}

fn stopped() -> Result<(), Failed> {
    let server = server::Server::start();
    let session = load::Session::new();
    let controls = session.controls();
    // Client and server share this process's descriptors.
    let connections = CONNECTIONS / 2 - 100;
    let spec = wire::Spec {
        protocol: wire::PROTOCOL,
        addr: server.addr,
        connections,
        payload_bytes: 100,
        seed: 1,
        max_connecting: 512,
        stall_ms: 5_000,
        cpus: vec![],
        server_pids: vec![],
        softirq_cpus: vec![],
        watched_cpus: vec![],
        count_packets: false,
        stay_awake: false,
        work: wire::Work::Hold {
            await_go: true,
            turns: false,
            windows: vec![],
        },
    };
    let mut stopped = None;
    let report = session.run(&spec, false, &mut |event| {
        if let wire::Event::Barrier { .. } = event {
            stopped = Some(std::time::Instant::now());
            controls.stop();
        }
    })?;
    let took = stopped.unwrap().elapsed();
    assert_eq!(report.end, End::Stopped);
    assert_eq!(report.connections.established, connections);
    // Ten times the promised 200 ms.
    assert!(took.as_millis() < 2_000, "{took:?}");
    Ok(())
}
