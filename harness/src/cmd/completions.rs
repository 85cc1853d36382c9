//! `completions`: from the definition of the command line itself.

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::exit::DONE;

/// Prints completions for a shell.
pub(super) fn completions(args: &Completions) -> Result<u8> {
    let mut command = Cli::command();
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "harness", &mut text);
    super::print(&String::from_utf8_lossy(&text))?;
    Ok(DONE)
}
