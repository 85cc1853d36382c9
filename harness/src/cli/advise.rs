//! Arguments of `advise`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// Arguments of `advise`
#[derive(Debug, Args)]
pub struct Advise {
    /// The run: a path, an id, a unique beginning of one, latest, latest~1
    #[arg(default_value = "latest")]
    pub run: String,
    /// Connections that are held
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub connections: u32,
    /// Bytes of a message
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub payload: u32,
    /// The longest 99th percentile that will do, such as 10ms
    #[arg(long, value_name = "TIME", value_parser = p99)]
    pub p99: Duration,
    /// What the handler takes for each message, in microseconds
    #[arg(long, value_name = "US", default_value_t = 0)]
    pub spin_us: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}

/// A time that somebody might wait for an echo.
fn p99(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(3600);
    match duration(text)? {
        time if time > MOST => Err("is an hour at most".into()),
        time => Ok(time),
    }
}
