//! The command line: what was typed, and the order it stands for.
//!
//! Refuses to do: anything but translate.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use clap::{ArgGroup, Parser, ValueEnum};
use wire::{Arrivals, Load, PROTOCOL, Spec, Window, Work};

use crate::ClientError;

/// Below the backlog of 4096 that every server of the suite listens with, so
/// that the accept queue cannot overflow.
pub(crate) const CLASSIC_CONNECTING: u32 = 4_000;
/// Held connections are paced: nothing about opening them is measured.
pub(crate) const HOLD_CONNECTING: u32 = 512;

const EXAMPLES: &str = "\
Examples:
  load 127.0.0.1:8080
      the classic test: 10,000 connections, each sends 100 bytes, reads them
      back and closes
  load 127.0.0.1:8080 --hold 10000 --rate 10000 --duration 5s
      10,000 connections held open, 10,000 echoes/s planned over all of them
  load 127.0.0.1:8080 --hold 100 --in-flight 100 --duration 2s --json
      one message outstanding on each of 100 connections, as fast as it goes
  load 127.0.0.1:8080 -c 1000 --churn 500 --echoes 8
      500 sessions/s, at most 1,000 at once: connect, 8 echoes, close

Exit codes:
  0  done, every byte right
  1  the client itself failed
  2  bad arguments
  3  the server failed: wrong bytes, lost or refused connections, a stall
  6  the machine is unfit: too few descriptors
  130, 143  interrupted; what was complete is printed
With --agent, 0 means that a report was printed, whatever it says.";

/// Load an echo server and verify every byte
#[derive(Clone, Debug, Parser)]
#[command(
    name = "load",
    version,
    after_help = EXAMPLES,
    max_term_width = 80,
    group(ArgGroup::new("load").args(["rate", "in_flight"])),
    group(ArgGroup::new("timed").args(["hold", "churn"]))
)]
pub struct Args {
    /// Server to load, HOST:PORT
    #[arg(required_unless_present = "agent")]
    addr: Option<String>,

    /// Connections of the classic test, or most sessions at once
    #[arg(short, long, value_name = "N", default_value_t = 10_000)]
    #[arg(conflicts_with = "hold")]
    connections: u32,

    /// Hold N connections open together, proved by two sweeps over all
    #[arg(long, value_name = "N", requires = "load")]
    hold: Option<u32>,

    /// Plan R echoes per second over all held connections
    #[arg(long, value_name = "R", requires = "hold")]
    rate: Option<f64>,

    /// Keep one message outstanding on each of K held connections
    #[arg(long, value_name = "K", requires = "hold")]
    in_flight: Option<u32>,

    /// Plan S sessions per second; each connects, echoes and closes
    #[arg(long, value_name = "S", conflicts_with = "load")]
    churn: Option<f64>,

    /// Echoes of a session, one after the other
    #[arg(long, value_name = "N", default_value_t = 8, requires = "churn")]
    echoes: u32,

    /// Count for so long
    #[arg(long, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = humantime::parse_duration, requires = "timed")]
    duration: Duration,

    /// Load for so long before counting
    #[arg(long, value_name = "TIME", default_value = "1s")]
    #[arg(value_parser = humantime::parse_duration, requires = "timed")]
    warm_up: Duration,

    /// Distribution of the gaps between planned messages or sessions
    #[arg(long, default_value = "poisson", requires = "timed")]
    #[arg(conflicts_with = "in_flight")]
    arrivals: ArrivalsArg,

    /// Bytes of one message
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    payload: u32,

    /// Seed of payloads, arrivals and the choice of connections
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Name of the server in the output [default: its address]
    #[arg(long, value_name = "TEXT", value_parser = parse_label)]
    label: Option<String>,

    /// Print one JSON report instead of text
    #[arg(long)]
    json: bool,

    /// CPUs to own, one loop pinned to each, such as 1 or 2-5,7: at a rate the
    /// loops then stay awake for echoes that are outstanding, so give none
    /// that the server needs [default: one loop, not pinned, that sleeps]
    #[arg(long, value_name = "LIST", value_parser = parse_cpus)]
    cpus: Option<Cpus>,

    /// Process of the server, whose CPU time is read; may be repeated.
    /// Softirq time is not included where the kernel accounts it apart
    #[arg(long, value_name = "PID")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    server_pid: Vec<u32>,

    /// Most connections that wait for their first echo; stay below the
    /// server's backlog [default: 4000, with --hold 512]
    #[arg(long, value_name = "N")]
    max_connecting: Option<u32>,

    /// Give up when bytes are outstanding and none comes for so long
    #[arg(long, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = humantime::parse_duration)]
    stall: Duration,

    /// Allow a target that is not on this machine
    #[arg(long)]
    allow_remote: bool,

    /// Take the order as JSON lines on stdin and answer on stdout
    #[arg(long)]
    #[arg(conflicts_with_all = ["addr", "hold", "label", "json", "cpus",
        "server_pid", "max_connecting"])]
    agent: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ArrivalsArg {
    /// Exponential gaps
    Poisson,
    /// Equal gaps
    Uniform,
}

#[derive(Clone, Debug)]
struct Cpus(Vec<u32>);

impl Args {
    /// Whether the order comes on stdin.
    #[must_use]
    pub fn is_agent(&self) -> bool {
        self.agent
    }

    /// Whether the target may be another machine.
    #[must_use]
    pub fn allows_remote(&self) -> bool {
        self.allow_remote
    }

    /// Whether the report is to be printed as JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// The server's name in the output.
    #[must_use]
    pub fn label(&self) -> &str {
        let addr = self.addr.as_deref().unwrap_or_default();
        self.label.as_deref().unwrap_or(addr)
    }

    /// The order that the arguments stand for.
    ///
    /// # Errors
    /// The address is none.
    pub fn spec(&self) -> Result<Spec, ClientError> {
        let default_connecting = match self.hold {
            Some(_) => HOLD_CONNECTING,
            None => CLASSIC_CONNECTING,
        };
        Ok(Spec {
            protocol: PROTOCOL,
            addr: resolve(self.addr.as_deref().unwrap_or_default())?,
            connections: self.hold.unwrap_or(self.connections),
            payload_bytes: self.payload,
            seed: self.seed,
            max_connecting: self.max_connecting.unwrap_or(default_connecting),
            stall_ms: milliseconds(self.stall),
            cpus: self.cpus.clone().map_or_else(Vec::new, |cpus| cpus.0),
            server_pids: self.server_pid.clone(),
            softirq_cpus: Vec::new(),
            watched_cpus: Vec::new(),
            count_packets: false,
            stay_awake: self.cpus.is_some(),
            work: self.work(),
        })
    }

    fn work(&self) -> Work {
        let arrivals = match self.arrivals {
            ArrivalsArg::Poisson => Arrivals::Poisson,
            ArrivalsArg::Uniform => Arrivals::Uniform,
        };
        let echoes = self.echoes;
        let (name, load) = match (self.rate, self.in_flight, self.churn) {
            (Some(per_s), _, _) => ("rate", Load::Rate { per_s, arrivals }),
            (None, Some(connections), _) => {
                ("in_flight", Load::InFlight { connections })
            }
            (None, None, Some(per_s)) => {
                ("churn", Load::Sessions { per_s, arrivals, echoes })
            }
            (None, None, None) => return Work::Classic,
        };
        let (warm_up_ms, duration_ms) =
            (milliseconds(self.warm_up), milliseconds(self.duration));
        let window = Window::new(name, load, warm_up_ms, duration_ms);
        if self.churn.is_some() {
            return Work::Churn { window };
        }
        Work::Hold { await_go: false, turns: false, windows: vec![window] }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn resolve(text: &str) -> Result<SocketAddr, ClientError> {
    // Servers listen on IPv4 unless told otherwise, so `localhost` means that.
    let all: Vec<SocketAddr> =
        text.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    let found = all.iter().find(|addr| addr.is_ipv4()).or(all.first());
    found.copied().ok_or_else(|| {
        let message = format!(
            "`{text}` is not an address: write HOST:PORT, such as \
             127.0.0.1:8080 or [::1]:8080"
        );
        ClientError::Spec(message)
    })
}

/// What stands in a line of text as it is.
fn parse_label(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err("control characters are no name".into()),
        false => Ok(text.into()),
    }
}

/// `1`, `2-5,7`: numbers and ranges.
fn parse_cpus(text: &str) -> Result<Cpus, String> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
        let range =
            range.filter(|(first, last)| first <= last && *last < 1 << 16);
        let Some((first, last)) = range else {
            return Err(format!("`{part}` is neither a CPU nor a range"));
        };
        cpus.extend(first..=last);
    }
    Ok(Cpus(cpus))
}

#[cfg(test)]
mod tests;
