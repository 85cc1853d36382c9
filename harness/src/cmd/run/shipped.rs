//! Which servers run once more with their library's own defaults.

use anyhow::Result;

use crate::catalog::Catalog;
use crate::cli::Selection;
use crate::exit::{USAGE, refuse};
use crate::plan::{Lane, SHIPPED};

/// The servers that are meant, and the ids of those typed as `ID@shipped`:
/// a lane that is compared to the same server needs that one too.
///
/// # Errors
/// Something else stands after an `@`.
pub(super) fn split(selection: &Selection) -> Result<(Selection, Vec<String>)> {
    let mut named = Vec::new();
    let mut servers = Vec::new();
    for typed in &selection.servers {
        let (id, lane) = match typed.split_once('@') {
            None => (typed.as_str(), None),
            Some((id, lane)) => (id, Some(lane)),
        };
        match lane {
            None => {}
            Some(SHIPPED) => named.push(id.to_owned()),
            Some(_) => {
                let message = format!(
                    "there is no lane {typed:?}; a server's defaults are \
                     {id}@{SHIPPED}, and nothing else stands after an @"
                );
                return Err(refuse(USAGE, message));
            }
        }
        servers.push(id.to_owned());
    }
    let server_dir = selection.server_dir.clone();
    Ok((Selection { servers, all: selection.all, server_dir }, named))
}

/// The lanes as shipped beside these: of the named servers, or of all whose
/// library would have done something otherwise.
///
/// # Errors
/// A named server's library would not.
pub(super) fn lanes(
    catalog: &Catalog,
    named: &[String],
    all: bool,
    selected: &[Lane],
) -> Result<Vec<Lane>> {
    let shipped = |id: &str| {
        let server = catalog.get(id)?;
        (!server.shipped.is_empty()).then_some(server.shipped)
    };
    let readable = |id: &&String| catalog.get(id).is_some();
    let same = |id: &&String| shipped(id).is_none();
    if let Some(id) = named.iter().filter(readable).find(same) {
        let message = format!(
            "{id}@{SHIPPED} would be {id} again: its server.toml names no \
             default that differs"
        );
        return Err(refuse(USAGE, message));
    }
    let wanted = selected.iter().filter(|l| all || named.contains(&l.server));
    let lane = |lane: &Lane| Some(lane.as_shipped(shipped(&lane.server)?));
    Ok(wanted.filter_map(lane).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(names: &[&str]) -> Result<(Vec<String>, Vec<String>)> {
        let servers = names.iter().map(|&name| name.to_owned()).collect();
        let (selection, named) =
            split(&Selection { servers, all: false, server_dir: Vec::new() })?;
        Ok((selection.servers, named))
    }

    #[test]
    fn a_lane_as_shipped_selects_its_server_too() {
        let (servers, named) = typed(&["b@shipped", "a"]).unwrap();
        assert_eq!(servers, ["b", "a"]);
        assert_eq!(named, ["b"]);
    }

    #[test]
    fn any_other_lane_is_refused_with_the_valid_word() {
        for name in ["a@shiped", "a@", "a@same", "a@shipped@shipped"] {
            let error = typed(&[name]).unwrap_err().to_string();
            assert!(error.contains("a@shipped"), "{name}: {error}");
        }
    }
}
