//! Arguments of `calibrate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// Arguments of `calibrate`
#[derive(Debug, Args)]
pub struct Calibrate {
    /// Add the tests that take minutes each, or need many calls
    #[arg(long)]
    pub full: bool,
    /// Run these tests only, by comma or repeated, such as K3,K16
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        conflicts_with = "full"
    )]
    pub only: Vec<String>,
    /// Begin no test that would not end within this time, such as 30m; what
    /// accumulates goes on until then
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub time: Option<Duration>,
    /// Seed of arrivals and payloads
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print the certificate as JSON
    #[arg(long)]
    pub json: bool,
    /// Where runs and the certificate are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}
