//! Limits of the machine: found before anything runs, and held at 10,000.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use harness::record::{Measurement, Outcome};
use libtest_mimic::Trial;
use rustix::process::{Resource, getrlimit, getuid};

use crate::Ignored;
use crate::bed::{Bed, HARNESS, can, fixture, harness};
use crate::guard::{Finished, command, output};
use crate::tests;

tests![
    too_few_descriptors_are_refused_with_have_need_and_fix,
    doctor_fails_where_run_would_refuse,
    a_soft_descriptor_limit_is_raised_to_the_hard_one,
    too_few_local_ports_are_refused_with_have_need_and_fix,
    a_port_in_use_is_named_in_one_line_and_its_holder_left_alone,
    ten_thousand_are_proved_and_9999_of_them_never_have_a_rate,
];

/// Threads by the half of all process ids there are: no neighbour's would fit.
pub(crate) fn crowded() -> Vec<Trial> {
    let test: fn() -> Result<(), Ignored> =
        threads_outlive_more_connections_than_the_kernel_maps_stacks_for;
    let name =
        "threads_outlive_more_connections_than_the_kernel_maps_stacks_for";
    vec![crate::trial(name, test)]
}

/// The same command under a limit of the shell.
fn limited(inner: &Command, limit: &str) -> Finished {
    let mut shell = command("/bin/sh");
    let script = format!("{limit} && exec \"$@\"");
    shell.args(["-c", &script, "sh", HARNESS]).args(inner.get_args());
    shell.current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        value.map(|value| shell.env(name, value));
    }
    output(&mut shell)
}

pub(crate) fn refused_before_anything_ran(
    bed: &Bed,
    finished: &Finished,
    words: &[&str],
) {
    finished.exits_with(6);
    let stderr = finished.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "one line: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "no {word:?} in {stderr}");
    }
    assert_eq!(finished.stdout, "");
    assert!(!bed.path("results").exists(), "something was begun");
}

fn too_few_descriptors_are_refused_with_have_need_and_fix() {
    let bed = Bed::new();
    let finished = limited(&bed.command(&["-c", "10000"]), "ulimit -n 1024");
    let words = ["10064", "1024", "ulimit -n 10064", "-c 960"];
    refused_before_anything_ran(&bed, &finished, &words);
}

fn doctor_fails_where_run_would_refuse() {
    let finished = limited(&harness(&["doctor", "--json"]), "ulimit -n 1024");
    finished.exits_with(6);
    let json: serde_json::Value =
        serde_json::from_str(&finished.stdout).unwrap();
    let checks = json.as_array().unwrap();
    let check = checks.iter().find(|c| c["name"] == "descriptors").unwrap();
    assert_eq!(check["verdict"], "fail", "{check:#}");
    assert_eq!(check["fix"], "ulimit -n 10064", "{check:#}");
}

fn a_soft_descriptor_limit_is_raised_to_the_hard_one() {
    let bed = Bed::new();
    let arguments = ["-c", "500", "--scenario", "load"];
    let finished = limited(&bed.command(&arguments), "ulimit -Sn 256");
    bed.ran(finished).exits_with(0).measured_the_good_one();
}

fn too_few_local_ports_are_refused_with_have_need_and_fix()
-> Result<(), Ignored> {
    let namespace = ["--user", "--map-root-user", "--net"];
    let probe = [&namespace[..], &["true"]].concat();
    can("no network namespace", "unshare", &probe)?;
    let bed = Bed::new();
    let script = "echo 60000 60009 > \
                  /proc/sys/net/ipv4/ip_local_port_range && exec \"$@\"";
    let inner = bed.command(&["-c", "100", "--isolation", "pin"]);
    let mut outer = command("unshare");
    outer.args(namespace).args(["sh", "-c", script, "sh", HARNESS]);
    outer.args(inner.get_args());
    outer.current_dir(inner.get_current_dir().unwrap());
    let finished = output(&mut outer);
    let words = ["100 connections", "60000–60009", "ip_local_port_range"];
    refused_before_anything_ran(&bed, &finished, &words);
    Ok(())
}

fn a_port_in_use_is_named_in_one_line_and_its_holder_left_alone() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = holder.local_addr().unwrap().to_string();
    let finished = output(command(fixture()).args(["--addr", &addr]));
    finished.exits_with(3);
    assert_eq!(finished.stdout, "");
    let stderr = finished.stderr.trim_end();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&addr), "{stderr}");
    assert!(stderr.contains("Address already in use"), "{stderr}");
    drop(std::net::TcpStream::connect(addr).unwrap());
}

const MANY: u32 = 10_000;

/// Ignores the test where so many descriptors are not allowed.
pub(crate) fn room_for_many() -> Result<(), Ignored> {
    room_for(MANY)
}

fn room_for(connections: u32) -> Result<(), Ignored> {
    let need = u64::from(connections) + harness::preflight::SPARE;
    match getrlimit(Resource::Nofile).maximum {
        Some(have) if have < need => Err(Ignored(format!(
            "the hard descriptor limit is {have}, {need} are needed"
        ))),
        _ => Ok(()),
    }
}

/// Recomputes from what was stored that all were open at one moment.
pub(crate) fn proves_many(measurement: &Measurement) {
    let proof = measurement.report.proof.clone().unwrap();
    assert_eq!(proof.verify(MANY), Ok(()), "{proof:?}");
    let census = measurement.census.unwrap();
    let both = census.server_established + census.client_established;
    assert_eq!(both, 2 * MANY, "{census:?}");
    let held = measurement.held.unwrap();
    let server = held.descriptors;
    let client = measurement.report.client.descriptors;
    for (side, used) in [("server", server), ("client", client)] {
        let allowed = MANY..=MANY + 64;
        assert!(allowed.contains(&used), "{side}: {used} descriptors");
    }
}

fn ten_thousand_are_proved_and_9999_of_them_never_have_a_rate()
-> Result<(), Ignored> {
    room_for_many()?;
    let bed = Bed::with_bad(&["--bug", "limit", "--at", "9999"]);
    let ran = bed.run(&["--scenario", "load", "-c", "10000"]);
    ran.exits_with(3).measured_the_good_one();
    let Outcome::Measured(measurement) = ran.outcome("good") else {
        panic!("good was not measured");
    };
    proves_many(&measurement);
    ran.shows("bad", "incomplete", &["9,999 of 10,000", "1 timed out"]);
    Ok(())
}

/// A thread of Rust takes four mappings, and `std` aborts for want of the last
/// two.
fn threads_outlive_more_connections_than_the_kernel_maps_stacks_for()
-> Result<(), Ignored> {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let mappings: u32 = text.trim().parse().unwrap();
    let connections = mappings / 4 + 600;
    room_for(connections)?;
    let bed = Bed::new();
    let count = connections.to_string();
    let ran = bed.run(&["rust-threads", "--scenario", "load", "-c", &count]);
    ran.exits_with(3);
    ran.shows("rust-threads", "incomplete", &["timed out"]);
    Ok(())
}

/// Whether file permissions mean nothing to this user.
pub(crate) fn is_root() -> bool {
    getuid().is_root()
}
