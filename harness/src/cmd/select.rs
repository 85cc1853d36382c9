//! Resolves which servers are meant.

use anyhow::Result;

use crate::catalog::{Catalog, Server};
use crate::cli::Selection;
use crate::exit::{NOTHING_SELECTED, USAGE, refuse};
use crate::plan::Skip;

/// Servers that were selected, and those that can't be read.
#[derive(Debug)]
pub(super) struct Selected<'a> {
    /// In the order of selection.
    pub(super) servers: Vec<&'a Server>,
    /// With a broken `server.toml`.
    pub(super) broken: Vec<Skip>,
}

/// The servers that a command line names.
///
/// # Errors
/// An unknown name, or nothing selected.
pub(super) fn select<'a>(
    catalog: &'a Catalog,
    selection: &Selection,
) -> Result<Selected<'a>> {
    if selection.all {
        return Ok(Selected {
            servers: catalog.servers.iter().collect(),
            broken: catalog.broken.clone(),
        });
    }
    let mut servers: Vec<&Server> = Vec::new();
    let mut broken = Vec::new();
    for id in &selection.servers {
        let unreadable = catalog.broken.iter().find(|skip| &skip.server == id);
        if let Some(server) = catalog.get(id) {
            if !servers.iter().any(|known| known.id == *id) {
                servers.push(server);
            }
        } else if let Some(skip) = unreadable {
            broken.push(skip.clone());
        } else {
            return Err(unknown(catalog, id));
        }
    }
    for directory in &selection.server_dir {
        let own = directory.canonicalize().unwrap_or_default();
        let found = catalog.servers.iter().find(|s| s.directory == own);
        let is_named = |it: &&Server| servers.iter().any(|s| s.id == it.id);
        let found = found.filter(|it| !is_named(it));
        servers.extend(found);
    }
    if servers.is_empty() && broken.is_empty() {
        return Err(refuse(
            NOTHING_SELECTED,
            "no server selected: name some (`cargo harness list` shows them) \
             or pass --all",
        ));
    }
    Ok(Selected { servers, broken })
}

/// An unknown name, with the ones it may have meant.
pub(super) fn unknown(catalog: &Catalog, id: &str) -> anyhow::Error {
    let id_alone = id.split('@').next().unwrap_or_default();
    let near: Vec<&str> = catalog
        .servers
        .iter()
        .map(|server| server.id.as_str())
        .filter(|known| known.contains(id_alone) || related(known, id_alone))
        .collect();
    let advice = if near.is_empty() {
        "`cargo harness list` shows the servers".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    refuse(USAGE, format!("there is no server {id:?}; {advice}"))
}

/// Whether two ids share their model, as `rust-mio` and `mio` do.
fn related(known: &str, typed: &str) -> bool {
    let model = |id: &str| -> String {
        id.split_once('-').map_or(id, |(_, model)| model).to_owned()
    };
    model(known) == model(typed)
}
