//! `show`: the table of a stored run, or what a duel came to.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::{Export, Format, Show};
use crate::duel::Duel;
use crate::exit::{DONE, USAGE, refuse};
use crate::progress::say;
use crate::record::Record;
use crate::render;
use crate::store;
use crate::summarize::{Summary, summarize};

/// Prints the table of a stored run, or lists the runs.
pub(super) fn show(args: &Show) -> Result<u8> {
    let root = store::root()?;
    let results = store::kept(&root, args.results_dir.as_deref())?;
    if args.list {
        return list(&root, &results);
    }
    if let Some(duel) = store::find_duel(&results, &args.run)? {
        return show_duel(args, &duel);
    }
    let run = store::find(&root, &results, &args.run)?;
    prepare(&results, &args.export, args.save_baseline.as_deref())?;
    let instrument = super::instrument::line(&root, &results, &run.host);
    let (summary, records) = (summary(&run), &run.records);
    put(&summary, records, &instrument, args.json, &args.export)?;
    if let Some(name) = &args.save_baseline {
        store::save_baseline(&results, name, &stored_as(&run))?;
    }
    Ok(DONE)
}

/// Prints what a duel came to.
fn show_duel(args: &Show, duel: &Duel) -> Result<u8> {
    if !args.export.is_empty() || args.save_baseline.is_some() {
        let why = "a duel has neither table nor rows: only --json shows more";
        return Err(refuse(USAGE, why));
    }
    let text = match args.json {
        true => render::duel_json(duel),
        false => render::duel(duel),
    };
    super::print(&text)?;
    Ok(DONE)
}

/// Lists the stored runs, and those that can't be read on stderr.
fn list(root: &Path, results: &Path) -> Result<u8> {
    let mut lines = Vec::new();
    for path in store::all(results).iter().chain(&store::committed(root)) {
        match store::Run::load(path) {
            Ok(run) => lines.push(listed(&run)),
            Err(error) => say(&format!("error: {error:#}")),
        }
    }
    if lines.is_empty() {
        let makes = "`cargo harness run --all --quick` makes one";
        lines.push(format!("no runs yet; {makes}"));
    }
    super::print(&lines.join("\n"))?;
    Ok(DONE)
}

/// Refuses what could not be kept of a run, before it is made.
pub(super) fn prepare(
    results: &Path,
    exports: &[Export],
    baseline: Option<&str>,
) -> Result<()> {
    let paths = exports.iter().map(|export| export.path.as_path());
    store::prepare_exports(&paths.collect::<Vec<_>>())?;
    baseline.map_or(Ok(()), |name| store::free_baseline(results, name))
}

/// A baseline names a directory: a committed run's is not its id.
fn stored_as(run: &store::Run) -> String {
    let path = fs::canonicalize(&run.directory);
    path.as_ref().unwrap_or(&run.directory).display().to_string()
}

/// The summary of a stored run.
pub(super) fn summary(run: &store::Run) -> Summary {
    let partial = !run.missing().is_empty();
    summarize(&run.id, partial, &run.host, &run.plan, &run.records)
}

fn listed(run: &store::Run) -> String {
    let selected = run.plan.lanes.iter().filter(|lane| lane.control.is_none());
    let servers: Vec<&str> =
        selected.map(|lane| lane.server.as_str()).collect();
    let partial = if run.missing().is_empty() { "" } else { ", partial" };
    format!(
        "{}  {} round(s), {} trials{partial}: {}",
        run.id,
        run.plan.rounds,
        run.records.len(),
        servers.join(" "),
    )
}

/// Prints a summary and how the instrument stands, writes the exports and, on
/// a CI service that shows them, adds the Markdown to the job's page.
pub(super) fn put(
    summary: &Summary,
    records: &[Record],
    instrument: &str,
    json: bool,
    exports: &[Export],
) -> Result<()> {
    let markdown =
        || render::markdown(summary) + &render::markdown_item(instrument);
    let text = match json {
        true => render::json(summary),
        false => render::table(summary) + &render::paragraph(instrument),
    };
    // A terminal that is full must not cost the files too.
    let printed = super::print(&text);
    for export in exports {
        let text = match export.format {
            Format::Json => render::json(summary),
            Format::Csv => render::csv(summary),
            Format::Markdown => markdown(),
            Format::Hlog => render::hlog(records),
            Format::Plan => render::plan_file(&summary.plan),
        };
        store::export(&export.path, text.as_bytes())?;
    }
    if let Some(page) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&page)
            .and_then(|mut file| file.write_all(markdown().as_bytes()))
            .context("GITHUB_STEP_SUMMARY can't be written")?;
    }
    printed
}
