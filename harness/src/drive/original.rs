//! Runs one of the original's clients through one trial: a process that
//! prints one line and ends.
//!
//! Refuses to do: measure. The total is the client's own, as it was in the
//! original.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use wire::{Classic, ClientUsage, Connections, End, Report, Spec};

use super::{FAREWELL, Failure, told};
use crate::build::Built;
use crate::interrupt::Interrupt;
use crate::process::{Exit, ExitKind, Launch, Process, wait_readable};
use crate::record::ExitUsage;

/// One of the original's clients, ready to run.
#[derive(Clone, Debug)]
pub struct Original {
    /// Name of its directory.
    pub id: String,
    /// What is run.
    pub built: Built,
    /// The text of its line that the total follows.
    pub total_after: String,
}

/// What it may take beyond its own deadline, to start and to end.
const SLACK: Duration = Duration::from_secs(10);
/// Most it may print: it is to print one line.
const OUTPUT_LIMIT: usize = 64 << 10;

/// What it is told to wait for an echo: an idle machine's second for each
/// 10,000 clients many times over, and a few rounds of the SYN timer.
fn deadline_s(spec: &Spec) -> u64 {
    spec.stall_ms / 1_000 + u64::from(spec.connections) / 400
}

impl Original {
    /// Runs it against a server to its end.
    ///
    /// # Errors
    /// Why there is no report. It has ended in every case.
    pub(super) fn drive(
        &self,
        spec: &Spec,
        server: BorrowedFd<'_>,
        interrupt: &Interrupt,
    ) -> Result<Report, Failure> {
        let began = Instant::now();
        let mut process = self.start(spec)?;
        let deadline = began + Duration::from_secs(deadline_s(spec)) + SLACK;
        let printed = self.listen(&mut process, server, interrupt, deadline)?;
        let exit = process.wait(FAREWELL).ok_or_else(|| {
            self.failed("closed its output and did not end", "")
        })?;
        // Its stderr may still be on the way through the pipe.
        std::thread::sleep(Duration::from_millis(20));
        let log = process.stderr_tail();
        let report = self.report(&exit, &printed, &log, spec.connections)?;
        let client = usage(&exit.usage, began.elapsed());
        Ok(Report { client, ..report })
    }

    fn start(&self, spec: &Spec) -> Result<Process, Failure> {
        let mut command = self.built.command.clone();
        let arguments = [
            spec.addr.to_string(),
            "--clients".into(),
            spec.connections.to_string(),
            "--deadline-s".into(),
            deadline_s(spec).to_string(),
        ];
        command.extend(arguments.map(OsString::from));
        let launch = Launch {
            command,
            directory: Some(self.built.directory.clone()),
            cpus: spec.cpus.clone(),
            ..Launch::default()
        };
        let mut process = Process::spawn(&launch).map_err(|error| {
            self.failed(&format!("can't be started: {error}"), "")
        })?;
        drop(process.take_stdin());
        Ok(process)
    }

    /// All it prints, unless something ends first.
    fn listen(
        &self,
        process: &mut Process,
        server: BorrowedFd<'_>,
        interrupt: &Interrupt,
        deadline: Instant,
    ) -> Result<String, Failure> {
        let mut pipe = process.take_stdout().expect("taken for the first time");
        let mut printed = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let fds = [pipe.as_fd(), server, interrupt.fd()];
            let left = deadline.saturating_duration_since(Instant::now());
            match wait_readable(&fds, left).as_slice() {
                [_, _, true] => return Err(Failure::Interrupted),
                [true, ..] => {
                    let read = pipe.read(&mut chunk).unwrap_or_default();
                    if read == 0 {
                        let text = String::from_utf8_lossy(&printed);
                        return Ok(text.into_owned());
                    }
                    printed.extend_from_slice(&chunk[..read]);
                    if printed.len() > OUTPUT_LIMIT {
                        return Err(self.failed("printed without end", ""));
                    }
                }
                [_, true, _] => return Err(Failure::ServerEnded),
                _ => {
                    let log = process.stderr_tail();
                    return Err(self.failed("did not end in time", &log));
                }
            }
        }
    }

    /// What it says, held against what was asked for.
    fn report(
        &self,
        exit: &Exit,
        printed: &str,
        log: &str,
        clients: u32,
    ) -> Result<Report, Failure> {
        let last = log.lines().last().unwrap_or_default();
        if exit.kind != ExitKind::Code(0) {
            let (end, connections) =
                told::failure(last, clients).ok_or_else(|| {
                    self.failed(&format!("ended with {}", exit.kind), last)
                })?;
            return Ok(Report { end, connections, ..Report::new() });
        }
        let mut lines = printed.lines();
        let total_ns = lines
            .next()
            .filter(|_| lines.next().is_none())
            .and_then(|line| told::total_ns(line, &self.total_after, clients))
            .ok_or_else(|| {
                let what = format!("printed no line of {clients} clients");
                self.failed(&what, printed)
            })?;
        Ok(Report {
            end: End::Completed,
            connections: Connections {
                requested: clients,
                established: clients,
                ..Connections::default()
            },
            classic: Some(Classic {
                total_ns,
                connect: String::new(),
                echo: String::new(),
                network: None,
            }),
            ..Report::new()
        })
    }

    fn failed(&self, what: &str, log: &str) -> Failure {
        let message = format!("the client {} {what} {log}", self.id);
        Failure::Client(message.trim_end().to_owned())
    }
}

fn usage(of: &ExitUsage, wall: Duration) -> ClientUsage {
    ClientUsage {
        cpu_ns: (of.user_us + of.system_us) * 1_000,
        wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        ..ClientUsage::default()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;

    use super::*;
    use crate::record::Artifact;
    use wire::{PROTOCOL, Work};

    /// Runs a shell script as the client of 7 connections.
    fn driven(script: &str) -> Result<Report, Failure> {
        let artifact =
            Artifact { sha256: String::new(), version: String::new() };
        let command = ["/bin/sh", "-c", script, "sh"].map(OsString::from);
        let client = Original {
            id: "mine".into(),
            built: Built {
                artifact,
                command: command.to_vec(),
                directory: PathBuf::from("/"),
            },
            total_after: "total time = ".into(),
        };
        let spec = Spec {
            protocol: PROTOCOL,
            addr: "127.0.0.1:9".parse().unwrap(),
            connections: 7,
            payload_bytes: 100,
            seed: 1,
            max_connecting: 7,
            stall_ms: 0,
            cpus: Vec::new(),
            server_pids: Vec::new(),
            softirq_cpus: Vec::new(),
            watched_cpus: Vec::new(),
            count_packets: false,
            stay_awake: false,
            work: Work::Classic,
        };
        let (server, _other_end) = UnixStream::pair().unwrap();
        let interrupt = Interrupt::install().unwrap();
        client.drive(&spec, server.as_fd(), &interrupt)
    }

    #[test]
    fn a_client_is_told_where_the_server_is_and_how_many_to_be() {
        let line = "echo \"$1: ${3} clients, total time = 2 ms\"; \
                    test \"$*\" = '127.0.0.1:9 --clients 7 --deadline-s 0'";
        let report = driven(line).unwrap();
        assert_eq!(report.end, End::Completed);
        assert_eq!(report.connections.established, 7);
        assert_eq!(report.classic.unwrap().total_ns, 2_000_000);
    }

    #[test]
    fn a_client_that_says_nothing_useful_is_no_fault_of_the_server() {
        let line = "echo 'X: 7 clients, total time = 2 ms'";
        let twice = format!("{line}; {line}");
        let late = format!("{line}; exit 3");
        for (script, words) in [
            ("exit 0", "printed no line of 7 clients"),
            ("echo 9 clients, total time = 2 ms", "printed no line"),
            (&twice, "printed no line"),
            (&late, "ended with exit code 3"),
            ("echo 'no memory' >&2; exit 1", "exit code 1 no memory"),
            ("kill -9 $$", "signal 9 (SIGKILL)"),
            ("while :; do echo aaaaaaaaaaaaaaaa; done", "without end"),
        ] {
            let Err(Failure::Client(message)) = driven(script) else {
                panic!("{script} told something of the server");
            };
            assert!(message.starts_with("the client mine "), "{message}");
            assert!(message.contains(words), "{script}: {message}");
        }
    }

    #[test]
    fn a_client_that_does_not_end_is_ended() {
        let began = Instant::now();
        let failure = driven("sleep 60; echo late").unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(30));
        let Failure::Client(message) = failure else { panic!("{failure:?}") };
        assert!(message.contains("did not end in time"), "{message}");
    }
}
