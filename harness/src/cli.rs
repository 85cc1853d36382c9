//! What was typed. What it means is decided by the commands and the plan.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compare::Threshold;
use crate::exit;
use crate::progress::Style;

pub use self::advise::Advise;
pub use self::calibrate::Calibrate;
pub use self::check::Check;
pub use self::duel::Duel;
pub use self::run::{ALL, Export, Format, RATE, Run};
use self::run::{baseline, export};

mod advise;
mod calibrate;
mod check;
mod duel;
pub mod plan_file;
mod run;

/// Compare concurrency models: interchangeable echo servers under one client
#[derive(Debug, Parser)]
#[command(
    name = "harness",
    bin_name = "cargo harness",
    version,
    after_help = exit::HELP,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// How everything is shown
    #[command(flatten)]
    pub output: Output,
}

/// How everything is shown
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// How to show progress on stderr
    #[arg(long, global = true, value_name = "STYLE", default_value = "auto")]
    pub progress: Style,
    /// Show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log what the harness does
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// When to colour
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The subcommands; each has a file under `cmd/`
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the servers: family, model, what each mirrors, ready or why not
    List(List),
    /// Check this machine: limits, ports, CPUs, toolchains, and how to mend them
    Doctor(Doctor),
    /// Build servers and the client without running them
    Build(Build),
    /// Measure servers and print the table
    Run(Box<Run>),
    /// Print the table of a stored run
    Show(Show),
    /// Write a stored run as one HTML file: answers, ranking, drawings
    Report(Report),
    /// Say which models carry a load, by a stored run
    Advise(Advise),
    /// Say in words what differs between two runs
    Compare(Compare),
    /// Fight two servers side by side: a few percent, told from noise
    Duel(Duel),
    /// Put servers through the conformance suite and print the matrix
    Check(Check),
    /// Have the instrument prove itself and print its certificate
    Calibrate(Calibrate),
    /// Print completions for a shell
    Completions(Completions),
}

/// Arguments of `list`
#[derive(Debug, Args)]
pub struct List {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print the table of servers/README.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Print the conformance matrix of servers/README.md, from the committed checks
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    pub matrix: bool,
    /// Add a server that lies outside the repository
    #[arg(long, value_name = "DIR")]
    pub server_dir: Vec<PathBuf>,
}

/// Arguments of `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Connections the machine is to carry
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections: u32,
}

/// Which servers
#[derive(Clone, Debug, Args)]
pub struct Selection {
    /// Servers by id, as `list` shows them
    #[arg(value_name = "SERVER")]
    pub servers: Vec<String>,
    /// All servers
    #[arg(short, long, conflicts_with = "servers")]
    pub all: bool,
    /// Add a server that lies outside the repository: a directory with a
    /// server.toml; selected at once
    #[arg(long, value_name = "DIR")]
    pub server_dir: Vec<PathBuf>,
}

/// Arguments of `build`
#[derive(Debug, Args)]
pub struct Build {
    /// Which servers
    #[command(flatten)]
    pub selection: Selection,
}

/// Arguments of `show`
#[derive(Debug, Args)]
pub struct Show {
    /// Path, id, beginning of an id, latest, latest~1; or the path or id of a
    /// duel
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// List the stored runs
    #[arg(long, conflicts_with_all = ["run", "json", "export", "save_baseline"])]
    pub list: bool,
    /// Print JSON
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

/// Arguments of `report`
#[derive(Debug, Args)]
pub struct Report {
    /// Path, id, beginning of an id, latest, latest~1
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// Answer what this run did not measure from others of the same machine,
    /// by comma or repeated
    #[arg(long, value_name = "RUN", value_delimiter = ',')]
    pub with: Vec<String>,
    /// The file, replaced whole; report.html in the run's directory unless
    /// named
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write each drawing to this directory too
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}

/// Arguments of `compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// The run before
    pub a: String,
    /// The run after
    pub b: String,
    /// Exit 99 when this is found beyond doubt: the interval clears the threshold
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Largest change to accept, such as cpu_us_per_echo=5%
    #[arg(long, value_name = "METRIC=PCT", requires = "fail_on")]
    pub threshold: Vec<Threshold>,
    /// Compare another metric too
    #[arg(long, value_name = "METRIC")]
    pub metric: Vec<String>,
    /// Compare absolute figures, drift of the machine not removed
    #[arg(long)]
    pub absolute: bool,
    /// Compare though machine or plan differ
    #[arg(long)]
    pub allow_mismatch: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Where runs are kept
    #[arg(long, value_name = "DIR", env = "HARNESS_RESULTS_DIR")]
    pub results_dir: Option<PathBuf>,
}

/// What `--fail-on` may name
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A metric became worse by more than its threshold
    Regression,
}

/// Arguments of `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// A time that passes.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be more than nothing".into()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write 90s, 10m or 2h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        let refused = |line: &str| {
            Cli::try_parse_from(line.split(' ')).unwrap_err().to_string()
        };
        for (line, part) in [
            ("harness run a --budget 0s", "more than nothing"),
            ("harness run a --budget x", "write 90s"),
            ("harness check a --soak 0s", "more than nothing"),
            ("harness advise -c 1 --p99 0s", "more than nothing"),
            ("harness advise -c 1 --p99 2h", "an hour"),
            ("harness run a --dry-run --export csv=a", "cannot be used"),
            ("harness compare a b --threshold x=1%", "--fail-on"),
            ("harness check a --fuzz --long", "cannot be used with"),
            ("harness check a --fuzz --strict", "cannot be used with"),
        ] {
            assert!(refused(line).contains(part), "{line}: {}", refused(line));
        }
    }
}
