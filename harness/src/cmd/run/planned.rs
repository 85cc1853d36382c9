//! Reads a plan file.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use crate::catalog::{Catalog, Client};
use crate::cli::Run;
use crate::cli::plan_file::{self, Known};
use crate::exit::{USAGE, refuse};
use crate::plan::SHARED_CLIENT;

/// A plan of every server and point is not a tenth of this.
const MOST_BYTES: u64 = 64 * 1024;

/// The arguments, with what their plan file says if they name one.
///
/// # Errors
/// The file can't be read, or something in it is wrong.
pub(super) fn with_plan_file<'a>(
    args: &'a Run,
    root: &Path,
) -> Result<Cow<'a, Run>> {
    let Some(path) = &args.plan else { return Ok(Cow::Borrowed(args)) };
    let shown = path.display();
    let wrong = |why: String| refuse(USAGE, why);
    let text = read(path).map_err(|why| {
        wrong(format!("the plan {shown} can't be read: {why}"))
    })?;
    let text = plan_file::text(&text)
        .map_err(|fault| wrong(format!("{shown}:{fault}")))?;
    let catalog = Catalog::load(root, &args.selection.server_dir)?;
    let is_server = |id: &str| {
        catalog.get(id).is_some()
            || catalog.broken.iter().any(|skip| skip.server == id)
    };
    let client = |name: &str| match name {
        SHARED_CLIENT => Ok(name.to_owned()),
        _ => Client::find(root, name)
            .map(|_| name.to_owned())
            .map_err(|error| error.to_string()),
    };
    let mut merged = args.clone();
    let known = Known { server: &is_server, client: &client };
    plan_file::apply(text, &mut merged, known)
        .map_err(|fault| wrong(format!("{shown}:{fault}")))?;
    Ok(Cow::Owned(merged))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > MOST_BYTES {
        return Err(format!("it is larger than {} KiB", MOST_BYTES / 1024));
    }
    Ok(text)
}
