//! One task per connection, which is its own request to the kernel.
//!
//! Waits     in `io_uring_enter(2)`, each worker in its own, for results
//! Wakes     a task when what it asked for is done, with its buffer back
//! Costs     a task, a buffer that the kernel holds, no allocation a request
//! Gives out at the busiest worker, or where the kernel forbids io_uring
//! Next      rust-mio: the first again, to see what all the others hide

#![expect(unsafe_code, reason = "monoio leaves accepted sockets open on exec")]

use std::os::fd::AsRawFd;
use std::sync::Barrier;
use std::{io, net, thread};

use contract::{Args, Retry};
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::time::TimeDriver;
use monoio::{IoUringDriver, Runtime, RuntimeBuilder};

const ABOUT: &str = "Echo over TCP with one monoio task per connection.
Each of --workers threads has a listener, a runtime with an io_uring and \
the tasks of what it accepted.";

fn main() {
    let args = Args::parse(ABOUT);
    let shards = contract::listen_in_shards(&args);
    contract::stop_on_signals(&shards.iter().collect::<Vec<_>>(), &args);
    // All workers would fail alike; asking once first gives one reason.
    drop(contract::require("io_uring", runtime()));
    // Older kernels may have a ring, but can't accept or read through it.
    if !monoio::utils::detect_uring() {
        contract::fail(4, "cannot use io_uring: Linux 5.7 is the least");
    }
    let started = Barrier::new(shards.len());
    thread::scope(|threads| {
        for shard in shards {
            let serve = || serve(shard, &started, &args);
            let thread = thread::Builder::new().spawn_scoped(threads, serve);
            contract::require("threads", thread);
        }
    });
}

/// One worker: a listener, and a runtime for what that brings.
fn serve(listener: net::TcpListener, started: &Barrier, args: &Args) {
    let mut runtime = contract::require("io_uring", runtime());
    if started.wait().is_leader() {
        let bytes = args.buffer_bytes;
        contract::announce(&listener, "io_uring", args.workers, bytes);
    }
    runtime.block_on(async {
        let served = TcpListener::from_std(listener);
        accept(contract::require("io_uring", served), args).await;
        // Tasks go on until the last connection ends the process.
        std::future::pending::<()>().await;
    });
}

/// Makes a runtime on io_uring; monoio's other driver isn't even compiled in.
fn runtime() -> io::Result<Runtime<TimeDriver<IoUringDriver>>> {
    RuntimeBuilder::<IoUringDriver>::new().enable_timer().build()
}

/// Takes connections until the listener is closed.
async fn accept(listener: TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                close_on_exec(&stream);
                monoio::spawn(echo(stream, buffer_bytes, spin_us));
            }
            Err(error) => match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(pause) => monoio::time::sleep(pause).await,
                Retry::Never => return,
            },
        }
    }
}

/// Does what monoio doesn't ask `accept` for.
fn close_on_exec(stream: &TcpStream) {
    let fd = stream.as_raw_fd();
    // SAFETY: this sets a flag of an open descriptor, and touches no memory.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// Serves one connection until either side ends it. A request waits for its
/// turn in the ring, even if the socket is ready: no task can hog the worker.
async fn echo(
    mut stream: TcpStream,
    buffer_bytes: usize,
    spin_us: u32,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer_bytes);
    let mut done;
    loop {
        // This is the model: the kernel owns the buffer until it has read.
        (done, buffer) = stream.read(buffer).await;
        if done? == 0 {
            return Ok(());
        }
        contract::spin(spin_us);
        // Suspends while the peer doesn't read, so this task stops reading.
        (done, buffer) = stream.write_all(buffer).await;
        done?;
    }
}
