//! One task per connection, on the thread that accepted it.
//!
//! Waits     in `epoll_wait(2)`, each worker in its own, for its connections
//! Wakes     a task, by pushing it on a queue that no other thread can see
//! Costs     a task per connection, and a listener per worker
//! Gives out at the busiest worker: nobody takes its tasks while others idle
//! Next      rust-async-std: tasks that move again, cut differently

use std::sync::Barrier;
use std::{io, net, thread};

use contract::{Args, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

const ABOUT: &str = "Echo over TCP with one tokio task per connection.
Each of --workers threads has a listener, a current-thread runtime and \
the tasks of what it accepted.";

fn main() {
    let args = Args::parse(ABOUT);
    let shards = contract::listen_in_shards(&args);
    contract::stop_on_signals(&shards.iter().collect::<Vec<_>>(), &args);
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
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default());
    let runtime = contract::require("epoll", runtime);
    if started.wait().is_leader() {
        let bytes = args.buffer_bytes;
        contract::announce(&listener, "epoll", args.workers, bytes);
    }
    runtime.block_on(async {
        let served = listener
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(listener));
        accept(contract::require("epoll", served), args).await;
        // Tasks go on until the last connection ends the process.
        std::future::pending::<()>().await;
    });
}

/// Takes connections until the listener is closed.
async fn accept(listener: TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // This is the model: only this thread goes on with this task.
                tokio::task::spawn_local(echo(stream, buffer_bytes, spin_us));
            }
            Err(error) => match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(pause) => tokio::time::sleep(pause).await,
                Retry::Never => return,
            },
        }
    }
}

/// Serves one connection until either side ends it.
async fn echo(
    mut stream: TcpStream,
    buffer_bytes: usize,
    spin_us: u32,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        contract::spin(spin_us);
        // Suspends while the peer doesn't read, so this task stops reading.
        stream.write_all(&buffer[..n]).await?;
    }
}
