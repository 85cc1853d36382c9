//! Watches the machine while a case runs, in two ways: a thread that only
//! sleeps notes how late it wakes, and the CPU time of all processes is held
//! against that of the case. What keeps a sleeper from waking on time, or has
//! the CPU instead, keeps a server from answering on time.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use procfs::process::Process;
use procfs::{CurrentSI, KernelStats, ticks_per_second};

/// The clock thread; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Noise {
    shared: Arc<Shared>,
    /// When the case began, and the CPU time of others until then.
    began: Cell<(Instant, Duration)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    worst_us: AtomicU64,
    /// Naps by the binary logarithm of how many µs they were late.
    naps: [AtomicU64; 32],
    over: AtomicBool,
}

const NAP: Duration = Duration::from_millis(2);

impl Noise {
    pub(crate) fn watch() -> Self {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            while !own.over.load(Ordering::Relaxed) {
                let start = Instant::now();
                thread::sleep(NAP);
                let late = start.elapsed().saturating_sub(NAP).as_micros();
                let late = u64::try_from(late).unwrap_or(u64::MAX);
                own.worst_us.fetch_max(late, Ordering::Relaxed);
                own.naps[bucket(late)].fetch_add(1, Ordering::Relaxed);
            }
        });
        let began = Cell::new((Instant::now(), Duration::ZERO));
        Self { shared, began, thread: Some(thread) }
    }

    /// Forgets what was.
    pub(crate) fn reset(&self) {
        self.shared.worst_us.store(0, Ordering::Relaxed);
        for naps in &self.shared.naps {
            naps.store(0, Ordering::Relaxed);
        }
        let others = others(Duration::ZERO).unwrap_or_default();
        self.began.set((Instant::now(), others));
    }

    /// How late the thread woke at worst since the last reset.
    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.shared.worst_us.load(Ordering::Relaxed))
    }
}

impl Noise {
    /// The share of naps that were late by at least about so much.
    pub(crate) fn share(&self, late: Duration) -> f64 {
        let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let count = |from: usize| -> u64 {
            let naps = self.shared.naps[from..].iter();
            naps.map(|naps| naps.load(Ordering::Relaxed)).sum()
        };
        count(bucket(late)) as f64 / count(0).max(1) as f64
    }
}

impl Noise {
    /// The share of all CPUs that others had since the last reset; `server`
    /// is the CPU time of the server that still runs.
    pub(crate) fn others(&self, server: Duration) -> f64 {
        let (start, before) = self.began.get();
        let Some(now) = others(server) else { return 0.0 };
        let cpus = thread::available_parallelism().map_or(1, usize::from);
        let all = start.elapsed().as_secs_f64() * cpus as f64;
        now.saturating_sub(before).as_secs_f64() / all
    }
}

/// CPU time of everybody but this process, its ended children and its server,
/// since boot. Interrupts are left out: they are the case's own packets.
pub(crate) fn others(server: Duration) -> Option<Duration> {
    let total = KernelStats::current().ok()?.total;
    let busy = total.user + total.nice + total.system;
    let busy = busy + total.steal.unwrap_or_default();
    let own = Process::myself().ok()?.stat().ok()?;
    let children = (own.cutime + own.cstime).unsigned_abs();
    let own = own.utime + own.stime + children;
    let ticks = busy.saturating_sub(own) as f64;
    let all = Duration::from_secs_f64(ticks / ticks_per_second() as f64);
    Some(all.saturating_sub(server))
}

fn bucket(us: u64) -> usize {
    us.checked_ilog2().unwrap_or(0).min(31) as usize
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It sleeps and counts; it can't panic.
            thread.join().ok();
        }
    }
}
