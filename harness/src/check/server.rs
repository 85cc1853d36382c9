//! The server under test: started for one case, believed in nothing.

use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::verdict::{Outcome, Stop, ensure, fail, late};
use crate::clock::process_cpu_ns;
use crate::interrupt::Interrupt;
use crate::process::{
    Exit, Process, Tail, children, end_adopted, output, wait_readable,
};
use crate::sample::server_pids;

/// A server that has announced itself. Dropping it kills its group.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) addr: SocketAddr,
    /// The announce line, without its end.
    pub(crate) line: String,
    /// Whatever came with the announce, and after it.
    surplus: String,
    stdout: Tail,
    known: Vec<u32>,
    /// Its descriptors when it had served one connection.
    pub(crate) baseline: usize,
    /// How long the announce took.
    pub(crate) ready: Duration,
}

/// A server that announced itself, or how it ended instead.
pub(crate) type Started = Result<Server, Ended>;

/// A server that ended before it announced anything.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Server {
    /// Waits for the announce of a process just spawned.
    pub(super) fn await_announce(
        mut process: Process,
        known: Vec<u32>,
        patience: Duration,
        interrupt: &Interrupt,
    ) -> Outcome<Started> {
        drop(process.take_stdin());
        let start = Instant::now();
        let mut pipe = process.take_stdout().expect("taken for the first time");
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        while !text.contains(&b'\n') {
            let left = (start + patience).duration_since(Instant::now());
            let fds = [pipe.as_fd(), interrupt.fd()];
            let ready = wait_readable(&fds, left);
            if ready[1] {
                return Err(Stop::Interrupted);
            }
            if !ready[0] {
                return late("the announce", patience, process.stderr_tail());
            }
            match pipe.read(&mut chunk) {
                Ok(read @ 1..) => text.extend_from_slice(&chunk[..read]),
                _ => break,
            }
        }
        let ready = start.elapsed();
        let text = String::from_utf8_lossy(&text).into_owned();
        let Some((line, rest)) = text.split_once('\n') else {
            return ended(process, text, start).map(Err);
        };
        let addr = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let Some(addr) = addr.filter(|_| line.starts_with("LISTENING ")) else {
            return fail("LISTENING and an address", format!("{line:?}"));
        };
        Ok(Ok(Self {
            process,
            addr,
            line: line.to_owned(),
            surplus: rest.to_owned(),
            stdout: Tail::follow(OwnedFd::from(pipe)),
            known,
            baseline: 0,
            ready,
        }))
    }

    /// One whose announce can't be heard.
    pub(super) fn unheard(
        process: Process,
        addr: SocketAddr,
        known: Vec<u32>,
    ) -> Self {
        Self {
            process,
            addr,
            line: String::new(),
            surplus: String::new(),
            stdout: Tail::default(),
            known,
            baseline: 0,
            ready: Duration::ZERO,
        }
    }

    /// What it wrote on stdout besides the announce.
    pub(crate) fn chatter(&self) -> String {
        let mut all = self.surplus.clone();
        all.push_str(&self.stdout.text());
        all
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        server_pids(self.process.pid())
    }

    /// Sends a signal to the process that was started, as a user would.
    pub(crate) fn signal(&self, signal: Signal) -> Outcome {
        send(self.process.pid(), signal)
    }

    /// Sends a signal to all its processes.
    pub(crate) fn signal_all(&self, signal: Signal) -> Outcome {
        self.pids().into_iter().try_for_each(|pid| send(pid, signal))
    }

    /// Open descriptors of all its processes.
    pub(crate) fn descriptors(&self) -> usize {
        let count = |pid| {
            let list = std::fs::read_dir(format!("/proc/{pid}/fd"));
            list.map_or(0, Iterator::count)
        };
        self.pids().into_iter().map(count).sum()
    }

    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:") * 1024
    }

    fn status(&self, field: &str) -> u64 {
        let of = |pid| {
            let path = format!("/proc/{pid}/status");
            let text = std::fs::read_to_string(path).ok()?;
            let line = text.lines().find_map(|it| it.strip_prefix(field))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.pids().into_iter().filter_map(of).sum()
    }

    /// CPU time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let used = self.pids().into_iter().map(process_cpu_ns);
        Duration::from_nanos(used.flatten().sum())
    }

    /// Children of its that ended and nobody has waited for.
    pub(crate) fn zombies(&self) -> usize {
        let own = self.pids();
        let Ok(all) = procfs::process::all_processes() else { return 0 };
        all.filter_map(|process| process.ok()?.stat().ok())
            .filter(|stat| stat.state == 'Z')
            .filter(|stat| own.contains(&stat.ppid.unsigned_abs()))
            .count()
    }

    /// It still runs.
    pub(crate) fn alive(&mut self) -> Outcome {
        match self.process.wait(Duration::ZERO) {
            None => Ok(()),
            Some(exit) => {
                let log = self.log();
                fail("a living server", format!("{}{log}", exit.kind))
            }
        }
    }

    /// Its last words, to be appended to a message.
    pub(crate) fn log(&self) -> String {
        // They may still be on the way through the pipe.
        std::thread::sleep(Duration::from_millis(20));
        let log = self.process.stderr_tail();
        let lines: Vec<&str> = log.lines().collect();
        // What follows a panic's message is how it got there.
        let panic = lines.iter().position(|it| it.contains("panicked"));
        let first = panic.unwrap_or_else(|| lines.len().saturating_sub(2));
        let last = lines.len().min(first + 2);
        let text = lines[first..last].join(" / ");
        if text.is_empty() { text } else { format!("; stderr: {text}") }
    }

    /// Waits until it ends by itself.
    pub(crate) fn ends(
        &mut self,
        what: &str,
        bound: Duration,
    ) -> Outcome<Exit> {
        if let Some(exit) = self.process.wait(bound) {
            return Ok(exit);
        }
        late(what, bound, format!("it still runs{}", self.log()))
    }

    /// Waits until it ends by itself, with code 0.
    pub(crate) fn exits(&mut self, what: &str, bound: Duration) -> Outcome {
        let exit = self.ends(what, bound)?;
        ensure(
            exit.kind == crate::process::ExitKind::Code(0),
            format!("{what}: exit code 0"),
            format!("{}{}", exit.kind, self.log()),
        )?;
        ensure(!exit.leaked, "no process left over", "one had to be killed")
    }

    /// Processes of its that live on after the leader.
    pub(crate) fn left_over(&self) -> usize {
        let leader = self.process.pid();
        let group = output::group_members(leader);
        let adopted = children();
        let strange = |pid: &&u32| !self.known.contains(pid);
        let strangers = adopted.iter().filter(strange);
        let all: std::collections::BTreeSet<u32> =
            group.iter().chain(strangers).copied().collect();
        all.len() - usize::from(all.contains(&leader))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process is killed all the same.
        self.process.kill();
        end_adopted(&self.known);
    }
}

fn send(pid: u32, signal: Signal) -> Outcome {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = raw.expect("a process has a positive number");
    kill_process(pid, signal).or_else(|error| {
        fail("a living server", format!("no signal reaches it: {error}"))
    })
}

fn ended(
    mut process: Process,
    stdout: String,
    start: Instant,
) -> Outcome<Ended> {
    let patience = Duration::from_secs(2);
    let Some(exit) = process.wait(patience) else {
        return fail("an announce or an end", "it closed its stdout");
    };
    let took = start.elapsed();
    // Its last words may still be on the way through the pipe, and whoever
    // reads them may wait for a CPU.
    let until = Instant::now() + Duration::from_millis(500);
    while process.stderr_bytes() == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(20));
    let stderr = process.stderr_tail();
    Ok(Ended { exit, stdout, stderr, took })
}
