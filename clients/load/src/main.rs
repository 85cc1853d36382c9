//! The binary `load`: arguments in, exit code out.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use load::{Args, ClientError, agent, by_hand};

const OWN_ERROR: u8 = 1;

fn main() -> ExitCode {
    let args = Args::parse();
    let result = if args.is_agent() {
        agent(args.allows_remote())
    } else {
        by_hand(&args)
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // With stderr gone, the exit code still says it.
            drop(writeln!(std::io::stderr(), "load: {error:#}"));
            let code = error.downcast_ref().map(ClientError::exit_code);
            ExitCode::from(code.unwrap_or(OWN_ERROR))
        }
    }
}
