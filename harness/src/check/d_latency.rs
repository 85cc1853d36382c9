//! D: what makes a small message wait, and a crowd that comes at once.

use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open,
};
use socket2::Socket;

use super::case::Case;
use super::crowd::Pings;
use super::lab::Lab;
use super::net::counter;
use super::verdict::{Outcome, Stop, broken, ensure, within};
use crate::{sample, sockets};

pub(crate) const CASES: &[Case] = &[
    Case::must("D1", "message in two writes", split).quick(),
    Case::must("D2", "socket options", options).setup('X').should().quick(),
    Case::must("D3", "two bytes at a time", pipelined).quick(),
    Case::must("D4", "1,000 connects at once", burst).setup('N').quick(),
];

fn split(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.exchange(100, lab.ms(1_000))?;
    conn.delay()?;
    let mut pings = Pings::default();
    for _ in 0..200 {
        let start = Instant::now();
        conn.send(50)?;
        conn.send(50)?;
        conn.receive_rest(lab.ms(2_000))?;
        pings.latencies.push(start.elapsed());
    }
    pings.judge(lab.defining_ms(10), None)
}

fn pipelined(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    let mut pings = Pings::default();
    let bound = lab.defining_ms(10);
    let late = |pings: &Pings| {
        pings.latencies.iter().filter(|it| **it > bound).count()
    };
    for _ in 0..1_000 {
        // What is late this often can't become good enough.
        if late(&pings) > 10 {
            break;
        }
        let start = Instant::now();
        conn.send(1)?;
        conn.send(1)?;
        conn.receive_rest(lab.ms(2_000))?;
        pings.latencies.push(start.elapsed());
    }
    pings.judge(lab.defining_ms(10), None)
}

fn options(lab: &mut Lab<'_>) -> Outcome {
    lab.start()?;
    let mut conn = lab.connect()?;
    conn.exchange(10, lab.ms(1_000))?;
    let from = conn.local_addr()?;
    let addr = lab.server().addr;
    let inodes = sockets::accepted_from(addr, from)
        .map_err(broken("socket diagnostics"))?;
    let pids = lab.server().pids();
    let holder = inodes.iter().find_map(|&inode| {
        let held =
            |&pid: &u32| Some((pid, sample::socket_descriptor(pid, inode)?));
        pids.iter().find_map(held)
    });
    let Some((pid, descriptor)) = holder else {
        let why = "the server holds it by no descriptor of its own";
        return Err(Stop::Skip(why.into()));
    };
    let socket = copy(pid, descriptor)?;
    let nodelay = socket.tcp_nodelay().map_err(broken("TCP_NODELAY"))?;
    ensure(nodelay, "TCP_NODELAY", "Nagle's algorithm is on")?;
    let keepalive = socket.keepalive().map_err(broken("SO_KEEPALIVE"))?;
    ensure(!keepalive, "no keep-alive probes", "SO_KEEPALIVE is on")?;
    ensure(
        closes_on_exec(pid, descriptor)?,
        "closed on exec",
        "FD_CLOEXEC is off",
    )
}

fn copy(pid: u32, descriptor: i32) -> Outcome<Socket> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = raw.expect("a process has a positive number");
    pidfd_open(pid, PidfdFlags::empty())
        .and_then(|pidfd| {
            pidfd_getfd(pidfd, descriptor, PidfdGetfdFlags::empty())
        })
        .map(Socket::from)
        .map_err(|error| Stop::Skip(format!("needs pidfd_getfd(2): {error}")))
}

fn closes_on_exec(pid: u32, descriptor: i32) -> Outcome<bool> {
    let path = format!("/proc/{pid}/fdinfo/{descriptor}");
    let text = std::fs::read_to_string(path).map_err(broken("fdinfo"))?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = i32::from_str_radix(flags.unwrap_or("0").trim(), 8);
    Ok(flags.is_ok_and(|flags| flags & libc::O_CLOEXEC != 0))
}

fn burst(lab: &mut Lab<'_>) -> Outcome {
    lab.own_network()?;
    lab.start()?;
    let addr = lab.server().addr;
    let backlog = sockets::listeners(addr)
        .map_err(broken("socket diagnostics"))?
        .iter()
        .map(|listener| listener.backlog)
        .min();
    ensure(
        backlog.is_some_and(|backlog| backlog >= 1_024),
        "a backlog of at least 1024",
        format!("{}", backlog.unwrap_or_default()),
    )?;
    let before = counter("TcpExt", "ListenOverflows")?;
    let start = Instant::now();
    let mut conns = (0..1_000)
        .map(|_| lab.connect_soon(None))
        .collect::<Outcome<Vec<_>>>()?;
    let bound = lab.volume_ms(3_000);
    for conn in &mut conns {
        conn.connected(bound)?;
        conn.send(1)?;
    }
    for conn in &mut conns {
        conn.receive_rest(bound)?;
    }
    let took: Duration = start.elapsed();
    within("1,000 connections with an echo", took, bound)?;
    lab.note(format!("took {took:.0?}"));
    let overflows = counter("TcpExt", "ListenOverflows")? - before;
    ensure(
        overflows == 0,
        "no overflow of the accept queue",
        format!("{overflows} overflows"),
    )
}
