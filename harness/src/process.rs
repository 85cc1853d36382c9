//! Starts, watches and ends processes; the only module that does.
//!
//! Every child gets a process group of its own, a death signal (so nothing
//! outlives a killed harness), huge pages off (so thread stacks don't become
//! resident by accident), and a reader for its stderr that keeps the last
//! part of it. Children are ended by the group this module made, never by
//! name.
//!
//! A death signal fires when the spawning *thread* exits, so a child is
//! spawned from a thread that outlives it: the main one, or that of a launch.
#![expect(
    unsafe_code,
    reason = "pre_exec runs between fork and exec, and wait4 has no safe form"
)]

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open,
};

pub use self::confine::Confine;
pub use self::exit::{Exit, ExitKind};
pub use self::filter::{Filter, Question, Questions};
pub use self::orphans::{adopt_orphans, children, end_adopted};
pub use self::rehearse::{enter_user_namespace, rehearse};
pub use self::tail::Tail;

mod confine;
mod exit;
mod filter;
mod orphans;
pub mod output;
mod prepare;
mod rehearse;
mod tail;

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Program and arguments; not empty.
    pub command: Vec<OsString>,
    /// Where to run it.
    pub directory: Option<PathBuf>,
    /// CPUs to bind it to; empty leaves it where it is.
    pub cpus: Vec<u32>,
    /// Where it joins a control group; none leaves it where it is.
    pub door: Option<Arc<File>>,
    /// What it has to live with.
    pub confine: Confine,
}

/// A running child. Dropping it kills its group and reaps it.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Tail,
    /// Its stderr, if nobody is to read it.
    unread: Option<OwnedFd>,
    exit: Option<Exit>,
}

impl Process {
    /// Starts a child with all three standard streams piped.
    ///
    /// # Errors
    /// The program is missing, not executable or of another architecture, or
    /// the kernel refuses another process.
    pub fn spawn(launch: &Launch) -> io::Result<Self> {
        let [program, arguments @ ..] = launch.command.as_slice() else {
            return Err(io::Error::other("an empty command"));
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the module that starts processes"
        )]
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(directory) = &launch.directory {
            command.current_dir(directory);
        }
        for variable in INHERITED_FROM_CARGO_RUN {
            command.env_remove(variable);
        }
        let affinity = prepare::cpu_set(&launch.cpus);
        let door = launch.door.clone();
        let parent = getpid();
        let limits = launch.confine.prepare(&mut command);
        // SAFETY: the closures make system calls only; they allocate nothing
        // and take no lock, as the time between fork and exec demands. A
        // change of credentials would clear the death signal: it comes first.
        unsafe {
            command.pre_exec(move || limits.apply());
            command.pre_exec(move || {
                prepare::prepare(parent, affinity.as_ref(), door.as_deref())
            });
        }
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        let stderr = child.stderr.take().expect("stderr is piped above");
        let stderr = OwnedFd::from(stderr);
        let (stderr, unread) = if launch.confine.unread {
            (Tail::default(), Some(stderr))
        } else {
            (Tail::follow(stderr), None)
        };
        Ok(Self {
            pid,
            pidfd,
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr,
            unread,
            exit: None,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Becomes readable when it exits.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Its stdin; `None` the second time.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Its stdout; `None` the second time.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.stdout.take()
    }

    /// Its stderr, where it was asked to be left unread.
    pub fn take_unread_stderr(&mut self) -> Option<OwnedFd> {
        self.unread.take()
    }

    /// Bytes it has written on stderr so far.
    #[must_use]
    pub fn stderr_bytes(&self) -> u64 {
        self.stderr.seen()
    }

    /// The last part of what it wrote on stderr.
    #[must_use]
    pub fn stderr_tail(&self) -> String {
        self.stderr.text()
    }

    /// Whether it has ended, without waiting.
    #[must_use]
    pub fn has_exited(&self) -> bool {
        self.exit.is_some()
            || wait_readable(&[self.pidfd.as_fd()], Duration::ZERO)[0]
    }

    /// Waits at most `patience` for it to end by itself.
    pub fn wait(&mut self, patience: Duration) -> Option<Exit> {
        if self.exit.is_none()
            && wait_readable(&[self.pidfd.as_fd()], patience)[0]
        {
            self.reap();
        }
        self.exit.clone()
    }

    /// Asks its group to end, waits at most `grace`, or until `hurry` is
    /// readable, then kills the group. The second value tells whether it had
    /// to be killed.
    pub fn stop(
        &mut self,
        grace: Duration,
        hurry: Option<BorrowedFd<'_>>,
    ) -> (Exit, bool) {
        if self.exit.is_none() {
            self.signal(Signal::TERM);
            let mut fds = vec![self.pidfd.as_fd()];
            fds.extend(hurry);
            wait_readable(&fds, grace);
        }
        if let Some(exit) = self.wait(Duration::ZERO) {
            return (exit, false);
        }
        (self.kill(), true)
    }

    /// Kills its group and reaps it.
    pub fn kill(&mut self) -> Exit {
        if self.exit.is_none() {
            self.signal(Signal::KILL);
            // A killed process is gone at once unless the kernel itself is
            // stuck in a call of its; nothing more can be done then.
            wait_readable(&[self.pidfd.as_fd()], Duration::from_secs(10));
            self.reap();
        }
        self.exit.clone().unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        // The leader is not reaped yet, so the group is still its own. It
        // fails only when every member has ended, which is what is wanted.
        kill_process_group(self.pid, signal).ok();
    }

    /// Members of the group that outlive the leader are killed while its
    /// zombie still reserves the group's number.
    fn reap(&mut self) {
        let leaked = output::group_members(self.pid())
            .iter()
            .any(|&member| member != self.pid());
        if leaked && !self.others_leave(Duration::from_secs(1)) {
            self.signal(Signal::KILL);
            self.exit = exit::reap(self.pid, true);
        } else {
            self.exit = exit::reap(self.pid, false);
        }
    }

    fn others_leave(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let members = output::group_members(self.pid());
            if members.iter().all(|&member| member == self.pid()) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Variables that `cargo run` sets for the harness and that would change what
/// a build or a server sees.
const INHERITED_FROM_CARGO_RUN: [&str; 4] =
    ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "RUST_LOG"];

/// Waits until one of `fds` is readable or hung up, at most `patience`; tells
/// for each whether it is.
pub fn wait_readable(fds: &[BorrowedFd<'_>], patience: Duration) -> Vec<bool> {
    let deadline = Instant::now() + patience;
    let mut polled: Vec<PollFd<'_>> = fds
        .iter()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut polled, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) if !left.is_zero() => {}
            _ => break,
        }
    }
    polled.iter().map(|fd| !fd.revents().is_empty()).collect()
}
