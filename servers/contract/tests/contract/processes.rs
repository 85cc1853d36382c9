//! Servers of several processes: the end of one is not that of the others.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;
use std::{fs, io};

use libtest_mimic::{Completion, Failed};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{connect, connect_all, expect_all, ping, wait_until};
use crate::launch::Running;
use crate::manifest::Server;
use crate::{Point, proc};

pub(crate) const POINTS: &[Point] = &[
    ("a_killed_worker_loses_only_its_connections_and_is_replaced", worker),
    ("a_killed_parent_leaves_no_worker", parent),
];

const WORKERS: usize = 3;

/// A server with several workers, and those.
fn start(server: &Server) -> Result<(Running, Vec<Pid>), Failed> {
    let workers = WORKERS.to_string();
    let running = server.launch()?.args(["--workers", &workers]).start()?;
    let workers = workers_of(&running)?;
    assert_eq!(workers.len(), WORKERS, "its workers are not processes");
    Ok((running, workers))
}

fn workers_of(running: &Running) -> io::Result<Vec<Pid>> {
    let mut family = proc::family(running.pid())?;
    family.retain(|member| *member != running.pid() && lives(*member));
    Ok(family)
}

/// Not gone, and not merely waiting for whoever is to reap it.
fn lives(process: Pid) -> bool {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let text = fs::read_to_string(path).unwrap_or_default();
    let state = text.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

fn worker(server: &Server) -> Result<Completion, Failed> {
    let (running, workers) = start(server)?;
    let mut streams = connect_all(running.addr, 60)?;
    streams.iter_mut().try_for_each(|stream| ping(stream, b"before"))?;
    let peers_of = |worker: Pid| -> io::Result<HashSet<SocketAddr>> {
        let sockets = proc::tcp_sockets(worker)?;
        let peers = sockets.iter().filter_map(|(it, _)| it.peer_addr().ok());
        Ok(peers.filter_map(|peer| peer.as_socket()).collect())
    };
    // Whichever has most: one at least has some.
    let mut victim = (workers[0], HashSet::new());
    for worker in &workers {
        let peers = peers_of(*worker)?;
        if peers.len() > victim.1.len() {
            victim = (*worker, peers);
        }
    }
    let (victim, lost) = victim;
    assert!(lost.len() < streams.len(), "one worker has all connections");
    kill_process(victim, Signal::KILL)?;
    for mut stream in streams {
        if lost.contains(&stream.local_addr()?) {
            expect_all(&mut stream, b"")?;
        } else {
            ping(&mut stream, b"unharmed")?;
        }
    }
    wait_until("as many workers as before", || {
        let now = workers_of(&running)?;
        Ok(now.len() == WORKERS && !now.contains(&victim))
    })?;
    let all = proc::family(running.pid())?.len();
    assert_eq!(all, 1 + WORKERS, "a dead worker is not reaped");
    for _ in 0..20 {
        ping(&mut connect(running.addr)?, b"after")?;
    }
    Ok(Completion::Completed)
}

fn parent(server: &Server) -> Result<Completion, Failed> {
    let (mut running, workers) = start(server)?;
    let mut stream = connect(running.addr)?;
    ping(&mut stream, b"served")?;
    running.signal(Signal::KILL)?;
    running.exits(Duration::from_secs(10))?;
    wait_until("no worker is left", || {
        Ok(!workers.iter().any(|worker| lives(*worker)))
    })?;
    assert!(connect(running.addr).is_err(), "somebody still listens");
    Ok(Completion::Completed)
}
