//! Which processes there are, read from `/proc`, and short commands whose
//! whole output is wanted.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Exit, Launch, Process, wait_readable};
use crate::interrupt::Interrupt;

/// Living processes of a process group, its leader included. A process that
/// has ended and is not yet reaped doesn't count.
#[must_use]
pub fn group_members(group: u32) -> Vec<u32> {
    living(|stat| stat.pgrp.unsigned_abs() == group)
}

/// Living children of a process.
#[must_use]
pub fn children_of(parent: i32) -> Vec<u32> {
    living(|stat| stat.ppid == parent)
}

fn living(wanted: impl Fn(&procfs::process::Stat) -> bool) -> Vec<u32> {
    let Ok(processes) = procfs::process::all_processes() else {
        return Vec::new();
    };
    processes
        .filter_map(|process| process.ok()?.stat().ok())
        .filter(|stat| stat.state != 'Z' && stat.state != 'X' && wanted(stat))
        .map(|stat| stat.pid.unsigned_abs())
        .collect()
}

/// What a finished command printed.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended; `None` when it was killed at its deadline.
    pub exit: Option<Exit>,
    /// Standard output, at most 1 MiB.
    pub stdout: String,
    /// The last lines of standard error.
    pub stderr: String,
}

impl Output {
    /// Whether it exited with code 0.
    #[must_use]
    pub fn success(&self) -> bool {
        matches!(self.exit, Some(Exit { kind: super::ExitKind::Code(0), .. }))
    }
}

/// Runs a command to its end, to the deadline or to an interrupt, whichever
/// is first.
///
/// # Errors
/// The command can't be started.
pub fn run(
    command: &[OsString],
    directory: Option<&Path>,
    patience: Duration,
    interrupt: Option<&Interrupt>,
) -> io::Result<Output> {
    const LIMIT: usize = 1 << 20;
    let deadline = Instant::now() + patience;
    let mut process = Process::spawn(&Launch {
        command: command.to_vec(),
        directory: directory.map(Path::to_path_buf),
        ..Launch::default()
    })?;
    drop(process.take_stdin());
    let mut pipe = process.take_stdout().expect("taken for the first time");
    let mut stdout = Vec::new();
    let mut late = false;
    let mut chunk = [0; 16 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = vec![pipe.as_fd()];
        fds.extend(interrupt.map(Interrupt::fd));
        let ready = wait_readable(&fds, left);
        if !ready[0] || ready.get(1) == Some(&true) {
            late = !ready[0];
            process.kill();
            break;
        }
        match pipe.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(read) => stdout.extend_from_slice(&chunk[..read]),
        }
        stdout.truncate(LIMIT);
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let exit = process.wait(left);
    process.kill();
    // The reader of stderr ends with the process; give it a moment.
    std::thread::sleep(Duration::from_millis(2));
    Ok(Output {
        exit: exit.filter(|_| !late),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: process.stderr_tail(),
    })
}
