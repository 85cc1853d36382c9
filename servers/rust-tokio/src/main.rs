//! One task per connection, many tasks per thread.
//!
//! Waits     in `epoll_wait(2)`, in whichever worker has nothing else to do
//! Wakes     a task, by pushing it on a queue that idle workers steal from
//! Costs     a task per connection: its state machine and its buffer
//! Gives out at the CPUs, once handlers and not waiting keep them busy
//! Next      rust-tokio-local: the same tasks, which stay where they began

use std::io;

use contract::{Args, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

const ABOUT: &str = "Echo over TCP with one tokio task per connection.
The multi-thread runtime runs the tasks on --workers threads that steal work \
from each other.";

fn main() {
    let args = Args::parse(ABOUT);
    let listener = contract::listen(&args);
    let runtime = Builder::new_multi_thread()
        .worker_threads(args.workers)
        .enable_all()
        .build();
    let runtime = contract::require("epoll or threads", runtime);
    contract::stop_on_signals(&[&listener], &args);
    let workers = runtime.metrics().num_workers();
    contract::announce(&listener, "epoll", workers, args.buffer_bytes);
    runtime.block_on(async {
        let served = listener
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(listener));
        accept(contract::require("epoll", served), &args).await;
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
                // This is the model: any worker may go on with this task.
                tokio::spawn(echo(stream, buffer_bytes, spin_us));
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
