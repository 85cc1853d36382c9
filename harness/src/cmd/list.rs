//! `list`: the servers there are and whether each can run here.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::catalog::{Catalog, Server, lesson};
use crate::cli::List;
use crate::conformance::kept;
use crate::exit::DONE;
use crate::plan::{Plan, Skip};
use crate::{render, store};

/// One server as `list --json` shows it.
#[derive(Debug, Serialize)]
struct Entry {
    server: String,
    family: String,
    model: String,
    mirrors: Option<String>,
    status: String,
    /// The load that it can't carry, by its lesson.
    gives_out_at: Option<String>,
    /// When to choose it.
    choose: Option<String>,
    ready: bool,
    /// The version of what builds or runs it, when ready.
    version: Option<String>,
    /// Why it can't run here.
    reason: Option<String>,
    /// The command that mends it.
    hint: Option<String>,
}

/// Lists every server; a missing toolchain is shown, never hidden.
pub(super) fn list(args: &List) -> Result<u8> {
    let root = store::root()?;
    if args.markdown {
        super::print(&course(&root)?)?;
        return Ok(DONE);
    }
    if args.matrix {
        super::print(&matrix(&root)?)?;
        return Ok(DONE);
    }
    let catalog = Catalog::load(&root, &args.server_dir)?;
    let mut entries: Vec<Entry> = catalog
        .servers
        .iter()
        .map(|server| {
            let receipt = server.receipt();
            let skip = receipt.as_ref().err();
            Entry {
                server: server.id.clone(),
                family: server.manifest.family.name().to_owned(),
                model: server.manifest.model.clone(),
                mirrors: server.manifest.mirrors.clone(),
                status: server.manifest.status.clone(),
                gives_out_at: lesson::read(&server.directory)
                    .map(|lesson| lesson.gives_out_at),
                choose: server.manifest.choose.clone(),
                ready: skip.is_none(),
                reason: skip.map(|skip| skip.reason.clone()),
                hint: skip.and_then(|skip| skip.hint.clone()),
                version: receipt.ok(),
            }
        })
        .collect();
    entries.extend(catalog.broken.into_iter().map(broken));
    if args.json {
        super::print(&serde_json::to_string_pretty(&entries)?)?;
        return Ok(DONE);
    }
    let rows: Vec<Vec<String>> = entries.into_iter().map(cells).collect();
    let head = ["server", "family", "model", "mirrors", "ready"];
    super::print(&super::grid(&head, &rows))?;
    Ok(DONE)
}

/// The table of `servers/README.md`: every server of the suite in reading
/// order, with the memory measured by the committed run of most servers.
///
/// # Errors
/// There is no committed run, or a server lacks its lesson or `choose`.
pub fn course(root: &Path) -> Result<String> {
    let committed = store::committed(root);
    let newest = committed.last().context("no run is committed yet")?;
    let summary = super::show::summary(&store::Run::load(newest)?);
    let catalog = Catalog::load(root, &[])?;
    let entries: Result<Vec<_>> =
        catalog.servers.iter().map(course_entry).collect();
    Ok(render::course(&entries?, &summary))
}

fn course_entry(server: &Server) -> Result<render::Entry> {
    let id = &server.id;
    let lesson = lesson::read(&server.directory)
        .with_context(|| format!("{id} has no lesson"))?;
    let choose = server.manifest.choose.clone();
    Ok(render::Entry {
        server: id.clone(),
        link: format!("{id}/{}", lesson.source.display()),
        family: server.manifest.family.name().to_owned(),
        model: server.manifest.model.clone(),
        mirrors: server.manifest.mirrors.clone(),
        gives_out_at: lesson.gives_out_at,
        choose: choose
            .with_context(|| format!("server.toml of {id} lacks `choose`"))?,
    })
}

/// The conformance matrix of `servers/README.md`: what the committed checks
/// found of every server of the suite, in reading order.
///
/// # Errors
/// A committed check is damaged.
pub fn matrix(root: &Path) -> Result<String> {
    let catalog = Catalog::load(root, &[])?;
    let servers: Result<Vec<_>> =
        catalog.servers.iter().map(|server| checked(server, root)).collect();
    Ok(render::matrix(&servers?))
}

/// What the committed checks found of the servers of a plan, in its order.
///
/// # Errors
/// A committed check is damaged.
pub(super) fn checks(root: &Path, plan: &Plan) -> Result<Vec<render::Checked>> {
    let catalog = Catalog::load(root, &[])?;
    let selected = plan.lanes.iter().filter(|lane| lane.control.is_none());
    let known = selected.filter_map(|lane| catalog.get(&lane.server));
    known.map(|server| checked(server, root)).collect()
}

fn checked(server: &Server, root: &Path) -> Result<render::Checked> {
    let found = kept::committed(root, &server.id)?;
    let current = match &found {
        Some(found) => found.holds_for(server, root)?,
        None => false,
    };
    let declared = server.manifest.unsupported.iter();
    let declared = declared.map(|it| render::Declared {
        case: it.case.clone(),
        why: it.why.clone(),
        source: it.source.clone(),
    });
    Ok(render::Checked {
        server: server.id.clone(),
        found,
        current,
        declared: declared.collect(),
    })
}

fn broken(skip: Skip) -> Entry {
    Entry {
        server: skip.server,
        family: String::new(),
        model: String::new(),
        mirrors: None,
        status: String::new(),
        gives_out_at: None,
        choose: None,
        ready: false,
        version: None,
        reason: Some(skip.reason),
        hint: skip.hint,
    }
}

fn cells(entry: Entry) -> Vec<String> {
    let ready = match (entry.ready, entry.reason, entry.hint) {
        (true, ..) => "ready".to_owned(),
        (_, reason, Some(hint)) => {
            format!("no: {}; mend: {hint}", reason.unwrap_or_default())
        }
        (_, reason, None) => format!("no: {}", reason.unwrap_or_default()),
    };
    let model = if entry.status.starts_with("maintained") {
        entry.model
    } else {
        format!("{} ({})", entry.model, entry.status)
    };
    let mirrors = entry.mirrors.unwrap_or_default();
    vec![entry.server, entry.family, model, mirrors, ready]
}
