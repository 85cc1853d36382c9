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
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Forgets what was.
    pub(crate) fn reset(&self) {
        self.shared.worst_us.store(0, Ordering::Relaxed);
    }

    /// How late the thread woke at worst since the last reset.
    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.shared.worst_us.load(Ordering::Relaxed))
    }
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
