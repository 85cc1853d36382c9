//! One OS thread per connection.
//!
//! Waits     in `read(2)`, one thread asleep for each connection
//! Wakes     by the kernel scheduler: a context switch per message
//! Costs     a thread per connection: its stack, its kernel entry
//! Gives out at the thread or mapping limit, or when the scheduler becomes the workload
//! Next      cpp-threads: the same model without a net underneath

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::{fs, thread};

use contract::{Args, Retry};

const ABOUT: &str = "Echo over TCP with one OS thread per connection.
Blocking std::net; the number of threads follows the connections, so \
--workers changes nothing.";

/// Enough for `echo`, a fraction of the 2 MiB that std would reserve.
const STACK_BYTES: usize = 256 * 1024;

fn main() {
    let args = Args::parse(ABOUT);
    let listener = contract::listen(&args);
    contract::stop_on_signals(&[&listener], &args);
    // The only thread that is there before a connection is this one.
    contract::announce(&listener, "blocking", 1, args.buffer_bytes);
    accept(&listener, &args);
    loop {
        thread::park(); // until the last connection ends the process
    }
}

/// Takes connections until the listener is closed.
fn accept(listener: &TcpListener, args: &Args) {
    let (buffer_bytes, spin_us) = (args.buffer_bytes, args.spin_us);
    let (alive, room) = (Arc::new(()), room());
    loop {
        let accepted = match Arc::strong_count(&alive) <= room {
            true => listener.accept(),
            false => Err(io::Error::other("vm.max_map_count is too low")),
        };
        let served = match accepted {
            Ok((stream, _)) => {
                let alive = Arc::clone(&alive);
                // This is the model: the kernel schedules connections.
                // A refused thread drops the closure, which closes the stream.
                let connection = thread::Builder::new().stack_size(STACK_BYTES);
                connection
                    .spawn(move || {
                        echo(stream, buffer_bytes, spin_us).ok();
                        drop(alive);
                    })
                    .map_err(|error| contract::retry("start a thread", &error))
            }
            Err(error) => Err(contract::retry("accept", &error)),
        };
        match served {
            Ok(_) | Err(Retry::Now) => {}
            Err(Retry::After(pause)) => thread::sleep(pause),
            Err(Retry::Never) => return,
        }
    }
}

/// So many threads are safe: a 16th of the mappings is left for all else.
/// Each takes four (its stack, the one for signals, a guard page of either),
/// and `std` aborts when a thread that has begun can't have the second stack.
fn room() -> usize {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let limit = limit.and_then(|text| text.trim().parse::<usize>().ok());
    limit.map_or(usize::MAX, |mappings| mappings / 4 / 16 * 15)
}

/// Serves one connection until either side ends it.
fn echo(
    mut stream: TcpStream,
    buffer_bytes: usize,
    spin_us: u32,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let n = match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        contract::spin(spin_us);
        // Blocks while the peer doesn't read: back-pressure for free.
        stream.write_all(&buffer[..n])?;
    }
}
