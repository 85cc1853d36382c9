//! Processes that can't outlive their test.
//!
//! Whatever a test starts bears a token in its environment, and so does all
//! that it starts in turn. So a test can ask whether anything of it is left,
//! whichever group, session or parent that has.
#![expect(unsafe_code, reason = "pre_exec runs between fork and exec")]

use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, getpid, getppid, kill_process, kill_process_group,
    set_parent_process_death_signal,
};

const TOKEN: &str = "HARNESS_TEST_TOKEN";

/// How often a wait looks again.
const TICK: Duration = Duration::from_millis(10);

/// A process and all that comes of it. Dropping it kills all of them.
pub(crate) struct Guarded {
    child: Child,
    token: String,
    stdout: Captured,
    stderr: Captured,
}

/// What a guarded process printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A command for [`Guarded::start`].
pub(crate) fn command(program: impl Into<PathBuf>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the guard sets a death signal and a group itself"
    )]
    Command::new(program.into())
}

/// Runs a short command to its end.
pub(crate) fn output(command: &mut Command) -> Finished {
    Guarded::start(command).finish(Duration::from_secs(60))
}

impl Guarded {
    /// Starts a command with its output captured.
    pub(crate) fn start(command: &mut Command) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let token = format!("{}-{count}", std::process::id());
        let parent = getpid();
        command
            .env(TOKEN, &token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        // SAFETY: the closure makes two system calls and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                let orphaned = getppid() != Some(parent);
                // A test that has died by now can't end its child any more.
                if orphaned { Err(std::io::Error::other("")) } else { Ok(()) }
            });
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{command:?} can't be started: {error}")
        });
        let stdout = Captured::follow(child.stdout.take().unwrap());
        let stderr = Captured::follow(child.stderr.take().unwrap());
        Self { child, token, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // Not reaped yet, so the number is still its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Living processes that come of it, itself left out.
    pub(crate) fn offspring(&self) -> Vec<u32> {
        let own = self.pid();
        bearers(&self.token).into_iter().filter(|&pid| pid != own).collect()
    }

    /// A living process that comes of it and runs this program.
    pub(crate) fn offspring_named(&self, program: &str) -> Option<u32> {
        self.offspring().into_iter().find(|pid| {
            fs::read_link(format!("/proc/{pid}/exe"))
                .is_ok_and(|path| path.ends_with(program))
        })
    }

    /// Waits until it has written this on stderr.
    pub(crate) fn wait_for_stderr(&mut self, text: &str, patience: Duration) {
        let seen = wait_until(patience, || {
            self.stderr.text().contains(text) || self.has_ended()
        });
        let stderr = self.stderr.text();
        assert!(seen && stderr.contains(text), "no {text:?} in: {stderr}");
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end; panics if that takes longer than `patience`.
    pub(crate) fn finish(&mut self, patience: Duration) -> Finished {
        let ended = wait_until(patience, || self.has_ended());
        let stderr = self.stderr.text();
        assert!(ended, "no end within {patience:?}; stderr: {stderr}");
        let status = self.child.wait().unwrap();
        // Who inherited the pipes may hold them open; there is no need to
        // wait for it once the process itself is gone.
        self.stdout.settle();
        self.stderr.settle();
        Finished {
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }

    /// Ends it at once and reaps it; what comes of it is left alone.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// Asserts that within `patience` nothing that comes of it is left.
    pub(crate) fn leaves_nothing(&self, patience: Duration) {
        let gone = wait_until(patience, || self.offspring().is_empty());
        let left: Vec<_> = self.offspring().into_iter().map(shown).collect();
        assert!(gone, "left after {patience:?}: {left:?}");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
            self.child.wait().ok();
        }
        for pid in bearers(&self.token) {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

impl Finished {
    /// The exit code; a signal is shown as such.
    pub(crate) fn code(&self) -> Result<i32, String> {
        let signal = self.status.signal().unwrap_or_default();
        self.status.code().ok_or_else(|| format!("signal {signal}"))
    }

    /// Asserts the exit code.
    pub(crate) fn exits_with(&self, code: i32) -> &Self {
        assert_eq!(self.code(), Ok(code), "{self:#?}");
        self
    }
}

/// Asks again and again until the answer is yes; `false` after `patience`.
pub(crate) fn wait_until(
    patience: Duration,
    mut condition: impl FnMut() -> bool,
) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(TICK);
    }
}

/// Living processes with the token. What has ended has no environment.
fn bearers(token: &str) -> Vec<u32> {
    let entry = format!("{TOKEN}={token}\0");
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ"));
            environment.is_ok_and(|text| {
                text.windows(entry.len()).any(|part| part == entry.as_bytes())
            })
        })
        .collect()
}

fn shown(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline"));
    format!("{pid}: {}", line.unwrap_or_default().replace('\0', " "))
}

/// A stream that is read by a thread of its own.
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Captured {
    fn follow(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 16 << 10];
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                kept.lock().unwrap().extend_from_slice(&chunk[..read]);
            }
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Waits a moment for what is still on the way.
    fn settle(&self) {
        wait_until(Duration::from_secs(2), || self.reader.is_finished());
    }
}
