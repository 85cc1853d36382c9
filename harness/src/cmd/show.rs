//! `show`: the table of a stored run.

use std::fs::{self, OpenOptions};
use std::io::Write;

use anyhow::{Context, Result};

use crate::cli::{Export, Format, Show};
use crate::exit::DONE;
use crate::record::Record;
use crate::render;
use crate::store;
use crate::summarize::{Summary, summarize};

/// Prints the table of a stored run, or lists the runs.
pub(super) fn show(args: &Show) -> Result<u8> {
    let root = store::root()?;
    let results = store::results(&root, args.results_dir.as_deref());
    if args.list {
        let reference = store::committed(&root);
        let mut lines = Vec::new();
        for path in store::all(&results).iter().chain(&reference) {
            lines.push(match store::Run::load(path) {
                Ok(run) => listed(&run),
                Err(error) => format!("{error:#}"),
            });
        }
        if lines.is_empty() {
            lines.push(
                "no runs yet; `cargo harness run --all --quick` makes one"
                    .into(),
            );
        }
        super::print(&lines.join("\n"))?;
        return Ok(DONE);
    }
    let run = store::find(&root, &results, &args.run)?;
    let instrument = super::instrument::line(&root, &results, &run.host);
    let (summary, records) = (summary(&run), &run.records);
    put(&summary, records, &instrument, args.json, &args.export)?;
    if let Some(name) = &args.save_baseline {
        store::save_baseline(&results, name, &stored_as(&run))?;
    }
    Ok(DONE)
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
    super::print(&text)?;
    for export in exports {
        let text = match export.format {
            Format::Json => render::json(summary),
            Format::Csv => render::csv(summary),
            Format::Markdown => markdown(),
            Format::Hlog => render::hlog(records),
            Format::Plan => render::plan_file(&summary.plan),
        };
        store::write_atomically(&export.path, text.as_bytes())?;
    }
    if let Some(page) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&page)
            .and_then(|mut file| file.write_all(markdown().as_bytes()))
            .context("GITHUB_STEP_SUMMARY can't be written")?;
    }
    Ok(())
}
