//! Puts every server directory, in whatever language, through the contract.
//!
//! The points are data: a new server is tested because its directory exists.
//! A server whose tools are missing is ignored with the reason, never passed.
//! Nothing is measured here; every bound on time is ten times the contract's.

mod announcing;
mod arguments;
mod client;
mod echoing;
mod exhaustion;
mod launch;
mod manifest;
mod proc;
mod processes;
mod stopping;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use manifest::Server;

/// One point of the contract: fails by an error or a panic.
type Point = (&'static str, fn(&Server) -> Result<Completion, Failed>);

const REQUIRE_ALL: &str = "HARNESS_TEST_REQUIRE_ALL";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    proc::raise_descriptor_limit();
    let points = [
        announcing::POINTS,
        arguments::POINTS,
        echoing::POINTS,
        exhaustion::POINTS,
        stopping::POINTS,
    ]
    .concat();
    let servers = manifest::servers();
    let trial = |server: &Arc<Server>, (name, check): &Point| {
        let (server, check) = (Arc::clone(server), *check);
        Trial::ignorable_test(format!("{}::{name}", server.id), move || {
            match server.unavailable() {
                // CI installs every toolchain, so there none may be missing.
                Some(reason) if env::var_os(REQUIRE_ALL).is_some() => {
                    Err(reason.into())
                }
                Some(reason) => Ok(Completion::ignored_with(reason)),
                None => check(&server),
            }
        })
    };
    let trials = servers
        .iter()
        .flat_map(|server| {
            let of_processes = match server.family() {
                "processes" => processes::POINTS,
                _ => &[],
            };
            let points = points.iter().chain(of_processes);
            points.map(|point| trial(server, point)).collect::<Vec<_>>()
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
