//! Stands between a server and the kernel: makes its calls fail, or looks at
//! each of them.

use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::verdict::{Outcome, broken};
use crate::process::{Confine, Filter, Question, Questions, wait_readable};

/// Answers a server's questions in a thread of its own until it is dropped
/// or nobody is left to ask.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Ends the thread when it is closed.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

/// Decides what becomes of a call: an error, or nothing.
pub(super) type Answer = Box<dyn FnMut(&Question) -> Option<i32> + Send>;

impl Supervisor {
    /// Watches these calls of the server that is started with what this
    /// returns.
    pub(super) fn watch(
        calls: &[i64],
        mut answer: Answer,
    ) -> Outcome<(Self, Confine)> {
        let (filter, channel) =
            Filter::asking(calls).map_err(broken("a pair of sockets"))?;
        let (stop, stopped) =
            UnixStream::pair().map_err(broken("a pair of sockets"))?;
        let thread = thread::spawn(move || {
            const SLICE: Duration = Duration::from_secs(600);
            let fds = [channel.as_fd(), stopped.as_fd()];
            if wait_readable(&fds, SLICE)[1] {
                return;
            }
            // A server that never came to its filter asks nothing.
            let Ok(questions) = Questions::receive(&channel) else { return };
            loop {
                let fds = [questions.fd(), stopped.as_fd()];
                if wait_readable(&fds, SLICE)[1] {
                    return;
                }
                // One that was killed while it asked leaves an error.
                let Ok(question) = questions.next() else {
                    if wait_readable(
                        &[stopped.as_fd()],
                        Duration::from_millis(5),
                    )[0]
                    {
                        return;
                    }
                    continue;
                };
                let errno = answer(&question);
                questions.answer(question, errno);
            }
        });
        let confine = Confine { filter: Some(filter), ..Confine::default() };
        Ok((Self { stop: Some(stop), thread: Some(thread) }, confine))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // What an answer panics at has been reported by then.
            thread.join().ok();
        }
    }
}

/// What a thread and a case share.
#[derive(Debug, Default)]
pub(super) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    /// Looks at it, or changes it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A string in the memory of whoever asks.
pub(super) fn text_at(thread: u32, address: u64) -> String {
    let mut bytes = [0; 256];
    let path = format!("/proc/{thread}/mem");
    let read = std::fs::File::open(path)
        .and_then(|memory| memory.read_at(&mut bytes, address));
    let bytes = &bytes[..read.unwrap_or(0)];
    let end = bytes.iter().position(|&it| it == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
