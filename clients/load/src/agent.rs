//! One run for the harness: JSON lines in on stdin, JSON lines out on stdout.
//!
//! The first line is the order; later ones are `"go"` and `"stop"`, and the
//! end of stdin is a stop, so a client never outlives whoever started it.
//! What cannot be read as a command ends the run with an `error` line.
//!
//! Refuses to do: keep anything for a second order.

use std::io::{BufRead as _, Read as _, Write as _};

use wire::{Command, Event, Report, Spec};

use crate::by_hand::watch_signals;
use crate::{ClientError, Controls, Session};

/// Longest line read: an order has at most a few thousand numbers.
const LONGEST_LINE: u64 = 1 << 20;

/// Serves one order and returns the exit code.
///
/// # Errors
/// Stdout can't be written.
pub fn agent(allow_remote: bool) -> anyhow::Result<u8> {
    match serve(allow_remote) {
        Ok(report) => {
            print(&Event::Report(Box::new(report)))?;
            Ok(0)
        }
        Err(error) => {
            print(&Event::Error { message: error.to_string() })?;
            Ok(error.exit_code())
        }
    }
}

fn serve(allow_remote: bool) -> Result<Report, ClientError> {
    let spec = match read_command()? {
        Some(Command::Spec(spec)) => spec,
        Some(Command::Stop) | None => return Ok(stopped()),
        Some(Command::Go) => {
            return Err(ClientError::Spec(
                "the first line must be a spec, not go".to_owned(),
            ));
        }
    };
    let session = Session::new();
    watch_signals(session.controls())?;
    follow_stdin(session.controls())?;
    run(session, &spec, allow_remote)
}

fn run(
    session: Session,
    spec: &Spec,
    allow_remote: bool,
) -> Result<Report, ClientError> {
    let controls = session.controls();
    let mut emit = |event| {
        if print(&event).is_err() {
            // Nobody listens any more.
            controls.stop();
        }
    };
    session.run(spec, allow_remote, &mut emit)
}

fn stopped() -> Report {
    Report { end: wire::End::Stopped, ..Report::new() }
}

/// Reads further commands on a thread of its own; it ends with the process.
fn follow_stdin(controls: Controls) -> Result<(), ClientError> {
    let body = move || {
        loop {
            match read_command() {
                Ok(Some(Command::Go)) => controls.go(),
                Ok(Some(Command::Stop) | None) => return controls.stop(),
                Ok(Some(Command::Spec(_))) => {
                    let message = "a second spec came: one run, one spec";
                    return controls.refuse(message.to_owned());
                }
                Err(error) => return controls.refuse(error.to_string()),
            }
        }
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| {
            ClientError::Own(format!("cannot start a thread: {error}"))
        })
}

/// The next command; `None` at the end of stdin. Empty lines are skipped.
fn read_command() -> Result<Option<Command>, ClientError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = std::io::stdin()
            .lock()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| {
                ClientError::Own(format!("cannot read stdin: {error}"))
            })?;
        if length == 0 {
            return Ok(None);
        }
        if !line.trim_ascii().is_empty() {
            break;
        }
    }
    serde_json::from_slice(&line).map(Some).map_err(|error| {
        let text = String::from_utf8_lossy(line.trim_ascii());
        let start: String = text.chars().take(60).collect();
        ClientError::Spec(format!(
            "not a command: {error}; the line begins {start:?}"
        ))
    })
}

fn print(event: &Event) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()?;
    Ok(())
}
