//! `completions`: from the definition of the command line itself.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};

/// Prints completions for a shell.
pub(super) fn completions(args: &Completions) {
    let mut command = Cli::command();
    let mut out = anstream::stdout();
    clap_complete::generate(args.shell, &mut command, "harness", &mut out);
}
