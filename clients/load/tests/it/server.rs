//! A small echo server on threads, with one bug on request.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What goes wrong. `at` is an offset in the stream of one connection, the
/// tenth accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    CorruptByte {
        at: u64,
    },
    LoseByte {
        at: u64,
    },
    DoubleByte {
        at: u64,
    },
    /// The read that reaches `at` is not echoed.
    LoseRead {
        at: u64,
    },
    /// The read that reaches `at` is echoed twice.
    DoubleRead {
        at: u64,
    },
    /// The read that reaches `at` is answered with another connection's.
    MixRead {
        at: u64,
    },
    /// Echo up to `at`, then nothing more, with the connection open.
    StopAt {
        at: u64,
    },
    /// Echo up to `at`, then close in order.
    CloseAt {
        at: u64,
    },
    /// Accept and close.
    CloseAccepted,
    /// Accept, read, never echo.
    Silent,
    /// Serve only so many connections.
    Only(usize),
    /// Nobody is answered for `ms` milliseconds, once, that long after the
    /// `after`th read of all connections.
    Freeze {
        after: u64,
        ms: u64,
    },
    /// All connections are cut at the `after`th read.
    Die {
        after: u64,
    },
    /// One echo at a time, a millisecond for every 100 bytes.
    Slow,
    /// The read that reaches `at` is echoed `ms` milliseconds late.
    Pause {
        at: u64,
        ms: u64,
    },
    /// The tenth connection is served only while no other one is.
    Starve,
}

const VICTIM: usize = 9;

#[derive(Debug)]
struct State {
    bug: Bug,
    reads: AtomicU64,
    accepted: AtomicUsize,
    ended: AtomicUsize,
    frozen: Mutex<()>,
    last: Mutex<Vec<u8>>,
    streams: Mutex<Vec<TcpStream>>,
    over: AtomicBool,
}

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(crate) fn start(bug: Bug) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            bug,
            reads: AtomicU64::new(0),
            accepted: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            frozen: Mutex::new(()),
            last: Mutex::new(Vec::new()),
            streams: Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || accept(&listener, &shared));
        Self { addr, state }
    }

    /// Connections accepted whose end has not been seen.
    pub(crate) fn open_connections(&self) -> usize {
        let ended = self.state.ended.load(Ordering::SeqCst);
        self.state.accepted.load(Ordering::SeqCst) - ended
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        self.state.cut();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        self.state.cut();
        drop(TcpStream::connect(self.addr));
    }
}

impl State {
    fn cut(&self) {
        for stream in self.streams.lock().unwrap().iter() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let number = state.accepted.fetch_add(1, Ordering::Relaxed);
        stream.set_nodelay(true).unwrap();
        state.streams.lock().unwrap().push(stream.try_clone().unwrap());
        match state.bug {
            Bug::Only(most) if number >= most => continue,
            Bug::CloseAccepted => {
                stream.shutdown(Shutdown::Both).unwrap();
                continue;
            }
            _ => {}
        }
        let state = Arc::clone(state);
        thread::Builder::new()
            .stack_size(128 * 1024)
            .spawn(move || {
                serve(stream, number, &state);
                state.ended.fetch_add(1, Ordering::SeqCst);
            })
            .unwrap();
    }
}

fn serve(mut stream: TcpStream, number: usize, state: &State) {
    let mut buffer = [0; 8192];
    let mut offset = 0;
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let begin = offset;
        offset += length as u64;
        let mut bytes = buffer[..length].to_vec();
        for_all(state, length);
        if number == VICTIM {
            if !spoil(state, begin, &mut bytes) {
                drop(stream.write_all(&bytes));
                drop(stream.shutdown(Shutdown::Both));
                return;
            }
        } else {
            state.last.lock().unwrap().clone_from(&bytes);
        }
        if state.bug == Bug::Starve && number == VICTIM {
            wait_for_quiet(state);
        }
        if state.bug == Bug::Silent {
            bytes.clear();
        }
        if stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Returns when nothing has been read for longer than any pause of a busy
/// machine.
fn wait_for_quiet(state: &State) {
    const QUIET: Duration = Duration::from_millis(600);
    let reads = || state.reads.load(Ordering::Relaxed);
    loop {
        let before = reads();
        thread::sleep(QUIET);
        if reads() == before {
            return;
        }
    }
}

/// Bugs that strike every connection.
fn for_all(state: &State, length: usize) {
    let reads = state.reads.fetch_add(1, Ordering::Relaxed);
    match state.bug {
        Bug::Freeze { after, ms } => {
            let guard = state.frozen.lock().unwrap();
            if reads == after {
                thread::sleep(Duration::from_millis(ms));
            }
            drop(guard);
        }
        Bug::Die { after } if reads == after => {
            state.over.store(true, Ordering::Relaxed);
            state.cut();
        }
        Bug::Slow => {
            let guard = state.frozen.lock().unwrap();
            let cost = Duration::from_micros(10 * length as u64);
            let until = Instant::now() + cost;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            drop(guard);
        }
        _ => {}
    }
}

/// Bugs that strike the victim; false closes its connection.
fn spoil(state: &State, begin: u64, bytes: &mut Vec<u8>) -> bool {
    let end = begin + bytes.len() as u64;
    let within = |at: u64| {
        (begin..end).contains(&at).then(|| usize::try_from(at - begin).unwrap())
    };
    let cut = |at: u64| usize::try_from(at.saturating_sub(begin)).unwrap();
    match state.bug {
        Bug::CorruptByte { at } => {
            if let Some(index) = within(at) {
                bytes[index] ^= 0x40;
            }
        }
        Bug::LoseByte { at } => {
            if let Some(index) = within(at) {
                bytes.remove(index);
            }
        }
        Bug::DoubleByte { at } => {
            if let Some(index) = within(at) {
                bytes.insert(index, bytes[index]);
            }
        }
        Bug::LoseRead { at } if within(at).is_some() => bytes.clear(),
        Bug::DoubleRead { at } if within(at).is_some() => {
            bytes.extend(bytes.clone());
        }
        Bug::MixRead { at } if within(at).is_some() => {
            let mut other = state.last.lock().unwrap().clone();
            other.truncate(bytes.len());
            bytes[..other.len()].copy_from_slice(&other);
        }
        Bug::Pause { at, ms } if within(at).is_some() => {
            thread::sleep(Duration::from_millis(ms));
        }
        Bug::StopAt { at } if end > at => bytes.truncate(cut(at)),
        Bug::CloseAt { at } if end > at => {
            bytes.truncate(cut(at));
            return false;
        }
        _ => {}
    }
    true
}
