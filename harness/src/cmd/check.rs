//! `check`: puts servers through the conformance suite.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::select::{Selected, select};
use crate::build;
use crate::catalog::{Catalog, Server};
use crate::check::report::{self, Report};
use crate::check::{self, Case, Cell, Wanted};
use crate::cli::{Check, Output};
use crate::conformance::kept::{self, Kept};
use crate::event::Event;
use crate::exit::{DONE, SERVER_FAILED, TOOL, UNFIT, USAGE, refuse};
use crate::host::inspect;
use crate::interrupt::Interrupt;
use crate::plan::Skip;
use crate::progress::{Progress, Style};
use crate::{preflight, process, store};

/// Descriptors the suite itself needs: the most connections of a case.
const CONNECTIONS: u32 = 2_100;

/// How long a soak lasts that is asked for as a case.
const SOAK: Duration = Duration::from_secs(60);

/// Puts the selected servers through the suite and prints the matrix.
pub(super) fn check(args: &Check, output: Output) -> Result<u8> {
    let root = store::root()?;
    let wanted = wanted(args);
    let cases = wanted.cases().map_err(|why| refuse(USAGE, why))?;
    let catalog = Catalog::load(&root, &args.selection.server_dir)?;
    let Selected { servers, broken } = select(&catalog, &args.selection)?;
    servers.iter().try_for_each(|server| declares_cases(server))?;
    preflight::descriptors(CONNECTIONS, preflight::raise_descriptor_limit())
        .map_err(|message| refuse(UNFIT, message))?;
    process::adopt_orphans()?;
    let results = store::results(&root, args.results_dir.as_deref());
    if wanted.is_whole() {
        store::prepare(&results)?;
    }
    let interrupt = Interrupt::install()?;
    let style = if output.quiet { Style::None } else { output.progress };
    let mut progress = Progress::new(style);
    let mut report = Report {
        schema_version: 1,
        partial: false,
        tier: wanted.tier(),
        strict: wanted.strict,
        seed: wanted.seed,
        cases: cases.iter().map(|&case| case.into()).collect(),
        servers: Vec::new(),
        skipped: broken,
        unbuilt: Vec::new(),
        cells: Vec::new(),
    };
    for server in servers {
        match built(server, &root, &mut progress, &interrupt) {
            Ok(built) => {
                report.servers.push(server.id.clone());
                let tell = |number, case: &Case, cell: Option<&Cell>| {
                    show(&progress, server, cases.len(), number, case, cell);
                };
                let version = built.artifact.version.clone();
                let cells = check::check(
                    server, built, &cases, &wanted, &interrupt, tell,
                );
                if wanted.is_whole() && cells.len() == cases.len() {
                    let found =
                        found(server, &root, &wanted, &version, &cells)?;
                    keep(&results, server, found, &progress)?;
                }
                report.cells.extend(cells);
            }
            Err(Missing::Lacks(skip)) => report.skipped.push(skip),
            Err(Missing::Build(skip)) => report.unbuilt.push(skip),
        }
        if interrupt.signal().is_some() {
            report.partial = true;
            break;
        }
    }
    progress.finish();
    put(args, &report)?;
    if let Some(signal) = interrupt.signal() {
        return Ok(128 + signal);
    }
    Ok(verdict(args, &report))
}

/// Refuses a declaration about a case that isn't there.
fn declares_cases(server: &Server) -> Result<()> {
    let strange = check::unknown_declarations(server);
    let Some(id) = strange.first() else { return Ok(()) };
    let server = &server.id;
    let message = format!(
        "server.toml of {server} declares {id:?} unsupported, which is no case"
    );
    Err(refuse(USAGE, message))
}

/// Shows a case that begins, or one that failed.
fn show(
    progress: &Progress,
    server: &Server,
    total: usize,
    number: usize,
    case: &Case,
    cell: Option<&Cell>,
) {
    let (server, id) = (&server.id, case.id);
    match cell {
        None => {
            let title = case.title;
            progress.step(&format!("{server} · {number}/{total} {id} {title}"));
        }
        Some(cell) if cell.failed() => {
            progress.line(&format!("{server} {id}: FAIL"));
        }
        Some(_) => {}
    }
}

fn wanted(args: &Check) -> Wanted {
    // Any seed will do, as long as it is told.
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let clock = clock.unwrap_or_default().as_secs();
    let (cases, repeat) = match (args.fuzz, args.soak) {
        (true, _) => (vec!["G1".to_owned()], Some(args.runs)),
        (_, Some(_)) => (vec!["G3".to_owned()], args.repeat),
        _ => (args.case.clone(), args.repeat),
    };
    Wanted {
        cases,
        soak: args.soak.unwrap_or(SOAK),
        quick: args.quick,
        long: args.long,
        repeat,
        strict: args.strict,
        stretch: args.stretch,
        seed: args.seed.unwrap_or(clock),
    }
}

/// Why there is no server to try.
enum Missing {
    /// This machine lacks what it needs.
    Lacks(Skip),
    /// It has all that, and the build failed.
    Build(Skip),
}

fn built(
    server: &Server,
    root: &Path,
    progress: &mut Progress,
    interrupt: &Interrupt,
) -> Result<build::Built, Missing> {
    let version = server.receipt().map_err(Missing::Lacks)?;
    progress.hear(&Event::Building { what: &server.id });
    build::build(&server.program(), root, &version, interrupt).map_err(
        |error| {
            Missing::Build(Skip {
                server: server.id.clone(),
                reason: format!("its build failed: {error:#}"),
                hint: None,
            })
        },
    )
}

fn found(
    server: &Server,
    root: &Path,
    wanted: &Wanted,
    version: &str,
    cells: &[Cell],
) -> Result<Option<Kept>> {
    let manner = kept::Manner {
        tier: wanted.tier(),
        stretch: wanted.stretch,
        seed: wanted.seed,
        version,
        kernel: &inspect::kernel(),
    };
    Kept::of(server, root, &manner, cells)
}

/// Keeps what a whole tier found, for `run` to look up, and says if not.
fn keep(
    results: &Path,
    server: &Server,
    found: Option<Kept>,
    progress: &Progress,
) -> Result<()> {
    let why = match found {
        None => "a case could not be judged",
        Some(found) if kept::keep(results, &found)? => return Ok(()),
        Some(_) => "a stricter result of the same sources is there",
    };
    progress.line(&format!("{}: result not kept: {why}", server.id));
    Ok(())
}

fn put(args: &Check, report: &Report) -> Result<()> {
    if let Some(path) = &args.junit {
        store::write_atomically(path, check::junit(report).as_bytes())?;
    }
    if args.json {
        super::print(&serde_json::to_string_pretty(report)?)
    } else {
        super::print(&report::text(report))
    }
}

/// 3 when a server failed a case that binds it, doesn't build, or can't be
/// tried though it was named; 1 when only the suite failed.
fn verdict(args: &Check, report: &Report) -> u8 {
    let failed = report.cells.iter().any(|cell| cell.failed());
    let wanting = !report.unbuilt.is_empty()
        || (!args.selection.all && !report.skipped.is_empty());
    let error = report.cells.iter().any(Cell::is_open);
    match (failed || wanting, error) {
        (true, _) => SERVER_FAILED,
        (_, true) => TOOL,
        _ => DONE,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::check::Verdict;
    use crate::cli::{Cli, Command};
    use crate::conformance::Tier;

    fn code(selection: &str, change: impl Fn(&mut Report)) -> u8 {
        let cli = Cli::parse_from(["harness", "check", selection]);
        let Command::Check(args) = cli.command else { unreachable!() };
        let mut report = Report {
            schema_version: 1,
            partial: false,
            tier: Tier::Quick,
            strict: false,
            seed: 1,
            cases: Vec::new(),
            servers: Vec::new(),
            skipped: Vec::new(),
            unbuilt: Vec::new(),
            cells: vec![Cell::scripted("a", "A1", Verdict::Pass)],
        };
        change(&mut report);
        verdict(&args, &report)
    }

    #[test]
    fn what_does_not_build_is_a_failure_and_what_lacks_its_tool_is_none() {
        let skip =
            || Skip { server: "b".into(), reason: "no".into(), hint: None };
        let cell = |verdict| Cell::scripted("a", "A2", verdict);
        assert_eq!(code("--all", |_| ()), DONE);
        assert_eq!(code("--all", |it| it.skipped.push(skip())), DONE);
        assert_eq!(code("b", |it| it.skipped.push(skip())), SERVER_FAILED);
        assert_eq!(code("--all", |it| it.unbuilt.push(skip())), SERVER_FAILED);
        let fails = |it: &mut Report| it.cells.push(cell(Verdict::Fail));
        assert_eq!(code("--all", fails), SERVER_FAILED);
        let open = |it: &mut Report| it.cells.push(cell(Verdict::Error));
        assert_eq!(code("--all", open), TOOL);
        let open_later = |it: &mut Report| {
            it.cells[0].afterlife = Some(Verdict::Error);
        };
        assert_eq!(code("--all", open_later), TOOL);
    }
}
