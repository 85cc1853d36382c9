//! `build`: everything that `run` would build, without running it.

use anyhow::Result;

use super::select::select;
use crate::build;
use crate::catalog::Catalog;
use crate::cli::{Build, Output};
use crate::event::Event;
use crate::exit::{DONE, SERVER_FAILED};
use crate::interrupt::Interrupt;
use crate::progress::{Progress, Style};
use crate::store;

/// Builds the client and the selected servers, each by itself.
pub(super) fn build(args: &Build, output: Output) -> Result<u8> {
    let root = store::root()?;
    let catalog = Catalog::load(&root, &args.selection.server_dir)?;
    let selected = select(&catalog, &args.selection)?;
    let interrupt = Interrupt::install()?;
    let style = if output.quiet { Style::None } else { output.progress };
    let mut progress = Progress::new(style);
    progress.hear(&Event::Building { what: "load" });
    let client = build::client(&root, &interrupt);
    if let Some(signal) = interrupt.signal() {
        return Ok(128 + signal);
    }
    client?;
    let mut failed = !selected.broken.is_empty();
    let mut report = Vec::new();
    for skip in &selected.broken {
        report.push(format!("{}: {}", skip.server, skip.reason));
    }
    for server in selected.servers {
        let version = match server.receipt() {
            Ok(version) => version,
            Err(skip) => {
                let hint = skip.hint.unwrap_or_default();
                report.push(format!(
                    "{}: skipped, {}; {hint}",
                    skip.server, skip.reason
                ));
                failed |= !args.selection.all;
                continue;
            }
        };
        progress.hear(&Event::Building { what: &server.id });
        match build::build(&server.program(), &root, &version, &interrupt) {
            Ok(built) => report.push(format!(
                "{}: built, {}, sha256 {}",
                server.id,
                built.artifact.version,
                &built.artifact.sha256[..12],
            )),
            Err(error) => {
                failed = true;
                report.push(format!("{}: build failed\n{error:#}", server.id));
            }
        }
        if let Some(signal) = interrupt.signal() {
            return Ok(128 + signal);
        }
    }
    progress.finish();
    super::print(&report.join("\n"))?;
    Ok(if failed { SERVER_FAILED } else { DONE })
}
