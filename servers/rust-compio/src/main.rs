//! One task per connection, which lends its buffer to the kernel.
//!
//! Waits     in `io_uring_enter(2)`, each worker in its own, for results
//! Wakes     a task when what it asked for is done, with its buffer back
//! Costs     a task and, even at rest, a buffer that the kernel holds
//! Gives out at the busiest worker, or where the kernel forbids io_uring
//! Next      rust-monoio: the same, without an allocation per request

use std::sync::Barrier;
use std::{io, net, thread};

use compio::BufResult;
use compio::buf::{IntoInner, IoBuf};
use compio::driver::op::OpCodeFlag;
use compio::driver::{DriverType, ProactorBuilder};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{Runtime, RuntimeBuilder};
use contract::{Args, Retry};

const ABOUT: &str = "Echo over TCP with one compio task per connection.
Each of --workers threads has a listener, a runtime with an io_uring and \
the tasks of what it accepted.";

/// What io_uring has to do itself: compio hands what it can't to threads.
const NEEDS: OpCodeFlag =
    OpCodeFlag::Accept.union(OpCodeFlag::Recv).union(OpCodeFlag::Send);

fn main() {
    let args = Args::parse(ABOUT);
    let shards = contract::listen_in_shards(&args);
    contract::stop_on_signals(&shards.iter().collect::<Vec<_>>(), &args);
    // All workers would fail alike; asking once first gives one reason.
    drop(contract::require("io_uring", runtime()));
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
    let runtime = contract::require("io_uring", runtime());
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

/// Makes a runtime that waits in io_uring, or tells why there can't be one.
fn runtime() -> io::Result<Runtime> {
    let mut ring = ProactorBuilder::new();
    // With its `polling` built in, compio falls back to epoll without a word.
    ring.driver_type(DriverType::IoUring);
    // Looking for operations at once would hide why there is no ring at all.
    drop(ring.build()?);
    ring.detect_opcode_support(NEEDS);
    let runtime = RuntimeBuilder::new().with_proactor(ring).build()?;
    match runtime.driver_type() {
        DriverType::IoUring => Ok(runtime),
        other => Err(io::Error::other(format!("compio took {other:?}"))),
    }
}

/// Takes connections until the listener is closed.
async fn accept(listener: TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Dropping a task would cancel it, so it is detached.
                let echo = echo(stream, buffer_bytes, spin_us);
                compio::runtime::spawn(echo).detach();
            }
            Err(error) => match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(pause) => compio::time::sleep(pause).await,
                Retry::Never => return,
            },
        }
    }
}

/// Serves one connection until either side ends it. A request waits for its
/// turn in the ring, even if the socket is ready: no task can hog the worker.
async fn echo(
    mut stream: TcpStream,
    buffer_bytes: usize,
    spin_us: u32,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        // This is the model: the kernel owns the buffer until it has read.
        let BufResult(read, lent) = stream.read(buffer).await;
        let n = read?;
        if n == 0 {
            return Ok(());
        }
        contract::spin(spin_us);
        // Suspends while the peer doesn't read, so this task stops reading.
        let BufResult(written, lent) = stream.write_all(lent.slice(..n)).await;
        written?;
        buffer = lent.into_inner();
    }
}
