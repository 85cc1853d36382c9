//! How a process ended and what it had used.
#![expect(unsafe_code, reason = "wait4 is the one call that tells usage")]

use std::fmt;

use rustix::process::Pid;

use crate::record::ExitUsage;

/// How a process ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal.
    pub kind: ExitKind,
    /// What `wait4` says.
    pub usage: ExitUsage,
    /// Members of its group outlived it and were killed.
    pub leaked: bool,
}

/// Code or signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExitKind {
    /// It could not be told.
    #[default]
    Unknown,
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl fmt::Display for ExitKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown => write!(out, "an unknown end"),
            Self::Code(code) => write!(out, "exit code {code}"),
            Self::Signal(signal) => {
                write!(out, "signal {signal}")?;
                match signal_name(signal) {
                    Some(name) => write!(out, " ({name})"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    signal_hook::low_level::signal_name(signal)
}

/// Waits for an ended child; returns at once, for it has ended.
pub(super) fn reap(pid: Pid, leaked: bool) -> Option<Exit> {
    let mut status = 0;
    let raw = pid.as_raw_nonzero().get();
    // SAFETY: an all-zero rusage is a valid value of that plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live local variables of the right types.
    let reaped = unsafe {
        libc::wait4(raw, &raw mut status, libc::WNOHANG, &raw mut usage)
    };
    if reaped != raw {
        return None;
    }
    let kind = if libc::WIFEXITED(status) {
        ExitKind::Code(libc::WEXITSTATUS(status))
    } else {
        ExitKind::Signal(libc::WTERMSIG(status))
    };
    Some(Exit { kind, usage: exit_usage(&usage), leaked })
}

fn exit_usage(usage: &libc::rusage) -> ExitUsage {
    let micros = |time: libc::timeval| {
        time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_usec.unsigned_abs()
    };
    ExitUsage {
        user_us: micros(usage.ru_utime),
        system_us: micros(usage.ru_stime),
        max_rss_bytes: usage.ru_maxrss.unsigned_abs() * 1024,
        voluntary_switches: usage.ru_nvcsw.unsigned_abs(),
        involuntary_switches: usage.ru_nivcsw.unsigned_abs(),
    }
}
