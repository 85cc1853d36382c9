//! One run for a person: text or one JSON report on stdout, the rest on
//! stderr.
//!
//! Refuses to do: take orders while it runs, but for a stop.

use std::io::{ErrorKind, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use wire::{End, Event};

use crate::sys::CpuClock;
use crate::{Args, ClientError, Controls, Session, render};

/// Carries out what `args` say and returns the exit code.
///
/// # Errors
/// A [`ClientError`], or stdout can't be written.
pub fn by_hand(args: &Args) -> anyhow::Result<u8> {
    let spec = args.spec()?;
    for pid in &spec.server_pids {
        CpuClock::of(*pid).map_err(|error| {
            ClientError::Spec(format!("--server-pid {pid}: {error}"))
        })?;
    }
    let session = Session::new();
    let interrupted = watch_signals(session.controls())?;
    let mut emit = |event| {
        if let Event::Connected { opened, elapsed_ns } = event {
            let ms = elapsed_ns / 1_000_000;
            // Progress is a courtesy: a closed stderr ends nothing.
            drop(writeln!(
                std::io::stderr(),
                "{opened} connections stand after {ms} ms"
            ));
        }
    };
    let report = session.run(&spec, args.allows_remote(), &mut emit)?;
    let text = if args.wants_json() {
        serde_json::to_string(&report)? + "\n"
    } else {
        render(&report, args.label())
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        written => written.context("cannot write the report to stdout")?,
    }
    Ok(match (&report.end, interrupted.load(Ordering::Relaxed)) {
        (End::Completed, _) => 0,
        (End::Stopped, signal) => 128 + signal,
        _ => 3,
    })
}

/// The first SIGINT or SIGTERM stops the session, the second this process.
pub(crate) fn watch_signals(
    controls: Controls,
) -> Result<Arc<AtomicU8>, ClientError> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| {
        ClientError::Own(format!("cannot watch for signals: {error}"))
    })?;
    let seen = Arc::new(AtomicU8::new(0));
    let last = Arc::clone(&seen);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in &mut signals {
                let number = u8::try_from(signal).unwrap_or(0);
                if last.swap(number, Ordering::Relaxed) != 0 {
                    std::process::exit(128 + signal);
                }
                controls.stop();
            }
        })
        .map_err(|error| {
            ClientError::Own(format!("cannot start a thread: {error}"))
        })?;
    Ok(seen)
}
