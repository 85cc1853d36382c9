//! Drives the client through one trial while it watches that server and
//! client live: the shared one by the agent protocol, one of the original's
//! by what it prints.
//!
//! Between two events it sleeps in `poll(2)`, so it takes no CPU from a
//! window.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wire::{Command, Event, Report, Spec, Window, Work};

use crate::interrupt::Interrupt;
use crate::process::{Launch, Process, wait_readable};

pub use self::original::Original;

mod original;
mod told;

/// What drives the servers.
#[derive(Clone, Debug)]
pub enum Client {
    /// The shared client, by its binary.
    Shared(PathBuf),
    /// One of the original's, which knows the classic test alone.
    Original(Original),
}

impl Client {
    /// Runs the client against a server to its report.
    ///
    /// `at` is called at each [`Moment`]; `server` becomes readable when the
    /// server's process ends.
    ///
    /// # Errors
    /// Why there is no report. The client has ended in every case.
    pub fn drive(
        &self,
        spec: &Spec,
        server: BorrowedFd<'_>,
        interrupt: &Interrupt,
        at: impl FnMut(Moment),
    ) -> Result<Report, Failure> {
        match self {
            Self::Shared(binary) => drive(binary, spec, server, interrupt, at),
            Self::Original(client) => client.drive(spec, server, interrupt),
        }
    }
}

/// A moment at which the client holds still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All connections are open and idle, between the two sweeps.
    Barrier,
    /// The last window is over and all connections are still open.
    Loaded,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server's process ended.
    ServerEnded,
    /// The client failed, in one sentence; never the server's fault.
    Client(String),
    /// The user interrupted.
    Interrupted,
}

/// What the client may take beyond its windows before it is given up: it
/// watches for stalls itself, so this only bounds its own failures.
const SLACK: Duration = Duration::from_secs(60);
/// What it may take to finish once nothing more is wanted of it.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest line it may write: a report carries a few histograms.
const LINE_LIMIT: usize = 16 << 20;

/// Speaks the agent protocol with the shared client.
fn drive(
    client: &Path,
    spec: &Spec,
    server: BorrowedFd<'_>,
    interrupt: &Interrupt,
    mut at: impl FnMut(Moment),
) -> Result<Report, Failure> {
    let mut agent = Agent::start(client, spec)?;
    let stall = Duration::from_millis(spec.stall_ms);
    let deadline = Instant::now() + planned(&spec.work) + stall + SLACK;
    loop {
        let event = match agent.next(server, interrupt, deadline) {
            Ok(event) => event,
            Err(Failure::ServerEnded) => {
                agent.finish();
                return Err(Failure::ServerEnded);
            }
            Err(failure) => return Err(failure),
        };
        match event {
            Event::Barrier { .. } => {
                at(Moment::Barrier);
                agent.send(&Command::Go)?;
            }
            Event::Error { message } => return Err(Failure::Client(message)),
            Event::Loaded { .. } => {
                at(Moment::Loaded);
                agent.send(&Command::Go)?;
            }
            Event::Report(report) => {
                agent.finish();
                return Ok(*report);
            }
            Event::Connected { .. }
            | Event::WindowStart { .. }
            | Event::Drained { .. }
            | Event::WindowEnd { .. } => {}
        }
    }
}

fn planned(work: &Work) -> Duration {
    let time = |window: &Window| {
        Duration::from_millis(window.warm_up_ms + window.duration_ms)
    };
    match work {
        Work::Classic => Duration::ZERO,
        Work::Hold { windows, .. } => windows.iter().map(time).sum(),
        Work::Churn { window } => time(window),
    }
}

/// The client's process and the lines it has written.
#[derive(Debug)]
pub(crate) struct Agent {
    process: Process,
    commands: File,
    events: File,
    unread: Vec<u8>,
}

impl Agent {
    pub(crate) fn start(client: &Path, spec: &Spec) -> Result<Self, Failure> {
        let failed = |error| {
            Failure::Client(format!("the client can't be started: {error}"))
        };
        let mut process = Process::spawn(&Launch {
            command: vec![client.into(), OsString::from("--agent")],
            directory: None,
            cpus: spec.cpus.clone(),
            ..Launch::default()
        })
        .map_err(failed)?;
        let stdin = process.take_stdin().expect("taken for the first time");
        let stdout = process.take_stdout().expect("taken for the first time");
        let mut agent = Self {
            process,
            commands: File::from(OwnedFd::from(stdin)),
            events: File::from(OwnedFd::from(stdout)),
            unread: Vec::new(),
        };
        agent.send(&Command::Spec(Box::new(spec.clone())))?;
        Ok(agent)
    }

    pub(crate) fn send(&mut self, command: &Command) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(command)
            .map_err(|error| Failure::Client(error.to_string()))?;
        line.push(b'\n');
        self.commands.write_all(&line).map_err(|_| self.gone())
    }

    /// How a client ended that should not have.
    fn gone(&mut self) -> Failure {
        let exit = self.process.wait(FAREWELL);
        let end = exit.map_or_else(
            || "closed its output".to_owned(),
            |exit| format!("ended with {}", exit.kind),
        );
        let log = self.process.stderr_tail();
        Failure::Client(format!("the client {end} {log}").trim_end().to_owned())
    }

    /// The next event, unless something ends first.
    pub(crate) fn next(
        &mut self,
        server: BorrowedFd<'_>,
        interrupt: &Interrupt,
        deadline: Instant,
    ) -> Result<Event, Failure> {
        loop {
            if let Some(event) = self.take_line()? {
                return Ok(event);
            }
            let fds = [self.events.as_fd(), server, interrupt.fd()];
            let left = deadline.saturating_duration_since(Instant::now());
            match wait_readable(&fds, left).as_slice() {
                [_, _, true] => return Err(Failure::Interrupted),
                [true, ..] => self.fill()?,
                [_, true, _] => return Err(Failure::ServerEnded),
                _ => {
                    return Err(Failure::Client(
                        "the client did not finish in time".into(),
                    ));
                }
            }
        }
    }

    fn take_line(&mut self) -> Result<Option<Event>, Failure> {
        let Some(end) = self.unread.iter().position(|&byte| byte == b'\n')
        else {
            return Ok(None);
        };
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        serde_json::from_slice(&line).map(Some).map_err(|error| {
            Failure::Client(format!("the client wrote no event: {error}"))
        })
    }

    fn fill(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 64 << 10];
        let read = self.events.read(&mut chunk).unwrap_or_default();
        if read == 0 {
            return Err(self.gone());
        }
        self.unread.extend_from_slice(&chunk[..read]);
        if self.unread.len() > LINE_LIMIT {
            return Err(Failure::Client(
                "the client wrote a line without end".into(),
            ));
        }
        Ok(())
    }

    /// Has it close everything and waits for its end.
    pub(crate) fn finish(mut self) {
        self.send(&Command::Stop).ok();
        // Its stdout may be full of what nobody reads any more.
        drop((self.commands, self.events));
        if self.process.wait(FAREWELL).is_none() {
            self.process.kill();
        }
    }
}
