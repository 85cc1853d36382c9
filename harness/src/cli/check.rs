//! Arguments of `check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Selection, duration};

/// Arguments of `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Which servers
    #[command(flatten)]
    pub selection: Selection,
    /// Try these cases only, whatever their tier, by comma or repeated
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub case: Vec<String>,
    /// Tries of each case [default: one to five, by case and tier]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub repeat: Option<u32>,
    /// Let what SHOULD hold count as what MUST
    #[arg(long)]
    pub strict: bool,
    /// One try of the short cases, in small: seconds a server
    #[arg(long, conflicts_with = "long")]
    pub quick: bool,
    /// All cases in full, what takes minutes included
    #[arg(long)]
    pub long: bool,
    /// Instead of the cases: random walks of 1,000 steps over 64 connections,
    /// 200 with --quick; a failing one is shrunk
    #[arg(long, conflicts_with_all = ["case", "repeat", "soak", "long", "strict"])]
    pub fuzz: bool,
    /// How many walks, each with a seed of its own
    #[arg(
        long,
        value_name = "K",
        default_value_t = 1,
        requires = "fuzz",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub runs: u32,
    /// Instead of the cases: hold 10,000 connections under changing load for
    /// so long, such as 10m
    #[arg(
        long,
        value_name = "TIME",
        value_parser = duration,
        conflicts_with = "case"
    )]
    pub soak: Option<Duration>,
    /// Seed of what is random; the tries of a case count up from it
    /// [default: the clock]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(..1 << 48)
    )]
    pub seed: Option<u64>,
    /// Multiply every time bound, for a machine that is not quiet
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub stretch: u32,
    /// Where runs are kept: a whole tier's result is kept there in checks/, for
    /// `run` to look up
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
    /// Print JSON instead of the matrix
    #[arg(long)]
    pub json: bool,
    /// Write JUnit's XML to a file too
    #[arg(long, value_name = "PATH")]
    pub junit: Option<PathBuf>,
}
