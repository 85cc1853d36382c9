//! Ctrl-C and SIGTERM: the first is noticed, the second ends the process at
//! once (its children die with it by their death signal).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Whether the user wants to stop.
#[derive(Debug)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
    readable: UnixStream,
}

impl Interrupt {
    /// Takes over SIGINT and SIGTERM.
    ///
    /// # Errors
    /// The kernel refuses a pipe or a handler.
    pub fn install() -> io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        let armed = Arc::new(AtomicBool::new(false));
        let (readable, writable) = UnixStream::pair()?;
        for number in [SIGINT, SIGTERM] {
            // The order matters: the first signal arms what the second meets.
            flag::register_conditional_shutdown(
                number,
                128 + number,
                Arc::clone(&armed),
            )?;
            flag::register(number, Arc::clone(&armed))?;
            let value = usize::try_from(number).unwrap_or_default();
            flag::register_usize(number, Arc::clone(&signal), value)?;
            low_level::pipe::register(number, writable.try_clone()?)?;
        }
        Ok(Self { signal, readable })
    }

    /// The signal that came, if any.
    #[must_use]
    pub fn signal(&self) -> Option<u8> {
        let signal = self.signal.load(Ordering::Relaxed);
        u8::try_from(signal).ok().filter(|&signal| signal != 0)
    }

    /// Readable from the first signal on; never to be read.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }
}
