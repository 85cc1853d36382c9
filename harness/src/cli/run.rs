//! Arguments of `run`, and of whatever writes a result.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum};

use super::plan_file::Windows;
use super::{Selection, duration};
use crate::plan::{Placement, SERIES, SHARED_CLIENT, Scenario, Wanted};

/// What `--rate` is unless it is typed.
pub const RATE: u32 = 10_000;

/// Workers that a server may be asked for.
pub(super) fn workers() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1024)
}

/// Echoes per second that may be asked for.
pub(super) fn rate() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=10_000_000)
}

/// Arguments of `run`
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which servers
    #[command(flatten)]
    pub selection: Selection,
    /// Take servers, workloads and settings from this file, each key named as
    /// its flag (README.md shows one); --quick, --rounds, --budget and --seed
    /// beside it win
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "servers", "all", "shipped", "scenario", "connections", "payload", "rate",
            "full", "workers", "placement", "isolation", "reference", "client",
        ]
    )]
    pub plan: Option<PathBuf>,
    /// From a plan file alone.
    #[arg(skip)]
    pub windows: Windows,
    /// Workloads, by comma or repeated: classic (the original test), load (N
    /// held: memory, rates, ladder), scale (1 to N connections), idle (memory
    /// over their number), sizes (1 B to 1 MiB), handler (0 to 200 µs of
    /// work), herd (1 % active), churn (short sessions) or all; scale@1000 is
    /// one point of a curve [default: classic,load, as far as the client knows
    /// them]
    #[arg(long, value_name = "S", value_delimiter = ',')]
    #[arg(value_parser = scenario)]
    pub scenario: Vec<String>,
    /// Connections open at once
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections: u32,
    /// Bytes of a message
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_048_576)
    )]
    pub payload: u32,
    /// Echoes per second in the fixed-rate window, over all connections
    #[arg(
        long,
        value_name = "R",
        default_value_t = RATE,
        value_parser = rate()
    )]
    pub rate: u32,
    /// Rounds; each runs every server once, in shuffled order [default: 6]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub rounds: Option<u32>,
    /// Cut rounds, never connections, to about this time, such as 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub budget: Option<Duration>,
    /// One round with short windows: estimates without intervals
    #[arg(long, conflicts_with = "full")]
    pub quick: bool,
    /// Long windows, enough samples for p99.9
    #[arg(long)]
    pub full: bool,
    /// Workers of every server [default: its CPUs]
    #[arg(long, value_name = "N", value_parser = workers())]
    pub workers: Option<u32>,
    /// CPUs of server and client: disjoint, or both on all
    #[arg(long, value_name = "P", default_value = "split")]
    pub placement: Placement,
    /// How far each launch is kept apart: plain, a list of pin (its CPUs),
    /// cgroup (a control group) and netns (a network), or auto, the best that
    /// your rights allow; exit 6 when a level you name can't be had
    #[arg(long, value_name = "I", default_value = "auto")]
    pub isolation: Wanted,
    /// The server that ratios refer to; it runs twice in every round
    #[arg(long, value_name = "SERVER", default_value = "rust-mio")]
    pub reference: String,
    /// What drives the servers: the shared client, or one of the original's,
    /// which know classic alone; an unknown ID lists them
    #[arg(long, value_name = "ID", default_value = SHARED_CLIENT)]
    pub client: String,
    /// Run each selected server once more with its library's own backlog,
    /// workers, read size and NODELAY; for a single one type ID@shipped
    #[arg(long)]
    pub shipped: bool,
    /// Exit 3 when a selected server can't run here
    #[arg(long)]
    pub require: bool,
    /// Seed of the order of trials and of all loads [default: the clock]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Print the plan and stop
    #[arg(long, conflicts_with_all = ["export", "save_baseline"])]
    pub dry_run: bool,
    /// Go on with a run: its missing trials, and more with --rounds
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = [
            "servers", "all", "shipped", "scenario", "connections", "payload", "rate",
            "budget", "quick", "full", "workers", "placement", "isolation",
            "reference", "seed", "client", "plan",
        ]
    )]
    pub resume: Option<String>,
    /// Print JSON instead of the table
    #[arg(long)]
    pub json: bool,
    /// Write the result to a file too: json, csv, markdown, hlog for the
    /// histograms, or plan for a plan file that makes the run again
    #[arg(long, value_name = "FMT=PATH", value_parser = export)]
    pub export: Vec<Export>,
    /// Name the run, for `compare NAME latest`; replaces who had the name
    #[arg(long, value_name = "NAME", value_parser = baseline)]
    pub save_baseline: Option<String>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}

/// Every scenario.
pub const ALL: &str = "all";

pub(super) fn scenario(text: &str) -> Result<String, String> {
    let names = SERIES.iter().copied();
    let is_known = names.clone().any(|name| name == text)
        || text == ALL
        || text.parse::<Scenario>().is_ok();
    if is_known {
        return Ok(text.into());
    }
    let names: Vec<&str> = names.collect();
    Err(format!(
        "the scenarios are {} and {ALL}; a point of a curve is written \
         scale@1000, with at most a million connections, 1 GiB or a second",
        names.join(", ")
    ))
}

/// A name that is a file's and no other run's.
pub(super) fn baseline(text: &str) -> Result<String, String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && text.chars().all(harmless) && !text.starts_with("latest") {
        return Ok(text.into());
    }
    Err("a name is of letters, digits, - _ and ., and not latest".into())
}

/// A format and a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The format.
    pub format: Format,
    /// The file, replaced whole.
    pub path: PathBuf,
}

/// Formats of `--export`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As `--json` prints it
    Json,
    /// One line a server, scenario and metric
    Csv,
    /// For a pull request
    Markdown,
    /// Every histogram, as a HdrHistogram log
    Hlog,
    /// A plan file that makes the run again
    Plan,
}

pub(super) fn export(text: &str) -> Result<Export, String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("write FORMAT=PATH, such as csv=table.csv")?;
    if path.is_empty() {
        return Err("the path is empty".into());
    }
    let format = Format::from_str(format, true)
        .map_err(|_| "the formats are json, csv, markdown, hlog and plan")?;
    Ok(Export { format, path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_series_points_or_all() {
        for good in ["load", "scale", "scale@1000", "handler@0", "all"] {
            assert_eq!(scenario(good).as_deref(), Ok(good));
        }
        for bad in ["", "Load", "scale@", "load@5", "every", "idle@1000001"] {
            let why = scenario(bad).unwrap_err();
            assert!(why.contains("idle") && why.contains("all"), "{why}");
        }
    }

    #[test]
    fn a_baselines_name_is_no_path_and_no_other_run() {
        for good in ["main", "v1.2", "2026-11"] {
            assert!(baseline(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "../x", "a/b", "-x", "latest", "latest~1", "a b"] {
            assert!(baseline(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn exports_name_a_format_and_a_path() {
        let good = export("csv=a=b.csv").unwrap();
        assert_eq!(good.path, PathBuf::from("a=b.csv"));
        for bad in ["csv", "csv=", "pdf=x"] {
            assert!(export(bad).is_err(), "{bad}");
        }
    }
}
