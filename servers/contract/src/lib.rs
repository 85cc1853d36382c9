//! What Rust servers share of the contract. How one waits and wakes is its own
//! lesson, so nothing here is async, is a trait, or echoes a byte.

mod args;
mod listen;
mod stop;

use std::io::{self, Write};
use std::time::{Duration, Instant};
use std::{os::fd::AsFd, sync::Mutex};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as E;

pub use args::Args;
pub use listen::{announce, listen, listen_in_shards};
pub use stop::stop_on_signals;

/// Exits with 1 (internal), 3 (cannot listen) or 4 (lacking), and says why.
pub fn fail(code: i32, why: &str) -> ! {
    let mut held = io::stderr().lock(); // where all threads fail, one says why
    held.write_all(format!("error: {why}\n").as_bytes()).ok();
    std::process::exit(code)
}

/// Unwraps what the platform has to offer, or names it and exits with 4.
pub fn require<T>(feature: &str, result: io::Result<T>) -> T {
    result.unwrap_or_else(|e| fail(4, &format!("cannot use {feature}: {e}")))
}

/// Burns CPU as a handler would; 0 µs don't even read the monotonic clock.
pub fn spin(us: u32) {
    let start = (us > 0).then(Instant::now);
    while start.is_some_and(|it| it.elapsed().as_micros() < us.into()) {}
}

/// Asks whether `fd` is ready for `events` now.
fn ready(fd: impl AsFd, events: PollFlags) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), events)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|n| n > 0)
}

/// `accept` reports these for one connection; the next is none the worse.
#[rustfmt::skip]
const FAULTS: [E; 13] = [E::CONNABORTED, E::CONNRESET, E::INTR, E::PROTO, E::PERM, E::OPNOTSUPP,
    E::NOPROTOOPT, E::NETDOWN, E::NETUNREACH, E::NONET, E::HOSTDOWN, E::HOSTUNREACH, E::TIMEDOUT];
pub const PAUSE: Duration = Duration::from_millis(25); // no spin, and soon back

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
            Retry::After(PAUSE)
        }
    }
}

/// Writes to stderr at most once a second, and never waits for its reader.
fn log(line: &str) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().expect("nothing below panics");
    let due = last.is_none_or(|last| last.elapsed().as_secs() >= 1);
    if due && ready(io::stderr(), PollFlags::OUT) {
        *last = Some(Instant::now());
        io::stderr().write_all(line.as_bytes()).ok();
    }
}
