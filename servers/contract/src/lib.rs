//! What Rust servers share of the contract. How one waits and wakes is its own
//! lesson, so nothing here is async, is a trait, or echoes a byte.

mod args;
mod listen;
mod retry;
mod stop;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use args::Args;
pub use listen::{announce, listen, listen_in_shards};
pub use retry::{Retry, retry};
pub use stop::stop_on_signals;

/// Exits with 1 (internal), 3 (cannot listen) or 4 (lacking), and says why.
pub fn fail(code: i32, why: &str) -> ! {
    io::stderr().write_all(format!("error: {why}\n").as_bytes()).ok();
    std::process::exit(code)
}

/// Unwraps what the platform has to offer, or names it and exits with 4.
pub fn require<T>(feature: &str, result: io::Result<T>) -> T {
    result.unwrap_or_else(|e| fail(4, &format!("cannot use {feature}: {e}")))
}

/// Burns `us` microseconds of CPU by the monotonic clock, as a handler would.
pub fn spin(us: u32) {
    let cost = Duration::from_micros(us.into());
    // A handler that costs nothing doesn't read the clock either.
    let start = (us > 0).then(Instant::now);
    while start.is_some_and(|start| start.elapsed() < cost) {}
}

/// Asks whether `fd` is ready for `events` now.
fn ready(fd: impl AsFd, events: PollFlags) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), events)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|n| n > 0)
}
