//! Starts processes, and makes sure that none outlives its test.
//!
//! Each has a death signal, a deadline for everything that is waited for, and
//! a guard that kills and reaps it. Nothing is ever ended by name.

#![expect(unsafe_code, reason = "limits are set between fork and exec")]
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where these tests start processes"
)]

use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, kill_process,
    set_parent_process_death_signal, setrlimit,
};

use crate::proc;

/// Ten times what a start may take.
const START_LIMIT: Duration = Duration::from_secs(50);

/// A server about to be started.
pub(crate) struct Launch {
    command: Command,
}

/// A server that has announced itself; killed and reaped when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// The announce line, without its end.
    pub(crate) line: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// How a process ended, and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Launch {
    pub(crate) fn new(serve: &[String], directory: &Path) -> Self {
        // A relative program is looked up in the server's directory.
        let program = match serve[0].strip_prefix("./") {
            Some(name) => directory.join(name),
            None => serve[0].clone().into(),
        };
        let mut command = Command::new(program);
        command.args(&serve[1..]).current_dir(directory);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        die_with_parent(&mut command);
        Self { command }
    }

    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.command.args(args);
        self
    }

    /// Limits the descriptors the server may have, for good.
    pub(crate) fn descriptors(mut self, most: u64) -> Self {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        // SAFETY: setrlimit is a plain system call.
        unsafe {
            self.command
                .pre_exec(move || Ok(setrlimit(Resource::Nofile, limit)?));
        }
        self
    }

    /// Starts on a free port of the loopback and waits for the announcement.
    pub(crate) fn start(self) -> Result<Running, Failed> {
        self.start_at("127.0.0.1:0")
    }

    pub(crate) fn start_at(self, addr: &str) -> Result<Running, Failed> {
        self.args(["--addr", addr]).start_or_end()?.map_err(|ended| {
            format!("{}, no announcement: {}", ended.status, ended.stderr)
                .into()
        })
    }

    /// Starts as the arguments say: announced, or ended before that.
    pub(crate) fn start_or_end(self) -> Result<Result<Running, Ended>, Failed> {
        let (mut running, first_line) = self.spawn()?;
        let Ok(line) = first_line.recv_timeout(START_LIMIT) else {
            return Ok(Err(running.exits(Duration::from_secs(10))?));
        };
        let word = |n: usize| line.split(' ').nth(n).unwrap_or_default();
        if word(0) != "LISTENING" {
            return Err(format!("announced {line:?}").into());
        }
        running.addr = word(1).parse()?;
        running.line = line;
        Ok(Ok(running))
    }

    /// Starts with output that nobody will ever read.
    pub(crate) fn start_unheard(self, addr: SocketAddr) -> io::Result<Running> {
        let mut command = self.args(["--addr", &addr.to_string()]).command;
        let mut child = command.spawn()?;
        drop((child.stdout.take(), child.stderr.take()));
        let line = String::new();
        Ok(Running { child, addr, line, stdout: None, stderr: None })
    }

    /// Runs until it exits by itself.
    pub(crate) fn finish(self) -> Result<Ended, Failed> {
        self.spawn()?.0.exits(START_LIMIT)
    }

    fn spawn(mut self) -> io::Result<(Running, Receiver<String>)> {
        let mut child = self.command.spawn().map_err(|error| {
            let program = self.command.get_program().display();
            io::Error::new(error.kind(), format!("{program}: {error}"))
        })?;
        let (stdout, first_line) = collect(child.stdout.take());
        let (stderr, _) = collect(child.stderr.take());
        let running = Running {
            child,
            addr: SocketAddr::from(([0; 4], 0)),
            line: String::new(),
            stdout: Some(stdout),
            stderr: Some(stderr),
        };
        Ok((running, first_line))
    }
}

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.pid(), signal)?)
    }

    /// Signals all of its processes.
    pub(crate) fn signal_all(&self, signal: Signal) -> io::Result<()> {
        // One that has ended meanwhile needs no signal any more.
        let send = |pid| kill_process(pid, signal).ok();
        proc::family(self.pid())?.into_iter().for_each(|pid| _ = send(pid));
        Ok(())
    }

    /// Whether it still runs.
    pub(crate) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for it to exit by itself.
    pub(crate) fn exits(&mut self, limit: Duration) -> Result<Ended, Failed> {
        let start = Instant::now();
        while self.alive() {
            if start.elapsed() > limit {
                let said = self.end(Duration::ZERO).stderr;
                return Err(
                    format!("still there after {limit:?}: {said}").into()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(self.end(start.elapsed()))
    }

    fn end(&mut self, took: Duration) -> Ended {
        // Fails when it has exited already, which is what is wanted.
        self.child.kill().ok();
        let status = self.child.wait().expect("a child can be waited for");
        let said = |output: &mut Option<JoinHandle<String>>| {
            output.take().and_then(|it| it.join().ok()).unwrap_or_default()
        };
        let stdout = said(&mut self.stdout);
        let stderr = said(&mut self.stderr);
        Ended { status, stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Runs a command to its end and returns what it printed on both streams.
pub(crate) fn run(
    command: &[String],
    directory: &Path,
    limit: Duration,
) -> io::Result<String> {
    let (mut running, _) = Launch::new(command, directory).spawn()?;
    let ended = running.exits(limit).map_err(|error| {
        io::Error::other(error.message().unwrap_or_default().to_owned())
    })?;
    let output = ended.stdout + &ended.stderr;
    match ended.status.success() {
        true => Ok(output),
        false => Err(io::Error::other(format!("{command:?}: {output}"))),
    }
}

/// Has it end with this process, and heed SIGINT, which a shell has ignored in
/// what it runs in the background: a JVM would inherit that.
fn die_with_parent(command: &mut Command) {
    // SAFETY: prctl and sigaction are plain system calls.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
        });
    }
}

/// Reads a stream to its end in a thread, passing on the first line at once.
fn collect(
    stream: Option<impl Read + Send + 'static>,
) -> (JoinHandle<String>, Receiver<String>) {
    let (first_line, receiver) = channel();
    let read = move || {
        let mut stream = stream.expect("the stream is piped");
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            let first = !all.contains(&b'\n');
            all.extend_from_slice(&buffer[..n]);
            let end = all.iter().position(|&byte| byte == b'\n');
            if let (true, Some(end)) = (first, end) {
                let line = String::from_utf8_lossy(&all[..end]).into_owned();
                // Only the announcement is waited for.
                first_line.send(line).ok();
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    };
    (thread::spawn(read), receiver)
}
