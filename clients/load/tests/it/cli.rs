//! The client by hand: arguments, text, exit codes.

use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use wire::{End, Report};

use crate::process::{command, load, load_with_descriptors};
use crate::server::{Bug, Server};

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_help_is_complete() {
    let output = load(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn the_classic_test_prints_the_original_line() {
    let server = Server::start(Bug::None);
    let addr = server.addr.to_string();
    let output = load(&[&addr, "-c", "500", "--label", "Rust (tokio)"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let line = text.lines().next().unwrap();
    let rest =
        line.strip_prefix("Rust (tokio): 500 clients, total time = ").unwrap();
    let (total, rest) = rest.split_once(" ms, avg = ").unwrap();
    let average = rest.strip_suffix(" µs/client").unwrap();
    let total: f64 = total.parse().unwrap();
    let average: f64 = average.parse().unwrap();
    assert!((total * 1e3 / 500.0 - average).abs() < 0.1, "{line}");
    assert!(text.contains("p50"), "{text}");
    assert!(text.contains("needs 800 samples, there are 500"), "{text}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = Server::start(Bug::None);
    let addr = server.addr.to_string();
    let mut client = command(&[&addr, "-c", "5"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(client.stdout.take());
    let output = client.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn json_is_one_report_whose_proof_can_be_recomputed() {
    let server = Server::start(Bug::None);
    let addr = server.addr.to_string();
    let output = load(&[
        &addr,
        "--hold",
        "300",
        "--in-flight",
        "50",
        "--duration",
        "300ms",
        "--warm-up",
        "50ms",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1);
    let report: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(report.end, End::Completed);
    assert_eq!(report.proof.as_ref().unwrap().verify(300), Ok(()));
    assert_eq!(report.metrics, wire::metrics(&report));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(value["echoes_per_s"].as_f64().unwrap() > 0.0);
    let most = u64::from(report.client.descriptors);
    assert!((300..=300 + load::SPARE).contains(&most), "{most}");
}

#[test]
fn held_connections_print_the_proof_and_the_window() {
    let server = Server::start(Bug::None);
    let addr = server.addr.to_string();
    let output = load(&[
        &addr,
        "--hold",
        "200",
        "--rate",
        "2000",
        "--duration",
        "500ms",
        "--warm-up",
        "50ms",
        "--arrivals",
        "uniform",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "200 connections were open at once",
        "2000/s (Uniform arrivals) for 0.5 s",
        "1000 planned",
        "response",
        "service",
        "slip",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_server_that_corrupts_is_exit_3_and_no_time() {
    let server = Server::start(Bug::CorruptByte { at: 10 });
    let addr = server.addr.to_string();
    let output = load(&[&addr, "-c", "50"]);
    assert_eq!(output.status.code(), Some(3));
    let text = stdout(&output);
    assert!(text.contains("corrupted: wrong bytes on connection"), "{text}");
    assert!(text.contains("at offset 10."), "{text}");
    assert!(!text.contains("total time"), "{text}");
}

#[test]
fn nobody_there_is_exit_3_and_told_to_start_a_server() {
    let output = load(&["127.0.0.1:1", "-c", "20"]);
    assert_eq!(output.status.code(), Some(3));
    let text = stdout(&output);
    assert!(text.contains("all 20 connections were refused"), "{text}");
    assert!(text.contains("start a server first"), "{text}");
}

#[test]
fn a_server_pid_that_is_nobodys_is_refused_by_name() {
    let output = load(&[
        "127.0.0.1:1",
        "--hold",
        "1",
        "--rate",
        "1",
        "--server-pid",
        "4000000",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("--server-pid 4000000"), "{text}");
}

#[test]
fn an_interrupted_run_prints_what_there_is_and_exits_with_its_signal() {
    let server = Server::start(Bug::None);
    let addr = server.addr.to_string();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let args = [&addr, "--hold", "50", "--rate", "10", "--duration", "1h"];
        let mut child = command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The line on stderr says that the run is under way.
        let mut line = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("50 connections stand"), "{line}");
        let pid = i32::try_from(child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let text = stdout(&output);
        assert!(text.contains("stopped; 50 of 50"), "{text}");
    }
}

#[test]
fn too_few_descriptors_are_exit_6_with_have_need_and_fix() {
    let output = load_with_descriptors(100, &["127.0.0.1:1", "-c", "200"]);
    assert_eq!(output.status.code(), Some(6));
    let text = stderr(&output);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("264 descriptors are needed"), "{text}");
    assert!(text.contains("hard limit is 100"), "{text}");
    assert!(text.contains("ulimit -Hn 264"), "{text}");
}

#[test]
fn wrong_arguments_are_exit_2_with_one_reason() {
    let cases: [(&[&str], &str); 6] = [
        (&[], "ADDR"),
        (&["nonsense"], "HOST:PORT"),
        (&["127.0.0.1:1", "--hold", "5"], "--rate"),
        (&["127.0.0.1:1", "-c", "0"], "connections must be 1"),
        (&["192.0.2.1:80"], "--allow-remote"),
        (&["127.0.0.1:1", "--hold", "5", "--in-flight", "6"], "in flight"),
    ];
    for (args, reason) in cases {
        let output = load(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let text = stderr(&output);
        assert!(text.contains(reason), "{args:?}: {text}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_cpu_that_is_not_there_is_the_clients_own_error() {
    let output = load(&["127.0.0.1:1", "-c", "1", "--cpus", "1000"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("CPU 1000"), "{}", stderr(&output));
}
