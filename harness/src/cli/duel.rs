//! Arguments of `duel`.

use std::path::PathBuf;

use clap::Args;

use super::run::{rate, workers};
use crate::plan::{Placement, Wanted};

/// Arguments of `duel`
#[derive(Debug, Args)]
pub struct Duel {
    /// The first server, by id
    pub a: String,
    /// The second server; may be the first again
    pub b: String,
    /// Connections to each server
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections: u32,
    /// Load at this many echoes per second instead of in a closed loop
    #[arg(
        long,
        value_name = "R",
        conflicts_with = "in_flight",
        value_parser = rate()
    )]
    pub rate: Option<u32>,
    /// Have only this many of the connections in flight [default: all]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub in_flight: Option<u32>,
    /// Bytes of a message
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1 << 20)
    )]
    pub payload: u32,
    /// Have A burn this much CPU in its handler
    #[arg(long, value_name = "US", default_value_t = 0)]
    pub spin_us_a: u32,
    /// Have B burn this much: shows what a duel can find
    #[arg(long, value_name = "US", default_value_t = 0)]
    pub spin_us_b: u32,
    /// Workers of A [default: the CPUs of the servers]
    #[arg(long, value_name = "N", value_parser = workers())]
    pub workers_a: Option<u32>,
    /// Workers of B: a server against itself shows what one more worker costs
    #[arg(long, value_name = "N", value_parser = workers())]
    pub workers_b: Option<u32>,
    /// CPUs of servers and clients: disjoint, or both on all
    #[arg(long, value_name = "P", default_value = "split")]
    pub placement: Placement,
    /// Short slices: shows that it works, decides only what is plain
    #[arg(long)]
    pub quick: bool,
    /// How far a pair of launches is kept apart, as in `run`
    #[arg(long, value_name = "I", default_value = "auto")]
    pub isolation: Wanted,
    /// Seed of payloads [default: the clock]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Add a server that lies outside the repository
    #[arg(long, value_name = "DIR")]
    pub server_dir: Vec<PathBuf>,
    /// Print JSON instead of sentences
    #[arg(long)]
    pub json: bool,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}
