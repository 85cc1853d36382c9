//! Running out of what the machine gives: survive, stay quiet, recover.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed};
use rustix::process::Pid;

use crate::client::{connect, connect_all, ping};
use crate::manifest::Server;
use crate::{Point, proc};

pub(crate) const POINTS: &[Point] = &[
    ("running_out_of_descriptors_is_survived_and_recovered_from", descriptors),
    ("a_refused_thread_is_survived_and_recovered_from", threads),
    ("too_few_descriptors_to_start_with_end_in_an_error", starved_at_birth),
];

/// Sends a byte on each and sorts out which come back within a moment.
fn served(
    streams: Vec<TcpStream>,
) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    for mut stream in &streams {
        // The server may have closed what it can't serve.
        stream.write_all(b"?").ok();
    }
    thread::sleep(Duration::from_secs(1));
    let (mut served, mut waiting) = (Vec::new(), Vec::new());
    for mut stream in streams {
        stream.set_nonblocking(true)?;
        let echoed = matches!(stream.read(&mut [0]), Ok(1));
        stream.set_nonblocking(false)?;
        if echoed { served.push(stream) } else { waiting.push(stream) }
    }
    Ok((served, waiting))
}

fn descriptors(server: &Server) -> Result<Completion, Failed> {
    let mut running = server.launch()?.descriptors(128).start()?;
    let start = Instant::now();
    // The limit is one of each process.
    let processes = proc::family(running.pid())?.len();
    let streams = connect_all(running.addr, processes * 128 + 32)?;
    let (mut served, waiting) = served(streams)?;
    assert!(!waiting.is_empty(), "more connections than descriptors fit");
    assert!(served.len() >= 64, "only {} are served", served.len());

    let before = proc::cpu_ticks(running.pid())?;
    thread::sleep(Duration::from_secs(2));
    let burnt = proc::cpu_ticks(running.pid())? - before;
    assert!(burnt < 100, "burns {burnt} ticks of 200 while it waits");
    served.iter_mut().try_for_each(|stream| ping(stream, b"still here"))?;

    drop(waiting);
    served.truncate(served.len() - 10);
    ping(&mut connect(running.addr)?, b"let in again")?;
    served.iter_mut().try_for_each(|stream| ping(stream, b"unharmed"))?;

    assert!(running.alive(), "died of exhaustion");
    running.signal(rustix::process::Signal::TERM)?;
    let ended = running.exits(Duration::from_secs(20))?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let lines = ended.stderr.lines().count() as u64;
    let most = processes as u64 * (start.elapsed().as_secs() + 2);
    assert!((1..=most).contains(&lines), "{lines} lines, {}", ended.stderr);
    Ok(Completion::Completed)
}

/// A control group of ours that limits processes; removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> io::Result<Self> {
        let path = format!("{name}-{}", std::process::id());
        let path = PathBuf::from("/sys/fs/cgroup/pids").join(path);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn take_in(&self, pid: Pid) -> io::Result<()> {
        let pid = pid.as_raw_nonzero().to_string();
        fs::write(self.0.join("cgroup.procs"), pid)
    }

    fn limit(&self, threads: &str) -> io::Result<()> {
        fs::write(self.0.join("pids.max"), threads)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Works once the last process is gone, a moment after it is reaped.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn threads(server: &Server) -> Result<Completion, Failed> {
    let group = match Group::new(&server.id) {
        Ok(group) => group,
        Err(error) => {
            let reason = format!("no control group for processes: {error}");
            return Ok(Completion::ignored_with(reason));
        }
    };
    let mut running = server.launch()?.start()?;
    ping(&mut connect(running.addr)?, b"warm")?;
    proc::family(running.pid())?
        .into_iter()
        .try_for_each(|pid| group.take_in(pid))?;
    group.limit(&(proc::threads(running.pid())? + 10).to_string())?;
    let (mut served, waiting) = served(connect_all(running.addr, 40)?)?;
    assert!(!served.is_empty(), "nobody is served");
    assert!(running.alive(), "died of a refused thread");
    served.iter_mut().try_for_each(|stream| ping(stream, b"still here"))?;

    drop(waiting);
    group.limit("max")?;
    ping(&mut connect(running.addr)?, b"let in again")?;
    served.iter_mut().try_for_each(|stream| ping(stream, b"unharmed"))?;
    drop(running);
    Ok(Completion::Completed)
}

fn starved_at_birth(server: &Server) -> Result<Completion, Failed> {
    // Whether it gets by with so few or gives up, it does not hang.
    let launch = server.launch()?.descriptors(5);
    if let Err(ended) = launch.start_or_end()? {
        let code = ended.status.code();
        assert!(code.is_some_and(|code| code != 0), "{:?}", ended.status);
        assert!(!ended.stderr.is_empty(), "gives no reason");
    }
    Ok(Completion::Completed)
}
