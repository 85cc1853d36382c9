//! Watches the machine while a case runs: a thread that only sleeps, and
//! notes how late it wakes. What keeps it from waking on time keeps a server
//! from answering on time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The clock thread; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Noise {
    shared: Arc<Shared>,
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
        Self { shared, thread: Some(thread) }
    }

    /// Forgets what was.
    pub(crate) fn reset(&self) {
        self.shared.worst_us.store(0, Ordering::Relaxed);
        for naps in &self.shared.naps {
            naps.store(0, Ordering::Relaxed);
        }
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
