//! Is the client the bottleneck? `load`, which verifies every byte, against a
//! minimal C client that verifies none.
//!
//! `cargo bench -p load` compiles the C server and client beside this file
//! with `cc -O2`, pins the server to one CPU and both clients in turn to
//! another, and alternates them in short turns, so that what the machine does
//! besides hits both. It prints a ratio for each round and their median:
//!
//! - closed loop: echoes/s of `load` / of the peer; 0.95 is the goal
//! - classic: milliseconds of `load` / of the peer; 1.05 is the goal
//!
//! Run among the tests (without `--bench`) it does one short round and checks
//! that every figure comes out, but compares nothing: a test never judges
//! speed.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it compares"
)]

mod lab;

use std::process::ExitCode;

use lab::{Lab, Result};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Size {
    rounds: usize,
    in_flight: u32,
    window_ms: u32,
    classic: u32,
}

const FULL: Size =
    Size { rounds: 12, in_flight: 100, window_ms: 500, classic: 10_000 };
const SMALL: Size =
    Size { rounds: 1, in_flight: 20, window_ms: 100, classic: 200 };

fn main() -> ExitCode {
    let full = std::env::args().any(|arg| arg == "--bench");
    if !Lab::is_possible() {
        println!("ignored: there is no C compiler `cc` on PATH");
        return ExitCode::SUCCESS;
    }
    match run(if full { FULL } else { SMALL }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(size: Size) -> Result<()> {
    let lab = Lab::open()?;
    println!("{}", lab.describe());
    let mut closed = Vec::new();
    let mut classic = Vec::new();
    for round in 0..size.rounds {
        let (peer, load) = in_turn(
            || lab.peer_closed(size.in_flight, size.window_ms),
            || lab.load_closed(size.in_flight, size.window_ms),
        )?;
        closed.push(load / peer);
        println!(
            "round {round}: closed loop  peer {peer:>9.0}/s  load \
             {load:>9.0}/s  ratio {:.3}",
            load / peer
        );
        let (peer, load) = in_turn(
            || lab.peer_classic(size.classic),
            || lab.load_classic(size.classic),
        )?;
        classic.push(load / peer);
        println!(
            "round {round}: classic      peer {peer:>8.1} ms  load \
             {load:>8.1} ms  ratio {:.3}",
            load / peer
        );
    }
    println!("median of {} rounds:", size.rounds);
    println!("  closed loop  {:.3}  (goal: 0.95 or more)", median(closed));
    println!("  classic      {:.3}  (goal: 1.05 or less)", median(classic));
    Ok(())
}

/// Means of two runs each in the order A B B A, so that a machine that slowly
/// changes hits both alike.
fn in_turn(
    peer: impl Fn() -> Result<f64>,
    load: impl Fn() -> Result<f64>,
) -> Result<(f64, f64)> {
    let first = peer()?;
    let (second, third) = (load()?, load()?);
    Ok((f64::midpoint(first, peer()?), f64::midpoint(second, third)))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}
