//! Starts one server and believes nothing it says: the listening socket must
//! be its own and have the backlog that was asked for.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::build::Built;
use crate::interrupt::Interrupt;
use crate::isolation::Apart;
use crate::plan::Settings;
use crate::process::{
    Exit, ExitKind, Launch, Process, Tail, children, end_adopted, wait_readable,
};
use crate::record::{Announce, Outcome};
use crate::sample::{holds_socket, server_pids};
use crate::sockets;

mod announce;
mod elf;
mod facts;

/// A server that listens. Dropping it kills its group and reaps it.
#[derive(Debug)]
pub struct Running {
    process: Process,
    /// Whatever comes on stdout after the announce, which should be nothing.
    surplus: Tail,
    announce: Announce,
    pids: Vec<u32>,
    /// Children of the harness from before: whatever else it adopts meanwhile
    /// came from this server.
    known: Vec<u32>,
}

/// How long a server may take to stop after the drain time is over.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// What servers are told: by then every connection has been reset.
const DRAIN: Duration = Duration::from_secs(1);

/// The contract's flags for these settings.
#[must_use]
pub fn flags(settings: &Settings) -> Vec<OsString> {
    [
        ("--addr", "127.0.0.1:0".to_owned()),
        ("--workers", settings.workers.to_string()),
        ("--backlog", settings.backlog.to_string()),
        ("--buffer-bytes", settings.buffer_bytes.to_string()),
        ("--drain-ms", DRAIN.as_millis().to_string()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.into(), value.into()])
    .collect()
}

/// Starts a server and waits for its announce, at most `patience`. With a
/// spin it burns so many microseconds before each echo.
///
/// # Errors
/// The outcome of the trial: never ready, crashed, unsupported, interrupted.
pub fn launch(
    built: &Built,
    settings: &Settings,
    spin_us: Option<u32>,
    apart: &Apart,
    patience: Duration,
    interrupt: &Interrupt,
) -> Result<Running, Outcome> {
    let mut command = built.command.clone();
    command.extend(flags(settings));
    if let Some(spin_us) = spin_us {
        command.extend(["--spin-us".into(), spin_us.to_string().into()]);
    }
    let cpus = if settings.isolation.pin {
        settings.server_cpus.clone()
    } else {
        Vec::new()
    };
    let door = apart.door().map_err(|error| Outcome::HarnessError {
        message: format!("the control group of the launch is gone: {error}"),
    })?;
    let program = command[0].to_string_lossy().into_owned();
    let launch = Launch {
        command,
        directory: Some(built.directory.clone()),
        cpus,
        door,
        ..Launch::default()
    };
    let known = children();
    let mut process = Process::spawn(&launch).map_err(|error| {
        let name = program.rsplit('/').next().unwrap_or_default();
        Outcome::NeverReady {
            why: format!("{name} can't be started: {error}"),
            log: String::new(),
        }
    })?;
    drop(process.take_stdin());
    let first = first_line(&mut process, patience, interrupt);
    let (line, stdout) = first.map_err(|outcome| match outcome {
        // `execvp` hands what the kernel refuses to a shell, which then
        // complains of its syntax.
        Outcome::Crashed { log, .. } if elf::is_foreign(&program) => {
            let why = "it is built for another processor".to_owned();
            Outcome::NeverReady { why, log }
        }
        outcome => outcome,
    })?;
    let announced = announce::parse(&line).and_then(|announce| {
        verify(announce, &process, settings, apart.somaxconn())
    });
    match announced {
        Ok((announce, pids)) => Ok(Running {
            process,
            surplus: Tail::follow(stdout),
            announce,
            pids,
            known,
        }),
        Err(why) => {
            // One that has ended listens nowhere, whatever it announced.
            if process.wait(Duration::from_millis(200)).is_some() {
                return Err(ended_early(&mut process));
            }
            process.stop(STOP_GRACE, Some(interrupt.fd()));
            Err(Outcome::NeverReady { why, log: process.stderr_tail() })
        }
    }
}

/// The announce line, and the pipe it came through.
fn first_line(
    process: &mut Process,
    patience: Duration,
    interrupt: &Interrupt,
) -> Result<(String, OwnedFd), Outcome> {
    const LIMIT: usize = 4096;
    let deadline = Instant::now() + patience;
    let mut pipe = process.take_stdout().expect("taken for the first time");
    let mut line = Vec::new();
    let mut chunk = [0; 512];
    while !line.contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        let fds = [pipe.as_fd(), process.pidfd(), interrupt.fd()];
        let ready = wait_readable(&fds, left);
        if ready[2] {
            return Err(Outcome::Interrupted);
        }
        if ready[0] {
            match pipe.read(&mut chunk) {
                Ok(read @ 1..) if line.len() < LIMIT => {
                    line.extend_from_slice(&chunk[..read]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    continue;
                }
                _ => {}
            }
        } else if !ready[1] {
            process.stop(Duration::from_secs(5), Some(interrupt.fd()));
            return Err(Outcome::NeverReady {
                why: format!("no announce within {} s", patience.as_secs()),
                log: process.stderr_tail(),
            });
        }
        return Err(ended_early(process));
    }
    let text = String::from_utf8_lossy(&line).into_owned();
    Ok((text, OwnedFd::from(pipe)))
}

/// Its stdout ended, or it did, before the announce was complete.
fn ended_early(process: &mut Process) -> Outcome {
    let Some(exit) = process.wait(Duration::from_millis(500)) else {
        process.stop(STOP_GRACE, None);
        return Outcome::NeverReady {
            why: "it closed its stdout without an announce".into(),
            log: process.stderr_tail(),
        };
    };
    // Its stderr may still be on the way through the pipe.
    std::thread::sleep(Duration::from_millis(20));
    let log = process.stderr_tail();
    if exit.kind == ExitKind::Code(4) {
        let reason = log.lines().last().unwrap_or_default().to_owned();
        return Outcome::Unsupported { reason };
    }
    Outcome::Crashed { exit: format!("{} before it was ready", exit.kind), log }
}

/// Holds the announce against what the kernel says.
fn verify(
    announce: Announce,
    process: &Process,
    settings: &Settings,
    somaxconn: u32,
) -> Result<(Announce, Vec<u32>), String> {
    let pids = server_pids(process.pid());
    if !pids.contains(&announce.pid) {
        return Err(format!(
            "it announced process {}, which is not its own",
            announce.pid
        ));
    }
    let addr = announce.addr;
    let listeners = sockets::listeners(addr)
        .map_err(|error| format!("the kernel doesn't list sockets: {error}"))?;
    if listeners.is_empty() {
        return Err(format!("nothing listens on {addr}, which it announced"));
    }
    for listener in listeners {
        if !holds_socket(&pids, listener.inode) {
            return Err(format!(
                "it announced {addr}, where another process listens"
            ));
        }
        let wanted = settings.backlog.min(somaxconn);
        if listener.backlog != wanted {
            return Err(format!(
                "its backlog is {}, {wanted} was asked for",
                listener.backlog
            ));
        }
    }
    Ok((announce, pids))
}

impl Running {
    /// What it announced.
    #[must_use]
    pub const fn announce(&self) -> &Announce {
        &self.announce
    }

    /// Its processes.
    #[must_use]
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Looks again which processes it has: one may fork once it listens.
    pub fn refresh(&mut self) {
        self.pids = server_pids(self.process.pid());
    }

    /// Counts the harness's present children as not of this server: another
    /// one is alive beside it.
    pub fn spare_others(&mut self) {
        self.known = children();
    }

    /// The child itself.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// The last part of its stderr.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr_tail()
    }

    /// Stops it: TERM, the drain time and a second, KILL of its group. Tells
    /// how it ended, whether it had to be killed, and whether it wrote more
    /// than the announce on stdout.
    pub fn stop(mut self) -> Stopped {
        let (exit, killed) = self.process.stop(DRAIN + STOP_GRACE, None);
        let leaked = exit.leaked || end_adopted(&self.known) > 0;
        Stopped { exit, killed, leaked, talked: self.surplus.seen() > 0 }
    }

    /// Kills its group at once.
    pub fn kill(mut self) {
        self.process.kill();
        end_adopted(&self.known);
    }

    /// How it ended by itself, at most `patience` from now.
    pub fn ended(&mut self, patience: Duration) -> Option<Exit> {
        self.process.wait(patience)
    }
}

/// How a server stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Its end.
    pub exit: Exit,
    /// It ignored TERM past the deadline.
    pub killed: bool,
    /// Processes of its were left over and were killed.
    pub leaked: bool,
    /// It wrote more than its announce on stdout.
    pub talked: bool,
}
