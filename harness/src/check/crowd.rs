//! Many connections at once: ping-pong with latencies, floods, stalls.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::conn::Conn;
use super::verdict::{Outcome, Stop, ensure, late, late_often};

/// What came of a ping-pong.
#[derive(Clone, Debug, Default)]
pub(super) struct Pings {
    pub(super) latencies: Vec<Duration>,
    /// The longest time that any connection went without an echo.
    pub(super) gap: Duration,
}

impl Pings {
    /// Fails unless 99 of 100 echoes were that fast, and nobody starved.
    pub(super) fn judge(
        &self,
        p99: Duration,
        gap: Option<Duration>,
    ) -> Outcome {
        let found = percentile(&self.latencies, 99);
        let count = self.latencies.len();
        ensure(count > 0, "echoes", "none came")?;
        if let Some(gap) = gap.filter(|gap| self.gap > *gap) {
            let actual = format!("one waited {:.1?}", self.gap);
            return late("an echo on every connection", gap, actual);
        }
        if found > p99 {
            let actual = format!("{found:.1?} over {count} echoes");
            return late_often("99 of 100 echoes", p99, actual);
        }
        Ok(())
    }
}

/// A percentile of what was measured.
pub(super) fn percentile(all: &[Duration], percent: usize) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// Sends `size` bytes on each connection, and again a while after they are
/// back, as long as `more` says.
pub(super) fn ping_pong(
    conns: &mut [Conn<'_>],
    size: u64,
    pause: Duration,
    more: &dyn Fn() -> bool,
) -> Outcome<Pings> {
    let mut pings = Pings::default();
    let start = Instant::now();
    let mut last = vec![start; conns.len()];
    let mut due = vec![start; conns.len()];
    let mut begun = vec![None::<Instant>; conns.len()];
    while more() {
        let now = Instant::now();
        for (at, conn) in conns.iter_mut().enumerate() {
            if begun[at].is_none() && due[at] <= now {
                begun[at] = Some(Instant::now());
                conn.send(size)?;
            }
        }
        for at in ready(conns, Duration::from_millis(1))? {
            let conn = &mut conns[at];
            if conn.try_receive()?.is_none() {
                return conn.short(conn.sent).map(|()| pings);
            }
            if conn.received == conn.sent
                && let Some(begun) = begun[at].take()
            {
                let now = Instant::now();
                pings.latencies.push(now - begun);
                pings.gap = pings.gap.max(now - last[at]);
                last[at] = now;
                due[at] = now + pause;
            }
        }
    }
    let now = Instant::now();
    for (last, begun) in last.into_iter().zip(begun) {
        pings.gap = pings.gap.max(now - last);
        // Who still waits has waited at least so long.
        pings.latencies.extend(begun.map(|begun| now - begun));
    }
    Ok(pings)
}

/// Which connections can be read, after at most `patience`.
fn ready(conns: &[Conn<'_>], patience: Duration) -> Outcome<Vec<usize>> {
    let mut fds: Vec<PollFd<'_>> = conns
        .iter()
        .map(|conn| {
            PollFd::from_borrowed_fd(conn.stream.as_fd(), PollFlags::IN)
        })
        .collect();
    let timeout = Timespec::try_from(patience).ok();
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(Stop::Error(error.to_string())),
    }
    let mut found: Vec<usize> = Vec::new();
    for (at, fd) in fds.iter().enumerate() {
        if !fd.revents().is_empty() {
            found.push(at);
        }
    }
    Ok(found)
}

/// Writes and reads as fast as it goes, as long as `more` says; then takes
/// what is left.
pub(super) fn flood(
    conn: &mut Conn<'_>,
    bound: Duration,
    more: &dyn Fn() -> bool,
) -> Outcome<u64> {
    const SLICE: u64 = 256 << 10;
    while more() {
        conn.exchange_some(SLICE, bound)?;
    }
    conn.receive_rest(bound)?;
    Ok(conn.received)
}

/// Offers bytes to many, reading none, until nobody has taken any for
/// `stall` or each has taken `most`.
pub(super) fn stall_all(
    conns: &mut [Conn<'_>],
    most: u64,
    stall: Duration,
) -> Outcome<u64> {
    let mut progress = Instant::now();
    while progress.elapsed() < stall {
        let mut taken = 0;
        for conn in conns.iter_mut().filter(|conn| conn.sent < most) {
            taken += conn.try_send(most - conn.sent)?;
        }
        if taken > 0 {
            progress = Instant::now();
        } else {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(conns.iter().map(|conn| conn.sent).sum())
}

/// True for so long.
pub(super) fn lasting(time: Duration) -> impl Fn() -> bool {
    let end = Instant::now() + time;
    move || Instant::now() < end
}
