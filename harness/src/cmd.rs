//! One file a subcommand.

use anyhow::Result;

use crate::cli::{Cli, Command};

mod advise;
mod build;
mod calibrate;
mod check;
mod compare;
mod completions;
mod doctor;
mod duel;
mod identity;
mod instrument;
mod list;
mod report;
mod run;
mod select;
mod show;

pub use list::{course, matrix};

/// Runs the subcommand; returns the exit code.
///
/// # Errors
/// Whatever ends the program early; [`crate::exit::code`] tells its code.
pub fn dispatch(cli: &Cli) -> Result<u8> {
    match &cli.command {
        Command::List(args) => list::list(args),
        Command::Doctor(args) => doctor::doctor(args),
        Command::Build(args) => build::build(args, cli.output),
        Command::Run(args) => run::run(args, cli.output),
        Command::Show(args) => show::show(args),
        Command::Report(args) => report::report(args),
        Command::Advise(args) => advise::advise(args),
        Command::Compare(args) => compare::compare(args),
        Command::Duel(args) => duel::duel(args, cli.output),
        Command::Check(args) => check::check(args, cli.output),
        Command::Calibrate(args) => calibrate::calibrate(args, cli.output),
        Command::Completions(args) => completions::completions(args),
    }
}

/// Writes a result to stdout. A reader that has seen enough (`| head`) is no
/// error.
///
/// # Errors
/// Stdout can't be written for another reason, such as a full disk.
pub(crate) fn print(text: &str) -> Result<()> {
    use anyhow::Context;
    use std::io::{ErrorKind, Write};
    let mut out = anstream::stdout().lock();
    let mut line = text.trim_end_matches('\n').to_owned();
    line.push('\n');
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("stdout can't be written"),
    }
}

/// A plain table for `list` and `doctor`.
pub(crate) fn grid(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
        .set_width(110)
        .set_header(head)
        .add_rows(rows);
    table.to_string()
}
