//! The original project's Rust client: one tokio task per connection.
//!
//! Mirrors  10,000 at once connect, send 100 bytes, read them back and close
//! Prints   the original's line; total and average (total / clients) are each
//!          a `Duration` as `{:?}` shows it: `412.1ms`, `1.04s`, `41.21µs`
//! Differs  verifies every echo, gives up at a deadline, takes any address,
//!          counts what failed; the original believed and waited for ever
//! Beware   whoever connects faster than the server accepts overflows its
//!          queue of 4096; a SYN dropped then is sent again after 1 s, and
//!          that is in the total, as ever

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

const SIZE: usize = 100;

/// The original test: N at once connect, send 100 bytes, read them back, close
#[derive(Parser)]
struct Args {
    /// The server
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=65_535))]
    clients: u32,
    /// Seconds until it gives up
    #[arg(long, value_name = "N", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=65_535))]
    deadline_s: u64,
}

/// Why a client has no echo.
enum Failure {
    Refused,
    Reset,
    Wrong(String),
    TimedOut,
    Own(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Reset,
            ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Own(error),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let n = args.clients;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let told = match runtime.map(|runtime| runtime.block_on(drive(&args))) {
        Err(error) => Err(format!("cannot start the runtime: {error}")),
        Ok((_, failures)) if !failures.is_empty() => Err(told(&failures, n)),
        Ok((total, _)) => writeln!(
            io::stdout(),
            "Rust: {n} clients, total time = {total:?}, avg = {:?}",
            total / n
        )
        .map_err(|error| format!("cannot write to stdout: {error}")),
    };
    let Err(why) = told else { return ExitCode::SUCCESS };
    // With stderr gone, the exit code still says it.
    writeln!(io::stderr(), "error: {why}").ok();
    ExitCode::FAILURE
}

/// Runs all clients at once; returns the time it took and what failed.
async fn drive(args: &Args) -> (Duration, Vec<Failure>) {
    let began = Instant::now();
    let deadline = tokio::time::Instant::from_std(
        began + Duration::from_secs(args.deadline_s),
    );
    let start = |number| {
        let echo = client(args.addr, number);
        tokio::spawn(tokio::time::timeout_at(deadline, echo))
    };
    let tasks: Vec<_> = (0..args.clients).map(start).collect();
    let mut failures = Vec::new();
    for task in tasks {
        failures.extend(match task.await {
            Ok(Ok(ended)) => ended.err(),
            Ok(Err(_elapsed)) => Some(Failure::TimedOut),
            Err(panicked) => Some(Failure::Own(panicked.into())),
        });
    }
    (began.elapsed(), failures)
}

/// Connects, sends, reads, closes.
async fn client(addr: SocketAddr, number: u32) -> Result<(), Failure> {
    let mut sent = format!("client {number} ").repeat(SIZE).into_bytes();
    sent.truncate(SIZE); // no other client sends that
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(&sent).await?;
    let mut came = [0; SIZE];
    stream.read_exact(&mut came).await?;
    let Some(at) = (0..SIZE).find(|&at| came[at] != sent[at]) else {
        return Ok(());
    };
    Err(Failure::Wrong(format!(
        "; client {number}, byte {at}: {:02x} sent, {:02x} came",
        sent[at], came[at]
    )))
}

/// The failures in one line.
fn told(failures: &[Failure], clients: u32) -> String {
    let count = |kind: fn(&Failure) -> bool| -> usize {
        failures.iter().filter(|failure| kind(failure)).count()
    };
    let own = failures.iter().find_map(|failure| match failure {
        Failure::Own(error) => Some(error),
        _ => None,
    });
    if let Some(error) = own {
        let count = count(|it| matches!(it, Failure::Own(_)));
        return format!("{count} clients could not try: {error}");
    }
    let first = failures.iter().find_map(|failure| match failure {
        Failure::Wrong(detail) => Some(detail.as_str()),
        _ => None,
    });
    format!(
        "{} of {clients} clients failed: {} refused, {} reset, {} wrong \
         bytes, {} timed out{}",
        failures.len(),
        count(|it| matches!(it, Failure::Refused)),
        count(|it| matches!(it, Failure::Reset)),
        count(|it| matches!(it, Failure::Wrong(_))),
        count(|it| matches!(it, Failure::TimedOut)),
        first.unwrap_or_default(),
    )
}
