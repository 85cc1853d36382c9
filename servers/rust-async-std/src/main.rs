//! One task per connection, on a runtime that is discontinued.
//!
//! Waits     in `epoll_wait(2)`, in whichever thread holds the reactor
//! Wakes     a task, after re-arming its one-shot interest in the socket
//! Costs     a task per connection, and an `epoll_ctl(2)` for each wait
//! Gives out at the CPUs as rust-tokio does, a system call a message sooner
//! Next      rust-smol: the same parts, put together by the program

#![expect(unsafe_code, reason = "the environment is its only configuration")]

use std::time::Instant;
use std::{env, fs, io};

use async_std::io::{ReadExt, WriteExt};
use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use contract::{Args, Retry};
use polling::Poller;

const ABOUT: &str = "Echo over TCP with one async-std task per connection.
async-std is discontinued (RUSTSEC-2025-0052, smol replaces it) and is kept \
for comparison; --workers becomes ASYNC_STD_THREAD_COUNT.";

/// Echoes of one connection before the others get their turn: nothing here
/// counts them as tokio does.
const TURN: usize = 16;

/// What the runtime calls its workers, as far as the kernel keeps names.
const WORKER: &str = "async-std/runti";

fn main() {
    let args = Args::parse(ABOUT);
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { env::set_var("ASYNC_STD_THREAD_COUNT", args.workers.to_string()) };
    let listener = contract::listen(&args);
    contract::stop_on_signals(&[&listener], &args);
    // The reactor would panic; asking first gives a reason and an exit code.
    drop(contract::require("epoll", Poller::new()));
    task::block_on(async {
        task::spawn(async {}).await; // starts the workers
        let mut running = contract::require("threads", workers());
        let start = Instant::now();
        // A thread bears its name a moment after it has started, and until
        // then that of the worker which started it.
        while running != args.workers && start.elapsed().as_secs() < 1 {
            task::yield_now().await;
            running = contract::require("threads", workers());
        }
        contract::announce(&listener, "epoll", running, args.buffer_bytes);
        accept(TcpListener::from(listener), &args).await;
        // Tasks go on until the last connection ends the process.
        std::future::pending::<()>().await;
    });
}

/// Counts the workers that run, which the runtime itself doesn't tell.
fn workers() -> io::Result<usize> {
    let is_worker = |task: io::Result<fs::DirEntry>| {
        let name = fs::read_to_string(task?.path().join("comm"))?;
        Ok(usize::from(name.trim_end() == WORKER))
    };
    fs::read_dir("/proc/self/task")?.map(is_worker).sum()
}

/// Takes connections until the listener is closed.
async fn accept(listener: TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // This is the model: any worker may go on with this task.
                task::spawn(echo(stream, buffer_bytes, spin_us));
            }
            Err(error) => match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(pause) => task::sleep(pause).await,
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
    for turn in 1.. {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            break;
        }
        contract::spin(spin_us);
        // Suspends while the peer doesn't read, so this task stops reading.
        stream.write_all(&buffer[..n]).await?;
        if turn % TURN == 0 {
            task::yield_now().await;
        }
    }
    Ok(())
}
