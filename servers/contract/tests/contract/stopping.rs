//! The stop: in order, in time, and at once when asked twice.

use std::io::Write;
use std::thread;
use std::time::Duration;

use libtest_mimic::{Completion, Failed};
use rustix::process::Signal;

use crate::Point;
use crate::client::{
    LIMIT, bytes, connect, connect_all, expect_all, offer, ping, wait_until,
};
use crate::manifest::Server;

pub(crate) const POINTS: &[Point] = &[
    ("idle_connections_end_and_it_exits_with_0", idle),
    ("bytes_received_before_the_signal_come_back", drain),
    ("a_sender_stalled_at_the_signal_loses_nothing", drain_stalled),
    ("connections_queued_before_the_signal_are_served", queued),
    ("the_drain_time_ends_what_does_not_end", deadline),
    ("a_second_signal_ends_it_at_once", second_signal),
    ("it_starts_again_on_the_port_it_left", restart),
];

fn idle(server: &Server) -> Result<Completion, Failed> {
    for signal in [Signal::TERM, Signal::INT] {
        for connections in [0, 10] {
            let mut running = server.launch()?.start()?;
            let mut streams = connect_all(running.addr, connections)?;
            streams.iter_mut().try_for_each(|it| ping(it, b"busy once"))?;
            running.signal(signal)?;
            for stream in &mut streams {
                expect_all(stream, b"")?;
            }
            let line = running.line.clone() + "\n";
            let ended = running.exits(Duration::from_secs(10))?;
            assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
            assert_eq!(ended.stdout, line, "stdout holds the one line");
            assert_eq!(ended.stderr, "", "nothing went wrong");
        }
    }
    Ok(Completion::Completed)
}

fn drain(server: &Server) -> Result<Completion, Failed> {
    let launch = server.launch()?.args(["--drain-ms", "60000"]);
    let mut running = launch.start()?;
    let mut streams = connect_all(running.addr, 50)?;
    for (key, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&bytes(key as u64, 1 << 16))?;
    }
    running.signal(Signal::TERM)?;
    wait_until("newcomers are refused", || Ok(connect(running.addr).is_err()))?;
    for (key, stream) in streams.iter_mut().enumerate() {
        expect_all(stream, &bytes(key as u64, 1 << 16))?;
    }
    let ended = running.exits(Duration::from_secs(20))?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    Ok(Completion::Completed)
}

fn drain_stalled(server: &Server) -> Result<Completion, Failed> {
    let launch = server.launch()?.args(["--drain-ms", "60000"]);
    let mut running = launch.start()?;
    let mut streams = connect_all(running.addr, 3)?;
    let message = bytes(4, 1 << 20);
    let mut taken = Vec::new();
    for stream in &mut streams {
        taken.push(offer(stream, &message, 64 << 20)?);
    }
    running.signal(Signal::TERM)?;
    // Long enough for a server that gives up on them too early.
    thread::sleep(Duration::from_millis(500));
    for (mut stream, taken) in streams.into_iter().zip(taken) {
        expect_all(
            &mut stream,
            &message.repeat(taken.div_ceil(1 << 20))[..taken],
        )?;
    }
    let ended = running.exits(Duration::from_secs(20))?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    Ok(Completion::Completed)
}

fn queued(server: &Server) -> Result<Completion, Failed> {
    let mut running = server.launch()?.start()?;
    // Stopped, it can neither accept nor notice the order of events.
    running.signal_all(Signal::STOP)?;
    let mut streams = connect_all(running.addr, 50)?;
    for (key, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&bytes(key as u64, 1000))?;
    }
    running.signal(Signal::TERM)?;
    running.signal_all(Signal::CONT)?;
    for (key, stream) in streams.iter_mut().enumerate() {
        expect_all(stream, &bytes(key as u64, 1000))?;
    }
    let ended = running.exits(Duration::from_secs(20))?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    Ok(Completion::Completed)
}

fn deadline(server: &Server) -> Result<Completion, Failed> {
    let mut running = server.launch()?.args(["--drain-ms", "500"]).start()?;
    let mut streams = connect_all(running.addr, 3)?;
    for stream in &mut streams {
        offer(stream, &bytes(1, 1 << 20), 64 << 20)?;
    }
    running.signal(Signal::TERM)?;
    let ended = running.exits(Duration::from_secs(15))?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let took = ended.took;
    assert!(took >= Duration::from_millis(400), "cut off after {took:?}");
    Ok(Completion::Completed)
}

fn second_signal(server: &Server) -> Result<Completion, Failed> {
    let launch = server.launch()?.args(["--drain-ms", "600000"]);
    let mut running = launch.start()?;
    let mut stream = connect(running.addr)?;
    offer(&mut stream, &bytes(2, 1 << 20), 64 << 20)?;
    running.signal(Signal::TERM)?;
    thread::sleep(Duration::from_secs(1));
    assert!(running.alive(), "didn't wait for the drain");
    running.signal(Signal::INT)?;
    running.exits(LIMIT)?;
    Ok(Completion::Completed)
}

fn restart(server: &Server) -> Result<Completion, Failed> {
    let mut running = server.launch()?.start()?;
    let addr = running.addr.to_string();
    for _ in 0..5 {
        let mut streams = connect_all(running.addr, 20)?;
        streams.iter_mut().try_for_each(|it| ping(it, b"again"))?;
        // The server closes first, so the waiting is on its port.
        running.signal(Signal::TERM)?;
        running.exits(LIMIT)?;
        running = server.launch()?.start_at(&addr)?;
    }
    Ok(Completion::Completed)
}
