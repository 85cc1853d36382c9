//! The command line, the same for every server in every language.

use std::net::SocketAddr;

use clap::{CommandFactory, FromArgMatches, builder::RangedU64ValueParser};

#[derive(Debug, clap::Parser)]
pub struct Args {
    /// Listen on this address; port 0 lets the kernel choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,
    /// Serve on this many threads, where the model leaves a choice
    #[arg(long, default_value_t = cpus(), value_parser = to(4096))]
    pub workers: usize,
    /// Let this many connections wait to be accepted
    #[arg(long, default_value_t = 4096, value_parser = to(65535))]
    pub backlog: usize,
    /// Read at most this many bytes at once
    #[arg(long, default_value_t = 4096, value_parser = to(65536))]
    pub buffer_bytes: usize,
    /// Burn this much CPU before each echo, as a handler would
    #[arg(long, default_value_t = 0)]
    pub spin_us: u32,
    /// After SIGTERM, let open connections finish for this long
    #[arg(long, default_value_t = 5000)]
    pub drain_ms: u32,
}

impl Args {
    /// Exits with 2 if one is wrong; `about` is what this server does.
    pub fn parse(about: &'static str) -> Self {
        let matches = Self::command().about(about).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn to(max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=max)
}

/// Affinity counts: a server pinned to one CPU starts one worker.
fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
