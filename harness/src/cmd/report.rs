//! `report`: a stored run as one HTML file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::cli::Report;
use crate::compare::other_machine;
use crate::exit::{DONE, NOT_COMPARABLE, refuse};
use crate::report;
use crate::store;
use crate::summarize::{Summary, spectra, timelines};

/// The page's name in the run's directory.
const FILE: &str = "report.html";

/// Writes the page, and the drawings if they were asked for; prints where.
pub(super) fn report(args: &Report) -> Result<u8> {
    let root = store::root()?;
    let results = store::kept(&root, args.results_dir.as_deref())?;
    let run = store::find(&root, &results, &args.run)?;
    let summary = super::show::summary(&run);
    let others = others(args, &root, &results, &summary)?;
    let spectra = spectra(&run.plan, &run.records);
    let timelines = timelines(&run.plan, &run.records);
    let checked = super::list::checks(&root, &run.plan)?;
    let certificate =
        super::instrument::certificate(&root, &results, &run.host)
            .map_err(|name| anyhow!("{name} can't be read"))?;
    let report = report::Report {
        summary: &summary,
        others: &others,
        spectra: &spectra,
        timelines: &timelines,
        checked: &checked,
        certificate: certificate.as_ref(),
    };
    let default = run.directory.join(FILE);
    let page = args.out.as_deref().unwrap_or(&default);
    store::export(page, report::html(&report).as_bytes())?;
    super::print(&page.display().to_string())?;
    if let Some(directory) = &args.svg {
        drawings(&report, directory)?;
    }
    Ok(DONE)
}

/// The runs that answer beside this one.
fn others(
    args: &Report,
    root: &Path,
    results: &Path,
    summary: &Summary,
) -> Result<Vec<Summary>> {
    let mut others = Vec::new();
    for name in &args.with {
        let other = super::show::summary(&store::find(root, results, name)?);
        let differences = other_machine(summary, &other);
        if !differences.is_empty() {
            let why = differences.join("; ");
            let why = format!("--with {name} is of another machine: {why}");
            return Err(refuse(NOT_COMPARABLE, why));
        }
        others.push(other);
    }
    Ok(others)
}

fn drawings(report: &report::Report<'_>, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("{} can't be made", directory.display()))?;
    for (name, text) in report::drawings(report) {
        let path = directory.join(name);
        store::write_atomically(&path, text.as_bytes())?;
        super::print(&path.display().to_string())?;
    }
    Ok(())
}
