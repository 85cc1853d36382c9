//! What to do when a connection could not be taken on.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno as E;

/// `accept` reports these for one connection; the next is none the worse.
#[rustfmt::skip]
const FAULTS: [E; 13] = [E::CONNABORTED, E::CONNRESET, E::INTR, E::PROTO,
    E::PERM, E::OPNOTSUPP, E::NOPROTOOPT, E::NETDOWN, E::NETUNREACH, E::NONET,
    E::HOSTDOWN, E::HOSTUNREACH, E::TIMEDOUT];

/// `Now` after a fault of one connection, `After` a pause when something ran
/// out, `Never` once the listener is closed; how to wait is the server's own.
#[derive(Debug)]
pub enum Retry {
    Now,
    After(Duration),
    Never,
}

/// Judges a failure to accept a connection or to start what would serve it.
/// The unknown counts as exhaustion, which comes to an end and is never fatal.
pub fn retry(doing: &str, error: &io::Error) -> Retry {
    match E::from_io_error(error) {
        Some(E::INVAL) => Retry::Never,
        Some(errno) if FAULTS.contains(&errno) => Retry::Now,
        _ => {
            log(&format!("cannot {doing}: {error}; still trying\n"));
            Retry::After(Duration::from_millis(100))
        }
    }
}

/// Writes to stderr at most once a second, and never waits for its reader.
fn log(line: &str) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().expect("nothing below panics");
    let due = last.is_none_or(|last| last.elapsed().as_secs() >= 1);
    if due && crate::ready(io::stderr(), PollFlags::OUT) {
        *last = Some(Instant::now());
        io::stderr().write_all(line.as_bytes()).ok();
    }
}
