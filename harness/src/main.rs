//! The command line of the suite.

use std::process::ExitCode;

use clap::Parser;
use harness::cli::{Cli, Color};
use harness::{cmd, exit, progress};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let choice = match cli.output.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    if cli.output.verbose {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::DEBUG)
            .init();
    }
    match cmd::dispatch(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            progress::say(&format!("error: {error:#}"));
            ExitCode::from(exit::code(&error))
        }
    }
}
