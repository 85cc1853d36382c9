//! The echo itself: every byte, in order, at any pace, however it ends.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use rustix::process::Signal;
use socket2::SockRef;

use crate::client::{
    bytes, connect, connect_all, expect, expect_all, offer, ping,
    stream_through, wait_until,
};
use crate::manifest::Server;
use crate::{Point, proc};

/// The conformance case of urgent bytes.
const URGENT: &str = "A10";

pub(crate) const POINTS: &[Point] = &[
    ("messages_of_every_size_come_back", sizes),
    ("single_bytes_come_back_one_by_one", dribble),
    ("what_was_read_is_echoed_after_the_peer_has_finished", half_close),
    ("a_late_reader_still_gets_everything", read_late),
    ("a_connection_without_a_byte_ends_without_a_byte", empty),
    ("urgent_bytes_are_bytes", urgent),
    ("a_stalled_reader_is_bounded_and_can_resume", stalled),
    ("a_hundred_stalled_readers_starve_nobody", many_stalled),
    ("a_firehose_leaves_others_their_turn", fairness),
    ("a_reset_ends_one_connection_only", reset),
    ("signals_that_mean_nothing_change_nothing", interrupted),
    ("the_handler_costs_what_was_asked", spin),
    ("a_thousand_connections_take_a_thousand_descriptors", descriptors),
];

fn sizes(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut stream = connect(running.addr)?;
    let near = |size: usize| size - 1..=size + 1;
    let sizes = [1024, 4096, 8192, 16384, 65536].into_iter().flat_map(near);
    for size in [1, 2, 3, 7, 100].into_iter().chain(sizes) {
        ping(&mut stream, &bytes(size as u64, size))?;
    }
    stream_through(&connect(running.addr)?, &bytes(1, (1 << 20) + 1))?;
    // A read of another size than the default must not matter either.
    let running = server.launch()?.args(["--buffer-bytes", "7"]).start()?;
    stream_through(&connect(running.addr)?, &bytes(2, 100_003))?;
    Ok(Completion::Completed)
}

fn dribble(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut stream = connect(running.addr)?;
    for byte in bytes(3, 2000).chunks(1) {
        ping(&mut stream, byte)?;
    }
    Ok(Completion::Completed)
}

fn half_close(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    for size in [1, 100, 4096, 1 << 16] {
        let message = bytes(size as u64, size);
        let mut stream = connect(running.addr)?;
        stream.write_all(&message)?;
        stream.shutdown(Shutdown::Write)?;
        expect_all(&mut stream, &message)?;
    }
    stream_through(&connect(running.addr)?, &bytes(4, 8 << 20))?;
    Ok(Completion::Completed)
}

fn read_late(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut stream = connect(running.addr)?;
    let message = bytes(5, 1 << 20);
    // Larger than what the sockets hold until somebody reads.
    let mut sender = stream.try_clone()?;
    let sent = thread::spawn({
        let message = message.clone();
        move || {
            sender.write_all(&message)?;
            sender.shutdown(Shutdown::Write)
        }
    });
    thread::sleep(Duration::from_millis(500));
    expect_all(&mut stream, &message)?;
    sent.join().expect("the sender doesn't panic")?;
    Ok(Completion::Completed)
}

fn empty(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let baseline = proc::settled_descriptors(running.pid())?;
    for _ in 0..100 {
        let mut stream = connect(running.addr)?;
        stream.shutdown(Shutdown::Write)?;
        expect_all(&mut stream, b"")?;
        drop(connect(running.addr)?);
    }
    wait_until("descriptors back at the baseline", || {
        Ok(proc::descriptors(running.pid())?.len() <= baseline + 2)
    })?;
    Ok(Completion::Completed)
}

fn urgent(server: &Server) -> Result<Completion, Failed> {
    if let Some(why) = server.declares(URGENT) {
        return Ok(Completion::ignored_with(why));
    }
    // With a signal pending at the mark, Linux answers EAGAIN to a multishot
    // receive and doesn't resume it: such a server is kept busy, not stopped.
    let stops = server.family() != "completion";
    let spin_us = if stops { "0" } else { "200000" };
    let arguments = ["--workers", "1", "--spin-us", spin_us];
    let running = server.launch()?.args(arguments).start()?;
    let mut stream = connect(running.addr)?;
    let mut other = connect(running.addr)?;
    ping(&mut stream, b"abc")?;
    SockRef::from(&stream).send_out_of_band(b"d")?;
    expect(&mut stream, b"d")?;
    ping(&mut stream, b"ef")?;
    // All of it at once, and the end: the mark stops a read in the middle.
    if stops {
        running.signal_all(Signal::STOP)?;
    } else {
        other.write_all(b"busy")?;
        thread::sleep(Duration::from_millis(50));
    }
    stream.write_all(b"abc")?;
    SockRef::from(&stream).send_out_of_band(b"d")?;
    stream.write_all(b"ef")?;
    stream.shutdown(Shutdown::Write)?;
    running.signal_all(Signal::CONT)?;
    expect_all(&mut stream, b"abcdef")?;
    Ok(Completion::Completed)
}

fn stalled(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut stream = connect(running.addr)?;
    ping(&mut stream, b"warm")?;
    let before = proc::resident(running.pid())?;
    let message = bytes(6, 1 << 20);
    let most = 256 << 20;
    let taken = offer(&mut stream, &message, most)?;
    assert!(taken < 96 << 20, "took {taken} bytes with nobody reading");
    let grown = proc::resident(running.pid())?.saturating_sub(before);
    assert!(grown <= 8 << 20, "holds {grown} bytes more");
    // Nothing more is sent: what was taken has to come by itself.
    for at in (0..taken).step_by(message.len()) {
        let end = message.len().min(taken - at);
        expect(&mut stream, &message[..end])?;
    }
    ping(&mut stream, b"resumed")?;
    Ok(Completion::Completed)
}

fn many_stalled(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let mut streams = connect_all(running.addr, 100)?;
    let before = proc::resident(running.pid())?;
    let message = bytes(7, 1 << 20);
    let mut stalled = 0;
    for stream in &mut streams {
        SockRef::from(&*stream).set_recv_buffer_size(1 << 16)?;
        stream.set_nonblocking(true)?;
    }
    for _ in 0..40 {
        for stream in &mut streams {
            let full = stream.write(&message).unwrap_or(0) < message.len();
            stalled += usize::from(full);
        }
    }
    assert!(stalled > 1000, "{stalled} of 4000 writes found it full");
    let grown = proc::resident(running.pid())?.saturating_sub(before);
    assert!(grown <= 64 << 20, "holds {grown} bytes more");
    ping(&mut connect(running.addr)?, b"served meanwhile")?;
    Ok(Completion::Completed)
}

fn fairness(server: &Server) -> Result<Completion, Failed> {
    // With a handler that costs something the firehose is always ready.
    let arguments = ["--workers", "1", "--spin-us", "50"];
    let running = server.launch()?.args(arguments).start()?;
    let addr = running.addr;
    let mut quiet = connect(addr)?;
    let message = bytes(8, 64 << 20);
    let passed = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let firehose = scope.spawn(|| pour(connect(addr)?, &message, passed));
        let so_far = || passed.load(Ordering::Relaxed);
        wait_until("the firehose runs", || {
            Ok(so_far() > 0 || firehose.is_finished())
        })?;
        let (start, before, mut turns) = (Instant::now(), so_far(), 0);
        // On a busy machine both get less done in a second.
        while start.elapsed() < Duration::from_secs(1)
            || (so_far() - before < 8 << 20 && !firehose.is_finished())
        {
            ping(&mut quiet, b"my turn")?;
            turns += 1;
        }
        assert!(turns >= 5, "{turns} turns beside a firehose");
        firehose.join().expect("the firehose doesn't panic")
    })?;
    Ok(Completion::Completed)
}

/// Sends as fast as it can, and tells how much of it has come back.
fn pour(
    mut stream: TcpStream,
    message: &[u8],
    passed: &AtomicUsize,
) -> Result<(), Failed> {
    let mut sender = stream.try_clone()?;
    thread::scope(|scope| {
        let sent = scope.spawn(move || sender.write_all(message));
        for part in message.chunks(1 << 18) {
            expect(&mut stream, part)?;
            passed.fetch_add(part.len(), Ordering::Relaxed);
        }
        Ok(sent.join().expect("the sender doesn't panic")?)
    })
}

fn reset(server: &Server) -> Result<Completion, Failed> {
    let mut running = server.launch()?.start()?;
    let mut others = connect_all(running.addr, 5)?;
    let baseline = proc::settled_descriptors(running.pid())?;
    let message = bytes(9, 1 << 20);
    for _ in 0..40 {
        let mut stream = connect(running.addr)?;
        stream.set_nonblocking(true)?;
        assert!(stream.write(&message)? > 0);
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        drop(stream);
    }
    others.iter_mut().try_for_each(|other| ping(other, b"unharmed"))?;
    assert!(running.alive(), "died of a reset");
    wait_until("descriptors back at the baseline", || {
        Ok(proc::descriptors(running.pid())?.len() <= baseline + 7)
    })?;
    Ok(Completion::Completed)
}

fn interrupted(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.start()?;
    let stream = connect(running.addr)?;
    let message = bytes(10, 8 << 20);
    thread::scope(|scope| {
        let transfer = scope.spawn(|| stream_through(&stream, &message));
        while !transfer.is_finished() {
            for signal in [Signal::WINCH, Signal::STOP, Signal::CONT] {
                running.signal_all(signal)?;
                thread::sleep(Duration::from_millis(1));
            }
        }
        transfer.join().expect("the transfer doesn't panic")
    })?;
    Ok(Completion::Completed)
}

fn spin(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.args(["--spin-us", "50000"]).start()?;
    let mut stream = connect(running.addr)?;
    let before = proc::cpu_ticks(running.pid())?;
    let start = Instant::now();
    for _ in 0..4 {
        ping(&mut stream, b"costly")?;
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(200), "took only {took:?}");
    // Another process on its CPU stretches the spin: so only a tenth of it.
    let burnt = proc::cpu_ticks(running.pid())? - before;
    assert!(burnt >= 2, "slept instead of working: {burnt} ticks");
    Ok(Completion::Completed)
}

fn descriptors(server: &Server) -> Result<Completion, Failed> {
    let running = server.launch()?.descriptors(1064).start()?;
    let mut streams: Vec<TcpStream> = connect_all(running.addr, 1000)?;
    for (key, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&bytes(key as u64, 100))?;
    }
    for (key, stream) in streams.iter_mut().enumerate() {
        expect(stream, &bytes(key as u64, 100))?;
    }
    let open = proc::descriptors(running.pid())?.len();
    assert!((1000..=1064).contains(&open), "{open} descriptors");
    Ok(Completion::Completed)
}
