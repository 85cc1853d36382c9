//! One task per connection, on threads that the program starts itself.
//!
//! Waits     in `epoll_wait(2)`, in whichever thread holds the reactor
//! Wakes     a task, by pushing it on a queue that all threads take from
//! Costs     a task per connection, an `epoll_ctl(2)` a wait, two a round
//! Gives out at the CPUs as rust-tokio does, a system call a message sooner
//! Next      go-goroutines: a stack for each, in place of a state machine

use std::{io, thread};

use contract::{Args, Retry};
use polling::Poller;
use smol::future::{pending, yield_now};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{Async, Executor, Timer};

const ABOUT: &str = "Echo over TCP with one smol task per connection.
An executor hands the tasks to --workers threads; the one that smol brings \
along would start a single thread.";

/// Echoes of one connection before the others get their turn: nothing here
/// counts them as tokio does.
const TURN: usize = 16;

/// The tasks that can go on, for whichever thread comes to take one.
static EXECUTOR: Executor<'static> = Executor::new();

fn main() {
    let args = Args::parse(ABOUT);
    let listener = contract::listen(&args);
    contract::stop_on_signals(&[&listener], &args);
    // The reactor would panic; asking first gives a reason and an exit code.
    drop(contract::require("epoll", Poller::new()));
    let listener = contract::require("epoll", Async::new(listener));
    let mut workers = 1; // this thread
    while workers < args.workers {
        let work = || smol::block_on(EXECUTOR.run(pending::<()>()));
        contract::require("threads", thread::Builder::new().spawn(work));
        workers += 1;
    }
    let at = listener.get_ref();
    contract::announce(at, "epoll", workers, args.buffer_bytes);
    smol::block_on(EXECUTOR.run(async {
        accept(listener.into(), &args).await;
        // Tasks go on until the last connection ends the process.
        pending::<()>().await;
    }));
}

/// Takes connections until the listener is closed.
async fn accept(listener: TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // This is the model: any worker may go on with this task.
                // Dropping a task would cancel it, so it is detached.
                EXECUTOR.spawn(echo(stream, buffer_bytes, spin_us)).detach();
            }
            Err(error) => match contract::retry("accept", &error) {
                Retry::Now => {}
                Retry::After(pause) => drop(Timer::after(pause).await),
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
            yield_now().await;
        }
    }
    Ok(())
}
